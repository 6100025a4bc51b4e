"""The page that says how good a trained network is, and the same numbers as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edge.page.blocks import Block, Figure, Gallery, Heading, Page, Row, Shot, Table, Text
from edge.page.charts import Series, line_chart
from edge.page.pictures import encode_picture
from edge.page.render import render_page
from edge.page.svg import Axis
from edge.quality.judgement import Judgement
from edge.quality.sections import Exhibit, judgement_sections, percent
from edge.records import Pixels
from train.artefacts import Outcome
from train.checkpoint import best_epoch, write_atomically
from train.folder import PARTS
from train.sheet import EPOCHS, TILE, SheetRow

FORMAT = "catseye-report"
FORMAT_VERSION = 1

_EXPLANATION = (
    "On the right Grad-CAM (Selvaraju et al. 2017): the parts glow that spoke for the wrong answer."
)
_SHOWN_SKIPPED = 20
_NETWORKS_OWN = ("dropout", "weights", "width")  # what each network has, where nobody asked


def write_report(
    outcome: Outcome,
    part: str,
    judgement: Judgement,
    exhibits: Mapping[int, Exhibit],
    *,
    sheet: Sequence[SheetRow],
) -> None:
    """Write `report.html` and `report.json` into the run folder.

    Args:
        outcome: What the training was.
        part: That was judged, "test"; "validation" when the training was interrupted.
        judgement: The numbers.
        exhibits: The worst mistakes that can be shown, by row.
        sheet: What the network saw of some photos.

    Raises:
        RunFolderError: They cannot be written.
    """
    run = outcome.plan.run
    record = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "part": part,
        **judgement.to_dict(),
        "history": [epoch.to_dict() for epoch in outcome.history],
        "run": outcome.to_dict(),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(run.report_json, text.encode("utf-8", "replace"))
    page = build_page(outcome, part, judgement, exhibits, sheet=sheet)
    write_atomically(run.report, render_page(page))


def build_page(
    outcome: Outcome,
    part: str,
    judgement: Judgement,
    exhibits: Mapping[int, Exhibit],
    *,
    sheet: Sequence[SheetRow],
) -> Page:
    """Lay out the page."""
    plan = outcome.plan
    source = "which nothing was learned from or chosen by" if part == "test" else "of validation"
    blocks = [
        *_warning(outcome),
        *judgement_sections(judgement, source=source, exhibits=exhibits, explanation=_EXPLANATION),
        *_training(outcome),
        *_seen(outcome, sheet),
        *_card(outcome),
    ]
    return Page(
        title=f"{plan.root.name}: {', '.join(plan.labels)}",
        subtitle=f"{plan.settings.network} at {plan.settings.side} x {plan.settings.side} pixels, "
        f"judged on the {part} part, {judgement.evaluation.images:,} pictures",
        blocks=blocks,
        footer=f"catseye {outcome.to_dict()['versions']['catseye']}, edge train; "
        f"photos {plan.split.fingerprint}",
    )


def _warning(outcome: Outcome) -> Iterator[Block]:
    if outcome.status != "complete":
        yield Text(
            f"Interrupted after {len(outcome.history)} of {outcome.plan.settings.epochs} epochs; "
            "edge train --resume goes on. These are figures of the validation part, which flatter: "
            "the epoch was chosen by it. The test part is looked at once, at the end.",
            is_note=True,
        )


def _training(outcome: Outcome) -> Iterator[Block]:
    yield Heading("How it was trained")
    yield Text(
        f"{len(outcome.history)} epochs in {outcome.seconds / 60:.1f} minutes, "
        f"{outcome.images_per_second:.0f} images per second. The weights of epoch "
        f"{outcome.best_epoch} were kept: the loss of the validation part was lowest there."
    )
    if outcome.history:
        yield Row([*_learning_curves(outcome)])
    settings = outcome.to_dict()["training"]
    rows = [(name.replace("_", " "), _say(name, value)) for name, value in settings.items()]
    half = (len(rows) + 1) // 2
    yield Row([Table(("setting", "value"), rows[:half]), Table(("setting", "value"), rows[half:])])


def _learning_curves(outcome: Outcome) -> Iterator[Figure]:
    history = outcome.history
    x = Axis("epoch", 1, max(2, len(history)), is_whole=True)
    best = best_epoch(history)
    mark = (float(best.epoch), "kept") if best else None
    losses = [value for epoch in history for value in (epoch.loss, epoch.val_loss)]
    shares = [value for epoch in history for value in (epoch.accuracy, epoch.val_accuracy)]
    yield Figure(
        line_chart(
            _pair([e.loss for e in history], [e.val_loss for e in history]),
            x=x,
            y=Axis("loss", min(losses) * 0.95, max(losses) * 1.02),
            mark=mark,
        ),
        "Loss",
        "Both lines should fall together. Where that of validation turns up while that of training "
        "goes on falling, the network has begun to learn its photos by heart: overfitting.",
    )
    yield Figure(
        line_chart(
            _pair([e.accuracy for e in history], [e.val_accuracy for e in history]),
            x=x,
            y=Axis("right", max(0.0, min(shares) - 0.02), 1.0, is_share=True),
            mark=mark,
        ),
        "Accuracy",
        "Training pictures are cropped, darkened and blurred on purpose, so that validation may "
        "well lie above.",
    )


def _pair(training: Sequence[float], validation: Sequence[float]) -> list[Series]:
    return [
        Series("validation", [*enumerate(validation, start=1)], has_dots=True),
        Series("training", [*enumerate(training, start=1)], has_dots=True),
    ]


def _seen(outcome: Outcome, sheet: Sequence[SheetRow]) -> Iterator[Block]:
    """Yield photos as the network saw them."""
    settings = outcome.plan.settings
    more = " Mixup, which lays another one over each, is left out." if settings.mixup else ""
    shots = [
        Shot(
            [_encode(tile_rgb) for tile_rgb in row.tiles_rgb],
            f"{row.name}: the photo, and what it is in the first {EPOCHS} epochs",
        )
        for row in sheet
    ]
    yield Heading("What the network saw")
    yield Text(
        f"--augment {settings.augment} changes every photo anew in every epoch, so that none can "
        "be learned by heart. You should still see what each picture shows, and those of your "
        f"camera should not look worse than all of these.{more}"
    )
    yield Gallery(shots, is_wide=True)


def _encode(tile_rgb: Pixels) -> str:
    return encode_picture(np.ascontiguousarray(tile_rgb[..., ::-1]), side=TILE)


def _card(outcome: Outcome) -> Iterator[Block]:
    """Yield what a person should know before using the model."""
    plan, counts = outcome.plan, outcome.plan.split.counts
    rows = [(label, *(counts[part].get(label, 0) for part in PARTS)) for label in plan.labels]
    total = [sum(counts[part].values()) for part in PARTS]
    yield Heading("Model card")
    yield Table(
        ("label", *PARTS),
        [*rows, ("all", *total)],
        "Photos: the network learned from the first part, the second chose the epoch and the "
        "temperature, the third was looked at once, at the end.",
    )
    yield Text(
        f"For: telling {', '.join(plan.labels)} apart in pictures like these photos, from the same "
        "kind of camera, distance and light."
    )
    yield Text(
        "Not for: anything else. The network knows these labels only; a picture of something else "
        "gets the one that fits least badly, unless a label such as none has photos of it. Expect "
        "less from another camera, at night or from further away, as the table of other light "
        "shows, and judge it there: edge evaluate on pictures of that camera. It is a classifier "
        "of pictures, not a lock: not for anything that hurts when it is wrong.",
        is_note=True,
    )
    yield from _known_weakness(outcome)
    if plan.skipped:
        skipped = [(file.path, file.reason) for file in plan.skipped[:_SHOWN_SKIPPED]]
        more = f"{len(plan.skipped)} files took no part; skipped.csv lists all."
        yield Table(("left out", "why"), skipped, more)


def _known_weakness(outcome: Outcome) -> Iterator[Block]:
    evaluation = outcome.test or outcome.validation
    if evaluation is not None:
        label, metrics = min(evaluation.per_label.items(), key=lambda item: item[1].recall)
        yield Text(f"Weakest label: {label}, of whose pictures it finds {percent(metrics.recall)}.")


def _say(name: str, value: object) -> str:
    if value is None:
        return "the network's own" if name in _NETWORKS_OWN else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
