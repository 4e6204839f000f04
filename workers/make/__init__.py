"""Scripts that make committed files: the bundled networks, fixation coverage, the command-line reference.

They take data sets, networks and the command line; they write weights, records and pages of `docs/`.
"""

__all__ = ["bundled", "cli_docs", "coverage"]
