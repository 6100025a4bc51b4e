import math
from dataclasses import replace

import numpy as np
import pytest
from rule_cases import LABELS, NOON, Door, look_at, rest_at, rule

from edge.errors import SettingError
from edge.records import UNKNOWN, Look, Picture, Prediction
from edge.rules import RuleBook, RuleSpec
from edge.testing import blank_frame

FIRED = ["in: fired"]


def test_rule_fires_once_per_appearance():
    door = Door(rule())
    assert door.see(0.0, "cat") == FIRED
    assert door.see(0.5, "cat") == []
    assert door.see(1.0) == []
    assert door.see(2.0, "cat") == []  # flicker: it was away for less than two seconds
    assert door.see(2.5) == []
    assert door.see(4.0, "cat") == FIRED  # another appearance


def test_rule_fires_as_often_as_allowed_while_it_is_present():
    door = Door(rule(when="present", at_most_every_seconds=10.0))
    told = {second: door.see(float(second), "cat") for second in range(25)}
    assert {second for second, words in told.items() if words} == {0, 10, 20}
    assert told[10] == told[20] == FIRED


def test_verdict_tells_what_was_seen():
    door = Door(spec := rule())
    [verdict] = door.book.update(look_at(0.0, "cat", score=0.75), door.wall.now())
    assert (verdict.rule, verdict.label, verdict.score) == (spec, "cat", 0.75)


# fields of the rule, what is seen, whether it fires
SIGHTS = [
    ({}, {"label": "cat"}, True),
    ({}, {"label": "dog"}, False),  # another label
    ({}, {"label": UNKNOWN}, False),
    ({"labels": ("cat", "dog")}, {"label": "dog"}, True),  # one of two
    ({"min_score": 0.9}, {"label": "cat", "score": 0.9}, True),
    ({"min_score": 0.9}, {"label": "cat", "score": 0.89}, False),
    ({}, {"label": "cat", "score": math.nan}, False),
    ({}, {"label": "cat", "score": math.inf}, False),
    ({}, {"label": "cat", "score": -0.1}, False),
    ({}, {"label": "cat", "score": 1.0005}, True),  # the smallest step of a quantized model
    ({}, {"label": "cat", "reason": "the frame is 2.0 s old"}, False),
    *[
        ({}, {"label": "cat", "picture": picture}, False)
        for picture in Picture
        if picture is not Picture.LIVE
    ],
]


@pytest.mark.parametrize(("fields", "seen", "fires"), SIGHTS)
def test_rule_fires_on_a_sound_decision_for_its_label(fields, seen, fires):
    assert Door(rule(**fields)).see(0.0, **seen) == (FIRED if fires else [])


def test_rule_fires_on_no_look_without_a_prediction_or_a_decision():
    door = Door(rule())
    whole = look_at(0.0, "cat")
    assert door.take(Look(Picture.LIVE, whole.frame, None, whole.decision), 0.0) == []
    assert door.take(Look(Picture.LIVE, whole.frame, whole.prediction), 0.1) == []
    assert door.take(Look(Picture.OFFLINE, reason="unplugged"), 0.2) == []
    assert door.take(Look(Picture.LIVE), 0.3) == []  # the last one of a run


def test_rule_believes_whoever_says_that_the_picture_is_not_live():
    door = Door(rule())
    look = look_at(0.0, "cat")
    assert door.take(replace(look, picture=Picture.FROZEN), 0.0) == []
    frozen = replace(look.decision, picture=Picture.FROZEN)
    assert door.take(replace(look, decision=frozen), 0.1) == []


def test_newest_frame_must_give_the_label_too():
    door = Door(rule())
    look = look_at(0.0, "cat")  # believed by the frames before it
    assert door.take(replace(look, prediction=replace(look.prediction, top_label="dog")), 0.0) == []
    assert door.see(0.1, "cat") == FIRED


