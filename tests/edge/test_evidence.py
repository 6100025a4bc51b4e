import math
from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SettingError
from edge.evidence import RULES, EvidenceSpec, decay, model_evidence, parse_evidence
from edge.manifest import DecisionSpec


def test_parse_evidence_changes_what_is_named_and_keeps_the_rest():
    base = EvidenceSpec(votes=2, enter_seconds=1.0)
    spec = parse_evidence("rule=mean window=8 leave_seconds=1", base)
    assert (spec.rule, spec.window, spec.leave_seconds) == ("mean", 8, 1.0)
    assert (spec.votes, spec.enter_seconds) == (2, 1.0)


def test_parse_evidence_of_nothing_changes_nothing():
    assert parse_evidence(" ", EvidenceSpec(votes=2)) == EvidenceSpec(votes=2)


def test_parse_evidence_takes_the_later_of_two():
    assert parse_evidence("votes=2 votes=1", EvidenceSpec()).votes == 1


def test_evidence_is_written_as_one_line():
    assert str(EvidenceSpec()) == (
        "rule=k-of-n votes=3 window=5 period_seconds=0.1 half_life_seconds=1 enough=1.5 "
        "hysteresis=0.1 enter_seconds=0 leave_seconds=0.5 cooldown_seconds=0 longest_gap_seconds=2"
    )


# (text, what the message says)
UNREADABLE = [
    ("votes", r"--evidence takes NAME=VALUE.*rule, votes, .*Received: votes\..*example votes=3"),
    ("leave=1", r"Received: leave=1\..*example leave_seconds=0\.5"),  # the nearest setting
    ("votes=2.5", r"votes of --evidence must be a whole number.*Received: 2\.5.*votes=3"),
    ("hysteresis=much", r"hysteresis of --evidence must be a number.*Received: much"),
    ("rule=best", r"rule must be one of k-of-n, consecutive, decayed-sum, mean.*Received: best"),
    ("votes=6", r"votes must be at least 1 and at most window.*Received: 6 of 5"),
    ("votes=0", r"Received: 0 of 5"),
    ("window=1001", r"window at most 1000.*Received: 3 of 1001"),
    ("hysteresis=1", r"hysteresis must be from 0 to below 1.*Received: 1"),
    ("hysteresis=nan", r"Received: nan"),
    ("leave_seconds=-1", r"leave_seconds must be a number of seconds from 0.*Received: -1"),
    ("enter_seconds=inf", r"enter_seconds must be.*Received: inf.*enter_seconds=0"),
    ("half_life_seconds=0", r"half_life_seconds must be above 0"),
    ("enough=0", r"enough must be above 0"),
    ("rule=decayed-sum enough=5", r"enough must be at most 4\.37.*Received: 5"),
    (
        "period_seconds=1.5",
        r"longest_gap_seconds must hold 3 votes, one every 1\.5 s\. Received: 2\.0",
    ),
]


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_parse_evidence_refuses(text, message):
    with pytest.raises(SettingError, match=message):
        parse_evidence(text, EvidenceSpec())


def test_what_the_messages_propose_is_accepted():
    for text, _ in UNREADABLE:
        with pytest.raises(SettingError, match="Write for example") as caught:
            parse_evidence(text, EvidenceSpec())
        proposed = caught.value.fix.removeprefix("Write for example ")
        proposed = proposed.removeprefix("--evidence ").strip('"')
        rule = "decayed-sum" if "decayed" in text else "k-of-n"
        period = 1.5 if "period" in text else 0.1
        base = EvidenceSpec(rule=rule, period_seconds=period, longest_gap_seconds=9)
        parse_evidence(proposed, base)


few = settings(max_examples=50, deadline=None)  # a busy machine is no error
seconds = st.floats(0, 10)


@st.composite
def specs(draw):
    window = draw(st.integers(1, 20))
    return EvidenceSpec(
        rule=draw(st.sampled_from(sorted(RULES))),
        window=window,
        votes=draw(st.integers(1, window)),
        period_seconds=draw(st.floats(0, 0.1)),
        half_life_seconds=draw(st.floats(0.01, 10)),
        enough=draw(st.floats(0.01, 1)),
        hysteresis=draw(st.floats(0, 0.99)),
        enter_seconds=draw(seconds),
        leave_seconds=draw(seconds),
        cooldown_seconds=draw(seconds),
        longest_gap_seconds=draw(st.floats(2, 10)),
    )


@few
@given(specs(), specs())
def test_what_is_written_reads_the_same_on_any_base(spec, base):
    assert parse_evidence(str(spec), base) == spec


@few
@given(specs(), st.sampled_from(fields(EvidenceSpec)), st.text(max_size=8))
def test_parse_evidence_raises_nothing_but_setting_errors(base, field, text):
    with suppress(SettingError):
        assert isinstance(parse_evidence(f"{field.name}={text}", base), EvidenceSpec)


@pytest.mark.parametrize(("votes", "window"), [(3, 5), (1, 1), (1000, 1000)])
def test_model_evidence_takes_every_number_that_a_manifest_may_hold(votes, window):
    spec = model_evidence(DecisionSpec({}, votes=votes, window=window))
    assert (spec.rule, spec.votes, spec.window) == ("k-of-n", votes, window)


def test_decay_halves_with_every_half_life():
    weights = decay(np.array([0.0, 0.5, 1.0]), EvidenceSpec(half_life_seconds=0.5))
    assert weights.tolist() == [1.0, 0.5, 0.25]
    assert math.isclose(float(weights.sum()), 1.75)
