"""Pages of `docs/` that are written from the code: `make docs`."""

__all__ = ["method_docs", "network_docs"]
