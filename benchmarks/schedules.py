"""Compare `step` and `grow-batch` on real photos, and draw both.

Smith et al. 2018, "Don't Decay the Learning Rate, Increase the Batch Size",
https://arxiv.org/abs/1711.00489: a batch that grows where the rate would fall gives the same curve
over the epochs in fewer steps. Both sides learn from the same split with the same seed, from the
same weights; only the schedule differs. Prints the result per seed and draws a PNG.

    python benchmarks/schedules.py PHOTOS -o schedules.png --network cnn --size 64 --epochs 20
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_KINDS = {"step": "#8899aa", "grow-batch": "#0b6e8f"}


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to."""

    loss: float
    val_loss: float
    val_accuracy: float
    batch_size: int
    learning_rate: float
    pictures: int

    @property
    def steps(self) -> int:
        """Steps that the optimizer took in it."""
        return self.pictures // self.batch_size


@dataclass(frozen=True, slots=True)
class Course:
    """A training with one schedule and seed."""

    kind: str
    seed: int
    epochs: tuple[Epoch, ...]
    test_accuracy: float
    seconds: float

    @property
    def steps(self) -> int:
        """Steps that the optimizer took in all."""
        return sum(epoch.steps for epoch in self.epochs)


def main() -> None:
    """Train with both schedules, print what came of it, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of photos per label")
    parser.add_argument("-o", "--output", type=Path, default=Path("schedules.png"))
    parser.add_argument("--network", default="cnn")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=1, help="trainings per schedule")
    arguments = parser.parse_args()
    courses = []
    print("schedule    seed  steps  last validation loss  validation  test      seconds")
    for seed in range(1, arguments.seeds + 1):
        for kind in _KINDS:
            course = train(arguments, kind=kind, seed=seed)
            courses.append(course)
            last = course.epochs[-1]
            print(
                f"{kind:11} {seed:4} {course.steps:6} {last.val_loss:21.4f} "
                f"{last.val_accuracy:11.2%} {course.test_accuracy:7.2%} {course.seconds:9.0f}"
            )
    draw(courses, arguments.output)
    print(f"drawn in {arguments.output}")


def train(arguments: argparse.Namespace, *, kind: str, seed: int) -> Course:
    """Train in a process of its own, and read what it says."""
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "-o": Path(folder) / "run",
            "--network": arguments.network,
            "--size": arguments.size,
            "--epochs": arguments.epochs,
            "--batch-size": arguments.batch_size,
            "--schedule": kind,
            "--seed": seed,
        }
        words = [str(word) for pair in options.items() for word in pair]
        done = subprocess.run(
            [sys.executable, "-m", "edge", "train", str(arguments.folder), *words, "--json"],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    *records, summary = (json.loads(line) for line in done.stdout.splitlines())
    pictures = sum(summary["data"]["counts"]["train"].values())
    names = ("loss", "val_loss", "val_accuracy", "batch_size", "learning_rate")
    epochs = tuple(Epoch(*(record[name] for name in names), pictures) for record in records)
    accuracy = summary["metrics"]["test"]["accuracy"]
    return Course(kind, seed, epochs, accuracy, summary["training"]["seconds"])


def draw(courses: Sequence[Course], path: Path) -> None:
    """Draw loss over epochs and over steps, and rate and batch size over epochs."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    by_epoch, by_step, pace = figure.subplots(1, 3)
    for course in courses:
        numbers = range(1, len(course.epochs) + 1)
        losses = [epoch.val_loss for epoch in course.epochs]
        steps = [sum(e.steps for e in course.epochs[:number]) for number in numbers]
        style = {"color": _KINDS[course.kind], "linewidth": 2}
        label = course.kind if course.seed == 1 else None
        by_epoch.plot(numbers, losses, label=label, **style)
        by_step.plot(steps, losses, **style)
        if course.seed == 1:
            ratios = [1e3 * e.learning_rate / e.batch_size for e in course.epochs]
            pace.step(numbers, ratios, where="mid", **style)
            pace.step(numbers, [e.batch_size for e in course.epochs], where="mid", ls=":", **style)
    pace.set_yscale("log")
    for axes, title, unit in (
        (by_epoch, "Validation loss", "epoch"),
        (by_step, "Validation loss", "steps"),
        (pace, "Rate / batch x 1000; dots: batch", "epoch"),
    ):
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_xlabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    by_epoch.legend(frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
