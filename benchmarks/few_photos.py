"""How good `edge train` is with few photos, against the usual recipe.

    python benchmarks/few_photos.py PetImages --usual mobilenet_v2_1.0_224_quant.tflite

The usual recipe is what courses and web examples do: the features of a frozen MobileNetV2, here
its int8 file, and logistic regression on them. catseye is `edge train` as it comes, in a process
of its own. Both get the same photos and are judged on the same others, which neither has seen; of
its photos catseye keeps some back to choose by, the usual recipe learns from all of them.

Each result is added to a file as soon as it is there; the same command goes on where it stopped.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.extras import require_desktop

require_desktop()

from edge.benchmark import describe_machine  # noqa: E402
from edge.images import list_pictures, read_picture  # noqa: E402
from edge.manifest import InputSpec  # noqa: E402
from edge.preprocess import fit_frame  # noqa: E402
from train.folder import find_label_folders  # noqa: E402
from train.linear_head import solve_head  # noqa: E402

RECIPES = ("usual", "catseye")
Photos = dict[str, list[Path]]
"""Paths by label."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a recipe came to.

    Attributes:
        recipe: One of `RECIPES`.
        count: Photos per label that it got.
        seed: Of the choice of these photos.
        accuracy: On the unseen photos, in [0, 1].
        seconds: From photos to a classifier, without the judging where that can be told apart.
        test: Unseen photos per label.
    """

    recipe: str
    count: int
    seed: int
    accuracy: float
    seconds: float
    test: int


class FrozenFeatures:
    """What a quantized classifier makes of a picture before its last layer.

    Args:
        model: A .tflite file.
        tensor: Name of the tensor to read.
    """

    def __init__(self, model: Path, tensor: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it takes more memory
            self._interpreter = Interpreter(
                model_path=str(model), experimental_preserve_all_tensors=True
            )
        self._interpreter.allocate_tensors()
        found = [d for d in self._interpreter.get_tensor_details() if d["name"] == tensor]
        if len(found) != 1:
            raise SystemExit(f"{model} has no tensor {tensor}; name one with --tensor")
        self._tensor, self._input = found[0], self._interpreter.get_input_details()[0]
        self._known: dict[Path, NDArray[np.float32]] = {}

    def see(self, paths: Sequence[Path]) -> NDArray[np.float32]:
        """Return the features of pictures, `(pictures, features)`; each is computed once."""
        for path in paths:
            if path not in self._known:
                self._known[path] = self._compute(path)
        return np.stack([self._known[path] for path in paths])

    def forget(self, paths: Sequence[Path]) -> None:
        """Let the features of pictures be computed again, to be timed."""
        for path in paths:
            self._known.pop(path, None)

    def _compute(self, path: Path) -> NDArray[np.float32]:
        height, width = self._input["shape"][1:3]
        pixels_rgb = fit_frame(read_picture(path), spec=InputSpec(int(width), int(height)))
        self._interpreter.set_tensor(self._input["index"], pixels_rgb[np.newaxis])
        self._interpreter.invoke()
        scale, zero = self._tensor["quantization"]
        values = self._interpreter.get_tensor(self._tensor["index"]).ravel()
        return (values.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def main() -> None:
    """Print a row per result, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of photos per label")
    parser.add_argument("--usual", type=Path, required=True, help="MobileNetV2 as a .tflite file")
    parser.add_argument("--tensor", default="MobilenetV2/Logits/AvgPool", help="with its features")
    parser.add_argument("--counts", default="20,50,100,400,2000", help="photos per label")
    parser.add_argument("--seeds", default="5,5,5,1,1", help="of each count; the last goes on")
    parser.add_argument("--test", type=int, default=1000, help="unseen photos per label; 1000")
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("-o", "--output", type=Path, default=Path("few_photos.jsonl"))
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    results = read_results(arguments.output, arguments.test)
    judging, rest = set_aside(find_all(arguments.folder), arguments.test)
    features = FrozenFeatures(arguments.usual, arguments.tensor)
    for count, seed in plan_rows(arguments.counts, arguments.seeds):
        learning = choose(rest, count, seed)
        for recipe in arguments.recipes.split(","):
            if any((r.recipe, r.count, r.seed) == (recipe, count, seed) for r in results):
                continue
            if recipe == "usual":
                accuracy, seconds = try_usual(features, learning, judging)
            else:
                accuracy, seconds = try_catseye(learning, judging, seed)
            result = Result(recipe, count, seed, accuracy, seconds, arguments.test)
            results.append(result)
            with arguments.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")
            print(
                f"{count:5} photos, seed {seed}: {recipe:8} {accuracy:7.2%}  {seconds:6.1f} s",
                flush=True,
            )
    print_table(results)


