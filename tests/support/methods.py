"""A method with one parameter of each kind, and what a complete declaration holds."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from core.method_base.method import Method, Output, parameter

DECLARATION: dict[str, Any] = {
    "title": "A title",
    "summary": "What is shown? It is computed.",
    "source": "A paper",
    "family": "inspection",
    "version": 1,
    "outputs": (Output("map", "map", "Caption"),),
}


class Sample(Method):
    title = "Sample"
    summary = "What is there? One parameter of each kind."
    source = "none"
    family = "inspection"
    version = 1
    outputs = (Output("map", "map", "Caption"),)
    undefined: ClassVar = {"mixer": "a mixer has no heads"}

    steps: int = parameter(5, "How many steps", unit="steps", ge=1, le=2_000_000_000)
    rate: float = parameter(0.5, "How large a step is", unit="", gt=0, le=1)
    share: float = parameter(0.0, "How much is left out", unit="", ge=0, lt=1)
    side: int | None = parameter(None, "Side of a patch", unit="px", ge=4, le=128)
    loss: Literal["mse", "mae"] = parameter("mse", "What is minimized")
    clamp: bool = parameter(True, "Whether values stay in range")
    layer: str = parameter("", "Which layer")
    classes: dict[str, float] = parameter({}, "Classes with weights")
    sizes: dict[str, int | list[int]] = parameter({}, "What it is built with")
