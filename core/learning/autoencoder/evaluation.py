"""Evaluation of a trained autoencoder: result items in stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from core.engine.ranges import as_stored
from core.items import Animation, Floats, Image, Item, Scalar
from core.learning.autoencoder import projections
from core.learning.autoencoder.autoencoder import Autoencoder
from core.learning.autoencoder.learner import Recipe, active_share, noisy_inputs, reconstructed
from core.learning.autoencoder.pretraining import FewLabels, random_like
from core.learning.autoencoder.units import Units, walk_labels
from core.learning.pictures import Indices, Pictures, as_values, interleaved_by_class
from core.learning.sheets import picture_sheet, reconstruction_items
from core.learning.stored import parameter_count
from core.measures.linear_probe import ONE_CLASS, linear_accuracy, undefined_for
from core.measures.principal import Principal, largest_angle, principal
from core.measures.stride_energy import stride_energy

PCA_VALUES = 2**26
"""Maximal number of values in the pictures that PCA is fitted to: it holds several copies."""

NOTHING = 1e-12
"""Mean squares of less are rounding: one value of 8 bits in a million pictures of 32 px has more."""

Items = dict[str, Item]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A trained autoencoder with its pictures and its recipe."""

    model: Autoencoder
    pictures: Pictures
    recipe: Recipe
    few_labels: int
    """Labeled pictures per class in `pretraining`; 0: skipped."""

    @property
    def stages(self) -> tuple[Callable[[], Items], ...]:
        """The stages of the evaluation; each returns some of the items."""
        return (
            self.reconstruction,
            self.pca_comparison,
            self.units,
            self.projections,
            self.linear_probes,
            self.pretraining,
        )

    def reconstruction(self) -> Items:
        """Held-out pictures, inputs, reconstructions and their errors."""
        originals, inputs, (reconstructions, codes) = self._originals, self._inputs, self._outputs
        items: Items = {
            **reconstruction_items(originals, reconstructions),
            "held_out_error": Scalar(value=squared_error(reconstructions, originals)),
            "compression": Scalar(value=self.model.design.values / self.model.decoder_inputs, unit="to 1"),
            "parameters": Scalar(value=parameter_count(self.model)),
        }
        if self.recipe.noise is not None:
            items |= {"inputs": picture_sheet(inputs), "noise_removed": self._noise_removed()}
        if self.recipe.sparsity is not None:
            items["active"] = Scalar(value=active_share(codes), unit="share")
        if self.model.design.architecture == "convolutional":
            items["stride_energy"] = _ratio(
                stride_energy(as_stored(reconstructions)), stride_energy(originals), "times the originals'",
                "the originals have no waves of 2 px",
            )  # fmt: skip
        return items

    def _noise_removed(self) -> Scalar:
        kept = _ratio(
            squared_error(self._outputs[0], self._originals), float((self._inputs - self._originals).square().mean()),
            "share", "the noise changes nothing",
        )  # fmt: skip
        return kept if kept.value is None else replace(kept, value=1 - kept.value)

    def pca_comparison(self) -> Items:
        """Error of PCA with as many values on the same inputs; for a linear autoencoder, the angle to its subspace."""
        restored = torch.from_numpy(self._components.restored(_flat(self._inputs))).to(self._originals)
        items: Items = {"pca_error": Scalar(value=squared_error(restored, self._originals.flatten(1)))}
        if self.model.design.architecture == "linear":
            with torch.no_grad():
                codes = torch.eye(self.model.design.code, device=self._originals.device)
                reconstructions = self.model.decode(codes) - self.model.decode(0 * codes)
            angle = largest_angle(_flat(reconstructions), self._components.directions)
            reason = "" if angle is not None else "the decoder gives one picture for all codes"
            items["pca_angle"] = Scalar(value=angle, unit="degrees", reason=reason)
        return items

    def units(self) -> Items:
        """Pictures of single units."""
        units = Units(self.model, self._outputs[1])
        caption = f", row by row {units.unit_order()}"
        walk = Animation(frames=units.walk(), frame_ms=120, labels=walk_labels(), caption=caption)
        return {"units": Image(pixels=units.sheet(), caption=caption), "walk": walk}

    def projections(self) -> Items:
        """Codes in two dimensions."""
        pictures, labels = self._sample
        names = tuple(self.pictures.class_names[label] for label in labels)
        return {**projections.projections(self._codes, names, pictures, self.recipe.seed)}

    def linear_probes(self) -> Items:
        """Accuracy of a linear classifier on codes, raw pixels, and PCA's codes."""
        pictures, labels = self._sample
        values = _flat(pictures)
        features = {"codes": self._codes, "pixels": values, "pca": self._components.codes(values)}
        return accuracies(features, labels)

    def pretraining(self) -> Items:
        """Accuracy with few labels, with this encoder and with untrained ones."""
        if not self.few_labels:
            return {}
        if len(self.pictures.class_names) < 2:
            return {name: _share_item(None, ONE_CLASS) for name in ("accuracy_pretrained", "accuracy_scratch")}
        classification = FewLabels(self.pictures, self.few_labels, self.recipe.seed)
        scratch = partial(random_like, self.model, self.recipe.seed)
        return {
            "accuracy_pretrained": _share_item(classification.accuracy(lambda _: deepcopy(self.model))),
            "accuracy_scratch": _share_item(classification.accuracy(scratch)),
        }

    @cached_property
    def _originals(self) -> Tensor:
        return as_values(self.pictures.held_out)

    @cached_property
    def _inputs(self) -> Tensor:
        return noisy_inputs(self.pictures.held_out, self.recipe.noise, self.recipe.seed)

    @cached_property
    def _outputs(self) -> tuple[Tensor, Tensor]:
        return reconstructed(self.model, self._inputs)

    @cached_property
    def _sample(self) -> tuple[Tensor, Indices]:
        pictures, labels = self.pictures.sample(projections.MAX_CODES)
        return as_values(pictures), labels

    @cached_property
    def _codes(self) -> Floats:
        codes: Floats = reconstructed(self.model, self._sample[0])[1].cpu().numpy()
        return codes

    @cached_property
    def _components(self) -> Principal:
        """Principal components of the training pictures, without noise."""
        indices = interleaved_by_class(self.pictures.training_labels, PCA_VALUES // self.model.design.values)
        pictures = as_values(self.pictures.training[torch.from_numpy(indices)])
        return principal(_flat(pictures), self.model.design.code)


def accuracies(features: Mapping[str, Floats], labels: Indices) -> Items:
    """Items `accuracy_NAME` of a linear classifier on each of `features` (N, D), with labels (N,)."""
    return {
        f"accuracy_{name}": _share_item(linear_accuracy(matrix, labels), undefined_for(matrix, labels))
        for name, matrix in features.items()
    }


def _share_item(value: float | None, reason: str = "") -> Scalar:
    return Scalar(value=value, unit="share", reason=reason)


def _ratio(part: float, whole: float, unit: str, reason: str) -> Scalar:
    """`part` / `whole`; no number, for `reason`, where `whole` is nothing but rounding."""
    if whole < NOTHING:
        return Scalar(value=None, unit=unit, reason=reason)
    return Scalar(value=part / whole, unit=unit)


def squared_error(reconstructions: Tensor, originals: Tensor) -> float:
    """Mean squared error over all values, of the reconstructions as they are stored."""
    return float((as_stored(reconstructions) - originals).square().mean())


def _flat(pictures: Tensor) -> Floats:
    values: Floats = pictures.flatten(1).cpu().numpy()
    return values
