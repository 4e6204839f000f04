"""Plotly figures: numbers in, a figure out; nothing of a page."""
