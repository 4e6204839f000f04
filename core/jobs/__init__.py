"""Jobs as data: a `JobSpec` and its key, and the `Comparison` that makes the jobs of a grid."""

__all__ = ["comparison", "spec"]
