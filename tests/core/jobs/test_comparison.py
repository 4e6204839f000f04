import json

import pytest

from core.canonical import canonical_json
from core.errors import BadInput, GazegridError
from core.jobs.comparison import MAX_CELLS, Comparison, DatasetRef, PictureRef, with_shared_parameters
from core.methods import make_method
from tests.support.kept import undefine

NETWORKS = ("random/resnet18", "random/vit_tiny_patch16_224", "random/mixer_s16_224")
PICTURES = (PictureRef("ab" * 32, "cat"), PictureRef("cd" * 32, "dog"))


def a_comparison(**changes: object) -> Comparison:
    methods = (make_method("detail_search", {}), make_method("detail_search", {"k2": 9}))
    given = {"pictures": PICTURES, "networks": NETWORKS, "methods": methods, "seed": 3, **changes}
    return Comparison(**given)


def test_cells_come_in_reading_order() -> None:
    order = [(cell.picture.name, cell.network, cell.method.model_dump()["k2"]) for cell in a_comparison().cells()]
    assert order == [(name, network, k2) for name in ("cat", "dog") for k2 in (1.0, 9.0) for network in NETWORKS]
    assert len({cell.spec.key for cell in a_comparison().cells()}) == 12
    assert {cell.spec.seed for cell in a_comparison().cells()} == {3}


def test_the_document_gives_back_the_grid_and_its_key() -> None:
    document = json.loads(canonical_json(a_comparison().document()))
    assert Comparison.from_document(document) == a_comparison()
    assert Comparison.from_document(document).key == a_comparison().key


def test_the_name_of_a_row_changes_the_key_of_the_grid_but_of_no_cell() -> None:
    other = a_comparison(pictures=(PictureRef("ab" * 32, "another name"), PICTURES[1]))
    assert other.key != a_comparison().key
    assert [cell.spec.key for cell in other.cells()] == [cell.spec.key for cell in a_comparison().cells()]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines\u2028.png", "two lines .png"),
        ("\x1b[31mred.png", " [31mred.png"),
        ("caf\udce9.png", "caf?.png"),
        ("x" * 300, "x" * 200),
        ('👨\u200d👩\u200d👧, "a"  <b>.png', '👨\u200d👩\u200d👧, "a"  <b>.png'),
    ],
)
def test_the_name_of_a_row_is_one_line_of_text_and_comes_back(name: str, shown: str) -> None:
    comparison = Comparison((PictureRef("1" * 64, name),), ("random/test_resnet",), (make_method("detail_search", {}),))
    assert comparison.pictures[0].name == shown
    again = Comparison.from_document(json.loads(canonical_json(comparison.document())))
    assert (again, again.key) == (comparison, comparison.key)


def test_a_cell_where_the_method_is_undefined_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    undefine(monkeypatch, "mixer", "no heads")
    assert [cell.undefined for cell in a_comparison().cells()][:6] == [None, None, "no heads"] * 2


def test_compared_methods_share_the_target_and_keep_other_parameters() -> None:
    fixation = make_method("fixation", {"target": "neuron", "x": 0.25, "depth": 75, "mode": "light"})
    asked = with_shared_parameters(
        fixation, [make_method("saliency", {"form": "gradient times input"}), make_method("cam", {})]
    )
    assert asked[0] == fixation
    told = asked[1].model_dump()
    assert (told["target"], told["x"], told["depth"], told["form"]) == ("neuron", 0.25, 75, "gradient times input")
    assert asked[2] == make_method("cam", {})
    against = make_method("fixation", {"class_name": "tabby", "contrast_class": "lynx"})
    cam = make_method("cam", {"class_name": "tabby", "contrast_class": "lynx"})
    assert with_shared_parameters(against, [make_method("cam", {})]) == (against, cam)


def test_a_parameter_of_the_same_name_and_another_meaning_is_not_shared() -> None:
    dream = make_method("deep_dream", {})
    (_, saliency) = with_shared_parameters(
        make_method("feature_image", {"steps": 77}), [make_method("integrated_gradients", {})]
    )
    assert saliency.model_dump()["steps"] == 50
    assert with_shared_parameters(dream, []) == (dream,)


def test_repeated_parts_are_one() -> None:
    method = make_method("detail_search", {})
    picture, renamed = PICTURES[0], PictureRef(PICTURES[0].digest, "renamed")
    comparison = Comparison(
        (picture, renamed), ("random/resnet18", "random/vit_base_patch16_224", "random/resnet18"), (method, method)
    )
    assert (comparison.pictures, comparison.methods) == ((picture,), (method,))
    assert comparison.networks == ("random/resnet18", "random/vit_base_patch16_224")
    keys = [cell.spec.key for cell in comparison.cells()]
    assert len(keys) == len(set(keys)) == 2


def test_repeated_data_sets_are_one() -> None:
    refs = (DatasetRef("ab" * 32, "one"), DatasetRef("ab" * 32, "again"))
    comparison = Comparison((), (), (make_method("autoencoder", {}),), datasets=refs)
    assert comparison.datasets == refs[:1]


def test_repeats_in_a_document_give_the_comparison_without_them() -> None:
    document = a_comparison().document()
    repeated = {name: [*document[name], *document[name]] for name in ("pictures", "networks", "methods")}
    assert Comparison.from_document(document | repeated) == a_comparison()


def test_repeats_do_not_count_against_the_greatest_size() -> None:
    assert len(list(a_comparison(pictures=PICTURES * MAX_CELLS).cells())) == len(list(a_comparison().cells()))


@pytest.mark.parametrize("missing", ["pictures", "networks", "methods"])
def test_a_missing_part_is_refused_in_one_sentence(missing: str) -> None:
    with pytest.raises(BadInput, match=f"choose at least one {missing[:-1]}"):
        a_comparison(**{missing: ()})


def test_a_method_without_visual_output_is_refused() -> None:
    sentence = r"^Train a network yields no image, map, points or animation: a grid cannot show it$"
    with pytest.raises(BadInput, match=sentence):
        a_comparison(methods=(make_method("train", {}),))
    method = {"name": "train", "version": make_method("train", {}).version, "parameters": {}}
    with pytest.raises(BadInput, match=sentence):
        Comparison.from_document(json.loads(canonical_json(a_comparison().document())) | {"methods": [method]})


def test_a_grid_has_a_greatest_size() -> None:
    many = tuple(PictureRef(f"{number:064x}", "") for number in range(MAX_CELLS // 6 + 1))
    with pytest.raises(BadInput, match=f"must have at most {MAX_CELLS} cells, got 2004"):
        a_comparison(pictures=many)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 9}, {"networks": ["random/none"]}, {"networks": "random/resnet18"}, {"networks": [["x"]]},
        {"networks": 7}, {"pictures": [{"digest": "x", "name": ""}]}, {"pictures": [None]}, {"seed": 1.5},
        {"seed": None}, {"methods": [{"name": "none", "parameters": {}}]}, {"methods": {}}, {"methods": [3]},
        {"methods": [{"name": "detail_search", "parameters": {"k1": "nan"}}]},
        {"methods": [{"name": "detail_search", "parameters": None}]},
    ],
)  # fmt: skip
def test_an_invalid_document_is_refused_in_one_sentence(change: dict[str, object]) -> None:
    document = json.loads(canonical_json(a_comparison().document())) | change
    with pytest.raises(GazegridError) as refused:
        Comparison.from_document(document)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("document", [{}, None, [], "x"])
def test_other_values_than_documents_are_refused(document: object) -> None:
    with pytest.raises(BadInput, match="the comparison's description cannot be read"):
        Comparison.from_document(document)
