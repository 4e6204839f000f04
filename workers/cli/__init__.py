"""The command `gazegrid`: one module per group of commands, and the modules that commands share.

Takes arguments; gives lines or one JSON document on standard output, messages on standard error, an exit status.
"""

__all__ = ["dataset_arguments", "main", "training"]
