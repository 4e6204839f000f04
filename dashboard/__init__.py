"""The Streamlit dashboard: pages, panel, grid and the routes that serve their pictures.

Takes requests of browsers; submits jobs and shows stored results. Never loads torch.
"""
