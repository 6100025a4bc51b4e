"""What holds of all decisions, whatever the frames: searched for counterexamples."""

import itertools
import math
import random

import pytest
from evidence_cases import BARE, LABELS, decide_all, decide_at, make_decider
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.evidence import RULES, EvidenceSpec
from edge.records import UNKNOWN

few = settings(max_examples=50, deadline=None)  # a busy machine is no error
any_score = st.floats(width=32) | st.floats(0, 1, width=32)
any_scores = st.lists(any_score, max_size=4) | st.lists(
    st.floats(0, 1, width=32), min_size=3, max_size=3
)


@st.composite
def rules(draw):
    window = draw(st.integers(1, 6))
    return {
        "rule": draw(st.sampled_from(sorted(RULES))),
        "window": window,
        "votes": draw(st.integers(1, window)),
        "enough": draw(st.floats(0.1, 1.0)),
    }


@st.composite
def steadied_rules(draw):
    seconds = st.sampled_from([0.0, 0.1, 0.25, 1.0])
    steady = ("enter_seconds", "leave_seconds", "cooldown_seconds")
    hysteresis = draw(st.sampled_from([0.0, 0.1, 0.3]))
    return {**draw(rules()), "hysteresis": hysteresis, **{name: draw(seconds) for name in steady}}


def is_valid(scores):
    return len(scores) == len(LABELS) and all(-0.001 <= score <= 1.001 for score in scores)


def has_evidence(spec, column, threshold, scores, *, enough=None):
    """Say by plain words whether a label has the evidence: all scores so far, a frame each 0.1 s.

    `enough` may be more than what `spec` could ask for.
    A frame may be won by several labels here: `edge.voting` lets the first of equals win.
    """
    seen = [(index, row) for index, row in enumerate(scores) if is_valid(row)][-spec.window :]
    seen = [(index, row) for index, row in seen if index >= len(scores) - 1 - 20]  # 2 s
    won = [row[column] == max(row) and row[column] >= threshold for _, row in seen]
    if spec.rule == "k-of-n":
        return sum(won) >= spec.votes
    if spec.rule == "consecutive":
        return len(won) >= spec.votes and all(won[-spec.votes :])
    if spec.rule == "mean":
        mean = sum(row[column] for _, row in seen) / len(seen)
        return len(seen) >= spec.votes and mean >= threshold - 1e-3
    total = 0.0
    for (index, row), is_won in zip(seen, won, strict=True):
        age_seconds = 0.1 * (seen[-1][0] - index)
        total += is_won * row[column] * 0.5 ** (age_seconds / spec.half_life_seconds)
    return total >= (spec.enough if enough is None else enough) - 1e-3 * spec.window


@few
@given(rules(), st.lists(any_scores, max_size=30), st.floats(0, 1))
def test_no_decision_without_the_evidence(rules, frames, threshold):
    decisions = decide_all(make_decider(threshold=threshold, **rules, **BARE), frames)
    for index, decision in enumerate(decisions):
        assert 0.0 <= decision.score <= 1.0
        if decision.label != UNKNOWN:
            column = LABELS.index(decision.label)
            seen = frames[: index + 1]
            assert has_evidence(EvidenceSpec(**rules), column, threshold, seen)


@few
@given(rules(), st.lists(any_scores, max_size=30), st.floats(0.01, 1))
def test_unknown_only_without_the_evidence(rules, frames, threshold):
    decisions = decide_all(make_decider(threshold=threshold, **rules, **BARE), frames)
    for index, decision in enumerate(decisions):
        scores = frames[index]
        if decision.label == UNKNOWN and is_valid(scores):
            exact = [row for row in frames[: index + 1] if is_valid(row)][-rules["window"] :]
            if any(len(set(row)) < len(row) for row in exact):
                continue  # equals: only one of them wins
            spec, seen = EvidenceSpec(**rules), frames[: index + 1]
            enough = rules["enough"] + 0.01 * rules["window"]
            for column in range(len(LABELS)):
                if rules["rule"] == "mean":
                    assert not has_evidence(spec, column, threshold + 2e-3, seen)
                else:
                    assert not has_evidence(spec, column, threshold, seen, enough=enough)


