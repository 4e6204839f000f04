"""Properties of every method, present and future; see `docs/how-to/add-a-method.md`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from core.canonical import canonical_json
from core.display.wording import question
from core.errors import BadInput, BadParameter, Canceled, Undefined
from core.items import KINDS, Item, Pixels, Result
from core.jobs.spec import JobSpec
from core.media.picture import Picture
from core.media.samples import sample
from core.media.video import Video
from core.method_base.method import Context, Method, field_bounds, field_extra
from core.methods import METHODS, make_method
from core.networks.card import Family
from core.networks.catalog import get_card
from core.networks.loading import load
from core.networks.network import Network
from core.presets import DEFAULT_NETWORKS
from tests.support.squares import squares
from tests.support.videos import a_video

SMALLEST: Mapping[Family, str] = {
    "cnn": "random/test_convnext",
    "vit": "random/test_vit",
    "mixer": "random/mixer_s32_224",
    "hybrid": "random/test_coatnet",
}
VIDEO = a_video()
FEW = {
    "steps": 3,
    "frames": 2,
    "seeds": 2,
    "count": 2,
    "output_scale": 1.5,
    "octaves": 2,
    "size_px": 64,
    "permutations": 2,
    "input_px": 32,
    "epochs": 2,
    "batch_size": 4,
    "window": 50,
    "stride": 40,
    "activations": "all",
    "labels_per_class": 0,
    "judge": (get_card(SMALLEST["cnn"]).identity,),
}
"""Values of parameters with these names, so that a run is short and defined for most networks."""
FEW_OF = {
    "train": {"architecture": "test_resnet"},
    "style_model": {"steps": 2, "size_px": 32, "batch_size": 2, "width": 4},
    "stylize": {"size_px": 48},
    "style_video": {"video": VIDEO.digest, "format": "gif"},
}
TRAINED = {"3" * 64: "autoencoder", "4" * 64: "gan", "5" * 64: "style_model"}
"""Key of a trained model's result -> the method that made it."""
DATASET = squares(each=4, held_out=2)
KEYS = Path(__file__).parent / "keys.json"
PICTURE, DIGEST = "1" * 64, "2" * 64

KEY_CHANGED = """a key has changed: no stored result or link of this method can be reached.
If results have the same meaning, find a way that keeps the key. If the change is meant, raise the method's
`version`, write the new keys into tests/keys.json, and name it in CHANGELOG.md under 'Keys changed'."""

each_method = pytest.mark.parametrize("method_class", METHODS.values(), ids=METHODS)
_networks: dict[str, Network] = {}


class Given(Context):
    """A worker's context, without a store."""

    def __init__(self, method: Method, seed: int = 0) -> None:
        super().__init__(seed)
        self.dataset = DATASET if method.needs.dataset else None

    def network(self, identity: str) -> Network:
        return loaded(identity.partition("#")[0])

    def video(self, digest: str) -> Video:
        return VIDEO if digest == VIDEO.digest else super().video(digest)

    def result(self, key: str) -> Result:
        return trained(TRAINED[key]) if key in TRAINED else super().result(key)


@cache
def trained(name: str) -> Result:
    """The result of the method of this name, for a method that needs its trained model."""
    method = few(METHODS[name])
    if not method.needs.network:
        return method.run_without_network([], Given(method))
    return method.run([], loaded(SMALLEST["cnn"]), Given(method))


class Watching(Given):
    """Records the reports; raises Canceled at step `stop_at`."""

    def __init__(self, method: Method, stop_at: int | None = None) -> None:
        super().__init__(method, seed=5)
        self.stop_at = stop_at
        self.steps: list[tuple[int, int]] = []
        self.scalars: dict[str, float] = {}
        self.preview: Pixels | None = None

    def report(
        self,
        step: int,
        total: int,
        scalars: Mapping[str, float] | None = None,
        preview: Callable[[], Pixels] | None = None,
    ) -> None:
        self.steps.append((step, total))
        self.scalars = dict(scalars or {})
        self.preview = preview() if preview else None
        if step == self.stop_at:
            raise Canceled("canceled")


def few(method_class: type[Method]) -> Method:
    """The method with its defaults, but short."""
    fields = method_class.model_fields
    sources = {name: field_extra(field).get("of") for name, field in fields.items()}
    models = {name: key for name, of in sources.items() for key, method in TRAINED.items() if of == method}
    values = {key: FEW[key] for key in fields.keys() & FEW.keys()}
    return make_method(method_class.name, values | models | FEW_OF.get(method_class.name, {}))


