"""The contract of a method, and the bases that families of methods share: parameters, validators, result items."""

__all__ = [
    "attribution",
    "class_weights",
    "judges",
    "layer_choice",
    "method",
    "optimization",
    "parameters",
    "style",
    "style_encoder",
]
