"""The charts of docs/guide.md, from real runs of its commands; see make_pictures.py."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from train.charts import save_figure
from train.folder import find_photos

PHOTOS = 400  # of each label, evenly spread over those there are
TRAITS = ("brightness", "contrast", "saturation", "sharpness")
COMMON = ("--network", "cnn", "--size", "64", "--epochs", "80", "--averaging", "0.98")
RUNS = {"plain": ("--augment", "none"), "door": ()}
COLOURS = ("#0b6e8f", "#d1495b", "#c98a00", "#2f9e6e")


def draw_all(photos: Path, folder: Path) -> None:
    """Run the commands of the guide, keep their charts, and print what they say."""
    with tempfile.TemporaryDirectory() as work:
        sample = Path(work) / "photos"
        _link(photos, sample)
        (found,) = _run_edge("data", "explore", sample, "-o", Path(work) / "page.html", "--no-map")
        _draw_traits(found["labels"], folder / "guide-traits.png")
        for name, options in RUNS.items():
            run = Path(work) / name
            *_, summary = _run_edge("train", sample, "-o", run, *COMMON, *options)
            judged, best = summary["metrics"]["test"], summary["training"]["best_epoch"]
            print(f"{name}: {judged['accuracy']:.2%} of {judged['images']} right, epoch {best}")
            for chart in ("curves", "confusion"):
                _reduce(run / f"{chart}.png", folder / f"guide-{chart}-{name}.png")


def _link(photos: Path, sample: Path) -> None:
    found = find_photos(photos)
    for label in found.labels:
        own = [file for file in found.files if file.label == label]
        (sample / label.casefold()).mkdir(parents=True)
        for number in range(min(PHOTOS, len(own))):
            path = found.root / own[number * len(own) // min(PHOTOS, len(own))].path
            (sample / label.casefold() / path.name).symlink_to(path)


def _run_edge(*words: object) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "edge", *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _draw_traits(labels: dict[str, Any], path: Path) -> None:
    """Draw the median of each trait and label, and where the middle half of the photos lies."""
    figure = Figure(figsize=(10, 1.1 + 0.45 * len(labels)), layout="constrained")
    columns = figure.subplots(1, len(TRAITS), sharey=True)
    columns[0].set_yticks(range(len(labels)), list(labels))
    columns[0].set_ylim(len(labels) - 0.4, -0.6)  # the first on top
    for axes, trait in zip(columns, TRAITS, strict=True):
        for place, spreads in enumerate(labels.values()):
            low, median, high = (spreads[trait][name] for name in ("low", "median", "high"))
            colour = COLOURS[place % len(COLOURS)]
            axes.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.35)
            axes.plot(median, place, "o", color=colour, markersize=9)
        axes.set_title(trait.capitalize(), loc="left", fontweight="bold")
        axes.set_xlim(0, 1.15 * max(spreads[trait]["high"] for spreads in labels.values()))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    save_figure(figure, path)
    _reduce(path, path)


def _reduce(chart: Path, target: Path) -> None:
    """Store a chart with few colours, which is all it has."""
    with Image.open(chart) as picture:
        small = picture.convert("RGB").quantize(64)
    small.save(target, optimize=True)


if __name__ == "__main__":
    sys.exit("Run: python docs/make_pictures.py guide PHOTOS")
