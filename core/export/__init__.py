"""A gallery out of the house and in again: one HTML page, or a zip that imports elsewhere."""

__all__ = ["archive", "page"]
