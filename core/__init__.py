"""Everything that pages and workers share: media, networks, methods, jobs, store, queue, findings, exports.

Takes bytes, names and parameters; gives results with keys. Knows neither Streamlit nor a worker.
"""
