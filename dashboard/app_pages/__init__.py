"""The pages, one script each, which Streamlit runs at every interaction; `navigation.py` lists them.

Takes query parameters and widgets; draws views, panels and grids.
"""