def read_results(path: Path, test: int) -> list[Result]:
    """Return what earlier runs have found with as many unseen photos."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [r for line in lines if (r := Result(**json.loads(line))).test == test]


def plan_rows(counts: str, seeds: str) -> Iterator[tuple[int, int]]:
    """Yield the number of photos per label and the seed of each row."""
    numbers = [int(number) for number in seeds.split(",")]
    for place, count in enumerate(counts.split(",")):
        for seed in range(1, numbers[min(place, len(numbers) - 1)] + 1):
            yield int(count), seed


def find_all(folder: Path) -> Photos:
    """Return all photos of a folder by label."""
    places = find_label_folders(folder.resolve())
    return {place.label: list_pictures(place.path) for place in places}


def set_aside(photos: Photos, test: int) -> tuple[Photos, Photos]:
    """Divide photos into those that judge, whatever the seed, and the others."""
    random = np.random.default_rng(0)
    judging, rest = {}, {}
    for label, paths in photos.items():
        order = random.permutation(len(paths))
        judging[label] = sorted(paths[row] for row in order[:test])
        rest[label] = [paths[row] for row in order[test:]]
    return judging, rest


def choose(photos: Photos, count: int, seed: int) -> Photos:
    """Choose photos of each label; more of the same seed include the fewer."""
    random = np.random.default_rng([seed, 1])
    chosen = {}
    for label, paths in photos.items():
        if len(paths) < count:
            raise SystemExit(f"{len(paths)} photos of {label} are left to learn from, not {count}")
        chosen[label] = [paths[row] for row in random.permutation(len(paths))[:count]]
    return chosen


def try_usual(features: FrozenFeatures, learning: Photos, judging: Photos) -> tuple[float, float]:
    """Return accuracy and seconds of logistic regression on frozen features."""
    paths, truth = flatten(learning)
    features.forget(paths)
    began = time.perf_counter()
    label_weights = np.ones(len(learning), np.float32)
    head = solve_head(features.see(paths), truth, label_weights=label_weights)
    seconds = time.perf_counter() - began
    others, right = flatten(judging)
    return float((head.choose(features.see(others)) == right).mean()), seconds


def try_catseye(learning: Photos, judging: Photos, seed: int) -> tuple[float, float]:
    """Return accuracy and seconds of `edge train` as it comes.

    The seconds are those of the whole command, less what judging takes after the last epoch.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, run = Path(folder) / "photos", Path(folder) / "run"
        for part, photos in (("train", learning), ("test", judging)):
            for label, paths in photos.items():
                (data / part / label).mkdir(parents=True)
                for path in paths:
                    (data / part / label / path.name).symlink_to(path)
        command = ["-m", "edge", "train", str(data), "-o", str(run), "--seed", str(seed), "--json"]
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "EDGE_DEBUG": "1"},
        ) as process:
            assert process.stdout is not None
            seconds = 0.0
            for line in process.stdout:
                record = json.loads(line)
                if record["type"] == "epoch":
                    seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"edge train ended with exit code {process.returncode}")
    return float(record["metrics"]["test"]["accuracy"]), seconds


def flatten(photos: Photos) -> tuple[list[Path], NDArray[np.int64]]:
    """Return all paths, and the number of each one's label."""
    paths = [path for some in photos.values() for path in some]
    return paths, np.repeat(np.arange(len(photos)), [len(some) for some in photos.values()])


def print_table(results: Sequence[Result]) -> None:
    """Print mean and standard deviation over the seeds; one seed says nothing of the latter."""
    print("\n| photos per label | seeds | recipe | accuracy | spread | seconds |")
    print("|---:|---:|---|---:|---:|---:|")
    for count in sorted({result.count for result in results}):
        for recipe in RECIPES:
            own = [r for r in results if (r.count, r.recipe) == (count, recipe)]
            if own:
                accuracy = [r.accuracy for r in own]
                spread = f"{np.std(accuracy, ddof=1):.2%}" if len(own) > 1 else "-"
                print(
                    f"| {count} | {len(own)} | {recipe} | {np.mean(accuracy):.2%} | "
                    f"{spread} | {np.mean([r.seconds for r in own]):.0f} |"
                )


if __name__ == "__main__":
    main()
