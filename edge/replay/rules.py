"""Rules of decision played on what was recorded: pure, and as often as wanted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from edge.decision import Decider
from edge.events import EventTracker
from edge.evidence import EvidenceSpec
from edge.records import Event, Picture
from edge.replay.expectations import Expectation
from edge.replay.playback import watch_recording
from edge.replay.recording import Recording, Sight
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
    """Decide on a recording anew and return the appearances, each once, in order.

    Args:
        recording: What was seen.
        rules: How to decide.
        background: Labels whose presence is no event.
    """
    labels = [label for label, _ in rules.thresholds]
    decider = Decider(labels, thresholds=dict(rules.thresholds), evidence=rules.evidence)
    return watch_recording(recording, decider, EventTracker(background))


def thin_recording(recording: Recording, *, period_seconds: float) -> Recording:
    """Leave out the frames that are a vote under no rules, so that a search is quicker.

    Whether the model may rest depends on the rules, and after a rest votes are due from another
    frame on: what is due in either case is kept, and so are the frames on both sides of every
    change. An appearance may still start or end later by up to a period, because dwell ends
    between votes.

    Args:
        recording: What was seen.
        period_seconds: `EvidenceSpec.period_seconds`; 0 leaves everything in.

    Example:
        >>> from edge.records import Picture
        >>> from edge.replay.recording import Sight
        >>> from edge.testing import blank_frame, prediction
        >>> sights = tuple(
        ...     Sight(blank_frame(index), Picture.LIVE, prediction({"cat": 1.0}))
        ...     for index in range(9))
        >>> thin = thin_recording(Recording("a.mp4", 0.3, sights), period_seconds=0.1)
        >>> [sight.frame.index for sight in thin.sights]
        [0, 3, 6]
    """
    kept: list[Sight] = []
    due = _Due(period_seconds)
    before: Sight | None = None
    for sight in recording.sights:
        has_changed = before is None or _state(sight) != _state(before)
        if has_changed and before is not None and kept[-1] is not before:
            kept.append(before)
        if due.is_due(sight, has_changed=has_changed) or has_changed:
            kept.append(sight)
        before = sight
    return replace(recording, sights=tuple(kept))


class _Due:
    """Says which frames are votes, as `edge.voting.Votes` does, if the model rests and if not."""

    def __init__(self, period_seconds: float) -> None:
        self._period_seconds = period_seconds
        self._times: set[float] = set()

    def is_due(self, sight: Sight, *, has_changed: bool) -> bool:
        now_seconds = sight.frame.time_seconds
        if sight.picture is not Picture.LIVE:
            self._times.clear()  # and so are the votes
        if has_changed and not sight.is_still:
            self._times.add(now_seconds)
        times = {self._next(time_seconds, now_seconds) for time_seconds in self._times}
        is_due = times != self._times
        self._times = times
        return is_due

    def _next(self, due_seconds: float, now_seconds: float) -> float:
        if now_seconds < due_seconds - _EARLY_SECONDS:
            return due_seconds
        is_late = now_seconds >= due_seconds + self._period_seconds
        return round((now_seconds if is_late else due_seconds) + self._period_seconds, 9)


def _state(sight: Sight) -> tuple[Picture, bool]:
    return sight.picture, sight.is_still


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
