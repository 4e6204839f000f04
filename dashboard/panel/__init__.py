"""The sidebar in which a comparison is put together: pictures, networks, method and its form, Run."""

__all__ = ["learning", "panel"]
