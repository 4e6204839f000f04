"""What many pictures say of networks: studies, their conclusions, and how good attributions are."""
