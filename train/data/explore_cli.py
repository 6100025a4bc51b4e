"""`edge data explore`: a page about a folder of photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption

if TYPE_CHECKING:
    from train.data.exploration import Exploration


def explore(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Holds a subfolder of photos per label, or train/, val/ and test/ with those."
        ),
    ],
    page: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Write the page there."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            metavar="RUN|FILE",
            help="Run folder or model file that says which labels are probably wrong.",
            show_default=False,
        ),
    ] = None,
    no_map: Annotated[
        bool, typer.Option("--no-map", help="Leave out the map, which loads a network.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Look at a folder of photos: counts, sizes, light, samples, extremes, a map, doubtful labels.

    Writes one page to look at, with -o, or the same numbers as JSON, with --json, or both. Every
    photo is decoded; nothing is changed.

    Raises:
        CatseyeError: There is no such folder, or the model cannot be used.
    """
    from edge.errors import SettingError
    from edge.page.render import check_page_path, write_page

    if page is None and not json:
        raise SettingError(
            "An exploration is a page or JSON",
            received="neither -o nor --json",
            fix="Write for example -o report.html",
        )
    if page is not None:
        check_page_path(page)
    exploration = _explore(folder, model, has_map=not no_map)
    if page is not None:
        from train.data.explore_page import build_page

        write_page(page, build_page(exploration))
    if json:
        output.emit_json(exploration.to_dict())
    else:
        photos, labels = len(exploration.photos), len(exploration.labels)
        output.emit_text(f"{page}: {photos} photos of {labels} labels")


def _explore(folder: Path, model: Path | None, *, has_map: bool) -> "Exploration":
    import threading

    from edge.clock import SystemClock
    from edge.extras import require_desktop
    from train.progress import TrainProgress

    progress = TrainProgress(clock=SystemClock(threading.Event()))
    if has_map or (model is not None and model.is_dir()):
        require_desktop()
        from edge.chatter import chatter_kept_back

        with chatter_kept_back():
            import tensorflow  # noqa: F401 - writes to the terminal when it is loaded
    from train.data.exploration import explore_folder

    return explore_folder(folder, model=model, has_map=has_map, progress=progress)
