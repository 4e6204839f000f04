"""Sample: new pictures by a generator that has learned already."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from core import learning
from core.items import Image, Item, Result
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture

WALKED = 16
"""Latents that a walk visits, at most."""


class Sample(Method):
    """One pass of numbered latents through a stored generator."""

    title: ClassVar[str] = "Sample"
    summary: ClassVar[str] = (
        "What else does a generator draw? It is given other latents than those that were shown when it learned, and "
        "latents nearer to their middle or farther from it; nothing is learned."
    )
    source: ClassVar[str] = (
        "The method `gan`; latents near the middle: the truncation of Brock et al. 2018, arXiv:1809.11096"
    )
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("samples", "image", "What the generator draws of these latents, in the order of their numbers"),
        Output("walk", "animation", "From each of the first 16 of them to the next, along the sphere"),
    )

    model: str = parameter("", "Key of the result that holds the generator.", choices="results", of="gan")
    count: int = parameter(64, "Latents that are drawn.", unit="pictures", ge=1, le=1024)
    first_latent: int = parameter(
        0, "Number of the first latent; 0 to 15 are those that were shown when it learned.", unit="", ge=0,
        le=1_000_000,
    )  # fmt: skip
    latent_scale: float = parameter(
        1.0, "Spread of the latents; 1: as in learning, less: fewer failures and less variety.", unit="", gt=0, le=2
    )

    def subject(self) -> str:
        return f"latents {self.first_latent} to {self.first_latent + self.count - 1}, spread {self.latent_scale:g}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Draw."""
        generator = learning.gan.stored.trained_generator(context, self.model)
        numbers = range(self.first_latent, self.first_latent + self.count)
        latents = self.latent_scale * learning.gan.latents.numbered_latents(numbers, generator.design.latent)
        drawn = learning.gan.learner.generated(generator, latents)
        context.report(1, 2)
        items: dict[str, Item] = {
            "samples": Image(pixels=learning.sheets.sheet(drawn, math.ceil(math.sqrt(self.count)))),
            "walk": learning.gan.evaluation.walk(generator, latents[:WALKED]),
        }
        context.report(2, 2)
        return Result({output.name: replace(items[output.name], caption=output.caption) for output in self.outputs})
