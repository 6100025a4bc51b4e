"""`edge package`: wrap a TFLite classifier of others into a file that explains itself."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.errors import SettingError
from edge.extras import require_desktop

if TYPE_CHECKING:
    from convert.wrapping import Wrapping


def package(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A .tflite file that catseye has not made.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Text file with a label per line, in the order of the scores.",
            show_default="those that the file itself carries",
        ),
    ] = None,
    written: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The .tflite file to write.",
            show_default="MODEL-packaged.tflite, in this folder",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="What training subtracted from pixels of 0 to 255: a number, or R,G,B.",
            show_default="what the file says",
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="What training divided them by after that: a number, or R,G,B.",
            show_default="what the file says",
        ),
    ] = None,
    scores: Annotated[
        str, typer.Option(help="What the model gives: probabilities, logits, or auto.")
    ] = "auto",
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least score, of every label.")
    ] = 0.5,
    name: Annotated[str, typer.Option(help="Of the model.", show_default="the file's name")] = "",
    author: Annotated[
        str, typer.Option(help="Noted in the file.", show_default="what the file says")
    ] = "",
    licence: Annotated[
        str, typer.Option("--license", help="Noted in the file.", show_default="what the file says")
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    is_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Wrap a TFLite classifier of others with labels, metadata and a manifest.

    Then run, classify, evaluate, bench and inspect take it. What nobody has said and had to be
    assumed is shown. The network itself stays as it is; logits get a softmax.

    Raises:
        CatseyeError: The file is no classifier, or how to feed it is not known.
    """
    require_desktop()
    from convert.cli import check_output
    from convert.label_file import read_label_file
    from convert.scaling import read_normalization
    from edge.chatter import chatter_kept_back
    from edge.cli import output

    normalization = read_normalization(mean, std)
    _check_settings(scores, threshold)
    packaged = f"{model.stem}-packaged.tflite"
    target = written or Path(packaged)
    check_output(target, overwrite=overwrite, example=packaged)
    found = None if labels is None else read_label_file(labels)
    with chatter_kept_back():  # TensorFlow's, which carries the schema
        from convert.foreign import read_foreign
        from convert.wrapping import Wishes, wrap_model
    wishes = Wishes(found, normalization, scores, threshold, name, author, licence)
    wrapping = wrap_model(target, read_foreign(model), wishes=wishes)
    if is_json:
        output.emit_json(_record(wrapping))
        return
    for assumption in wrapping.assumptions:
        output.emit_text(f"  {assumption}")
    output.emit_text(f"{target}: {wrapping.model.size_bytes / 1e6:.2f} MB, verified")


def _check_settings(scores: str, threshold: float) -> None:
    from convert.scores import ASKED

    if scores not in ASKED:
        raise SettingError(
            "--scores must be one of " + ", ".join(ASKED),
            received=scores,
            fix="Leave it out, and it is found out",
        )
    if math.isnan(threshold):  # which Typer's range lets through
        raise SettingError(
            "--threshold must be a number from 0 to 1", received="nan", fix="Leave it out for 0.5"
        )


def _record(wrapping: "Wrapping") -> dict[str, Any]:
    model = wrapping.model
    return {
        "path": model.path,
        "size_bytes": model.size_bytes,
        "model_sha256": model.sha256,
        "name": model.manifest.name,
        "labels": model.manifest.labels,
        "input": model.manifest.to_dict()["input"],
        "scores": wrapping.scores,
        "assumptions": wrapping.assumptions,
    }
