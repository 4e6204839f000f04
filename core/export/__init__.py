"""A gallery as a file: one HTML page, or a zip that another Gazegrid imports."""

__all__ = ["archive", "page"]
