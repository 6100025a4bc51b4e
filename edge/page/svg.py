"""The few pieces that drawings are made of: elements, texts, axes with round numbers.

Labelling of axes: the steps 1, 2, 2.5 and 5 times a power of ten, as in Heckbert 1990, "Nice
Numbers for Graph Labels" (Graphics Gems).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

WIDTH = 460
"""Of a drawing in its own units; the page scales it."""

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers and how they are written.

    Attributes:
        title: What they are.
        low: Where the axis begins.
        high: Where it ends; made larger when it does not lie above `low`.
        is_share: Whether 1 is written as 100 %.
        is_whole: Whether only whole numbers are written.
    """

    title: str
    low: float
    high: float
    is_share: bool = False
    is_whole: bool = False

    @property
    def span(self) -> float:
        """Length, above 0."""
        return self.high - self.low if self.high > self.low else 1.0

    def place(self, value: float) -> float:
        """Return where a number lies, 0 at `low`, 1 at `high`; never outside."""
        if math.isnan(value):
            return 0.0
        return min(1.0, max(0.0, (value - self.low) / self.span))

    def ticks(self, most: int = 6) -> list[float]:
        """Return round numbers within the range."""
        raw = self.span / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(n * power for n in _NICE if n * power >= raw * 0.999)
        if self.is_whole:
            step = max(1.0, math.ceil(step))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor((self.low + self.span) / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def write(self, value: float) -> str:
        """Write a number of this axis.

        Example:
            >>> Axis("accuracy", 0, 1, is_share=True).write(0.25)
            '25 %'
        """
        return f"{value * 100:.4g} %" if self.is_share else f"{value:.6g}"


def tag(name: str, content: str = "", /, **attributes: object) -> str:
    """Return an element; attributes are escaped, `content` must be markup already.

    An underscore at the end of an attribute's name falls away, others become hyphens.

    Example:
        >>> tag("a", "b", class_="<", x=1.5)
        '<a class="&lt;" x="1.5">b</a>'
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_write(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{said}>{content}</{name}>"


def text(words: str, x: float, y: float, **attributes: str) -> str:
    """Return a text, escaped."""
    return tag("text", escape(words), **{"x": x, "y": y, **attributes})


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line of a class of the page's style."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def path(points: Iterable[tuple[float, float]], **attributes: object) -> str:
    """Return straight lines through points."""
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{steps}", **attributes)


def title(words: str) -> str:
    """Return what a mouse over the element shows."""
    return tag("title", escape(words))


def drawing(
    content: Iterable[str], *, height: float, label: str, width: float = WIDTH, kind: str = "plot"
) -> str:
    """Return the `<svg>` element; `label` is read to those who do not see it.

    Args:
        content: Elements.
        height: In the drawing's own units.
        label: What it shows.
        width: In the same units.
        kind: Class of the page's style; a "plot" has larger texts on a narrow screen.
    """
    return tag(
        "svg",
        "".join(content),
        class_=kind,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        xmlns="http://www.w3.org/2000/svg",
    )


def shorten(words: str, most: int) -> str:
    """Cut a text that is too long for its place.

    Example:
        >>> shorten("neighbour's cat", 10)
        'neighbour…'
    """
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def _write(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
