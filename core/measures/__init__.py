"""Numbers that make networks comparable, over many pictures."""
