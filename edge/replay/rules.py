"""Rules of decision played on what was recorded: pure, and as often as wanted."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from edge.decision import Decider
from edge.events import EventTracker
from edge.evidence import EvidenceSpec
from edge.records import Event
from edge.replay.expectations import Expectation
from edge.replay.recording import Recording
from edge.replay.scoring import Counts, count_findings, score_clip

BACKGROUND = ("none",)
"""Labels whose presence is no event."""

_EARLY_SECONDS = 1e-6  # sums of times are not exact


@dataclass(frozen=True, slots=True)
class Rules:
    """How predictions become decisions.

    Attributes:
        thresholds: Pairs of a label and its score, one for each label of the model, in its order.
        evidence: How much must be seen of a label.
    """

    thresholds: tuple[tuple[str, float], ...]
    evidence: EvidenceSpec

    def options(self, base: "Rules") -> str:
        """Write what makes `edge run` follow these rules, where it would follow `base`.

        Example:
            >>> base = Rules((("cat", 0.8), ("none", 0.5)), EvidenceSpec())
            >>> Rules((("cat", 0.7), ("none", 0.5)), EvidenceSpec(votes=2)).options(base)
            '--threshold cat=0.7 --evidence "votes=2"'
        """
        known = dict(base.thresholds)
        words = [
            f"--threshold {_quote(f'{label}={score:.4g}')}"
            for label, score in self.thresholds
            if known.get(label) != score
        ]
        settings = " ".join(_differences(self.evidence, base.evidence))
        return " ".join([*words, *([f'--evidence "{settings}"'] if settings else [])])

    def count_changes(self, base: "Rules") -> int:
        """Count the settings that differ."""
        thresholds = sum(a != b for a, b in zip(self.thresholds, base.thresholds, strict=True))
        return thresholds + len(_differences(self.evidence, base.evidence))


def replay_rules(
    recording: Recording, rules: Rules, *, background: Collection[str] = BACKGROUND
) -> tuple[Event, ...]:
    """Decide on a recording anew and return the appearances, as `edge.watcher.Watcher` does it.

    Args:
        recording: What was seen; its own events are not looked at.
        rules: How to decide.
        background: Labels whose presence is no event.
    """
    labels = [label for label, _ in rules.thresholds]
    decider = Decider(labels, thresholds=dict(rules.thresholds), evidence=rules.evidence)
    tracker = EventTracker(background)
    events: list[Event] = []
    for sight in recording.sights:
        frame, prediction = sight.frame, sight.prediction
        if sight.is_resting:
            decider.rest(frame)
            events += tracker.rest(frame.time_seconds)
            continue
        if prediction is None:
            decision = decider.withhold(frame, sight.picture, now_seconds=0.0)
        else:
            decision = decider.decide(frame, prediction, now_seconds=0.0)
        events += tracker.update(decision, prediction)
    events += tracker.finish()
    return tuple(event for event in events if event.end_seconds is not None)


def thin_recording(recording: Recording, *, period_seconds: float) -> Recording:
    """Leave out the frames that are no vote, so that a search is quicker.

    What is decided on the rest is decided at the same votes; an appearance may start or end later
    by up to a period, because dwell ends between them.

    Args:
        recording: What was seen.
        period_seconds: `EvidenceSpec.period_seconds`; 0 leaves everything in.

    Example:
        >>> from edge.records import Picture
        >>> from edge.replay.recording import Sight
        >>> from edge.testing import blank_frame
        >>> sights = tuple(
        ...     Sight(blank_frame(index), Picture.LIVE, None, True) for index in range(9))
        >>> thin = thin_recording(Recording("a.mp4", 0.3, sights, ()), period_seconds=0.1)
        >>> [sight.frame.index for sight in thin.sights]
        [0, 3, 6]
    """
    kept = []
    due_seconds, before = -math.inf, None
    for sight in recording.sights:
        state = (sight.picture, sight.is_resting, sight.prediction is None)
        now_seconds = sight.frame.time_seconds
        if now_seconds < due_seconds - _EARLY_SECONDS and state == before:
            continue
        is_late = now_seconds >= due_seconds + period_seconds or state != before
        due_seconds = (now_seconds if is_late else due_seconds) + period_seconds
        before = state
        kept.append(sight)
    return replace(recording, sights=tuple(kept))


def judge_rules(
    recordings: Sequence[Recording],
    expectations: Mapping[str, Sequence[Expectation]],
    rules: Rules,
    *,
    background: Collection[str] = BACKGROUND,
) -> tuple[Counts, ...]:
    """Count the mistakes of rules, for each recording.

    Args:
        recordings: What was seen.
        expectations: What was to be seen, by clip.
        rules: How to decide.
        background: Labels whose presence is no event.
    """
    counts = []
    for recording in recordings:
        events = replay_rules(recording, rules, background=background)
        rows = expectations.get(recording.clip, ())
        findings = score_clip(recording.clip, events, rows, seconds=recording.seconds)
        counts.append(count_findings(findings, seconds=recording.seconds))
    return tuple(counts)


def _differences(evidence: EvidenceSpec, base: EvidenceSpec) -> list[str]:
    names = [field.name for field in fields(EvidenceSpec)]
    written = dict(word.split("=", 1) for word in str(evidence).split())
    return [
        f"{name}={written[name]}"
        for name in names
        if getattr(evidence, name) != getattr(base, name)
    ]


def _quote(text: str) -> str:
    return text if all(letter.isalnum() or letter in "=._-" for letter in text) else f'"{text}"'
