"""What eight bits cost, and what learning to be 8-bit wins back, on networks of your own.

Each finished run folder of `edge train` is converted three times by `edge convert`: as it is
(`float32`), by post-training quantization (`int8`), and by quantization-aware training (`qat`). The
three files then answer for the validation part, which `edge convert` chooses by, and for the
test part, which it does not read; in the device's interpreter, after the device's preprocessing.

    edge train PHOTOS -o run-cnn/ --network cnn
    python benchmarks/quantization.py run-cnn/ --epochs 3 --learning-rate 1e-3

`--epochs`, `--learning-rate` and `--pictures` are those of `edge convert`, for every run that is
named. Small networks that began from nothing bear more than the default; what `edge convert`
advises when it refuses one is `--epochs 3 --learning-rate 1e-3`.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trials import ANY_LOSS, CommandError, run_edge

from convert.parity import describe_runtime, divergence, run_model
from convert.pictures import PictureSet, load_pictures
from convert.run_folder import RunFolder, read_run
from edge.benchmark import describe_machine
from edge.errors import CatseyeError
from edge.metrics import evaluate_scores
from edge.modelfile import ModelFile, read_model_file
from edge.quality.interval import wilson_interval
from edge.records import Scores

FLOAT, PLAIN, LEARNED = "float32", "int8", "qat"
PARTS = ("validation", "test")
ALLOWED = 0.1  # points that qat may lose against the float network
COLUMNS = (
    *("network", "part", "file", "right (95 % interval)", "least recall", "agreement"),
    *("divergence", "KB", "seconds"),
)


@dataclass(frozen=True, slots=True)
class Converted:
    """A file, and what it took to make it.

    Attributes:
        model: The file.
        state: Which weights went into it, as `edge convert --json` says.
        seconds: Of the whole command.
    """

    model: ModelFile
    state: str
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the three files say about a part.

    Attributes:
        truth: `(pictures,)`, index of the right label.
        scores: `(pictures, labels)` by the name of the mode.
    """

    truth: NDArray[np.intp]
    scores: dict[str, Scores]

    def hits(self, mode: str) -> NDArray[np.bool_]:
        """Return for each picture whether the best label is right."""
        return np.asarray(self.scores[mode].argmax(axis=1) == self.truth)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two files on the same pictures.

    Attributes:
        first: Name of the one.
        second: Name of the other.
        first_only: Pictures that only the first gets right.
        second_only: Pictures that only the second gets right.
        pictures: That both were asked about.
    """

    first: str
    second: str
    first_only: int
    second_only: int
    pictures: int

    @property
    def points(self) -> float:
        """Points by which the first is ahead; negative when it is behind."""
        return (self.first_only - self.second_only) * 100 / self.pictures

    @property
    def chance(self) -> float:
        """Share of cases in which two equal files differ by as much or more, in [0, 1].

        McNemar's test, exact: of equal files, each picture that only one gets right is as likely
        to be the one's as the other's.
        """
        fewer, total = min(self.first_only, self.second_only), self.first_only + self.second_only
        tail = sum(math.comb(total, count) for count in range(fewer + 1))
        return min(1.0, 2 * tail / 2**total)

    def __str__(self) -> str:
        """Say it in points, pictures and chance."""
        share = f"{self.chance:.0%}" if self.chance >= 0.01 else "less than 1%"
        return (
            f"{self.points:+.2f} points; of {self.pictures:,} pictures {self.first_only} are right "
            f"by {self.first} only, {self.second_only} by {self.second} only; two equal files "
            f"differ as much in {share} of cases"
        )


def main() -> None:
    """Print a table of the runs, and what it says for qat."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="made by edge train")
    add_recipe(parser)
    arguments = parser.parse_args()
    print_setting()
    print_header()
    found = {str(run): measure_run(run, read_recipe(arguments)) for run in arguments.runs}
    for name, answers in found.items():
        if answers is not None:
            print_verdict(name, answers)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the options of `edge convert` that say how `qat` learns."""
    parser.add_argument("--epochs", type=int, help="times that qat sees each picture; 1")
    parser.add_argument("--learning-rate", type=float, help="highest of qat; 2e-5")
    parser.add_argument("--pictures", type=int, help="that qat learns from, at most; 2000")


def read_recipe(arguments: argparse.Namespace) -> list[object]:
    """Return the options as `edge convert` takes them; what was not given stays its default."""
    given = {
        "--epochs": arguments.epochs,
        "--learning-rate": arguments.learning_rate,
        "--pictures": arguments.pictures,
    }
    return [word for name, value in given.items() if value is not None for word in (name, value)]


def print_setting() -> None:
    """Print the machine and the versions that decide what comes out."""
    runtime = describe_runtime()
    packages = ("tensorflow", "tf-keras", "tensorflow-model-optimization")
    versions = [f"{name} {version(name)}" for name in packages]
    print(describe_machine())
    print(", ".join([*versions, f"{runtime['runtime']} {runtime['runtime_version']}"]))


def print_header() -> None:
    """Print the head of the table."""
    print(f"\n| {' | '.join(COLUMNS)} |")
    print("|" + "---|" * len(COLUMNS), flush=True)


def measure_run(
    path: Path, recipe: Sequence[object], *, note: str = ""
) -> dict[str, Answers] | None:
    """Convert a run thrice, and print its rows or why there are none.

    Args:
        path: The run folder.
        recipe: Options of `edge convert` for `qat`.
        note: What its rows say behind the network's name.

    Returns:
        What the files say, by part; `None` when the run cannot be converted.
    """
    try:
        run = read_run(path)
        with tempfile.TemporaryDirectory() as folder:
            files = convert_thrice(path, Path(folder), recipe)
            parts = {part: load_part(run, part) for part in PARTS if run.part(part)}
            answers = {part: ask(files, pictures) for part, pictures in parts.items()}
    except (CommandError, CatseyeError) as error:
        print(f"| {path} | not tried: {str(error).splitlines()[0]} |", flush=True)
        return None
    for part in answers:
        for mode, file in files.items():
            name = f"{network_name(run)}, {run.input.width} px{note}"
            print(f"| {name} | {describe(part, answers[part], mode, file)} |", flush=True)
    return answers


def convert_thrice(run: Path, folder: Path, recipe: Sequence[object]) -> dict[str, Converted]:
    """Convert a run in each of the modes, whatever is lost: the files are judged here."""
    files = {}
    for mode in (FLOAT, PLAIN, LEARNED):
        model = folder / f"{mode}.tflite"
        words: list[object] = ["convert", run, "-o", model, "--quantize", mode, *ANY_LOSS]
        started = time.monotonic()
        (report,) = run_edge(*words, *(recipe if mode == LEARNED else ()))
        seconds = time.monotonic() - started
        files[mode] = Converted(read_model_file(model), report["state"], seconds)
    return files


def load_part(run: RunFolder, part: str) -> PictureSet:
    """Read the pictures of a part with the device's own decoding and resizing."""
    return load_pictures(run.part(part), labels=run.labels, spec=run.input)


