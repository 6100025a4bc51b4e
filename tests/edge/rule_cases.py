"""A rule book with clocks that a test moves, and looks made of few words."""

from datetime import UTC, datetime

import numpy as np

from edge.records import UNKNOWN, Decision, Look, Picture, Prediction
from edge.rules import RuleBook, RuleSpec
from edge.testing import ManualClock, ManualWallClock, blank_frame

LABELS = ("cat", "dog", "none")
NOON = 1_781_524_800.0


def look_at(seconds, label, *, score=0.9, dog=0.0, picture=Picture.LIVE, reason="", row=None):
    """Make a look at a time of the source, decided for a label."""
    frame = blank_frame(round(seconds * 30), time_seconds=seconds)
    scores = np.array((score, dog, 0.0) if row is None else row, np.float32)
    seen = Prediction(label, score, scores, label, inference_ms=1.0)
    decision = Decision(label, score, frame.index, seconds, 5.0, picture)
    return Look(picture, frame, seen, decision, reason=reason)


def rest_at(seconds):
    """Make a look at a frame in which nothing moves."""
    frame = blank_frame(round(seconds * 30), time_seconds=seconds)
    return Look(Picture.LIVE, frame, is_resting=True)


class Door:
    """A rule book, and clocks that go with the source unless a test moves them."""

    def __init__(self, *specs, labels=LABELS, **settings):
        self.clock = ManualClock(1000.0)
        self.wall = ManualWallClock(self.clock, offset_seconds=NOON - 1000.0)
        settings = {"local": lambda seconds: datetime.fromtimestamp(seconds, UTC)} | settings
        self.book = RuleBook(specs, labels=labels, **settings)

    def see(self, seconds, label=UNKNOWN, **seen):
        """Let the rules see something; return what came of it, as words."""
        return self.take(look_at(seconds, label, **seen), seconds)

    def rest(self, seconds):
        """Let nothing move."""
        return self.take(rest_at(seconds), seconds)

    def take(self, look, seconds):
        """Let the rules see a look."""
        self.clock.advance(1000.0 + seconds - self.clock.monotonic())
        verdicts = self.book.update(look, self.wall.now())
        return [f"{verdict.rule.name}: {verdict.result}" for verdict in verdicts]


_EVERY_TIME = {"labels": ("cat",), "at_most_every_seconds": 0.0, "veto_score": 0.5}


def rule(name="in", **fields):
    """Make a rule for cats without a limit, unless the fields say otherwise."""
    return RuleSpec(name, **(_EVERY_TIME | fields))
