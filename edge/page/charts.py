"""Figures as inline SVG: lines, bars with intervals, and clouds of points."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.page.blocks import Chart
from edge.page.style import series_colour
from edge.page.svg import (
    WIDTH,
    Axis,
    drawing,
    line,
    path,
    shorten,
    tag,
    text,
    title,
)

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 10, 44
_HEIGHT = 290
_BAR, _BAR_GAP = 20, 12
_LONGEST_NAME = 17
_NAMES, _VALUES = 130, 66  # left and right of the bars


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart.

    Attributes:
        name: For the legend.
        points: `(x, y)`, in order.
        has_dots: Whether each point is marked.
        weights: What each point rests on, for the size of its mark; may be empty.
    """

    name: str
    points: Sequence[tuple[float, float]]
    has_dots: bool = False
    weights: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart.

    Attributes:
        name: Beside it.
        value: Its length; not a number where there is none.
        interval: Where the true value probably lies; `None` for none.
    """

    name: str
    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a cloud.

    Attributes:
        x: Across.
        y: Up.
        series: Index of what it belongs to, for its colour.
        name: Shown under the mouse.
    """

    x: float
    y: float
    series: int
    name: str = ""


def line_chart(
    series: Sequence[Series],
    *,
    x: Axis,
    y: Axis,
    diagonal: bool = False,
    mark: tuple[float, str] | None = None,
) -> Chart:
    """Draw lines over a common axis.

    Args:
        series: The lines.
        x: The axis across.
        y: The axis up.
        diagonal: Whether a dashed line runs from corner to corner.
        mark: A place on `x` to mark with a dashed line, and what to write there.
    """
    parts = [*_frame(x, y)]
    if diagonal:
        ends = [(_across(x, x.low), _up(y, y.low)), (_across(x, x.high), _up(y, y.high))]
        parts.append(path(ends, class_="dashed"))
    if mark is not None:
        place = _across(x, mark[0])
        parts.append(line(place, _TOP, place, _HEIGHT - _BOTTOM, "dashed"))
        anchor = "end" if x.place(mark[0]) > 0.7 else "start"
        shift = -5 if anchor == "end" else 5
        parts.append(text(mark[1], place + shift, _TOP + 12, text_anchor=anchor))
    for index, one in enumerate(series):
        parts += _line(one, x, y, series_colour(index))
    legend = tuple((one.name, series_colour(i)) for i, one in enumerate(series) if one.name)
    label = f"{y.title} over {x.title}"
    return Chart(drawing(parts, height=_HEIGHT, label=label), legend)


def bar_chart(bars: Sequence[Bar], *, axis: Axis, colours: bool = False) -> Chart:
    """Draw bars that lie, with their names before and their values behind them.

    Args:
        bars: From top to bottom.
        axis: Of their lengths.
        colours: Whether each bar has a colour of its own.
    """
    height = len(bars) * (_BAR + _BAR_GAP) + _BAR_GAP
    width = WIDTH - _NAMES - _VALUES
    parts = [line(_NAMES, 0, _NAMES, height, "axis")]
    for index, bar in enumerate(bars):
        top = _BAR_GAP + index * (_BAR + _BAR_GAP)
        middle = top + _BAR / 2
        colour = series_colour(index if colours else 0)
        parts.append(
            tag(
                "rect",
                title(f"{bar.name}: {_say(bar, axis)}"),
                x=_NAMES,
                y=top,
                width=max(1.0, axis.place(bar.value) * width),
                height=_BAR,
                rx=3,
                style=f"fill:{colour}",
            )
        )
        if bar.interval is not None:
            low, high = (_NAMES + axis.place(end) * width for end in bar.interval)
            parts.append(line(low, middle, high, middle, "whisker"))
            parts += [line(end, middle - 4, end, middle + 4, "whisker") for end in (low, high)]
        name = shorten(bar.name, _LONGEST_NAME)
        parts.append(text(name, _NAMES - 8, middle + 4, text_anchor="end", class_="strong"))
        parts.append(text(_say(bar, axis), WIDTH, middle + 4, text_anchor="end", class_="strong"))
    said = ", ".join(f"{bar.name} {_say(bar, axis)}" for bar in bars)
    return Chart(drawing(parts, height=height, label=f"{axis.title}: {said}"))


def _say(bar: Bar, axis: Axis) -> str:
    if math.isnan(bar.value):
        return "\N{EN DASH}"
    return f"{bar.value * 100:.1f} %" if axis.is_share else f"{bar.value:,.6g}"


def cloud_chart(dots: Sequence[Dot], names: Sequence[str], *, x: Axis, y: Axis) -> Chart:
    """Draw points, coloured by what they belong to.

    Args:
        dots: The points.
        names: Of the series, for the legend.
        x: The axis across.
        y: The axis up.
    """
    parts = [*_frame(x, y)]
    for dot in dots:
        parts.append(
            tag(
                "circle",
                title(dot.name) if dot.name else "",
                cx=_across(x, dot.x),
                cy=_up(y, dot.y),
                r=3,
                style=f"fill:{series_colour(dot.series)};fill-opacity:.6",
            )
        )
    legend = tuple((name, series_colour(index)) for index, name in enumerate(names))
    return Chart(drawing(parts, height=_HEIGHT, label=f"{y.title} over {x.title}"), legend)


def _frame(x: Axis, y: Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, WIDTH - _RIGHT
    for tick in y.ticks():
        yield line(_LEFT, _up(y, tick), right, _up(y, tick), "grid")
        yield text(y.write(tick), _LEFT - 7, _up(y, tick) + 4, text_anchor="end")
    for tick in x.ticks():
        yield line(_across(x, tick), bottom, _across(x, tick), bottom + 4, "axis")
        yield text(x.write(tick), _across(x, tick), bottom + 18, text_anchor="middle")
    yield line(_LEFT, bottom, right, bottom, "axis")
    yield text(x.title, (_LEFT + right) / 2, _HEIGHT - 6, text_anchor="middle")
    turned = f"rotate(-90 12 {(_TOP + bottom) / 2:g})"
    yield text(y.title, 12, (_TOP + bottom) / 2, text_anchor="middle", transform=turned)


def _line(series: Series, x: Axis, y: Axis, colour: str) -> Iterator[str]:
    points = [(_across(x, a), _up(y, b)) for a, b in series.points]
    if len(points) > 1:
        opacity = 0.3 if series.weights else 1  # where marks differ in weight, they are what counts
        style = f"stroke:{colour};stroke-width:2.2;fill:none;stroke-linejoin:round;"
        style += f"stroke-opacity:{opacity}"
        yield path(points, style=style)
    if series.has_dots or len(points) == 1:
        weights = series.weights or [0.0] * len(points)
        most = max(weights) or 1.0
        for place, value, weight in zip(points, series.points, weights, strict=True):
            said = f"{series.name} {x.write(value[0])}: {y.write(value[1])}"
            said += f" ({weight:g})" if weight else ""
            radius = 3.4 + 6 * (weight / most) ** 0.5
            style = f"fill:{colour};fill-opacity:.85"
            yield tag("circle", title(said), cx=place[0], cy=place[1], r=radius, style=style)


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (WIDTH - _LEFT - _RIGHT)


def _up(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _TOP - _BOTTOM)
