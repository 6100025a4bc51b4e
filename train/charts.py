"""Pictures of a training: its curves, and who was taken for whom."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from edge.metrics import Evaluation
from train.checkpoint import EpochRecord, best_epoch, write_atomically
from train.learning_curve import LearningCurve
from train.rate_range import RateRange

_TRAINING, _VALIDATION, _BEST = "#8899aa", "#0b6e8f", "#d1495b"
DPI = 120


def draw_curves(history: Sequence[EpochRecord], path: Path) -> None:
    """Draw loss and accuracy over the epochs, training against validation, as a PNG file."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    epochs = [record.epoch for record in history]
    _draw_pair(loss, epochs, [r.loss for r in history], [r.val_loss for r in history])
    loss.set_title("Loss", loc="left", fontweight="bold")
    _draw_pair(accuracy, epochs, [r.accuracy for r in history], [r.val_accuracy for r in history])
    accuracy.set_title("Accuracy", loc="left", fontweight="bold")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    best = best_epoch(history)
    if best is not None:
        for axes, value in ((loss, best.val_loss), (accuracy, best.val_accuracy)):
            axes.plot(best.epoch, value, "o", color=_BEST, markersize=9, label="kept", zorder=3)
    accuracy.legend(loc="best", frameon=False)
    save_figure(figure, path)


def draw_confusion(evaluation: Evaluation, path: Path, *, title: str) -> None:
    """Draw the confusion matrix, rows the truth, as a PNG file."""
    labels = evaluation.labels
    counts = evaluation.confusion[:, : len(labels)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.6 + 0.8 * len(labels)
    figure = Figure(figsize=(side + 0.4, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    rotation = 45 if sum(map(len, labels)) > 10 * side else 0
    axes.set_xticks(range(len(labels)), labels, rotation=rotation, parse_math=False)
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_xlabel("taken for")
    axes.set_ylabel("shows")
    axes.set_title(title, loc="left", fontweight="bold")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]}\n{share:.1%}"
        colour = "white" if share > 0.5 else "#223344"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    save_figure(figure, path)


def draw_rate_range(found: RateRange, path: Path) -> None:
    """Draw the loss over the learning rate, with what it suggests, as a PNG file."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(found.rates, found.losses, color=_VALIDATION, linewidth=2)
    if found.suggested is not None:
        axes.axvline(found.suggested, color=_BEST, linestyle="--", linewidth=1.5)
        axes.annotate(
            f"suggested: {found.suggested:.1g}",
            (found.suggested, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(6, -14),
            textcoords="offset points",
            color=_BEST,
        )
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss, smoothed")
    axes.set_title("Learning-rate range test", loc="left", fontweight="bold")
    if found.losses:
        axes.set_ylim(top=1.1 * max(found.losses[0], 2 * min(found.losses)))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def draw_learning_curve(curve: LearningCurve, path: Path) -> None:
    """Draw the mistakes over the number of photos, with what lies ahead, as a PNG file."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    photos = [point.photos for point in curve.points]
    errors = [point.error for point in curve.points]
    low, high = [point.low for point in curve.points], [point.high for point in curve.points]
    axes.fill_between(photos, low, high, color=_VALIDATION, alpha=0.15, linewidth=0)
    axes.plot(photos, errors, color=_VALIDATION, marker="o", linewidth=2, label="seen")
    ahead = curve.forecast
    if ahead is not None:
        places, way = (photos[-1], ahead.photos), (errors[-1], ahead.error)
        axes.plot(places, way, color=_BEST, linestyle="--", linewidth=1.5)
        reach = [[ahead.error - min(ahead.low, ahead.error)], [max(ahead.high - ahead.error, 0)]]
        axes.errorbar(
            ahead.photos, ahead.error, reach, color=_BEST, fmt="o", capsize=4, label="expected"
        )
        photos = [*photos, ahead.photos]
    axes.set_xscale("log", base=2)
    axes.set_xticks(photos, [f"{count:,}" for count in photos])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("photos learned from")
    axes.set_ylabel("wrong answers on other photos")
    axes.set_title("What more photos bring", loc="left", fontweight="bold")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)


def _draw_pair(
    axes: Axes, epochs: Sequence[int], training: Sequence[float], validation: Sequence[float]
) -> None:
    style: dict[str, Any] = {"marker": ".", "linewidth": 2}
    axes.plot(epochs, training, color=_TRAINING, label="training (augmented)", **style)
    axes.plot(epochs, validation, color=_VALIDATION, label="validation", **style)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG file; a sign that the font lacks is drawn as a box.

    Raises:
        RunFolderError: It cannot be written.
    """
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format="png", dpi=DPI)
    write_atomically(path, content.getbuffer())
