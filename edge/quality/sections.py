"""A judgement as sections of a page: the same for a run, a deployed file and any folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.page.blocks import (
    Block,
    Chart,
    Figure,
    Gallery,
    Heading,
    Row,
    Shot,
    Table,
    Text,
    Tile,
    Tiles,
)
from edge.page.charts import Bar, Series, bar_chart, line_chart
from edge.page.matrix import matrix_chart
from edge.page.svg import Axis
from edge.quality.calibration import BINS, Reliability
from edge.quality.interval import Interval
from edge.quality.judgement import Judgement, Mistake
from edge.records import UNKNOWN

_EARLY_RECALL = 0.95  # beyond it every curve falls; the drawing shows what comes before
_SHARE = Axis("", 0.0, 1.0, is_share=True)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A mistake to be shown.

    Attributes:
        name: Of the picture.
        pictures: Data URIs: the picture, and beside it, if there is one, what counted.
    """

    name: str
    pictures: Sequence[str]


def percent(share: float) -> str:
    """Write a share for people.

    Example:
        >>> percent(0.98765)
        '98.77 %'
    """
    return f"{share * 100:.2f} %"


def describe_interval(interval: Interval) -> str:
    """Write an interval for people.

    Example:
        >>> describe_interval(Interval(0.93, 0.994))
        '93.0 to 99.4 %'
    """
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f} %"


def judgement_sections(
    judgement: Judgement, *, source: str, exhibits: Mapping[int, Exhibit], explanation: str
) -> Iterator[Block]:
    """Yield the sections that say how good a model is.

    Args:
        judgement: The numbers.
        source: Where its pictures come from, in a few words.
        exhibits: The mistakes that can be shown, by row.
        explanation: What is to be seen in those with two pictures.
    """
    yield from _overview(judgement, source)
    yield from _mix_ups(judgement)
    yield from _curves(judgement)
    yield from _calibration(judgement)
    if judgement.conditions:
        yield from _conditions(judgement)
    yield from _mistakes(judgement, exhibits, explanation)


def _overview(judgement: Judgement, source: str) -> Iterator[Block]:
    result = judgement.evaluation
    wrong = result.images - round(result.accuracy * result.images) - result.rejected
    tiles = [
        Tile(percent(result.accuracy), "right", f"95 %: {describe_interval(judgement.interval)}"),
        Tile(f"{result.images:,}", "pictures judged", source),
        Tile(f"{wrong:,}", "taken for something else"),
    ]
    if result.rejected:
        tiles.append(Tile(f"{result.rejected:,}", UNKNOWN, "below the threshold"))
    tiles.append(
        Tile(percent(judgement.after.error), "calibration error", "scores against reality")
    )
    yield Heading("How good it is")
    yield Tiles(tiles)
    yield Text(
        "The 95 % interval says how far chance may have helped or hurt: in 95 of 100 such counts "
        "the share of right answers among all pictures of this kind lies within it (Wilson 1927). "
        "More pictures make it narrower."
    )


def _mix_ups(judgement: Judgement) -> Iterator[Block]:
    result = judgement.evaluation
    intervals = judgement.recall_intervals
    shown = [label for label, metrics in result.per_label.items() if metrics.count]
    rows = [
        (
            label,
            metrics.count,
            percent(metrics.precision),
            percent(metrics.recall),
            describe_interval(intervals[label]),
        )
        for label, metrics in result.per_label.items()
        if metrics.count
    ]
    yield Heading("Label by label")
    yield Row(
        [
            Figure(
                _confusion(judgement, shown),
                "Who is taken for whom",
                "A row is what the pictures show, a column what the model says. What is right lies "
                "on the diagonal; each other cell is a kind of mistake, with its count.",
            ),
            Table(
                ("label", "pictures", "precision", "recall", "recall, 95 %"),
                rows,
                "Precision: of the pictures taken for the label, how many show it. Recall: of the "
                "pictures that show it, how many were found.",
            ),
        ]
    )


def _confusion(judgement: Judgement, shown: Sequence[str]) -> Chart:
    result = judgement.evaluation
    columns = [*result.labels, UNKNOWN] if result.rejected else list(result.labels)
    counts = [
        [int(count) for count in result.confusion[result.labels.index(label)][: len(columns)]]
        for label in shown
    ]
    return matrix_chart(counts, rows=shown, columns=columns)


