"""The one JSON form of an occurrence, that brokers, webhooks and files get."""

from datetime import UTC, datetime

from edge.occurrence import Occurrence

_DIGITS = 4


def describe(occurrence: Occurrence, place: str) -> dict[str, object]:
    """Put an occurrence into what `json.dumps` takes; the snapshot is left to the caller.

    Args:
        occurrence: That a rule has fired.
        place: Name of the installation.

    Returns:
        `event_id`, `place`, `rule`, `label`, `score`, `scores`, `evidence`, `time` (UTC, ISO
        8601, milliseconds), `unix_seconds`, `monotonic_seconds`, `boot_id`, `is_clock_trusted`
        and `model_sha256`; scores have four digits.

    Example:
        >>> from edge.occurrence import Instant
        >>> at = Instant(1_800_000_000.25, 12.5, "boot", is_trusted=True)
        >>> scores = {"cat": 0.98765, "none": 0.01235}
        >>> occurrence = Occurrence("0" * 32, "let in", "cat", 0.98765, scores, "3 of 5", at, "ab")
        >>> told = describe(occurrence, "porch")
        >>> told["time"], told["label"], told["score"]
        ('2027-01-15T08:00:00.250Z', 'cat', 0.9877)
    """
    at = occurrence.at
    return {
        "event_id": occurrence.event_id,
        "place": place,
        "rule": occurrence.rule,
        "label": occurrence.label,
        "score": round(occurrence.score, _DIGITS),
        "scores": {label: round(score, _DIGITS) for label, score in occurrence.scores.items()},
        "evidence": occurrence.evidence,
        "time": utc_text(at.wall_seconds),
        "unix_seconds": round(at.wall_seconds, 3),
        "monotonic_seconds": round(at.monotonic_seconds, 3),
        "boot_id": at.boot_id,
        "is_clock_trusted": at.is_trusted,
        "model_sha256": occurrence.model_sha256,
    }


def utc_text(wall_seconds: float) -> str:
    """Write a Unix time as ISO 8601 in UTC, to the millisecond.

    Example:
        >>> utc_text(0.0)
        '1970-01-01T00:00:00.000Z'
    """
    text = datetime.fromtimestamp(wall_seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
