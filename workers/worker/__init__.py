"""A worker: a torch-free parent that takes jobs and holds leases, and the child process that computes them.

Takes jobs from the queue; gives results in the store, progress and states in Redis.
"""

__all__ = ["child", "lease", "logs", "memory", "parent", "parent_death", "task"]
