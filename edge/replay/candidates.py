"""Which rules a search tries: a coarse grid first, then what lies near to the best."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from edge.errors import SettingError
from edge.evidence import EvidenceSpec
from edge.replay.rules import Rules

_SCORES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_STEPS = (-0.1, -0.05, -0.02, 0.02, 0.05, 0.1)
_NEAR: dict[str, tuple[float, ...]] = {
    "hysteresis": (0.0, 0.05, 0.1, 0.2),
    "enter_seconds": (0.0, 0.2, 0.5, 1.0),
    "leave_seconds": (0.2, 0.5, 1.0, 2.0),
}
_KINDS: tuple[dict[str, Any], ...] = (
    *({"rule": "k-of-n", "votes": votes, "window": window}
      for votes, window in ((1, 1), (2, 3), (3, 5), (4, 8), (6, 10), (8, 12))),
    *({"rule": "consecutive", "votes": votes, "window": max(votes, 5)} for votes in (2, 3, 5, 8)),
    *({"rule": "decayed-sum", "half_life_seconds": half_life, "enough": enough}
      for half_life in (0.3, 0.5, 1.0) for enough in (1.0, 2.0, 3.0)),
    *({"rule": "mean", "votes": window // 2 + 1, "window": window} for window in (3, 5, 8, 12)),
)  # fmt: skip


def list_grid(base: Rules, tuned: Sequence[str]) -> Iterator[Rules]:
    """Yield the rules to begin with: the base, every kind of rule, each with several thresholds.

    Args:
        base: Holds for what is not varied.
        tuned: Labels whose thresholds are varied, together.
    """
    yield base
    for kind in ({}, *_KINDS):
        evidence = _change(base.evidence, kind)
        if evidence is None:
            continue
        yield Rules(base.thresholds, evidence)
        for score in _SCORES:
            yield Rules(_with_scores(base.thresholds, dict.fromkeys(tuned, score)), evidence)


def list_neighbours(rules: Rules, tuned: Sequence[str]) -> Iterator[Rules]:
    """Yield rules that differ in one setting: a threshold, a dwell, the hysteresis, the votes."""
    known = dict(rules.thresholds)
    for label in tuned:
        for step in _STEPS:
            score = round(known[label] + step, 4)
            if 0.0 <= score <= 1.0:
                yield Rules(_with_scores(rules.thresholds, {label: score}), rules.evidence)
    for changes in _list_changes(rules.evidence):
        evidence = _change(rules.evidence, changes)
        if evidence is not None and evidence != rules.evidence:
            yield Rules(rules.thresholds, evidence)


def _list_changes(evidence: EvidenceSpec) -> Iterator[dict[str, Any]]:
    for name, values in _NEAR.items():
        for value in values:
            yield {name: value}
    for votes, window in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1)):
        yield {"votes": evidence.votes + votes, "window": evidence.window + window}
    if evidence.rule == "decayed-sum":
        for factor in (0.5, 0.8, 1.25, 2.0):
            yield {"enough": round(evidence.enough * factor, 3)}
            yield {"half_life_seconds": round(evidence.half_life_seconds * factor, 3)}


def _change(evidence: EvidenceSpec, changes: dict[str, Any]) -> EvidenceSpec | None:
    """Return changed rules; `None` for what the rules refuse, such as more votes than window."""
    try:
        return replace(evidence, **changes)
    except SettingError:
        return None


def _with_scores(
    thresholds: tuple[tuple[str, float], ...], scores: dict[str, float]
) -> tuple[tuple[str, float], ...]:
    return tuple((label, scores.get(label, score)) for label, score in thresholds)
