"""`edge classify`: a line per picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge.records import Prediction


def classify(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...", help="Picture files, or folders of them.", show_default=False
        ),
    ],
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    json: JsonOption = False,
) -> None:
    """Say what pictures show: a line for each, its label and score.

    The label is "unknown" when no score reaches its threshold. A file that cannot be read is named
    on standard error, the others are still classified, and the exit code is 1.

    Raises:
        CatseyeError: The model cannot be used.
        Exit: A picture could not be read.
    """
    from edge.classifier import open_classifier
    from edge.images import read_picture
    from edge.modelfile import default_model_path

    failures = 0
    with open_classifier(
        model or default_model_path(), runtime=runtime, threads=threads
    ) as classifier:
        for path in _pictures(images):
            try:
                prediction = classifier.classify(read_picture(path))
            except PictureError as error:
                output.say(f"edge: {error}")
                failures += 1
            else:
                _report(path, prediction, classifier.labels, is_json=json)
    if failures:
        raise typer.Exit(1)


def _pictures(paths: "Iterable[Path]") -> "Iterator[Path]":
    """Yield files as they are and the pictures of folders."""
    from edge.images import PICTURE_SUFFIXES, list_pictures

    for path in paths:
        found = list_pictures(path) if path.is_dir() else [path]
        if not found:
            raise PictureError(
                "A folder to classify must hold picture files",
                received=f"{path}, without " + ", ".join(sorted(PICTURE_SUFFIXES)),
                fix="Name a folder of pictures, or the files themselves",
            )
        yield from found


def _report(
    path: Path, prediction: "Prediction", labels: tuple[str, ...], *, is_json: bool
) -> None:
    if is_json:
        output.emit_json(_record(path, prediction, labels))
        return
    best = "" if prediction.label == prediction.top_label else f" (best: {prediction.top_label})"
    output.emit_text(f"{path}: {prediction.label} {prediction.score:.2f}{best}")


def _record(path: Path, prediction: "Prediction", labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "path": path,
        "label": prediction.label,
        "score": round(prediction.score, 6),
        "scores": {
            label: round(float(score), 6)
            for label, score in zip(labels, prediction.scores, strict=True)
        },
        "top_label": prediction.top_label,
        "inference_ms": round(prediction.inference_ms, 3),
    }
