"""A comparison on the page: its cells, how each kind of item is drawn, the details of one cell, live progress."""

__all__ = ["cells", "details", "items", "live", "places", "videos"]
