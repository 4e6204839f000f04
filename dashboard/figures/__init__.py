"""Plotly figures: numbers in, a figure out; nothing of a page."""

__all__ = ["attributions", "charts", "datasets", "findings"]