@few
@given(steadied_rules(), st.lists(any_scores, max_size=40), st.floats(0, 1))
def test_a_label_was_never_believed_without_having_had_the_evidence(rules, frames, threshold):
    """With dwell, hysteresis and cool-down a label needs the evidence when it is first believed."""
    decisions = decide_all(make_decider(threshold=threshold, **rules), frames)
    spec = EvidenceSpec(**rules)
    before = UNKNOWN
    for index, decision in enumerate(decisions):
        if not is_valid(frames[index]):
            assert decision.label == UNKNOWN  # for this frame; the belief goes on
            continue
        if decision.label not in (UNKNOWN, before):
            column = LABELS.index(decision.label)
            assert has_evidence(spec, column, threshold, frames[: index + 1])
        before = decision.label


@few
@given(steadied_rules(), st.lists(any_scores, max_size=30))
def test_the_same_frames_give_the_same_decisions(rules, frames):
    first, second = (decide_all(make_decider(**rules), frames) for _ in range(2))
    assert first == second


@few
@given(steadied_rules(), st.lists(any_scores, max_size=30), st.data())
def test_invalid_frames_change_nothing_on_the_others(rules, frames, data):
    """Dropped means that a run without these frames decides the same on all others."""
    steps = [(0.1 * index, scores) for index, scores in enumerate(frames)]
    noisy = decide_at(make_decider(**rules), steps)
    clean = decide_at(make_decider(**rules), [step for step in steps if is_valid(step[1])])
    kept = [decision for decision, step in zip(noisy, steps, strict=True) if is_valid(step[1])]
    gaps = [b.time_seconds - a.time_seconds for a, b in itertools.pairwise(clean)]
    if max(gaps, default=0.0) <= 1.9:  # a longer gap without a valid frame is one of frames
        assert [item.label for item in kept] == [item.label for item in clean]


@few
@given(
    rules(),
    st.integers(0, len(LABELS) - 1),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.5, 1.5]),
)
def test_one_score_that_is_none_makes_no_decision_wherever_it_stands(rules, place, wrong):
    """On frames that would be the best of evidence without it."""
    scores = [0.9, 0.05, 0.05]
    scores[place] = wrong
    decider = make_decider(threshold=0.5, **rules, **BARE)
    decisions = decide_all(decider, [scores] * 10)
    assert {decision.label for decision in decisions} == {UNKNOWN}
    assert decider.invalid_predictions == 10


@few
@given(
    st.floats(0.1, 5.0), st.lists(st.sampled_from([(0.9, 0.1, 0.0), (0.1, 0.0, 0.9)]), max_size=80)
)
def test_a_label_is_not_believed_again_before_its_cool_down_is_over(cooldown_seconds, frames):
    decider = make_decider(
        votes=1, window=1, leave_seconds=0, hysteresis=0, cooldown_seconds=cooldown_seconds
    )
    left: dict[str, float] = {}
    before = UNKNOWN
    for decision in decide_all(decider, frames):
        if decision.label != before:
            if decision.label in left and decision.label != UNKNOWN:
                passed = decision.time_seconds - left[decision.label]
                assert passed >= cooldown_seconds - 1e-6
            left[before] = decision.time_seconds
        before = decision.label


@few
@given(steadied_rules(), st.integers(1, 12), st.floats(2.01, 100.0))
def test_after_a_gap_nothing_seen_before_counts(rules, frames, gap_seconds):
    """The frames after it are decided as by a decider that has seen none before."""
    rules["cooldown_seconds"] = 0.0  # which outlives a gap
    late = [(100.0 + gap_seconds + 0.1 * index, (0.9, 0.1, 0.0)) for index in range(5)]
    early = [(100.0 - 0.1 * index, (0.9, 0.1, 0.0)) for index in reversed(range(frames))]
    resumed = decide_at(make_decider(**rules), [*early, *late])[frames:]
    anew = decide_at(make_decider(**rules), late)
    assert [item.label for item in resumed] == [item.label for item in anew]


def frame_times(rate_hz, jitter, *, begin, seconds, seed):
    """Times of frames that come late by up to `jitter` of their period."""
    random_number = random.Random(seed)
    count = int((seconds - begin) * rate_hz)
    return [begin + (index + jitter * random_number.random()) / rate_hz for index in range(count)]


def changes_of(decisions):
    pairs = zip([None, *decisions], decisions, strict=False)
    return [
        (after.label, after.time_seconds)
        for before, after in pairs
        if before is None or before.label != after.label
    ]


