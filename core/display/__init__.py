"""What pages and exports show alike: words, headings, charts; takes methods and results, gives text and SVG."""