def test_rule_waits_until_the_label_is_believed_for_long_enough():
    door = Door(rule(min_seconds=0.3))
    told = [door.see(tenth / 10, "cat") for tenth in range(4)]
    assert told == [[], [], [], FIRED]


# what is between two decisions for the label
GAPS = [
    {"label": UNKNOWN},
    {"label": "dog"},
    {"label": "cat", "picture": Picture.DARK},
    {"label": "cat", "reason": "the frame is 2.0 s old"},
]


@pytest.mark.parametrize("seen", GAPS)
def test_a_gap_begins_the_wait_anew(seen):
    door = Door(rule(min_seconds=0.5))
    assert door.see(0.0, "cat") == []
    assert door.see(0.4, **seen) == []
    assert door.see(0.5, "cat") == []
    assert door.see(0.9, "cat") == []
    assert door.see(1.0, "cat") == FIRED


def test_an_appearance_outlives_another_label_for_a_moment():
    door = Door(rule("in"), rule("dogs", labels=("dog",)))
    assert door.see(0.0, "cat") == FIRED
    assert door.see(0.5, "dog") == ["dogs: fired"]
    assert door.see(1.0, "cat") == []
    assert door.see(1.5, "dog") == []


def test_a_source_that_begins_anew_or_skips_time_begins_another_appearance():
    door = Door(rule(min_seconds=0.5))
    assert door.see(7.0, "cat") == []
    assert door.see(0.0, "cat") == []  # a recording in a loop
    assert door.see(0.5, "cat") == FIRED
    assert door.see(9.0, "cat") == []  # no frames in between
    assert door.see(9.5, "cat") == FIRED


def test_rest_goes_on_with_what_was_seen():
    door = Door(rule(min_seconds=0.5))
    assert door.see(0.0, "cat") == []
    assert door.rest(1.5) == []  # a rest is no decision
    assert door.see(3.0, "cat") == FIRED
    assert door.rest(4.5) == []
    assert door.see(6.0, "cat") == []  # still the same appearance


def test_a_rest_that_skips_time_goes_on_with_nothing():
    door = Door(rule(min_seconds=0.5))
    door.see(0.0, "cat")
    door.rest(9.0)
    assert door.see(9.1, "cat") == []
    assert door.see(9.6, "cat") == FIRED


def test_a_rest_of_a_source_that_begins_anew_is_a_gap():
    door = Door(rule(min_seconds=0.5))
    door.see(7.0, "cat")
    door.rest(5.0)
    assert door.see(7.5, "cat") == []
    assert door.see(8.0, "cat") == FIRED


def test_a_rest_on_a_picture_that_is_not_live_is_a_gap():
    door = Door(rule(min_seconds=0.5))
    door.see(0.0, "cat")
    door.take(replace(rest_at(0.3), picture=Picture.DARK), 0.3)
    assert door.see(0.5, "cat") == []
    assert door.see(1.0, "cat") == FIRED


def test_rest_without_anything_believed_is_nothing():
    door = Door(rule())
    assert door.rest(0.0) == []
    assert door.see(0.1, "cat") == FIRED


def test_rule_that_comes_too_soon_says_so_once_and_fires_once_it_may():
    door = Door(rule(at_most_every_seconds=10.0))
    assert door.see(0.0, "cat") == FIRED
    door.see(3.0)
    assert door.see(6.0, "cat") == ["in: too soon"]
    assert [door.see(6.0 + tenth / 10, "cat") for tenth in range(1, 40)] == [[]] * 39
    assert door.see(10.0, "cat") == FIRED


def test_limit_is_that_of_the_monotonic_clock():
    door = Door(rule(at_most_every_seconds=10.0))
    assert door.see(0.0, "cat") == FIRED
    door.wall.offset_seconds += 3600.0
    assert door.see(5.0, "cat") == ["in: too soon"]
    door.wall.offset_seconds -= 400 * 86_400.0
    assert door.see(6.0, "cat") == []
    door.see(8.0)
    assert door.see(10.0, "cat") == FIRED


