"""A million simulated frames, here fewer: no label on a frame that nobody should judge by."""

import pytest

from edge.evidence import RULES
from edge.records import UNKNOWN, Picture

FRAMES = 6_000


@pytest.fixture
def decisions(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import decisions

    return decisions


@pytest.mark.parametrize("has_gate", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_no_label_is_decided_on_an_unusable_frame(decisions, rule, has_gate):
    judge = decisions.WatcherJudge(rule, has_gate=has_gate)
    counts = decisions.count(judge, frames=FRAMES, seed=3)
    assert decisions.decided_unusable(counts) == 0
    assert counts["sound", False, True] > 500  # labels were decided


def test_each_fault_is_simulated_for_long_enough_to_forbid_a_label(decisions):
    tried = {step.fault for step in decisions.simulate(2 * FRAMES, seed=3) if step.is_unusable}
    assert tried == set(decisions.NOTICED_SECONDS)


@pytest.mark.parametrize(
    ("guard", "faults"),
    [
        ({"has_sensor": False}, ["repeated", "dark", "bright", "covered", "blurred", "moved"]),
        ({"longest_age_seconds": None}, ["stale", "slow"]),
    ],
)
def test_the_simulation_finds_a_watcher_without_a_guard(decisions, guard, faults):
    judge = decisions.WatcherJudge("k-of-n", has_gate=False, **guard)
    counts = decisions.count(judge, frames=2 * FRAMES, seed=3)
    found = [fault for fault in decisions.NOTICED_SECONDS if counts[fault, True, True]]
    assert sorted(found) == sorted(faults)


def test_the_simulation_sees_an_event_that_starts_on_an_unusable_frame(decisions):
    from edge.records import Event, Look

    started = Event("cat", 1.0, None, 0.9, 30, 1.0)
    assert decisions.has_decided(Look(Picture.LIVE, events=(started,)))
    assert not decisions.has_decided(Look(Picture.LIVE))


def test_what_was_believed_before_a_fault_does_not_outlive_it(decisions):
    judge = decisions.WatcherJudge("k-of-n", has_gate=False)
    before = None
    for step in decisions.simulate(FRAMES, seed=4):
        look = judge(step)
        if before is not None and before.fault in ("stale", "away", "dark"):
            assert look.decision is None or look.decision.label == UNKNOWN  # one is no evidence
        before = step


def test_the_simulation_is_the_same_for_a_seed(decisions):
    first, second = (
        [(step.fault, step.now_seconds) for step in decisions.simulate(1000, seed=5)]
        for _ in range(2)
    )
    assert first == second
    assert first != [(s.fault, s.now_seconds) for s in decisions.simulate(1000, seed=6)]
