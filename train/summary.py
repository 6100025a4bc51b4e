"""The page that tells a person what came out of a training."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.metrics import Evaluation
from train.artefacts import Outcome
from train.checkpoint import write_atomically
from train.folder import PARTS

_SHOWN_SKIPPED = 20


def write_summary(path: Path, outcome: Outcome) -> None:
    """Write the page, in Markdown."""
    text = "".join(f"{line}\n" for line in _lines(outcome))
    write_atomically(path, text.encode())


def _lines(outcome: Outcome) -> Iterator[str]:
    plan, settings = outcome.plan, outcome.plan.settings
    yield f"# {plan.root.name}: {', '.join(plan.labels)}"
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
    yield from ("", "![What the network saw](augmentation.png)")


def _data_lines(outcome: Outcome) -> Iterator[str]:
    plan, counts = outcome.plan, outcome.plan.split.counts
    yield from ("", "## Pictures", "")
    rows = [[label, *(str(counts[part][label]) for part in PARTS)] for label in plan.labels]
    yield from _table(["label", *PARTS], rows)
    yield ""
    yield (
        "The network learned from the training part; the epoch to keep was chosen by the "
        "validation part; the test part was looked at once, at the end."
    )
    if plan.skipped:
        yield ""
        yield f"{len(plan.skipped)} files took no part (`skipped.csv`):"
        yield ""
        yield from (f"- {f.path}: {f.reason}" for f in plan.skipped[:_SHOWN_SKIPPED])


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
