"""A million simulated frames, here fewer: no label on a frame that nobody should judge by."""

import pytest

from edge.decision import Decider
from edge.evidence import RULES, EvidenceSpec
from edge.records import UNKNOWN

FRAMES = 10_000


@pytest.fixture
def decisions(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import decisions

    return decisions


def make_decider(decisions, **rules):
    thresholds = dict.fromkeys(decisions.LABELS, 0.5)
    return Decider(decisions.LABELS, thresholds=thresholds, evidence=EvidenceSpec(**rules))


@pytest.mark.parametrize("rule", RULES)
def test_no_label_is_decided_on_an_unusable_frame(decisions, rule):
    judge = decisions.RulesAlone(make_decider(decisions, rule=rule))
    counts = decisions.count(judge, frames=FRAMES, seed=3)
    assert decisions.decided_unusable(counts) == 0
    for fault in ("stale", "repeated", "invalid"):
        assert counts[fault, True, False] > 100  # each fault was tried
    assert counts["sound", False, True] > 1000  # and labels were decided


def test_the_simulation_finds_a_judge_without_a_guard(decisions):
    decider = make_decider(decisions)

    def careless(step):
        return decider.decide(step.frame, step.prediction, now_seconds=step.now_seconds)

    counts = decisions.count(careless, frames=FRAMES, seed=3)
    assert counts["stale", True, True] > 0
    assert counts["repeated", True, True] > 0
    assert counts["invalid", True, True] == 0  # which the decider itself sees to


def test_what_was_believed_before_a_fault_does_not_outlive_it(decisions):
    judge = decisions.RulesAlone(make_decider(decisions))
    before = None
    for step in decisions.simulate(FRAMES, seed=4):
        label = judge(step).label
        if before is not None and before.fault == "stale":
            assert label == UNKNOWN  # one frame is no evidence
        before = step


def test_the_simulation_is_the_same_for_a_seed(decisions):
    first, second = (
        [(step.fault, step.now_seconds) for step in decisions.simulate(1000, seed=5)]
        for _ in range(2)
    )
    assert first == second
    assert first != [(s.fault, s.now_seconds) for s in decisions.simulate(1000, seed=6)]
