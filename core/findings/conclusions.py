"""Four claims about architectures, each with a verdict from a study's numbers and the rule behind the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from core.display.wording import NO_NUMBER, formatted, listed, network_names
from core.findings.study import Findings, NetworkFindings
from core.findings.trained_networks import hardest_sentence, trained_networks
from core.measures.intervals import MIN_PICTURES, Interval, difference
from core.networks.records import hardest_to_train

Verdict = Literal["supported", "not supported", "inconclusive"]

SHAPE_GRID = 4
"""Patches along a side at which the use of the whole shape is judged."""
SHAPE_THRESHOLD = 0.5
"""A network that retains more of its accuracy than this share without the shape does not depend on it."""
NOT_MEASURED = f"{NO_NUMBER} (not measured)"
TOO_FEW = f"too few pictures to say, a verdict needs {MIN_PICTURES}"
DIFFERENCE_RULE = (
    "Supported if two networks of different families differ on the same pictures: the confidence interval of their "
    f"mean difference excludes 0, at 95 % for all pairs together. Inconclusive below {MIN_PICTURES} pictures."
)


@dataclass(frozen=True)
class Conclusion:
    """A claim, its verdict, the numbers behind the verdict, and the rule that decides it."""

    claim: str
    verdict: Verdict
    reason: str
    rule: str


def conclusions(findings: Findings) -> list[Conclusion]:
    """The four conclusions: feature size, border, whole shape, Mixer."""
    return [_feature_size(findings), _border(findings), _whole_shape(findings), _mixer(findings)]


def _feature_size(findings: Findings) -> Conclusion:
    means = [network.feature_size for network in findings.networks]
    verdict, reason = _differ(findings.networks, means, [network.feature_sizes for network in findings.networks])
    return Conclusion(
        "Networks of different architectures rely on features of different size.",
        verdict,
        f"Extent of connected edges, as a share of the width: {reason}",
        DIFFERENCE_RULE,
    )


def _border(findings: Findings) -> Conclusion:
    means = [network.border_weight for network in findings.networks]
    verdict, reason = _differ(findings.networks, means, [network.border_logs for network in findings.networks])
    return Conclusion(
        "They weight the border and the center of the picture differently.",
        verdict,
        f"Edges retained in the outer half of the area, relative to the original: {reason}",
        DIFFERENCE_RULE,
    )


def _differ(
    networks: Sequence[NetworkFindings], means: Sequence[Interval], by_picture: Sequence[Mapping[str, float]]
) -> tuple[Verdict, str]:
    """Whether two networks of different families differ on the same pictures, and the numbers."""
    if not networks:
        return "inconclusive", "no network is measured."
    names = list(network_names(network.name for network in networks).values())
    summary = listed([f"{name} {interval_text(mean)}" for name, mean in zip(names, means, strict=True)])
    pairs = [
        (one, other)
        for one, other in combinations(range(len(networks)), 2)
        if networks[one].family != networks[other].family
    ]
    if not pairs:
        return "inconclusive", f"{summary}; all networks are of one family."
    between = {(one, other): difference(by_picture[one], by_picture[other], len(pairs)) for one, other in pairs}
    ordered = [pair if over.sign > 0 else pair[::-1] for pair, over in between.items() if over.sign]
    if not ordered and any(over.too_few for over in between.values()):
        return "inconclusive", f"{summary}; {TOO_FEW}."
    if not ordered:
        return "not supported", f"{summary}; no significant difference between families."
    differences = "; ".join(f"{names[one]} more than {names[other]}" for one, other in ordered)
    return "supported", f"{summary}. Significant: {differences}."


def _whole_shape(findings: Findings) -> Conclusion:
    claim = "None of them uses the whole shape of the object."
    rule = (
        f"Pictures cut into {SHAPE_GRID} x {SHAPE_GRID} shuffled patches keep local detail and lose the shape of the "
        "object. Supported if every network retains more than half of its accuracy on them, not supported if every "
        f"network retains less, by the whole 95 % interval. Inconclusive below {MIN_PICTURES} pictures."
    )
    shuffled = [network for network in findings.networks if network.shuffled]
    retained = {network.name: network.accuracy_retained(SHAPE_GRID) for network in shuffled}
    if not retained:
        return Conclusion(claim, "inconclusive", "This grid has no patch-shuffled pictures.", rule)
    names = network_names(network.name for network in findings.networks)
    shares = listed([f"{names[name]} {interval_text(share, 'share')}" for name, share in retained.items()])
    reason = f"Accuracy retained on patch-shuffled pictures: {shares}."
    sides = {share.side_of(SHAPE_THRESHOLD) for share in retained.values()}
    if any(share.too_few for share in retained.values()):
        reason = f"{reason[:-1]}; {TOO_FEW}."
    verdicts: dict[tuple[int, ...], Verdict] = {(1,): "supported", (-1,): "not supported"}
    return Conclusion(claim, verdicts.get(tuple(sides), "inconclusive"), reason, rule)


def _mixer(findings: Findings) -> Conclusion:
    claim = "The Mixer uses features of several sizes and is the hardest to train."
    rule = (
        "Features of several sizes: within single pictures, the middle half of the edge energy spans more octaves of "
        "feature size than in any other network; the 95 % interval of each difference is above 0. Hardest to train: "
        "most epochs to the highest accuracy that all networks reached."
    )
    mixers = [network for network in findings.networks if network.family == "mixer"]
    others = [network for network in findings.networks if network.family != "mixer"]
    if not mixers or not others:
        return Conclusion(claim, "inconclusive", "This grid does not compare a Mixer with other networks.", rule)
    titles = network_names(network.name for network in findings.networks)
    spreads = listed([f"{titles[n.name]} {interval_text(n.size_spread)}" for n in findings.networks])
    wider = [difference(mixer.octaves, other.octaves) for mixer in mixers for other in others]
    few = f", {TOO_FEW}" if any(over.too_few for over in wider) else ""
    names = {network.name for network in findings.networks}
    trained = [network for network in trained_networks() if network.card.name in names]
    hardest = hardest_to_train({network.card.name: network.record for network in trained})
    training = hardest_sentence(trained) or "There are no comparable training records."
    is_hardest = hardest is not None and hardest.name in {mixer.name for mixer in mixers}
    widest = all(over.sign > 0 for over in wider)
    verdict: Verdict = "inconclusive" if few or hardest is None else "not supported"
    if widest and is_hardest:
        verdict = "supported"
    return Conclusion(claim, verdict, f"Octaves of feature size: {spreads}{few}. {training}", rule)


def interval_text(interval: Interval, unit: str = "") -> str:
    """`0.21 (0.19 to 0.23)`; with the reason in brackets where there is no interval, `-` where there is no value."""
    value = formatted(interval.value, unit)
    if interval.low is None or interval.high is None:
        return f"{value} ({interval.reason})" if interval.reason else value
    return f"{value} ({formatted(interval.low, unit)} to {formatted(interval.high, unit)})"