def runs(networks: Sequence[str]) -> Iterator[Any]:
    """Every method with each of these networks for which it is defined."""
    for name, method_class in METHODS.items():
        method = few(method_class)
        for network in networks if method.needs.network else networks[:1]:
            if method.undefined_for(get_card(network)) is None:
                yield pytest.param(method, network, id=f"{name}-{network}")


each_run = pytest.mark.parametrize(("method", "network_name"), list(runs(DEFAULT_NETWORKS)))
each_random_run = pytest.mark.parametrize(("method", "network_name"), list(runs(tuple(SMALLEST.values()))))


def loaded(name: str) -> Network:
    if name not in _networks:
        _networks[name] = load(get_card(name))
    return _networks[name]


def pictures(method: Method) -> list[Picture]:
    return [sample(name) for name in ("cat", "coffee", "rocket", "astronaut")[: method.needs.pictures]]


def job(method: Method) -> JobSpec:
    """A job of the method, with the inputs that it needs."""
    needs, network = method.needs, get_card(SMALLEST["cnn"]).identity
    return JobSpec(
        method,
        (PICTURE,) * needs.pictures,
        network if needs.network else None,
        dataset=DIGEST if needs.dataset else None,
    )


def run(method: Method, network_name: str, context: Context) -> Result:
    if not method.needs.network:
        return method.run_without_network(pictures(method), context)
    try:
        return method.run(pictures(method), loaded(network_name), context)
    except Undefined as reason:  # not known from the card
        pytest.skip(f"undefined: {reason}")


def as_bytes(item: Item) -> tuple[str, bytes, dict[str, bytes]]:
    return item.kind, canonical_json(item.meta()), item.files()


def test_there_are_methods() -> None:
    assert METHODS


@each_method
def test_its_declaration_is_complete(method_class: type[Method]) -> None:
    assert all(len(text) >= 3 for text in (method_class.title, method_class.summary, method_class.source))
    names = [output.name for output in method_class.outputs]
    assert len(names) == len(set(names))
    assert all(output.name.isidentifier() and output.caption for output in method_class.outputs)
    assert all(sentence for sentence in method_class.undefined.values())


@each_method
def test_its_summary_is_a_short_question_and_a_description(method_class: type[Method]) -> None:
    headline, description = question(method_class.summary)
    assert headline.endswith("?")
    assert len(headline) <= 80
    assert description.endswith(".")


@each_method
def test_it_is_defined_for_some_family_and_gives_a_reason_for_others(method_class: type[Method]) -> None:
    reasons = [few(method_class).undefined_for(get_card(name)) for name in SMALLEST.values()]
    assert None in reasons
    assert all(reason.endswith((".", "!", "?")) for reason in reasons if reason is not None)


@each_method
def test_its_schema_is_json(method_class: type[Method]) -> None:
    schema = json.loads(json.dumps(method_class.model_json_schema(), allow_nan=False))
    assert schema["properties"].keys() == method_class.model_fields.keys()
    assert all(field["description"] for field in schema["properties"].values())


@each_method
def test_conditions_of_parameters_name_allowed_values(method_class: type[Method]) -> None:
    for field in method_class.model_json_schema()["properties"].values():
        for other, values in field["when"].items():
            annotation = method_class.model_fields[other].annotation
            assert set(values) <= set((False, True) if annotation is bool else get_args(annotation))


@each_method
def test_its_parameters_survive_json_with_the_same_key(method_class: type[Method]) -> None:
    method = method_class()
    again = make_method(method.name, json.loads(canonical_json(method.model_dump(mode="json"))))
    assert again == method
    assert replace(job(method), method=again).key == job(method).key


@each_method
def test_its_job_survives_json_and_is_refused_without_its_inputs(method_class: type[Method]) -> None:
    spec = job(method_class())
    document = json.loads(canonical_json(spec.document()))
    assert JobSpec.from_document(document) == spec
    with pytest.raises(BadInput, match=r"needs (a|no) data set"):
        JobSpec.from_document(document | {"dataset": None if spec.dataset else DIGEST})


