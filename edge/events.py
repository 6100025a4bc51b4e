"""From decisions to events: an appearance has a start, an end, a label and a best frame.

Pure: all times are the source's own.
"""

import math
from collections.abc import Collection
from dataclasses import replace

from edge.errors import SettingError
from edge.records import UNKNOWN, Decision, Event, Prediction


class EventTracker:
    """Makes events of decisions: decisions for one label with no long gap are one appearance.

    A start is reported at once. An end is reported once the label has not been decided for
    `join_seconds`: a shorter gap belongs to the event. Two events never overlap: a decision for
    another label ends the one before at once, so cat, dog, cat are three events. Keeping a
    short error from being decided at all is the matter of the rules of evidence.

    Args:
        background: Labels whose presence is no event.
        join_seconds: Shortest gap between two events of one label.

    Raises:
        SettingError: `join_seconds` is negative or no number.

    Example:
        >>> from edge.testing import prediction
        >>> tracker = EventTracker()
        >>> cat = Decision("cat", 0.9, frame=30, time_seconds=1.0, age_ms=5.0)
        >>> [event] = tracker.update(cat, prediction({"cat": 0.95, "none": 0.05}))
        >>> event.label, event.start_seconds, event.end_seconds
        ('cat', 1.0, None)
        >>> [event] = tracker.finish()
        >>> event.end_seconds, event.frame
        (1.0, 30)
    """

    def __init__(
        self, background: Collection[str] = ("none",), *, join_seconds: float = 2.0
    ) -> None:
        if not 0.0 <= join_seconds < math.inf:
            raise SettingError(
                "The shortest gap between two events must be a number of seconds from 0",
                received=str(join_seconds),
                fix="Use for example 2 seconds",
            )
        self._background = frozenset([*background, UNKNOWN])
        self._join_seconds = join_seconds
        self._open: Event | None = None
        self._is_first = False  # whether the model named the label first in the best frame
        self._is_present = False  # whether the newest decision is for the open event's label
        self._last_seconds = -math.inf

    def update(self, decision: Decision, prediction: Prediction | None) -> tuple[Event, ...]:
        """Take in a decision and return the events that it started or ended, ended ones first.

        Args:
            decision: What is believed now.
            prediction: What the model says about the same frame; `None` if it was not asked.
        """
        changes = self._end_if_over(decision.time_seconds)
        self._is_present = decision.label not in self._background
        if not self._is_present:
            return changes
        if self._open is not None and self._open.label != decision.label:
            changes += self.finish()
        is_new = self._open is None
        self._is_present, self._last_seconds = True, decision.time_seconds
        self._open = self._with_best(decision, prediction)
        return (*changes, self._open) if is_new else changes

    def rest(self, time_seconds: float) -> tuple[Event, ...]:
        """Let time pass in which nothing moves; return the event that this ended.

        An event whose label is decided goes on; one in a gap may end.
        """
        if self._is_present:
            self._last_seconds = time_seconds
        return self._end_if_over(time_seconds)

    def finish(self) -> tuple[Event, ...]:
        """Return the event that goes on, ended by its last decision: the source has ended."""
        if self._open is None:
            return ()
        ended = replace(self._open, end_seconds=self._last_seconds)
        self._open, self._is_present = None, False
        return (ended,)

    def _end_if_over(self, time_seconds: float) -> tuple[Event, ...]:
        gap_seconds = time_seconds - self._last_seconds
        return () if 0.0 <= gap_seconds < self._join_seconds else self.finish()

    def _with_best(self, decision: Decision, prediction: Prediction | None) -> Event:
        """Return the open event, or a new one, with this frame if it is its best.

        A frame is better than another if the model names the label first, or with a higher score.
        """
        is_first = prediction is not None and prediction.top_label == decision.label
        score = prediction.score if prediction is not None and is_first else decision.score
        now_seconds = decision.time_seconds
        if self._open is None:
            self._is_first = is_first
            return Event(decision.label, now_seconds, None, score, decision.frame, now_seconds)
        if (is_first, score) <= (self._is_first, self._open.score):
            return self._open
        self._is_first = is_first
        return replace(self._open, score=score, frame=decision.frame, frame_seconds=now_seconds)
