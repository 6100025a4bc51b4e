"""`edge evaluate`: how good the deployed file is on a folder per label."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.errors import SettingError

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.evaluation import FolderEvaluation, LabelledPicture


def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="Holds a subfolder for some or all of the model's labels.")
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=LABEL",
            help="Take the subfolder NAME for LABEL; may be repeated.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a model's accuracy on a folder per label, with the code that runs on the device.

    The model's thresholds are applied: an answer below its threshold is "unknown", which is wrong.
    Top-1 accuracy ignores the thresholds. Pictures that cannot be read are listed and left out.

    Raises:
        CatseyeError: The model or the folder cannot be used.
    """
    names = _parse_mapping(mapping or [])
    from edge.classifier import open_classifier
    from edge.evaluation import find_labelled_pictures
    from edge.modelfile import default_model_path

    with open_classifier(
        model or default_model_path(), runtime=runtime, threads=threads
    ) as classifier:
        pictures = find_labelled_pictures(folder, labels=classifier.labels, mapping=names)
        found = _evaluate_with_progress(classifier, pictures)
        if json:
            output.emit_json(_record(found, classifier.model.sha256))
        else:
            _show(found)


def _record(found: "FolderEvaluation", model_sha256: str) -> dict[str, object]:
    return {
        **found.result.to_dict(),
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in found.skipped],
        "model_sha256": model_sha256,
    }


def _parse_mapping(texts: list[str]) -> dict[str, str]:
    names = {}
    for text in texts:
        name, equals, label = text.partition("=")
        if not (name and equals and label):
            raise SettingError(
                "--map takes a folder's name and a label",
                received=text,
                fix="Write it as NAME=LABEL, for example --map Cats=cat",
            )
        names[name] = label
    return names


def _evaluate_with_progress(
    classifier: "Classifier", pictures: "list[LabelledPicture]"
) -> "FolderEvaluation":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from edge.evaluation import evaluate_pictures

    console = output.console()
    with Progress(
        "evaluating",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=len(pictures))
        return evaluate_pictures(classifier, pictures, when_judged=lambda: progress.advance(task))


def _show(found: "FolderEvaluation") -> None:
    result = found.result
    output.emit_text(
        f"{result.images} pictures: accuracy {result.accuracy:.2%}, "
        f"top-1 {result.top1_accuracy:.2%}, {result.rejected} unknown"
    )
    output.emit_table(
        ("label", "pictures", "precision", "recall"),
        [
            (label, metrics.count, f"{metrics.precision:.2%}", f"{metrics.recall:.2%}")
            for label, metrics in result.per_label.items()
            if metrics.count
        ],
    )
    counts = result.confusion.tolist()
    output.emit_table(
        ("shows / said", *result.labels, "unknown"),
        [(label, *row) for label, row in zip(result.labels, counts, strict=True) if sum(row)],
    )
    for skip in found.skipped:
        output.say(f"skipped {skip.path}: {skip.reason}")
