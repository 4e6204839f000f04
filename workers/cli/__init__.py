"""The command `gazegrid`: a module for each group of verbs."""

__all__ = ["data", "main", "training"]