def _curves(judgement: Judgement) -> Iterator[Block]:
    curves = judgement.curves
    early = (p.precision for c in curves for p in c.points if 0 < p.recall <= _EARLY_RECALL)
    lowest = min(early, default=0.0)
    series = [
        Series(curve.label, [(p.recall, p.precision) for p in curve.points]) for curve in curves
    ]
    y = Axis("precision", max(0.0, min(0.9, lowest - 0.05)), 1.0, is_share=True)
    x = Axis("recall", 0.0, 1.0, is_share=True)
    yield Heading("What a threshold buys")
    yield Row(
        [
            Figure(
                line_chart(series, x=x, y=y),
                "Precision and recall",
                "A stricter threshold goes to the left along a line: fewer pictures are found, and "
                "fewer of those are wrong. A line along the top is a perfect label.",
            ),
            Table(
                ("label", "average precision"),
                [(curve.label, percent(curve.average_precision)) for curve in curves],
                "The area under each line; 100 % is perfect.",
            ),
        ]
    )


def reliability_blocks(
    before: Reliability, after: Reliability, *, temperature: float
) -> Iterator[Block]:
    """Yield what shows whether scores can be believed.

    Args:
        before: Of the network's own scores.
        after: Of the calibrated ones.
        temperature: That calibrates them; with 1 both are the same, and one is shown.
    """
    low = _lowest(before, after)
    calibrated = Figure(
        _reliability(after, low),
        f"Calibrated, error {percent(after.error)}",
        f"With the temperature {temperature:g}, which validation pictures chose.",
    )
    raw = Figure(
        _reliability(before, low),
        f"As the network says it, error {percent(before.error)}",
        "On the dashed line, scores are probabilities. Above it the network is too modest, below "
        "it too sure. The larger a dot, the more pictures it stands for.",
    )
    yield Text(
        "Of the answers given with a score of 80 %, eighty of a hundred should be right. The error "
        f"is the mean distance from that, over {BINS} ranges of the score (Guo et al. 2017)."
    )
    yield Row([raw] if temperature == 1.0 else [raw, calibrated])


def _calibration(judgement: Judgement) -> Iterator[Block]:
    yield Heading("Whether its scores can be believed")
    yield from reliability_blocks(
        judgement.before, judgement.after, temperature=judgement.temperature
    )


def _lowest(before: Reliability, after: Reliability) -> float:
    """Return where the axes of both reliability diagrams begin."""
    bins = [*before.bins, *after.bins]
    lowest = min((min(one.confidence, one.accuracy) for one in bins), default=0.0)
    return max(0.0, int(lowest * 10) / 10 - 0.1)


def _reliability(reliability: Reliability, low: float) -> Chart:
    points = [(one.confidence, one.accuracy) for one in reliability.bins]
    counts = [float(one.count) for one in reliability.bins]
    x = Axis("score of the answer", low, 1.0, is_share=True)
    y = Axis("right answers", low, 1.0, is_share=True)
    return line_chart([Series("", points, True, counts)], x=x, y=y, diagonal=True)


def _conditions(judgement: Judgement) -> Iterator[Block]:
    results = judgement.conditions
    base = results[0].accuracy
    bars = [Bar(one.name, one.accuracy, (one.interval.low, one.interval.high)) for one in results]
    rows = [
        (
            one.name,
            percent(one.accuracy),
            describe_interval(one.interval),
            f"{(one.accuracy - base) * 100:+.1f}".replace("-", "\N{MINUS SIGN}") if index else None,
        )
        for index, one in enumerate(results)
    ]
    yield Heading("In other light")
    yield Text(
        f"The same {results[0].images:,} pictures, changed as a camera might have seen them: at a "
        "quarter and a tenth of the light, under an infrared lamp, out of focus, in motion, with a "
        "noisy sensor, stored as JPEG of low quality, and from further away."
    )
    yield Row(
        [
            Figure(
                bar_chart(bars, axis=_SHARE), "Right answers", "The thin lines: 95 % intervals."
            ),
            Table(("seen", "right", "95 %", "points"), rows),
        ]
    )


def _mistakes(
    judgement: Judgement, exhibits: Mapping[int, Exhibit], explanation: str
) -> Iterator[Block]:
    yield Heading("The worst mistakes")
    if not judgement.mistakes:
        yield Text("None: every best answer was right.")
        return
    shown = [mistake for mistake in judgement.mistakes if mistake.row in exhibits]
    explained = [m for m in shown if len(exhibits[m.row].pictures) > 1]
    others = [m for m in shown if len(exhibits[m.row].pictures) == 1]
    yield Text(
        "The surest wrong answers first. Look for what they have in common, for wrong labels among "
        "them, and for pictures that nobody could tell."
    )
    if explained:
        yield Gallery([_shot(m, exhibits[m.row]) for m in explained], explanation)
    if others:
        yield Gallery(
            [_shot(m, exhibits[m.row]) for m in others], is_small=True, title="More of them"
        )


def _shot(mistake: Mistake, exhibit: Exhibit) -> Shot:
    said = f", but {UNKNOWN}: below the threshold" if mistake.is_unknown else ""
    return Shot(
        exhibit.pictures,
        f"{mistake.label}, taken for {mistake.taken_for}",
        (f"{percent(mistake.score)} against {percent(mistake.own_score)}{said}", exhibit.name),
    )
