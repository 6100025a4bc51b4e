"""What is to be seen on clips, written down by a person: the file behind `--expect`."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from edge.errors import DataError
from edge.labels import find_alike, name_some

COLUMNS = ("clip", "label", "start_seconds", "end_seconds")
_EXAMPLE = "clip,label,start_seconds,end_seconds"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One appearance on a clip, as a person saw it.

    Attributes:
        clip: Name of the file or of the folder of pictures.
        label: What appears.
        start_seconds: From when on, in the time of the clip.
        end_seconds: Until when; infinite for the end of the clip.
        line: Where it is written down, from 1.
    """

    clip: str
    label: str
    start_seconds: float
    end_seconds: float
    line: int = 0


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    column: str
    rule: str
    received: str
    fix: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.rule}, not {self.received}. {self.fix}."


def read_expectations(
    path: Path,
    *,
    labels: Sequence[str],
    clips: Sequence[str] | None = None,
    background: Sequence[str] = ("none",),
) -> tuple[Expectation, ...]:
    """Read a table of appearances, sorted by clip and time.

    Args:
        path: A CSV file, see `parse_expectations`.
        labels: Of the model.
        clips: Names that a row may have; any if `None`.
        background: Labels whose appearance is no event.

    Raises:
        DataError: It cannot be read, or rows of it are wrong; the error names all of these.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return parse_expectations(
            text, labels=labels, clips=clips, background=background, name=path
        )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            "Expectations are a CSV file in UTF-8 with the columns " + ", ".join(COLUMNS),
            received=f"{path}: {getattr(error, 'strerror', None) or error}",
            fix="Check the path and the quotes, and save the table as CSV in UTF-8",
        ) from error


def parse_expectations(
    text: str,
    *,
    labels: Sequence[str],
    clips: Sequence[str] | None = None,
    background: Sequence[str] = ("none",),
    name: Path = Path("labels.csv"),
) -> tuple[Expectation, ...]:
    r"""Read appearances, one a row; a clip without rows is one on which nothing is expected.

    Args:
        text: The table, with the header clip,label,start_seconds,end_seconds. An empty
            end_seconds is the end of the clip.
        labels: Of the model.
        clips: Names that a row may have; any if `None`.
        background: Labels whose appearance is no event.
        name: Of the file, for messages.

    Raises:
        DataError: Rows are wrong; the error names all of them.

    Example:
        >>> rows = "clip,label,start_seconds,end_seconds\na.mp4,cat,1.5,\na.mp4,dog,9,12\n"
        >>> for found in parse_expectations(rows, labels=["cat", "dog", "none"]):
        ...     print(found.label, found.start_seconds, found.end_seconds)
        cat 1.5 inf
        dog 9.0 12.0
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip() for cell in next(reader, [])]
    problems = list(_check_header(header))
    found: list[Expectation] = []
    if not problems:
        known = _Known(tuple(labels), None if clips is None else tuple(clips), tuple(background))
        for cells in reader:
            row = _read_row([cell.strip() for cell in cells], header, reader.line_num, known)
            if isinstance(row, Expectation):
                found.append(row)
            else:
                problems += row
        problems += _find_overlaps(found)
    if problems:
        _refuse(problems, name)
    return tuple(sorted(found, key=lambda row: (row.clip, row.start_seconds, row.label)))


def check_against_clips(
    expectations: Sequence[Expectation], seconds: Mapping[str, float], *, name: Path
) -> None:
    """Make sure that every appearance starts before its clip ends.

    Args:
        expectations: What was read.
        seconds: How long each clip is, by name; others are not looked at.
        name: Of the file, for messages.

    Raises:
        DataError: Some start later; the error names all of them.
    """
    late = [
        _Problem(
            row.line,
            "start_seconds",
            f"an appearance starts before its clip ends, after {seconds[row.clip]:g} s",
            f"{row.start_seconds:g}",
            "Times are seconds from the start of the clip",
        )
        for row in expectations
        if row.clip in seconds and row.start_seconds >= seconds[row.clip]
    ]
    if late:
        _refuse(late, name)


@dataclass(frozen=True, slots=True)
class _Known:
    labels: tuple[str, ...]
    clips: tuple[str, ...] | None
    background: tuple[str, ...]


