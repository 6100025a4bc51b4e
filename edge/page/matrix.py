"""The confusion matrix as inline SVG."""

from collections.abc import Iterator, Sequence

from edge.page.blocks import Chart
from edge.page.svg import drawing, shorten, tag, text, title

_WIDTH = 460
_NAMES, _HEAD = 104, 34
_LARGEST_CELL, _SMALLEST_CELL = 88, 30
_FEW_COLUMNS = 6
_GAP = 2
_DARK_SHARE = 0.55  # above it the text is light


def matrix_chart(
    counts: Sequence[Sequence[int]], *, rows: Sequence[str], columns: Sequence[str]
) -> Chart:
    """Draw counts as cells, each as dark as its share of its row.

    Args:
        counts: A row per label shown, a column per answer.
        rows: Labels.
        columns: Answers.
    """
    is_few = len(columns) <= _FEW_COLUMNS
    fitting = (_WIDTH - _NAMES) / max(1, len(columns))
    cell = min(_LARGEST_CELL, max(_SMALLEST_CELL, fitting))
    width = max(_WIDTH, _NAMES + cell * len(columns))
    head = _HEAD if is_few else _NAMES
    parts = [*_head(columns, cell, head, is_few=is_few)]
    for number, (name, row) in enumerate(zip(rows, counts, strict=True)):
        top = head + number * cell
        said = shorten(name, 14)
        middle = top + cell / 2 + 4
        parts.append(text(said, _NAMES - 8, middle, text_anchor="end", class_="strong"))
        whole = max(1, sum(row))
        for place, count in enumerate(row):
            words = f"shows {name}, taken for {columns[place]}: {count} of {sum(row)}"
            box = (_NAMES + place * cell, top, cell - _GAP)
            parts += _cell(box, count, count / whole, words, is_few=is_few)
    height = head + cell * len(rows) + 4
    return Chart(
        drawing(parts, height=height, label="confusion matrix", width=width, kind="matrix")
    )


def _head(columns: Sequence[str], cell: float, head: float, *, is_few: bool) -> Iterator[str]:
    for number, name in enumerate(columns):
        x = _NAMES + number * cell + cell / 2
        if is_few:
            said = shorten(name, max(4, int(cell / 7)))
            yield text(said, x, head - 10, text_anchor="middle", class_="strong")
        else:
            turned = f"rotate(-60 {x:g} {head - 8:g})"
            yield text(shorten(name, 14), x, head - 8, transform=turned, class_="strong")


def _cell(
    box: tuple[float, float, float], count: int, share: float, words: str, *, is_few: bool
) -> Iterator[str]:
    x, y, side = box
    strength = 0.05 + 0.95 * share if count else 0.03
    fill = f"fill:rgba(var(--heat),{strength:.3f})"
    yield tag("rect", title(words), x=x, y=y, width=side, height=side, rx=4, style=fill)
    if not count:
        return
    kind = "inverse" if share > _DARK_SHARE else "strong"
    middle = (x + side / 2, y + side / 2)
    if is_few:
        style = "font-size:15px;font-weight:600"
        yield text(f"{count:,}", *middle, text_anchor="middle", class_=kind, style=style)
        said = f"{share * 100:.1f} %"
        yield text(said, middle[0], middle[1] + 17, text_anchor="middle", class_=kind)
    else:
        style = "font-size:10px"
        at = (middle[0], middle[1] + 4)
        yield text(f"{count}", *at, text_anchor="middle", class_=kind, style=style)