@pytest.mark.parametrize("rule", RULES)
@few
@given(
    rates=st.tuples(st.floats(10, 60), st.floats(10, 60)),
    jitters=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    begin=st.floats(0, 0.1),
    stay=st.floats(3, 5),
)
@example(rates=(10.0, 10.0), jitters=(0.5, 0.0), seeds=(65, 0), begin=0.0, stay=3.75)
def test_the_rate_of_the_frames_shifts_a_decision_by_no_more_than_the_bound(
    rule, rates, jitters, seeds, begin, stay
):
    """A cat comes at 3 s and goes after `stay`; the scores say so at once.

    The bound of docs/decisions.md: a period and three of the longest intervals between frames.
    """
    spec = EvidenceSpec(rule=rule)
    longest = []
    runs = []
    for rate_hz, jitter, seed, start in zip(rates, jitters, seeds, (0.0, begin), strict=True):
        times = frame_times(rate_hz, jitter, begin=start, seconds=12, seed=seed)
        longest += [b - a for a, b in itertools.pairwise(times)]
        rows = [(0.9, 0.0, 0.1) if 3 <= t < 3 + stay else (0.0, 0.1, 0.9) for t in times]
        decider = make_decider(rule=rule, enter_seconds=0.2)
        begun, *changes = changes_of(decide_at(decider, zip(times, rows, strict=True)))
        # where "consecutive" takes a label for gone, none may have the evidence for a vote
        runs.append([begun, *(change for change in changes if change[0] != UNKNOWN)])
    bound = max(spec.period_seconds, max(longest)) + 3 * max(longest)
    first, second = runs
    assert [label for label, _ in first] == [UNKNOWN, "none", "cat", "none"]
    assert [label for label, _ in second] == [label for label, _ in first]
    for (_, one), (_, other) in zip(first[1:], second[1:], strict=True):
        assert abs(one - other) <= bound + begin


@few
@given(st.floats(1.5, 10), st.floats(0, 1), st.integers(0, 99))
def test_slower_frames_are_a_vote_each(rate_hz, jitter, seed):
    """Wherever frames are a period apart, no vote is lost: three frames make a decision."""
    random_number = random.Random(seed)
    times = [0.0]
    for _ in range(2):
        times.append(times[-1] + max(0.1, (1 + jitter * random_number.random()) / rate_hz))
    if times[-1] <= EvidenceSpec().longest_gap_seconds:
        decisions = decide_at(make_decider(), [(seconds, (0.9, 0.1, 0.0)) for seconds in times])
        assert [decision.label for decision in decisions] == [UNKNOWN, UNKNOWN, "cat"]


@few
@given(st.lists(st.floats(0, 0.3), min_size=3, max_size=60), st.integers(2, 5))
def test_votes_are_a_period_apart_on_average(gaps, votes):
    """However the frames come, `votes` votes take at least `votes - 2` periods."""
    times = [sum(gaps[:index]) for index in range(len(gaps))]
    decider = make_decider(votes=votes)
    decisions = decide_at(decider, [(seconds, (0.9, 0.1, 0.0)) for seconds in times])
    decided = [decision.time_seconds for decision in decisions if decision.label == "cat"]
    if decided:
        assert decided[0] >= (votes - 2) * 0.1 - 1e-6


@pytest.mark.parametrize(("rule", "rate_hz"), [("k-of-n", 30), *((rule, 10) for rule in RULES)])
@pytest.mark.parametrize("kind", ["alternating", "random", "slow"])
@pytest.mark.parametrize("threshold", [0.5, 0.45])
def test_flicker_for_ten_minutes_changes_the_decision_at_most_six_times_a_minute(
    rule, rate_hz, kind, threshold
):
    """0.49 and 0.51 of cat, the rest of none: around the threshold and around each other."""
    random_number = random.Random(5)
    seconds = [index / rate_hz for index in range(int(600 * rate_hz))]
    is_high = {
        "alternating": lambda index: index % 2 == 0,
        "random": lambda index: random_number.random() < 0.5,
        "slow": lambda index: seconds[index] % 4 < 2,
    }[kind]
    cat = [0.51 if is_high(index) else 0.49 for index in range(len(seconds))]
    rows = [(score, 0.0, 1 - score) for score in cat]
    decider = make_decider(rule=rule, threshold=threshold)
    changes = changes_of(decide_at(decider, zip(seconds, rows, strict=True)))
    in_minute = [0] * 10
    for _, changed_seconds in changes:
        in_minute[int(changed_seconds // 60)] += 1
    assert max(in_minute) <= 6
