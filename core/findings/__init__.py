"""Statistics over many stored results: studies with their conclusions, attribution quality, training records.

Takes comparisons, jobs and the store; gives numbers with intervals, and sentences about them.
"""

__all__ = ["conclusions", "measured_attributions", "study", "trained_networks"]
