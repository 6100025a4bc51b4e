"""The page that tells a person what came out of a training."""

from collections.abc import Iterator, Sequence

from edge.metrics import Evaluation
from train.artefacts import Outcome
from train.folder import PARTS
from train.run_folder import RunFolder

_SHOWN_SKIPPED = 20


def write_summary(run: RunFolder, outcome: Outcome) -> None:
    """Write `summary.md`."""
    (run.path / "summary.md").write_text("\n".join(_lines(outcome)) + "\n", encoding="utf-8")


def _lines(outcome: Outcome) -> Iterator[str]:
    settings = outcome.settings
    yield f"# {outcome.root.name}: {', '.join(outcome.labels)}"
    yield ""
    if outcome.status != "complete":
        yield (
            f"Interrupted after {len(outcome.history)} of {settings.epochs} epochs; "
            "`edge train --resume` goes on."
        )
        yield ""
    yield (
        f"{settings.network} at {settings.side} x {settings.side} pixels, "
        f"{outcome.parameters:,} parameters; {len(outcome.history)} epochs in "
        f"{outcome.seconds / 60:.1f} minutes ({outcome.images_per_second:.0f} images/s), "
        f"weights of epoch {outcome.best_epoch} kept."
    )
    for part, evaluation in (("Test", outcome.test), ("Validation", outcome.validation)):
        if evaluation is not None:
            yield ""
            yield f"## {part} part: {evaluation.accuracy:.2%} of {evaluation.images} pictures right"
            yield ""
            yield from _evaluation_table(evaluation)
    yield from _data_lines(outcome)
    yield from ("", "![Loss and accuracy](curves.png)", "", "![Confusion matrix](confusion.png)")


def _data_lines(outcome: Outcome) -> Iterator[str]:
    counts = outcome.split.counts
    yield from ("", "## Pictures", "")
    rows = [[label, *(str(counts[part][label]) for part in PARTS)] for label in outcome.labels]
    yield from _table(["label", *PARTS], rows)
    yield ""
    yield (
        "The network learned from the training part; the epoch to keep was chosen by the "
        "validation part; the test part was looked at once, at the end."
    )
    if outcome.skipped:
        yield ""
        yield f"{len(outcome.skipped)} files took no part (`skipped.csv`):"
        yield ""
        yield from (f"- {f.path}: {f.reason}" for f in outcome.skipped[:_SHOWN_SKIPPED])


def _evaluation_table(evaluation: Evaluation) -> Iterator[str]:
    rows = [
        [label, str(m.count), f"{m.precision:.2%}", f"{m.recall:.2%}"]
        for label, m in evaluation.per_label.items()
    ]
    yield from _table(["label", "pictures", "precision", "recall"], rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|---" + "|---:" * (len(columns) - 1) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)
