"""How good the embedded model is on photos that it was not trained on.

    python benchmarks/embedded_model.py pets-data/test

The folder is the test part that recipes/prepare_pets_data.py lays out: `cat/`, `dog/`, `none/`,
where the name of a negative starts with its collection. Every picture is also judged as a door's
camera might have seen it: in infrared, at dusk with noise, and small in the frame.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.benchmark import describe_machine
from edge.classifier import Classifier, open_classifier
from edge.images import list_pictures, read_picture
from edge.modelfile import default_model_path
from edge.records import Pixels

PETS = ("cat", "dog")
SEED = 1


def main() -> None:
    """Print a row per kind of picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the test part")
    parser.add_argument("--model", type=Path, default=default_model_path())
    arguments = parser.parse_args()
    print(describe_machine())
    with open_classifier(arguments.model) as classifier:
        print(f"{arguments.model.name}, sha256 {classifier.model.sha256[:16]}\n")
        print("Pets taken for the right one (95 % interval); 'none', 'unknown' and the other pet")
        print("count as wrong:")
        for name, change in CHANGES.items():
            report_pets(name, arguments.folder, classifier, change)
        print("\nNegatives taken for a pet (95 % interval):")
        for name, change in CHANGES.items():
            report_negatives(name, list_pictures(arguments.folder / "none"), classifier, change)
        print("\nOf these, by collection:")
        for collection, paths in by_collection(arguments.folder / "none").items():
            report_negatives(collection, paths, classifier, CHANGES["as it is"])


def report_pets(
    name: str, folder: Path, classifier: Classifier, change: Callable[[Pixels], Pixels]
) -> None:
    """Print how many pets are recognised, with thresholds and by the best label alone."""
    right = best = count = 0
    for label in PETS:
        for path in list_pictures(folder / label):
            prediction = classifier.classify(change(read_picture(path)))
            right += prediction.label == label
            best += prediction.top_label == label
            count += 1
    print(f"  {name:22} {share(right, count)}   best label alone {best / count:.2%}")


def report_negatives(
    name: str, paths: list[Path], classifier: Classifier, change: Callable[[Pixels], Pixels]
) -> None:
    """Print how many pictures of anything else pass as a pet."""
    passed = sum(classifier.classify(change(read_picture(path))).label in PETS for path in paths)
    print(f"  {name:22} {share(passed, len(paths))}")


def by_collection(folder: Path) -> dict[str, list[Path]]:
    """Group negatives by the collection that their names start with."""
    names = (
        "houses",
        "scene15_gray",
        "caltech101",
        "raccoon_dataset",
        "kangaroo",
        "imagenet_samples",
        "featureless",
    )
    return {
        name: [path for path in list_pictures(folder) if path.name.startswith(name)]
        for name in names
    }


def share(part: int, whole: int) -> str:
    """Write a share with its 95 % interval (Wilson 1927)."""
    z = 1.96
    p = part / whole
    centre = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    spread = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    low, high = max(0.0, centre - spread), min(1.0, centre + spread)
    return f"{part:5} of {whole:5}  {p:7.2%} ({low:.2%} to {high:.2%})"


def infrared(frame_bgr: Pixels) -> Pixels:
    """Show a picture as an infrared camera would: grey, lit from the middle, noisy."""
    height, width = frame_bgr.shape[:2]
    grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis] ** 2
    columns = np.linspace(-1, 1, width, dtype=np.float32)[np.newaxis, :] ** 2
    lit = grey * np.exp(-0.8 * (rows + columns)) * 1.2
    return with_noise(np.repeat(lit[:, :, np.newaxis], 3, axis=2), 5.0)


def dusk(frame_bgr: Pixels) -> Pixels:
    """Show a picture at a quarter of its light, with the noise that comes with it."""
    return with_noise(frame_bgr.astype(np.float32) * 0.25, 6.0)


def small(frame_bgr: Pixels) -> Pixels:
    """Show a picture at half its size in the middle of a plain grey frame."""
    height, width = frame_bgr.shape[:2]
    framed = np.full_like(frame_bgr, 128)
    top, left = height // 4, width // 4
    shrunk = cv2.resize(frame_bgr, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    framed[top : top + height // 2, left : left + width // 2] = shrunk
    return framed


def with_noise(values: np.ndarray, deviation: float) -> Pixels:
    """Add sensor noise; the same picture always gets the same."""
    noise = np.random.default_rng(SEED).normal(0.0, deviation, values.shape)
    return np.clip(values + noise, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda frame_bgr: frame_bgr,
    "infrared": infrared,
    "dusk": dusk,
    "half the size": small,
}


if __name__ == "__main__":
    main()
