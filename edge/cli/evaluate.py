"""`edge evaluate`: how good the deployed file is on a folder per label."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.cli.progress import progress
from edge.errors import SettingError

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.evaluation import FolderEvaluation


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
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write a page: curves, calibration, other light, the worst mistakes.",
            show_default=False,
        ),
    ] = None,
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
    from edge.evaluation import evaluate_pictures, find_labelled_pictures
    from edge.modelfile import default_model_path
    from edge.page.render import check_page_path

    if report is not None:
        check_page_path(report)
    path = model or default_model_path()
    with open_classifier(path, runtime=runtime, threads=threads) as classifier:
        pictures = find_labelled_pictures(folder, labels=classifier.labels, mapping=names)
        with progress("evaluating", len(pictures)) as advance:
            found = evaluate_pictures(classifier, pictures, when_judged=lambda: advance(1))
        record = _record(found, classifier.model.sha256)
        if report is not None:
            record["report"] = _write_report(classifier, found, report, (str(folder), path.name))
        if json:
            output.emit_json(record)
        else:
            _show(found)
            if report is not None:
                output.emit_text(f"report: {report}")


def _record(found: "FolderEvaluation", model_sha256: str) -> dict[str, object]:
    return {
        **found.result.to_dict(),
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in found.skipped],
        "model_sha256": model_sha256,
    }


def _write_report(
    classifier: "Classifier", found: "FolderEvaluation", path: Path, names: tuple[str, str]
) -> dict[str, object]:
    """Write the page and return its numbers; the names are the folder's and the model's."""
    from edge.evaluation_report import (
        ReportSubject,
        build_page,
        count_changed_pictures,
        judge_folder,
    )
    from edge.page.render import write_page

    with progress("in other light", count_changed_pictures(classifier, found)) as advance:
        judgement = judge_folder(classifier, found, when_judged=advance)
    write_page(path, build_page(classifier, found, judgement, ReportSubject(*names)))
    return {"path": path, **judgement.to_dict()}


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
    said = _columns_to_show(counts)
    columns = (*result.labels, "unknown")
    output.emit_table(
        ("shows / said", *(columns[column] for column in said)),
        [
            (label, *(row[column] for column in said))
            for label, row in zip(result.labels, counts, strict=True)
            if sum(row)
        ],
    )
    for skip in found.skipped:
        output.say(f"skipped {skip.path}: {skip.reason}")


def _columns_to_show(counts: list[list[int]]) -> list[int]:
    """Return all columns, or of many those that something stands in."""
    from edge.labels import MANY_LABELS

    columns = range(len(counts[0]))
    if len(columns) <= MANY_LABELS:
        return list(columns)
    return [column for column in columns if any(row[column] for row in counts)]