def ask(files: dict[str, Converted], pictures: PictureSet) -> Answers:
    """Let every file answer for every picture, as the device would."""
    scores = {
        mode: run_model(file.model.model_bytes, pictures, spec=file.model.manifest.input.fitted)[0]
        for mode, file in files.items()
    }
    return Answers(pictures.truth, scores)


def describe(part: str, answers: Answers, mode: str, file: Converted) -> str:
    """Write the cells of a row behind the network's name."""
    scores, original = answers.scores[mode], answers.scores[FLOAT]
    right, pictures = int(answers.hits(mode).sum()), len(answers.truth)
    labels = file.model.manifest.labels
    evaluation = evaluate_scores(scores, answers.truth, labels=labels)
    recalls = [found.recall for found in evaluation.per_label.values() if found.count]
    interval = wilson_interval(right, pictures)
    cells = (
        f"{part}, {pictures:,}",
        f"{mode} ({file.state})" if mode == LEARNED else mode,
        f"{right / pictures:.2%} ({interval.low:.2%} to {interval.high:.2%})",
        f"{min(recalls):.2%}",
        f"{(scores.argmax(axis=1) == original.argmax(axis=1)).mean():.2%}",
        f"{divergence(original, scores):.5f}",
        f"{len(file.model.model_bytes) / 1000:,.0f}",
        f"{file.seconds:.0f}",
    )
    return " | ".join(cells)


def network_name(run: RunFolder) -> str:
    """Return what `--network` was."""
    facts: Any = run.facts.get("network", run.name)
    name = str(facts["name"] if isinstance(facts, dict) else facts)
    return name.rpartition(":")[2]


def print_verdict(name: str, answers: dict[str, Answers]) -> None:
    """Print whether qat reaches int8, and float but for a tenth of a point."""
    print()
    for part, found in answers.items():
        for other, allowed in ((PLAIN, 0.0), (FLOAT, ALLOWED)):
            compared = compare(found, LEARNED, other)
            bar = f"{other} - {allowed:g} points" if allowed else other
            verdict = "yes" if compared.points >= -allowed else "NO"
            print(f"{name}, {part}: is qat at least as accurate as {bar}? {verdict}: {compared}")


def compare(answers: Answers, first: str, second: str) -> Comparison:
    """Count the pictures that only one of two files gets right."""
    one, other = answers.hits(first), answers.hits(second)
    return Comparison(
        first, second, int((one & ~other).sum()), int((other & ~one).sum()), len(answers.truth)
    )


if __name__ == "__main__":
    main()
