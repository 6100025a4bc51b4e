"""A million simulated frames, here fewer: no rule fires where it must not."""

import pytest

from edge.evidence import RULES
from edge.occurrence import Instant
from edge.records import Decision, Look, Picture

FRAMES = 6_000


@pytest.fixture
def rules(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import rules

    return rules


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_fires_where_it_must_not(rules, rule):
    counts = rules.count(rules.WatcherJudge(rule), frames=FRAMES, seed=3)
    assert {never: counts[never] for never in rules.NEVERS} == dict.fromkeys(rules.NEVERS, 0)
    assert all(counts[spec.name] for spec in rules.SPECS)  # each of them has fired


@pytest.mark.parametrize(
    "blind", [{"has_sensor": False, "has_gate": False}, {"longest_age_seconds": None}]
)
def test_the_simulation_finds_a_watcher_without_a_guard(rules, blind):
    counts = rules.count(rules.WatcherJudge("k-of-n", **blind), frames=2 * FRAMES, seed=3)
    assert counts[rules.BAD_FRAME] > 0


def test_the_witness_finds_what_is_wrong(rules):
    dog = Look(Picture.LIVE, decision=Decision("dog", 0.9, 1, 0.0, 5.0))
    night = Instant(3 * 3600.0, 10.0, "boot", is_trusted=True)
    step = rules.Step(None, None, 0.0, 0.0, "dark", is_unusable=True)
    witness = rules.Witness(fired_seconds=6.0)
    witness.note(dog, night)
    faults = witness.faults_of(["no dog", "by day", "by day"], step, night)
    assert set(faults) == set(rules.NEVERS)


def test_the_witness_finds_a_clock_that_is_not_trusted(rules):
    noon = Instant(12 * 3600.0, 10.0, "boot", is_trusted=False)
    step = rules.Step(None, None, 0.0, 0.0, rules.SOUND, is_unusable=False)
    assert rules.Witness().faults_of(["by day"], step, noon) == [rules.OUT_OF_HOURS]
