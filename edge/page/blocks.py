"""What a page is made of; every text is plain and is escaped when the page is rendered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn figure.

    Attributes:
        svg: The drawing, an `<svg>` element that this package has made.
        legend: Name and CSS colour of each series; may be empty.
    """

    svg: str
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section.

    Attributes:
        text: Its title.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph.

    Attributes:
        text: Plain text.
        is_note: Whether it stands out: what the reader must not miss.
    """

    text: str
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure to be seen first.

    Attributes:
        value: Such as "98.2 %".
        name: What it is.
        detail: What it rests on.
    """

    value: str
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Some figures side by side."""

    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; columns of numbers are set right.

    Attributes:
        columns: Titles.
        rows: A text or number per column; `None` leaves a cell empty.
        caption: What it shows; may be empty.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with a title and a sentence that says how to read it."""

    chart: Chart
    title: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a gallery.

    Attributes:
        pictures: Data URIs of `edge.page.pictures`, shown beside each other.
        title: Under it, in one line.
        details: Under that, smaller, a line each.
        names: What each picture is, read to those who do not see it; the title where empty.
    """

    pictures: Sequence[str]
    title: str
    details: Sequence[str] = ()
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures in rows, as many as the window is wide.

    Attributes:
        shots: The pictures.
        caption: What they are; may be empty.
        is_small: Whether they are shown as thumbnails.
        title: Above them; may be empty.
        is_wide: Whether each shot has a line of its own, for many pictures beside each other.
        is_whole: Whether pictures keep their shape rather than being cut to squares.
    """

    shots: Sequence[Shot]
    caption: str = ""
    is_small: bool = False
    title: str = ""
    is_wide: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Figures and tables side by side where the window is wide enough."""

    blocks: Sequence[Figure | Table | Gallery]


Block: TypeAlias = Heading | Text | Tiles | Table | Figure | Gallery | Row


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        title: Its name.
        subtitle: A line under it.
        blocks: From top to bottom.
        footer: A line at the end.
    """

    title: str
    subtitle: str
    blocks: Sequence[Block]
    footer: str = ""
