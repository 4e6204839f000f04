"""The sidebar in which a comparison is put together: inputs, networks, method with its form, and Run."""

__all__ = ["panel", "training"]
