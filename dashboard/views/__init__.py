"""Parts that pages are made of: a gallery, a data set, recent comparisons, the queue's jobs, training curves."""

__all__ = [
    "attribution_findings",
    "dataset",
    "gallery",
    "jobs",
    "network_table",
    "recent",
    "sharing",
    "training_curves",
]