def _check_header(header: Sequence[str]) -> Iterator[_Problem]:
    if sorted(header) != sorted(COLUMNS):
        yield _Problem(
            1,
            "",
            "the columns are " + ", ".join(COLUMNS),
            ", ".join(header) or "an empty line",
            "Save the table with commas between its cells, and times with a point"
            if any(";" in cell or "\t" in cell for cell in header)
            else f"Write as the first line {_EXAMPLE}",
        )


def _read_row(
    cells: Sequence[str], header: Sequence[str], line: int, known: _Known
) -> Expectation | list[_Problem]:
    """Read a row; an empty one is passed over."""
    if not any(cells):
        return []
    if len(cells) != len(header):
        fix = 'Put a name with a comma into quotes: "a, b.mp4"; leave an unknown end empty'
        rule = f"a row has {len(header)} cells"
        return [_Problem(line, "", rule, str(len(cells)), fix)]
    row = dict(zip(header, cells, strict=True))
    start_seconds = _read_seconds(row["start_seconds"])
    end_seconds = _read_seconds(row["end_seconds"]) if row["end_seconds"] else math.inf
    problems = [
        *_check_clip(row["clip"], line, known.clips),
        *_check_label(row["label"], line, known),
        *_check_times(row, line, start_seconds, end_seconds),
    ]
    return problems or Expectation(row["clip"], row["label"], start_seconds, end_seconds, line)


def _read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return math.nan
    return seconds if math.isfinite(seconds) and seconds >= 0 else math.nan


def _check_clip(clip: str, line: int, clips: tuple[str, ...] | None) -> Iterator[_Problem]:
    if clips is None:
        if not clip:
            fix = "Write the clip's file name"
            yield _Problem(line, "clip", "a row names its clip", "an empty cell", fix)
    elif clip not in clips:
        alike = get_close_matches(clip, clips, n=1, cutoff=0.5)
        yield _Problem(
            line,
            "clip",
            f"a row names one of the {len(clips)} clips in the folder",
            repr(clip),
            f"Did you mean {alike[0]!r}" if alike else f"Write for example {clips[0]!r}",
        )


def _check_label(label: str, line: int, known: _Known) -> Iterator[_Problem]:
    events = [name for name in known.labels if name not in known.background]
    if label in events:
        return
    if label in known.background:
        fix = "Leave the row out: where nothing is written, nothing is expected"
    else:
        alike = find_alike(label, events)
        fix = f"Did you mean {alike[0]!r}" if alike else "Write one of these"
    yield _Problem(line, "label", f"what appears is one of {name_some(events)}", repr(label), fix)


def _check_times(
    row: Mapping[str, str], line: int, start_seconds: float, end_seconds: float
) -> Iterator[_Problem]:
    rule, fix = "a time is a number of seconds from 0 on", "Write seconds with a point: 12.5"
    for column, seconds in (("start_seconds", start_seconds), ("end_seconds", end_seconds)):
        if math.isnan(seconds):
            yield _Problem(line, column, rule, repr(row[column]), fix)
    if start_seconds >= end_seconds:  # false where one is no number
        rule = f"an appearance ends after its start, {start_seconds:g}"
        fix = "Leave it empty for the end of the clip"
        yield _Problem(line, "end_seconds", rule, f"{end_seconds:g}", fix)


def _find_overlaps(found: Sequence[Expectation]) -> Iterator[_Problem]:
    """Yield rows that begin before another of the same label on the same clip has ended."""
    together: dict[tuple[str, str], list[Expectation]] = defaultdict(list)
    for row in found:
        together[row.clip, row.label].append(row)
    for rows in together.values():
        rows.sort(key=lambda row: row.start_seconds)
        for earlier, later in pairwise(rows):
            if later.start_seconds < earlier.end_seconds:
                yield _Problem(
                    later.line,
                    "start_seconds",
                    "appearances of one label on one clip do not overlap",
                    f"{later.start_seconds:g}, before line {earlier.line} has ended",
                    "Make one row of both",
                )


def _refuse(problems: Sequence[_Problem], name: Path) -> None:
    lines = [f"\n  {problem}" for problem in sorted(problems, key=lambda one: one.line)]
    count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    raise DataError(
        f"Each row of {name} is one appearance on one clip",
        received=count + ":" + "".join(lines),
        fix="\nMend the rows and start again",
    )
