"""`edge convert`: turn a run folder, or a Keras file of others, into one deployable file."""

import math
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from convert.modes import modes_to_try
from edge.errors import OutputError, SettingError
from edge.extras import require_desktop

_TRAINING_PAGE = "report.html"  # that edge train writes into the run folder


def convert(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder made by edge train, or a .keras file of others."
        ),
    ],
    model: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="The .tflite file to write.")
    ],
    quantize: Annotated[
        str,
        typer.Option(
            metavar="MODE",
            help="qat (learns to be 8-bit, minutes), int8 (post-training), int16x8, dynamic, "
            "float16, float32 (none), or auto: the first that is good enough.",
        ),
    ] = "qat",
    max_drop: Annotated[
        float,
        typer.Option(
            metavar="POINTS",
            help="Accuracy, or a label's recall, that the file may lose against the float network.",
        ),
    ] = 0.5,
    min_agreement: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Of the validation pictures, on which it must say what the float network says.",
        ),
    ] = 0.99,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace MODEL.")] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of a .keras file: text file with a label per line, in the order of its scores.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Of a .keras file: pictures to convert it with, a subfolder per label.",
            show_default=False,
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="Of a .keras file: what was subtracted from pixels before it: a number, or R,G,B.",
            show_default="what its own layers do",
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="Of a .keras file: what pixels were divided by after that.",
            show_default="what its own layers do",
        ),
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=1, help="Training pictures that qat learns from, at most.")
    ] = 2000,
    epochs: Annotated[int, typer.Option(min=1, help="Times that qat sees each picture.")] = 1,
    learning_rate: Annotated[
        float, typer.Option(min=0.0, help="Highest of qat; small networks bear more.")
    ] = 2e-5,
    precision: Annotated[
        float | None,
        typer.Option(
            help="Share of a label's answers that must be right; sets the thresholds.",
            show_default="0.95",
        ),
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(
            metavar="WRONG:MISSED",
            help="Instead: what a wrong answer costs against a missed one, such as 100:1.",
            show_default="none",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the model (default: the run's).")] = None,
    author: Annotated[str, typer.Option(help="Noted in the file.")] = "",
    licence: Annotated[str, typer.Option("--license", help="Noted in the file.")] = "",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write the report as a page, also of a file that is not good enough.",
            show_default=False,
        ),
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Turn a training run, or a .keras file, into one .tflite file, checked against its original.

    The report compares the file with the float network and with plain post-training
    quantization, on the validation pictures, in the device's own interpreter. A file that loses
    more than it may is not written; then the report says where it loses, and what helps.

    Raises:
        CatseyeError: The run cannot be converted, or the file is not good enough; the message says
            why and what to do.
    """
    require_desktop()
    modes_to_try(quantize)
    _check_rate(learning_rate)
    from convert.gate import Limits
    from convert.scaling import read_normalization
    from convert.source import KerasOptions, open_source
    from convert.thresholds import read_goal
    from edge.chatter import chatter_kept_back

    limits = Limits(max_drop=max_drop, min_agreement=min_agreement)
    goal = read_goal(precision, cost)
    check_output(model, overwrite=overwrite)
    if report is not None:
        _check_report(report, run=run, model=model)
    options = KerasOptions(labels, data, read_normalization(mean, std))
    source = open_source(run, options)  # before TensorFlow takes its seconds
    with chatter_kept_back():
        from convert.conversion import Settings
        from convert.order import Order, carry_out
        from convert.qat import Recipe

    recipe = Recipe(pictures=pictures, epochs=epochs, learning_rate=learning_rate)
    settings = Settings(mode=quantize, recipe=recipe, goal=goal, limits=limits)
    order = Order(model, name, author=author, licence=licence, page=report, is_json=is_json)
    carry_out(source, settings, order)


def _check_rate(learning_rate: float) -> None:
    if not math.isfinite(learning_rate):  # which Typer's range lets through
        raise SettingError(
            "--learning-rate must be a finite number",
            received=str(learning_rate),
            fix="Leave it out for 2e-05",
        )


def _check_report(path: Path, *, run: Path, model: Path) -> None:
    """Refuse a page that cannot be written, or that would take the place of something else.

    Raises:
        SettingError: It is the model that is to be written, or the page of the training.
        CatseyeError: `edge.page.render.check_page_path` says why.
    """
    from edge.page.render import check_page_path

    if path.resolve() in (model.resolve(), (run / _TRAINING_PAGE).resolve()):
        raise SettingError(
            "--report must be another file than --output and the page of the training",
            received=str(path),
            fix=f"Write for example --report {model.stem}-report.html",
        )
    check_page_path(path)


def check_output(path: Path, *, overwrite: bool, example: str = "pets.tflite") -> None:
    """Refuse an output that cannot be written, before minutes are spent on it.

    Args:
        path: What was asked for.
        overwrite: Whether an existing file may be replaced.
        example: Name of a file that the command might write, for the message.

    Raises:
        OutputError: A folder, a file that is there already, or a folder that cannot be written.
    """
    if path.is_dir():
        raise OutputError(
            "--output must name a file",
            received=f"the folder {str(path)!r}",
            fix=f"Use -o {path / example}",
        )
    if path.exists() and not overwrite:
        raise OutputError(
            "An existing file is not replaced unasked",
            received=str(path),
            fix="Name another file, or add --overwrite",
        )
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(
            "The folder of --output must exist and be writable",
            received=f"{path.parent}: {error.strerror or error}",
            fix="Make the folder, or name a file elsewhere",
        ) from error
