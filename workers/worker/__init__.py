"""One worker: a parent without torch that takes jobs and holds leases, and the child that computes them."""

__all__ = ["child", "lease", "logs", "memory", "parent", "parent_death", "task"]
