"""What pages and exports show alike: words, headings, charts; takes methods and results, gives text and SVG."""

__all__ = ["headings", "line_chart", "network_view", "parameter_lines", "scatter_chart", "wording"]
