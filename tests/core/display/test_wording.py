import pytest

from core.display.wording import (
    duration,
    listed,
    markdown_table,
    phrase,
    progress_text,
    quantity,
    reference,
    scalar_label,
    words,
)
from core.media.drawn_styles import STYLES


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("top1", 0.913, "Top-1 91.3 %"), ("loss", 0.69512, "Loss 0.695"), ("epoch", 104.0, "Epoch 104")],
)
def test_progress_has_name_and_unit(name: str, value: float, text: str) -> None:
    assert progress_text(name, value) == text


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("edge_energy", "Edge energy"), ("top1", "Top-1"), ("top5", "Top-5"), ("pca_error", "PCA error"),
        ("codes_tsne", "t-SNE of the codes"), ("held_out_loss", "Held-out loss"), ("ema_decay", "EMA decay"),
        ("l2_penalty", "L2 penalty"), ("cam_layer", "CAM layer"), ("randaugment", "RandAugment"),
        ("latent_dim", "Latent dimensions"), ("mixup_alpha", "MixUp alpha"), ("cutmix_alpha", "CutMix alpha"),
        ("input_px", "Input size"), ("size_px", "Size"), ("noise_std", "Noise standard deviation"), ("k1", "k1"),
        ("beta1", "β1"), ("model_args", "Model arguments"), ("warmup_epochs", "Warm-up epochs"),
    ],
)  # fmt: skip
def test_terms_of_the_field_are_written_as_the_field_does(name: str, label: str) -> None:
    assert words(name) == label


def test_a_phrase_keeps_the_case_of_terms_inside_a_sentence() -> None:
    assert [phrase(name) for name in ("learning_rate", "ema_decay", "frechet_distance", "top1")] == [
        "learning rate", "EMA decay", "Fréchet distance", "top-1",
    ]  # fmt: skip


def test_the_label_of_a_scalar_names_its_subject() -> None:
    assert scalar_label("edges_left", {"subject": ""}) == "Edges left"
    assert scalar_label("probability", {"subject": "tabby"}) == "Probability of tabby"
    assert scalar_label("probability_after", {"subject": "tabby"}) == "Probability of tabby"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (99.4, "99 s"), (120, "2 min"), (5_999, "100 min"), (9_000, "2.5 h"), (900_000, "10 d")],
)
def test_a_duration_has_a_suitable_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("parts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_an_enumeration_ends_with_and(parts: list[str], text: str) -> None:
    assert listed(parts) == text


def test_a_bar_inside_a_cell_is_escaped() -> None:
    assert markdown_table(("what",), [("this | that",)]) == ["| what |", "| --- |", "| this \\| that |", ""]


def test_a_reference_is_shown_by_its_name() -> None:
    assert reference(STYLES["mosaic"].digest) == "mosaic"
    assert reference("1a2b3c4d5e6f" + "0" * 52) == "1a2b3c4d5e6f…"
    assert reference("lite/efficientnet_lite0#57934424") == "efficientnet_lite0"
    assert [reference(text) for text in ("tabby", "", "cat/dog", "10, 20")] == ["tabby", "", "cat/dog", "10, 20"]


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "class", "1 class"), (2, "class", "2 classes"), (0, "cell", "0 cells"), (1797, "picture", "1,797 pictures")],
)
def test_a_quantity_has_the_plural_that_its_count_needs(count: int, noun: str, text: str) -> None:
    assert quantity(count, noun) == text
