"""What makes files that ship: the bundled networks and the table of fixation coverage."""

__all__ = ["bundled", "coverage"]
