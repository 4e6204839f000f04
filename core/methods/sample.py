"""Sample: new images from a trained generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from core import learning
from core.items import Image, Item, Result
from core.method_base.method import Context, Method, MethodFamily, Needs, Output, parameter

if TYPE_CHECKING:
    from core.media.picture import Picture

MAX_WALK_LATENTS = 16


class Sample(Method):
    """One pass of numbered latents through a trained generator."""

    title: ClassVar[str] = "Sample"
    summary: ClassVar[str] = (
        "Which other images does a generator produce? It gets latents other than those displayed during the training, "
        "with the same spread or with a smaller or larger one."
    )
    source: ClassVar[str] = "See `gan`; Brock et al. 2018, arXiv:1809.11096 (truncation)"
    family: ClassVar[MethodFamily] = "autoencoder"
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = Needs(pictures=0, network=False)
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("samples", "image", "Samples, in the order of their latents"),
        Output("walk", "animation", "Spherical interpolation between the first 16 latents"),
    )

    model: str = parameter("", "GAN: key of the result that trained it.", choices="results", of="gan")
    count: int = parameter(64, "Number of samples.", unit="images", ge=1, le=1024)
    first_latent: int = parameter(
        0, "Index of the first latent; those of `gan` are 0 to 15.", unit="", ge=0, le=1_000_000
    )
    latent_scale: float = parameter(
        1.0, "Spread of the latents, relative to the training: smaller gives fewer failures and less variety.", unit="",
        gt=0, le=2,
    )  # fmt: skip

    def subject(self) -> str:
        return f"latents {self.first_latent} to {self.first_latent + self.count - 1}, spread {self.latent_scale:g}"

    def run_without_network(self, pictures: Sequence[Picture], context: Context) -> Result:  # noqa: ARG002
        """Generate the samples."""
        generator = learning.gan.stored.trained_generator(context, self.model)
        numbers = range(self.first_latent, self.first_latent + self.count)
        latents = self.latent_scale * learning.gan.latents.numbered_latents(numbers, generator.design.latent)
        samples = learning.gan.learner.generated(generator, latents)
        context.report(1, 2)
        items: dict[str, Item] = {
            "samples": Image(pixels=learning.sheets.sheet(samples, math.ceil(math.sqrt(self.count)))),
            "walk": learning.gan.evaluation.walk(generator, latents[:MAX_WALK_LATENTS]),
        }
        context.report(2, 2)
        return self.result(items)
