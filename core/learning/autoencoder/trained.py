"""What is shown and measured of an autoencoder that has learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from core.items import Animation, Floats, Image, Item, Scalar
from core.learning.autoencoder import planes
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.learner import Recipe, active_share, applied, noised
from core.learning.autoencoder.pretraining import FewLabels, random_like
from core.learning.autoencoder.units import Units, walk_labels
from core.learning.pictures import Indices, Pictures, as_values, class_by_class
from core.learning.sheets import compared, picture_sheet
from core.learning.stored import learned_numbers
from core.measures.linear_probe import linear_accuracy
from core.measures.principal import Principal, largest_angle, principal
from core.measures.stride_energy import stride_energy

PCA_VALUES = 2**26
"""Values of the pictures that PCA is fitted to, at most: it holds them several times."""

Items = dict[str, Item]


@dataclass(frozen=True, eq=False)
class Trained:
    """An autoencoder, the pictures it has learned from, and how."""

    model: Autoencoder
    pictures: Pictures
    recipe: Recipe
    few_labels: int
    """Labels a class from which a classifier learns; 0: that is not asked."""

    @property
    def stages(self) -> tuple[Callable[[], Items], ...]:
        """What there is to do, each giving some of the items."""
        return self.reconstructed, self.beside_pca, self.units, self.in_the_plane, self.classified, self.pretrained

    def reconstructed(self) -> Items:
        """Held-out pictures, what the network was given, what it drew, and how far that is from the picture."""
        originals, inputs, (drawn, codes) = self._originals, self._inputs, self._answers
        items: Items = {
            **compared(originals, drawn),
            "held_out_error": Scalar(value=squared_error(drawn, originals)),
            "compression": Scalar(value=self.model.design.values / self.model.passed, unit="to 1"),
            "parameters": Scalar(value=learned_numbers(self.model)),
        }
        if self.recipe.noise is not None:
            removed = 1 - squared_error(drawn, originals) / max(squared_error(inputs, originals), 1e-12)
            items |= {"inputs": picture_sheet(inputs), "noise_removed": Scalar(value=removed, unit="share")}
        if self.recipe.sparsity is not None:
            items["active"] = Scalar(value=active_share(codes), unit="share")
        natural = stride_energy(originals)
        if self.model.design.architecture == "convolutional" and natural > 0:
            items["stride_energy"] = Scalar(
                value=stride_energy(drawn.clamp(0, 1)) / natural, unit="times the originals'"
            )
        return items

    def beside_pca(self) -> Items:
        """What the best linear code of as many values keeps of the same inputs."""
        restored = torch.from_numpy(self._principal.restored(_flat(self._inputs))).to(self._originals)
        items: Items = {"pca_error": Scalar(value=squared_error(restored, self._originals.flatten(1)))}
        if self.model.design.architecture == "linear":
            with torch.no_grad():
                codes = torch.eye(self.model.design.code, device=self._originals.device)
                drawn = self.model.decode(codes) - self.model.decode(0 * codes)
            angle = largest_angle(_flat(drawn), self._principal.directions)
            items["pca_angle"] = Scalar(value=angle, unit="degrees")
        return items

    def units(self) -> Items:
        """What single units draw."""
        units = Units(self.model, self._answers[1])
        order = f", row by row {units.named()}"
        walk = Animation(frames=units.walk(), frame_ms=120, labels=walk_labels(), caption=order)
        return {"units": Image(pixels=units.sheet(), caption=order), "walk": walk}

    def in_the_plane(self) -> Items:
        """A point a picture."""
        pictures, labels = self._some
        names = tuple(self.pictures.class_names[label] for label in labels)
        return {**planes.planes(self._codes, names, pictures, self.recipe.seed)}

    def classified(self) -> Items:
        """How well a linear classifier tells the classes by the codes, the raw pixels, and PCA's codes."""
        pictures, labels = self._some
        values = _flat(pictures)
        features = {"codes": self._codes, "pixels": values, "pca": self._principal.codes(values)}
        return accuracies(features, labels)

    def pretrained(self) -> Items:
        """Encoders that go on from here, and others that begin at random, learning from few labels."""
        if not self.few_labels or len(self.pictures.class_names) < 2:
            return {}
        question = FewLabels(self.pictures, self.few_labels, self.recipe.seed)
        scratch = partial(random_like, self.model, self.recipe.seed)
        return {
            "accuracy_pretrained": _share(question.accuracy(lambda _: deepcopy(self.model))),
            "accuracy_scratch": _share(question.accuracy(scratch)),
        }

    @cached_property
    def _originals(self) -> Tensor:
        return as_values(self.pictures.held_out)

    @cached_property
    def _inputs(self) -> Tensor:
        return noised(self.pictures.held_out, self.recipe.noise, self.recipe.seed)

    @cached_property
    def _answers(self) -> tuple[Tensor, Tensor]:
        return applied(self.model, self._inputs)

    @cached_property
    def _some(self) -> tuple[Tensor, Indices]:
        pictures, labels = self.pictures.some(planes.MOST_CODES)
        return as_values(pictures), labels

    @cached_property
    def _codes(self) -> Floats:
        codes: Floats = applied(self.model, self._some[0])[1].cpu().numpy()
        return codes

    @cached_property
    def _principal(self) -> Principal:
        """Of pictures to learn from, without noise."""
        chosen = class_by_class(self.pictures.training_labels, PCA_VALUES // self.model.design.values)
        pictures = as_values(self.pictures.training[torch.from_numpy(chosen)])
        return principal(_flat(pictures), self.model.design.code)


def accuracies(features: Mapping[str, Floats], labels: Indices) -> Items:
    """`accuracy_NAME` of a linear classifier on each of these (N, D), where it has a meaning for the labels (N,)."""
    found = {name: linear_accuracy(matrix, labels) for name, matrix in features.items()}
    return {f"accuracy_{name}": _share(value) for name, value in found.items() if value is not None}


def _share(value: float) -> Scalar:
    return Scalar(value=value, unit="share")


def squared_error(drawn: Tensor, originals: Tensor) -> float:
    """Mean over all values."""
    return float((drawn - originals).square().mean())


def _flat(pictures: Tensor) -> Floats:
    values: Floats = pictures.flatten(1).cpu().numpy()
    return values
