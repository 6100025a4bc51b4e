"""How good the embedded model is on photos that it was not trained on.

    python benchmarks/embedded_model.py pets-data/test

The folder is the test part that recipes/prepare_pets_data.py lays out: `cat/`, `dog/`, `none/`,
where the name of a negative starts with its collection. Every picture is also judged as a door's
camera might have seen it: in infrared, at dusk with noise, and small in the frame.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from edge.benchmark import describe_machine
from edge.classifier import Classifier, open_classifier
from edge.conditions import AS_IT_IS, CONDITIONS
from edge.images import list_pictures, read_picture
from edge.modelfile import default_model_path
from edge.quality.interval import wilson_interval
from edge.records import Pixels

PETS = ("cat", "dog")
COLLECTIONS = (
    "houses",
    "scene15_gray",
    "caltech101",
    "raccoon_dataset",
    "kangaroo",
    "imagenet_samples",
    "featureless",
)
"""What the names of negatives begin with."""


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
            report_negatives(collection, paths, classifier, CHANGES[AS_IT_IS])


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
    return {
        name: [path for path in list_pictures(folder) if path.name.startswith(name)]
        for name in COLLECTIONS
    }


def share(part: int, whole: int) -> str:
    """Write a share with its 95 % interval (Wilson 1927)."""
    found = wilson_interval(part, whole)
    return f"{part:5} of {whole:5}  {part / whole:7.2%} ({found.low:.2%} to {found.high:.2%})"


CHANGES = {name: CONDITIONS[name] for name in (AS_IT_IS, "infrared", "dusk", "half the size")}


if __name__ == "__main__":
    main()
