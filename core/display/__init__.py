"""Labels, headings, number formats and chart geometry that pages and exports share.

Takes comparisons, methods and stored results; gives text, pixels and coordinates of SVG drawings.
"""

__all__ = [
    "explained", "glossary", "headings", "line_chart", "network_view", "parameter_lines", "scatter_chart", "wording",
]  # fmt: skip
