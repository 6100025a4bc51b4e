"""From blocks to one HTML file that needs nothing else."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path

from edge.errors import OutputError, SettingError
from edge.page.blocks import (
    Block,
    Figure,
    Gallery,
    Heading,
    Page,
    Row,
    Shot,
    Table,
    Text,
    Tiles,
)
from edge.page.style import read_style

# Nothing is loaded and nothing runs, even if a text were to get past the escaping.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
)  # by which a page of ours is known


def render_page(page: Page) -> bytes:
    """Return the page as an HTML file, UTF-8.

    Characters that no file can hold, as in file names that are not Unicode, become "?".
    """
    return "".join(_page(page)).encode("utf-8", "replace")


def check_page_path(path: Path) -> None:
    """See that a page can be written there, before the work for it begins.

    An earlier page is replaced; a file that is none is not.

    Raises:
        SettingError: Its name does not end in .html.
        OutputError: Its folder is not there or cannot be written, or it is a folder itself, or a
            file that is no page of ours.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise SettingError(
            "A report is a file whose name ends in .html",
            received=str(path),
            fix="Write for example report.html",
        )
    if path.is_dir():
        raise OutputError(
            "A report is a file, not a folder", received=str(path), fix="Choose another name"
        )
    if not path.absolute().parent.is_dir():
        raise OutputError(
            "The folder of a report must be there",
            received=f"{path}: no folder {path.parent}",
            fix="Make it, or name another",
        )
    try:
        has_other = path.exists() and not _is_page(path)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error
    if has_other:
        raise OutputError(
            "A report replaces an earlier report only",
            received=f"{path}, which is no report",
            fix="Name another file",
        )


def _is_page(path: Path) -> bool:
    """Whether it is a file that begins as a page of ours does."""
    if not path.is_file():  # reading from a pipe would wait
        return False
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD.encode()


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        "A report must be writable",
        received=f"{path}: {error.strerror or error}",
        fix="Name another file, or check the permissions and the room on the disk",
    )


def write_page(path: Path, page: Page) -> None:
    """Write a page aside and put it in place, so that it is never half there.

    Raises:
        OutputError: It cannot be written.
    """
    aside = path.with_name(path.name + ".new")
    try:
        aside.write_bytes(render_page(page))
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _page(page: Page) -> Iterator[str]:
    yield f"{_HEAD}<title>{escape(page.title)}</title>"
    yield f"<style>{read_style()}</style></head>\n<body><main>"
    yield f"<header><h1>{escape(page.title)}</h1>"
    yield f'<p class="subtitle">{escape(page.subtitle)}</p></header>\n'
    for section in _sections(page.blocks):
        yield "<section>"
        for block in section:
            yield _block(block)
        yield "</section>\n"
    yield f"<footer>{escape(page.footer)}</footer></main></body></html>\n"


def _sections(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Cut blocks before each heading."""
    section: list[Block] = []
    for block in blocks:
        if isinstance(block, Heading) and section:
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def _block(block: Block) -> str:
    match block:
        case Heading(text=text):
            return f"<h2>{escape(text)}</h2>"
        case Text(text=text, is_note=is_note):
            kind = ' class="note"' if is_note else ""
            return f"<p{kind}>{escape(text)}</p>"
        case Tiles():
            return _tiles(block)
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)
        case Gallery():
            return _gallery(block)
        case Row(blocks=blocks):
            return '<div class="row">' + "".join(_block(one) for one in blocks) + "</div>"


def _tiles(tiles: Tiles) -> str:
    shown = "".join(
        f'<div class="tile"><b>{escape(tile.value)}</b><span>{escape(tile.name)}</span>'
        f"<small>{escape(tile.detail)}</small></div>"
        for tile in tiles.tiles
    )
    return f'<div class="tiles">{shown}</div>'


def _table(table: Table) -> str:
    is_number = [
        bool(table.rows) and all(_is_number(row[index]) for row in table.rows)
        for index in range(len(table.columns))
    ]
    kinds = [' class="number"' if number else "" for number in is_number]
    cells = "".join(
        f'<th scope="col"{kind}>{escape(column)}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    head = f"<thead><tr>{cells}</tr></thead>" if any(table.columns) else ""
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{escape(_write(cell))}</td>" for cell, kind in zip(row, kinds, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    said = f"<figcaption>{escape(table.caption)}</figcaption>" if table.caption else ""
    rows = f"<table>{head}<tbody>{body}</tbody></table>"
    return f'<figure><div class="table">{rows}</div>{said}</figure>'


def _figure(figure: Figure) -> str:
    legend = "".join(
        f'<li><i style="background:{escape(colour)}"></i>{escape(name)}</li>'
        for name, colour in figure.chart.legend
    )
    listed = f'<ul class="legend">{legend}</ul>' if legend else ""
    said = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    return f"<figure><h3>{escape(figure.title)}</h3>{figure.chart.svg}{listed}{said}</figure>"


def _gallery(gallery: Gallery) -> str:
    kind = "gallery" + " small" * gallery.is_small + " wide" * gallery.is_wide
    kind += " whole" * gallery.is_whole
    said = f"<h3>{escape(gallery.title)}</h3>" if gallery.title else ""
    said += f"<p>{escape(gallery.caption)}</p>" if gallery.caption else ""
    shots = "".join(_shot(shot) for shot in gallery.shots)
    return f'{said}<div class="{kind}">{shots}</div>'


def _shot(shot: Shot) -> str:
    names = shot.names or [shot.title] * len(shot.pictures)
    pictures = "".join(
        f'<img src="{escape(uri)}" alt="{escape(name)}" loading="lazy">'
        for uri, name in zip(shot.pictures, names, strict=True)
    )
    details = "".join(f"<small>{escape(line)}</small>" for line in shot.details)
    return (
        f'<figure class="shot"><div class="pair">{pictures}</div>'
        f'<div class="name">{escape(shot.title)}</div>{details}</figure>'
    )


def _is_number(cell: object) -> bool:
    """Whether a cell holds a number, or a text that begins like one; empty ones may be either."""
    return (
        cell is None
        or isinstance(cell, int | float)
        or str(cell).lstrip("+\N{MINUS SIGN}")[:1].isdigit()
    )


def _write(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
