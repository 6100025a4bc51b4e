"""Carries out what `edge convert` was told: make, write the file, say what came of it."""

from dataclasses import dataclass
from pathlib import Path

from convert.conversion import Conversion, Settings, convert_run
from convert.metadata import Provenance
from convert.package import write_package
from convert.page import build_page
from convert.report import open_progress, print_refusal, print_report, summarize
from convert.source import Origin, Source
from edge.cli import output
from edge.modelfile import ModelFile
from edge.page.render import write_page


@dataclass(frozen=True, slots=True)
class Order:
    """What shall become of a conversion.

    Attributes:
        model: The file to write; an existing one is replaced once the new one has proved itself.
        name: Of the model; `None` for the source's.
        author: Noted in the file.
        licence: Noted in the file.
        page: Where the report goes as a page; `None` for nowhere.
        is_json: Whether the report is one JSON object.
    """

    model: Path
    name: str | None = None
    author: str = ""
    licence: str = ""
    page: Path | None = None
    is_json: bool = False


def carry_out(source: Source, settings: Settings, order: Order) -> None:
    """Convert, write the file if it is good enough, and report.

    The result is said first and the page written last: a page that fails hides nothing.

    Raises:
        ParityError: The file is not good enough; it is not written, and all else is done.
        OutputError: The page cannot be written; all else is done.
        CatseyeError: The source cannot be converted.
    """
    with open_progress() as progress:
        origin = source.prepare(progress)
    for note in origin.notes:
        output.say(f"edge: {note}")
    with open_progress() as progress:
        conversion = convert_run(origin, settings=settings, progress=progress)
    written = _deliver(conversion, origin, settings, order)
    if order.is_json:
        labels, page = origin.labels, order.page
        output.emit_json(summarize(conversion, settings, labels=labels, written=written, page=page))
    elif written is not None:
        print_report(conversion, written)
    elif conversion.refusal is not None:
        print_refusal(conversion, conversion.refusal, has_page=order.page is not None)
    if order.page is not None:
        _write_page(order.page, conversion, written, order)
    if conversion.refusal is not None:
        raise conversion.refusal.to_error()


def _deliver(
    conversion: Conversion, origin: Origin, settings: Settings, order: Order
) -> ModelFile | None:
    """Write the file, unless it was refused."""
    if conversion.refusal is not None:
        return None
    name = order.name or origin.name
    provenance = Provenance(name, author=order.author, licence=order.licence)
    return write_package(
        order.model, conversion, run=origin, settings=settings, provenance=provenance
    )


def _write_page(
    path: Path, conversion: Conversion, written: ModelFile | None, order: Order
) -> None:
    write_page(path, build_page(conversion, file=order.model.name, written=written))
    if not order.is_json:
        output.emit_text(f"report: {path}")