# what is seen of the dog
DOGS = [
    {"label": "dog"},  # it is decided
    {"label": "dog", "dog": 0.0},  # by what was seen before
    {"label": UNKNOWN, "dog": 0.5},  # in one frame
    {"label": "cat", "dog": 0.5},  # beside the cat
    {"label": UNKNOWN, "dog": 0.9, "reason": "the frame is 1.2 s old"},  # even in an old frame
    {"label": UNKNOWN, "row": (0.0, math.inf, 0.0)},  # an impossible score is on the safe side
]


@pytest.mark.parametrize("seen", DOGS)
def test_veto_keeps_a_rule_from_firing(seen):
    door = Door(rule(vetoed_by=("dog",), veto_seconds=60.0))
    assert door.see(0.0, **seen) in ([], ["in: vetoed"])
    assert door.book.vetoed(door.wall.now()) == {"in"}
    assert door.see(30.0, "cat") == ["in: vetoed"]
    assert door.see(31.0, "cat") == []  # told once
    assert door.see(59.9, "cat") in ([], ["in: vetoed"])
    assert door.see(60.0, "cat") == FIRED
    assert door.book.vetoed(door.wall.now()) == set()


def test_veto_counts_from_its_score_as_the_model_writes_it():
    assert float(np.float32(0.7)) < 0.7
    door = Door(rule(vetoed_by=("dog",), veto_score=0.7))
    assert door.see(0.0, "cat", dog=0.7) == ["in: vetoed"]


def test_veto_of_a_decision_needs_no_prediction():
    door = Door(rule(vetoed_by=("dog",)))
    door.take(replace(look_at(0.0, "dog"), prediction=None), 0.0)
    assert door.see(1.0, "cat") == ["in: vetoed"]


# what is seen, and is no dog
NO_DOGS = [
    {"label": UNKNOWN, "dog": 0.49},
    {"label": UNKNOWN, "row": (0.0, math.nan, 0.0)},
    {"label": UNKNOWN, "row": (0.0, 0.9)},  # it fits no labels
    {"label": UNKNOWN, "row": ()},
]


@pytest.mark.parametrize("seen", NO_DOGS)
def test_what_is_no_dog_is_no_veto(seen):
    door = Door(rule(vetoed_by=("dog",)))
    assert door.see(0.0, **seen) == []
    assert door.see(0.1, "cat") == FIRED


def test_veto_is_renewed_while_it_is_in_view_and_nothing_moves():
    door = Door(rule(vetoed_by=("dog",), veto_seconds=5.0))
    door.see(0.0, "dog", dog=0.9)
    for second in range(1, 20):
        door.rest(float(second))
    assert door.see(20.0, "cat") == ["in: vetoed"]
    door.rest(21.0)  # the dog is gone: a rest renews nothing
    assert door.see(24.0, "cat") == FIRED


def block(door, times, *, start=0.0, step=4.0, **seen):
    """Let a cat appear again and again; return what came of it."""
    return [door.see(start + step * number, "cat", **seen) for number in range(times)]


def test_rule_that_a_veto_holds_back_ten_times_in_a_row_is_suspect():
    door = Door(rule(vetoed_by=("dog",), veto_seconds=5.0), rule("other"))
    assert block(door, 9, dog=0.9) == [["in: vetoed", "other: fired"]] * 9
    assert door.book.suspect() == set()
    block(door, 30, start=36.0, dog=0.9)
    assert door.book.suspect() == {"in"}
    assert door.see(200.0, "cat") == ["in: fired", "other: fired"]
    assert door.book.suspect() == set()
    block(door, 9, start=300.0, dog=0.9)
    assert door.book.suspect() == set()


def test_rule_that_flaps_within_its_limit_is_suspect():
    door = Door(rule(at_most_every_seconds=45.0))
    assert block(door, 11) == [FIRED, *[["in: too soon"]] * 10]
    assert door.book.suspect() == {"in"}


