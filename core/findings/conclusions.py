"""The talk's four conclusions, each beside what a study's numbers say of it; the rule of every verdict is in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from typing import Literal

from core.display.wording import formatted, listed, network_name
from core.findings.study import Findings, NetworkFindings
from core.findings.trained_networks import hardest_sentence, trained_networks
from core.measures.bootstrap import Interval, difference
from core.networks.records import hardest_to_train

Verdict = Literal["borne out", "not borne out", "open"]

CUT = 4
"""Patches along a side at which the use of the whole shape is judged."""
MOST_KEPT = 0.5
RULE = (
    "Borne out where two networks of different family differ in the same pictures: the bootstrap interval of the mean "
    "difference, 95 % for all pairs at once, lies on one side of 0."
)


@dataclass(frozen=True)
class Conclusion:
    """What the talk said, whether the numbers bear it out, and why."""

    claim: str
    verdict: Verdict
    reason: str
    rule: str


def conclusions(found: Findings) -> list[Conclusion]:
    """All four, in the talk's order."""
    return [_size(found), _border(found), _shape(found), _mixer(found)]


def _size(found: Findings) -> Conclusion:
    sizes = [network.feature_size for network in found.networks]
    verdict, reason = _differ(found.networks, sizes, [network.feature_sizes for network in found.networks])
    return Conclusion(
        "Networks of different architecture need features of different size.",
        verdict,
        f"Extent of connected edges, as a share of the width: {reason}",
        RULE,
    )


def _border(found: Findings) -> Conclusion:
    weights = [network.border_weight for network in found.networks]
    verdict, reason = _differ(found.networks, weights, [network.border_logs for network in found.networks])
    return Conclusion(
        "They weigh the border and the center of the picture differently.",
        verdict,
        f"Edges kept in the outer half of the area: {reason}",
        RULE,
    )


def _differ(
    networks: Sequence[NetworkFindings], means: Sequence[Interval], by_picture: Sequence[Mapping[str, float]]
) -> tuple[Verdict, str]:
    """Whether two networks of different family differ in the same pictures."""
    names = [network_name(network.name) for network in networks]
    said = listed([f"{name} {in_words(mean)}" for name, mean in zip(names, means, strict=True)])
    pairs = [
        (one, other)
        for one, other in combinations(range(len(networks)), 2)
        if networks[one].family != networks[other].family
    ]
    if not pairs:
        return "open", f"{said}; all are of one family."
    signs = {(one, other): difference(by_picture[one], by_picture[other], len(pairs)).sign for one, other in pairs}
    ordered = [pair if sign > 0 else pair[::-1] for pair, sign in signs.items() if sign]
    if not ordered:
        return "not borne out", f"{said}; no two of different family differ for certain."
    more = "; ".join(f"{names[one]} more than {names[other]}" for one, other in ordered)
    return "borne out", f"{said}. For certain: {more}."


def _shape(found: Findings) -> Conclusion:
    claim = "None of them uses the whole shape of the object."
    rule = (
        f"Cut into {CUT} x {CUT} patches in another order, a picture has its details and no shape. Borne out where "
        "every network still names more than half as many right as before, not borne out where every one names fewer."
    )
    networks = [network for network in found.networks if network.shuffled]
    kept = {network.name: network.kept(CUT) for network in networks}
    if not kept:
        return Conclusion(claim, "open", "No shuffled pictures were asked for in this grid.", rule)
    said = listed([f"{network_name(name)} {in_words(share, 'share')}" for name, share in kept.items()])
    reason = f"Of the pictures that they name right whole, they name right in pieces: {said}."
    if all(share.low > MOST_KEPT for share in kept.values()):
        return Conclusion(claim, "borne out", reason, rule)
    return Conclusion(
        claim, "not borne out" if all(share.high < MOST_KEPT for share in kept.values()) else "open", reason, rule
    )


def _mixer(found: Findings) -> Conclusion:
    claim = "The Mixer uses features of several sizes and is the hardest to train."
    rule = (
        "Features of several sizes: picture by picture, the middle half of the edge energy spans more octaves of size "
        "than in any other network, the 95 % interval of each difference above 0. Hardest: it took the most epochs to "
        "the highest accuracy that all of them reached."
    )
    mixers = [network for network in found.networks if network.family == "mixer"]
    others = [network for network in found.networks if network.family != "mixer"]
    if not mixers or not others:
        return Conclusion(claim, "open", "This grid does not set a Mixer beside other networks.", rule)
    said = listed([f"{network_name(n.name)} {in_words(n.size_spread)}" for n in found.networks])
    widest = all(
        difference(mixer.octaves, other.octaves, len(mixers) * len(others)).sign > 0
        for mixer in mixers
        for other in others
    )
    trained = [network for network in trained_networks() if network.card.name in {n.name for n in found.networks}]
    hardest = hardest_to_train({network.card.name: network.record for network in trained})
    training = hardest_sentence(trained) or "How they were trained is not known."
    is_hardest = hardest is not None and hardest.name in {network.name for network in mixers}
    verdict: Verdict = "borne out" if widest and is_hardest else "open" if hardest is None else "not borne out"
    return Conclusion(claim, verdict, f"Octaves spanned: {said}. {training}", rule)


def in_words(interval: Interval, unit: str = "") -> str:
    """`0.21 (0.19 to 0.23)`; words where there is nothing to measure."""
    if not isfinite(interval.value):
        return "not measured"
    low, high = formatted(interval.low, unit), formatted(interval.high, unit)
    return f"{formatted(interval.value, unit)} ({low} to {high})"
