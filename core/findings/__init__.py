"""What many pictures say of networks: studies, their conclusions, and how good attributions are."""

__all__ = ["conclusions", "measured_attributions", "study", "trained_networks"]
