"""The contract of a method, and the parameters and steps that families of methods share; a method file builds on it."""

__all__ = ["attribution", "class_weights", "judges", "method", "optimization", "style", "style_encoder"]
