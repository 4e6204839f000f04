"""Reference pages of `docs/` that are written from the code: `make docs`.

Takes method classes, settings, the glossary and the records of bundled networks; gives Markdown.
"""

__all__ = ["glossary_docs", "method_docs", "network_docs", "page", "settings_docs"]