@pytest.mark.parametrize(
    "fields",
    [
        {"at_most_every_seconds": 3600.0},  # a limit that long is meant to hold back
        {"hours": "00:00-00:01"},  # at night a cat may come as often as it likes
    ],
)
def test_rule_that_is_held_back_as_it_is_meant_to_be_is_not_suspect(fields):
    door = Door(rule(**fields))
    block(door, 40)
    assert door.book.suspect() == set()


def test_one_appearance_is_one_block_however_long_it_lasts():
    door = Door(rule(vetoed_by=("dog",), veto_seconds=5.0, at_most_every_seconds=60.0))
    door.see(0.0, "cat")
    block(door, 300, start=10.0, step=0.1, dog=0.9)
    assert block(door, 30, start=40.0, step=0.5) == [
        *[[]] * 10, ["in: too soon"], *[[]] * 19
    ]  # fmt: skip
    assert door.book.suspect() == set()


def test_veto_ends_though_the_picture_is_gone():
    door = Door(rule(vetoed_by=("dog",), veto_seconds=5.0))
    door.see(0.0, "dog", dog=0.9)
    for second in range(1, 6):
        door.take(Look(Picture.OFFLINE, reason="unplugged"), float(second))
    assert door.book.vetoed(door.wall.now()) == set()


def test_veto_of_a_dog_that_shows_again_while_the_cat_is_believed():
    door = Door(rule(vetoed_by=("dog",), veto_seconds=5.0, when="present"))
    assert door.see(0.0, "cat") == FIRED
    assert door.see(0.1, "cat", dog=0.6) == ["in: vetoed"]
    assert door.see(1.0, "cat") == []


def test_rules_know_nothing_of_each_other():
    door = Door(
        rule("in", vetoed_by=("dog",)),
        rule("tell", labels=("cat", "dog")),
        rule("log", at_most_every_seconds=10.0),
    )
    assert door.see(0.0, "dog", dog=0.9) == ["tell: fired"]
    assert door.see(1.0, "cat") == ["in: vetoed", "tell: fired", "log: fired"]
    door.see(2.0)
    assert door.see(4.0, "cat") == ["in: vetoed", "tell: fired", "log: too soon"]


def test_a_rule_acts_in_its_hours():
    door = Door(rule(hours="14:00-15:00"))  # it is noon
    assert door.see(0.0, "cat") == ["in: outside hours"]
    assert door.see(0.1, "cat") == []
    door.wall.offset_seconds += 2 * 3600.0
    assert door.see(0.2, "cat") == FIRED


def test_a_rule_acts_on_its_days():
    door = Door(rule("monday", days=("mon",)), rule("other", days=("tue", "sun")))
    assert door.see(0.0, "cat") == ["monday: fired", "other: outside hours"]


def test_a_clock_that_is_not_trusted_opens_no_hours():
    door = Door(rule("by day", hours="06:00-22:00"), rule("ever", hours="00:00-24:00"))
    door.wall.is_trusted = False
    assert door.see(0.0, "cat") == ["by day: clock not trusted", "ever: fired"]
    assert door.see(0.1, "cat") == []
    door.wall.is_trusted = True
    assert door.see(0.2, "cat") == ["by day: fired"]


@pytest.mark.parametrize("wall_seconds", [1e18, -1e18, math.inf, math.nan])
def test_a_year_that_cannot_be_is_not_trusted(wall_seconds):
    door = Door(rule(hours="06:00-22:00"))
    door.wall.offset_seconds = wall_seconds
    assert door.see(0.0, "cat") == ["in: clock not trusted"]


def test_the_veto_is_told_before_all_else():
    door = Door(rule(hours="14:00-15:00", vetoed_by=("dog",)))
    assert door.see(0.0, "cat", dog=0.9) == ["in: vetoed"]
    assert door.see(60.0, "cat") == ["in: outside hours"]


