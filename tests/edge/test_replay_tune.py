"""The search for cheap rules, and what clips are too few for; no model and no clip needed."""

import math
import shlex

import pytest

from edge.evidence import EvidenceSpec, parse_evidence
from edge.replay.candidates import list_grid, list_neighbours
from edge.replay.cost import Cost, is_dominated, mistakes
from edge.replay.expectations import Expectation
from edge.replay.rules import Rules
from edge.replay.scoring import Counts, Finding, Verdict, count_findings
from edge.replay.shortage import highest_rate, list_shortages
from edge.replay.tune import Trial, leave_one_out, tune

BASE = Rules((("cat", 0.8), ("dog", 0.8), ("none", 0.5)), EvidenceSpec())
TUNED = ("cat", "dog")


def valley(rules):
    """Two clips: a threshold of dog below 0.93 is wrong on one, above 0.97 misses the other."""
    dog = dict(rules.thresholds)["dog"]
    first = Counts(right=1, wrong=int(dog < 0.93), late_seconds=0.2, seconds=10.0)
    return first, Counts(right=int(dog <= 0.97), missed=int(dog > 0.97), seconds=10.0)


def test_tune_finds_the_cheapest_rules_and_changes_no_more_than_needed():
    found = tune(valley, BASE, tuned=TUNED, cost=Cost())
    assert found.best.rules.options(BASE) == "--threshold dog=0.95"
    assert (found.before.cost, found.best.cost) == (5.2, 0.2)
    assert found.best.changes == 1


def test_tune_is_the_same_each_time_and_stops_where_it_is_told():
    tried = []
    found = tune(
        valley, BASE, tuned=TUNED, cost=Cost(), tries=50, when_tried=lambda: tried.append(1)
    )
    again = tune(valley, BASE, tuned=TUNED, cost=Cost(), tries=50)
    assert len(tried) == found.tried == 50
    assert found == again


def test_tune_tries_the_rules_as_they_are_even_when_they_are_the_only_ones():
    found = tune(valley, BASE, tuned=TUNED, cost=Cost(), tries=1)
    assert (found.tried, found.best.rules, found.front[0].rules) == (1, BASE, BASE)


def test_front_holds_what_nothing_else_is_better_than():
    def trade(rules):
        """Count fewer misses and more false events the lower the threshold of cat."""
        cat = dict(rules.thresholds)["cat"]
        missed = math.ceil(cat * 10) - 4
        return (Counts(missed=missed, false=10 - missed, seconds=60.0),)

    found = tune(trade, BASE, tuned=["cat"], cost=Cost(), tries=200)
    amounts = [mistakes(trial.total) for trial in found.front]
    assert len(amounts) > 3
    assert not any(is_dominated(one, amounts) for one in amounts)
    assert [trial.cost for trial in found.front] == sorted(trial.cost for trial in found.front)
    assert found.front[0].cost == found.best.cost


def test_numbers_that_are_shown_are_the_exact_ones():
    def exact(rules):
        return tuple(Counts(missed=2, seconds=counts.seconds) for counts in valley(rules))

    found = tune(valley, BASE, tuned=TUNED, cost=Cost(), confirm=exact)
    assert {trial.cost for trial in (found.before, found.best, *found.front)} == {40.0}


def trial(costs, changes=0):
    counts = tuple(Counts(late_seconds=cost) for cost in costs)
    return Trial(BASE, counts, sum(costs), changes)


def test_leave_one_out_judges_each_clip_by_rules_that_it_had_no_say_in():
    learned_by_heart = [trial([0.0, 9.0]), trial([9.0, 0.0])]
    assert leave_one_out(learned_by_heart, Cost()) == 18.0
    assert leave_one_out([*learned_by_heart, trial([1.0, 1.0])], Cost()) == 18.0
    good_for_all = [*learned_by_heart, trial([0.0, 0.0], changes=0)]
    assert leave_one_out([trial(t, 1) for t in ([0, 9], [9, 0])] + good_for_all[2:], Cost()) == 0.0


def test_leave_one_out_says_nothing_about_a_single_clip():
    assert leave_one_out([trial([1.0])], Cost()) is None


@pytest.mark.parametrize("tuned", [TUNED, ("cat",), ()])
def test_candidates_are_rules_that_edge_run_takes(tuned):
    candidates = [*list_grid(BASE, tuned), *list_neighbours(BASE, tuned)]
    assert candidates[0] == BASE
    for rules in candidates:
        words = shlex.split(rules.options(BASE))
        options = dict.fromkeys(words[::2])
        assert set(options) <= {"--threshold", "--evidence"}
        thresholds = dict(BASE.thresholds)
        evidence = BASE.evidence
        for name, value in zip(words[::2], words[1::2], strict=True):
            if name == "--evidence":
                evidence = parse_evidence(value, BASE.evidence)
            else:
                label, score = value.split("=")
                thresholds[label] = float(score)
        assert Rules(tuple(thresholds.items()), evidence) == rules
        assert (rules.options(BASE) == "") == (rules == BASE)


def test_options_quote_a_label_with_spaces():
    base = Rules((("tabby, cat", 0.5),), EvidenceSpec())
    changed = Rules((("tabby, cat", 0.25),), EvidenceSpec())
    assert changed.options(base) == '--threshold "tabby, cat=0.25"'


def finding(label, verdict):
    return Finding("a.mp4", verdict, label, 0.0, 1.0)


def shortages(findings, *, seconds, expected=("a.mp4",)):
    rows = {clip: (Expectation(clip, "cat", 0.0, 1.0),) for clip in expected}
    return list(
        list_shortages(
            findings,
            count_findings(findings, seconds=seconds),
            expectations=rows,
            clips=("a.mp4", "b.mp4"),
            labels=("cat", "dog"),
        )
    )


def test_shortages_name_labels_that_no_clip_or_few_clips_show():
    said = shortages([finding("cat", Verdict.RIGHT)] * 3, seconds=4 * 3600.0)
    assert said == [
        "cat: 3 of 3 appearances found; of many more it may be 44% to 100%",
        "no clip shows dog: nothing is known about finding it",
    ]


def test_shortages_say_what_short_recordings_cannot_promise():
    enough = [finding(label, Verdict.RIGHT) for label in ("cat", "dog")] * 20
    [said] = shortages(enough, seconds=1800.0)
    assert said.startswith("0 false events in 30.0 minutes: it may be up to 5.99 an hour")
    assert shortages(enough, seconds=4 * 3600.0) == []


def test_shortages_miss_an_empty_scene():
    enough = [finding(label, Verdict.RIGHT) for label in ("cat", "dog")] * 20
    [said] = shortages(enough, seconds=4 * 3600.0, expected=("a.mp4", "b.mp4"))
    assert said == "every clip has an appearance: nothing is known about an empty scene"


def test_highest_rate_of_no_recording_is_anything():
    assert highest_rate(0, 0.0) == math.inf