@each_method
def test_values_out_of_bounds_are_refused(method_class: type[Method]) -> None:
    for name, field in method_class.model_fields.items():
        low, high = field_bounds(field)
        if low is not None and high is not None:
            for outside in (low - 1, high + 1, float("nan"), float("inf"), 10**400):
                with pytest.raises(BadParameter, match=f"^{name} must be [^\n]+$"):
                    make_method(method_class.name, {name: outside})


@each_method
def test_every_parameter_is_in_the_key(method_class: type[Method]) -> None:
    default = job(method_class())
    for name in method_class.model_fields:
        other = default.method.model_copy(update={name: "something else"})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pydantic's: the value has the wrong type
            assert replace(default, method=other).key != default.key, name


@each_run
def test_its_items_are_the_declared_ones(method: Method, network_name: str) -> None:
    check_items(method, network_name)


@each_random_run
def test_its_items_are_the_declared_ones_for_other_networks(method: Method, network_name: str) -> None:
    check_items(method, network_name)


def check_items(method: Method, network_name: str) -> None:
    """All declared items in order, and no others, each with a caption and readable from its files."""
    items = run(method, network_name, Given(method)).items
    declared = [(out.name, out.kind) for out in method.outputs if out.name in items or not out.optional]
    assert [(name, item.kind) for name, item in items.items()] == declared
    for item in items.values():
        assert item.caption
        loaded_again = KINDS[item.kind].load(item.meta(), item.files())
        assert loaded_again.meta() == item.meta()


@each_run
def test_the_same_job_gives_the_same_bytes(method: Method, network_name: str) -> None:
    first, second = (run(method, network_name, Given(method, seed=3)).items for _ in range(2))
    assert {name: as_bytes(item) for name, item in first.items()} == {
        name: as_bytes(item) for name, item in second.items()
    }


@each_run
def test_it_reports_all_steps(method: Method, network_name: str) -> None:
    watching = Watching(method)
    run(method, network_name, watching)
    steps = [step for step, _ in watching.steps]
    assert steps == sorted(set(steps))
    assert steps[-1] == watching.steps[-1][1]
    assert len({total for _, total in watching.steps}) == 1
    assert all(np.isfinite(value) for value in watching.scalars.values())
    if watching.preview is not None:
        assert (watching.preview.dtype, watching.preview.ndim, watching.preview.shape[2]) == (np.uint8, 3, 3)


@each_run
def test_the_network_and_global_state_are_restored(method: Method, network_name: str) -> None:
    network = loaded(network_name)
    for stop_at in (None, 1):
        before, randomness = state(network), global_randomness()
        if stop_at is None:
            run(method, network_name, Watching(method))
        else:
            with pytest.raises(Canceled):
                run(method, network_name, Watching(method, stop_at))
        assert state(network) == before
        assert global_randomness() == randomness


def global_randomness() -> tuple[bytes, str, object]:
    """State of the global generators of torch, NumPy and Python."""
    return torch.get_rng_state().numpy().tobytes(), repr(np.random.get_state()), random.getstate()  # noqa: NPY002


def state(network: Network) -> dict[str, Any]:
    """Everything in a network that a method could leave changed for the next job."""
    modules = list(network.modules())
    return {
        "training": [module.training for module in modules],
        "hooks": sum(
            len(getattr(module, hooks))
            for module in modules
            for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        ),
        "classes": [type(module) for module in modules],
        "forward": [name for name, module in network.named_modules() if "forward" in vars(module)],
        "frozen": [(parameter.requires_grad, parameter.grad is None) for parameter in network.parameters()],
        "weights": [float(tensor.double().sum()) for tensor in (*network.parameters(), *network.buffers())],
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    }


def test_declaring_methods_loads_no_torch() -> None:
    code = "import sys, core.jobs.comparison, core.methods\n"
    code += "print([name for name in ('torch', 'timm', 'torchvision') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def frozen() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(KEYS.read_text())
    return cases


@pytest.mark.parametrize("case", frozen(), ids=lambda case: case["note"])
def test_keys_have_not_changed(case: dict[str, Any]) -> None:
    method = make_method(case["method"], case["parameters"])
    assert method.version == case["version"], "the version has changed: update the keys"
    spec = JobSpec(method, tuple(case["pictures"]), case["network"], case["seed"], case.get("dataset"))
    assert spec.key == case["key"], KEY_CHANGED
