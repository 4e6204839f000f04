import pytest

from core.display.wording import duration, listed, markdown_table, reference, reported, scalar_label, words
from core.media.drawn_styles import STYLES


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("top1", 0.913, "Top-1 91.3 %"), ("loss", 0.69512, "Loss 0.695"), ("epoch", 104.0, "Epoch 104")],
)
def test_what_a_job_reports_is_told_with_its_name_and_unit(name: str, value: float, text: str) -> None:
    assert reported(name, value) == text


def test_terms_of_the_field_are_written_as_the_field_does() -> None:
    assert (words("top1"), words("top5"), words("edge_energy")) == ("Top-1", "Top-5", "Edge energy")
    assert (words("pca_error"), words("codes_tsne"), words("held_out_loss")) == (
        "PCA error", "Codes t-SNE", "Held-out loss"
    )  # fmt: skip


def test_a_number_is_told_with_what_it_is_of() -> None:
    assert scalar_label("edges_left", {"subject": ""}) == "Edges left"
    assert scalar_label("probability", {"subject": "tabby"}) == "Probability of tabby"
    assert scalar_label("probability_after", {"subject": "tabby"}) == "Probability of tabby"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (99.4, "99 s"), (120, "2 min"), (5_999, "100 min"), (9_000, "2.5 h"), (900_000, "10 d")],
)
def test_a_duration_is_told_in_the_unit_that_a_reader_would_take(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("parts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_several_things_are_told_in_one_sentence(parts: list[str], text: str) -> None:
    assert listed(parts) == text


def test_a_cell_of_a_table_never_opens_another() -> None:
    assert markdown_table(("what",), [("this | that",)]) == ["| what |", "| --- |", "| this \\| that |", ""]


def test_what_a_parameter_refers_to_is_told_by_its_name() -> None:
    assert reference(STYLES["mosaic"].digest) == "mosaic"
    assert reference("1a2b3c4d5e6f" + "0" * 52) == "1a2b3c4d5e6f…"
    assert reference("lite/efficientnet_lite0#57934424") == "efficientnet_lite0"
    assert [reference(text) for text in ("tabby", "", "cat/dog", "10, 20")] == ["tabby", "", "cat/dog", "10, 20"]