def test_rule_book_uses_local_time_unless_told_otherwise(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Etc/GMT-9")  # nine hours ahead
    time.tzset()
    try:
        book = RuleBook([rule(hours="21:00-21:01")], labels=LABELS)
        door = Door()
        assert door.wall.now().wall_seconds == NOON
        assert [one.result for one in book.update(look_at(0.0, "cat"), door.wall.now())] == [
            "fired"
        ]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_rule_of_a_model_that_gives_fewer_scores_fires_on_none_of_them():
    """The watcher decides "unknown" on such a row; the rules do not stumble over it."""
    door = Door(rule(vetoed_by=("dog",)))
    seen = Prediction("cat", 0.9, np.zeros((2, 3), np.float32), "cat", 1.0)
    assert door.take(Look(Picture.LIVE, blank_frame(), seen), 0.0) == []


# fields, what the error says
REFUSED = [
    ({"name": " "}, "name must be a line of text"),
    ({"name": "a\nb"}, "must be a line of text"),
    ({"labels": ()}, "labels must name at least one label. Received: none"),
    ({"labels": ("unknown",)}, "labels of the model, which 'unknown' is not"),
    ({"vetoed_by": ("unknown",)}, "labels of the model, which 'unknown' is not"),
    ({"vetoed_by": ("dog", "cat")}, "must name other labels than labels. Received: cat in both"),
    ({"when": "always"}, "when must be one of start, present"),
    ({"min_score": 1.1}, "min_score must be from 0 to 1. Received: 1.1. Write 1."),
    ({"min_score": math.nan}, "min_score must be from 0 to 1. Received: nan"),
    ({"min_seconds": -1.0}, "min_seconds must be from 0 to 3600"),
    ({"at_most_every_seconds": 1e9}, "at_most_every_seconds must be from 0 to 6"),
    ({"veto_score": 0.0}, "veto_score must be from 0.01 to 1"),
    ({"veto_seconds": 0.0}, "veto_seconds must be from 1 to 86400"),
    ({"hours": "6-22"}, "Hours must be written HH:MM-HH:MM"),
    ({"days": ("someday",)}, "A day must be one of mon, tue"),
]


@pytest.mark.parametrize(("fields", "text"), REFUSED)
def test_rule_spec_refuses(fields, text):
    with pytest.raises(SettingError) as caught:
        RuleSpec(**({"name": "in", "labels": ("cat",)} | fields))
    assert text in str(caught.value)


# rules, what the error says
BOOKS = [
    (
        [rule(labels=("cta",))],
        "'in' must be about labels of the model. Received: 'cta'. Write 'cat'",
    ),
    ([rule(vetoed_by=("raccoon",))], "Received: 'raccoon'. Choose from cat, dog, none"),
    ([rule(), rule()], "Each rule needs a name of its own. Received: 2 rules named 'in'. Rename"),
]


@pytest.mark.parametrize(("specs", "text"), BOOKS)
def test_rule_book_refuses(specs, text):
    with pytest.raises(SettingError) as caught:
        Door(*specs)
    assert text in str(caught.value)


@pytest.mark.parametrize("join_seconds", [0.0, -1.0, math.nan, math.inf])
def test_rule_book_refuses_a_gap_that_is_no_time(join_seconds):
    with pytest.raises(SettingError, match="must be a number of seconds above 0"):
        Door(rule(), join_seconds=join_seconds)


def test_settings_of_a_rule_check_hours_and_days_by_themselves():
    """A reader of the file tells the line of the one that is wrong."""
    fields = RuleSpec.__dataclass_fields__
    for key, wrong in (("hours", "6-22"), ("days", ("someday",))):
        limits = fields[key].metadata["edge.settings"]
        with pytest.raises(SettingError):
            limits.check(wrong)
        assert limits.check(fields[key].default) is None
