"""How many pictures of a collection pass as a pet when none of its kind was learned from.

The test part of a collection flatters: others of the same collection, from the same camera and
hand, were learned from. Here each collection of negatives is left out of all parts in turn, with
what was made of its pictures; a network is trained and converted with post-training int8, and then
asked about all pictures that were left out, at the thresholds of the file.

    python benchmarks/leave_one_out.py pets-data --photos 1500 --size 160 --epochs 4

The folder is laid out by recipes/prepare_pets_data.py. A row is printed as soon as it is there.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded_model import COLLECTIONS, share
from trials import ANY_LOSS, CommandError, link_sample, run_edge

from edge.benchmark import describe_machine
from edge.classifier import open_classifier
from edge.images import read_picture
from edge.records import UNKNOWN
from train.batches import SCENE_LABEL
from train.folder import PhotoFile, find_photos

MADE_OF = {"people": ("imagenet_samples", "houses")}
"""Collections that the recipe makes of others, and that go where one of those is left out."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A collection left out, and what came of it.

    Attributes:
        answers: What each left-out picture was taken for.
        test_accuracy: Of the float network on the test part, the collection left out there, too.
    """

    answers: Sequence[str]
    test_accuracy: float

    @property
    def passed(self) -> int:
        """Pictures that passed as a pet."""
        return sum(answer not in (SCENE_LABEL, UNKNOWN) for answer in self.answers)


def main() -> None:
    """Leave out each collection, and print a row for each."""
    arguments = parse_arguments()
    print(describe_machine())
    print(
        f"{arguments.network}, at most {arguments.photos} photos of each label, "
        f"{arguments.epochs} epochs\n"
    )
    print("left out           pass as a pet (95 % interval)             test part, others")
    passed = asked = 0
    for collection in arguments.collections:
        try:
            trial = try_without(collection, arguments)
        except CommandError as error:
            print(f"{collection:18} not tried: {' '.join(str(error).splitlines())}", flush=True)
            continue
        passed += trial.passed
        asked += len(trial.answers)
        answers = share(trial.passed, len(trial.answers))
        print(f"{collection:18} {answers:45} {trial.test_accuracy:8.2%}", flush=True)
    if asked:
        print(f"{'all':18} {share(passed, asked)}")


def parse_arguments() -> argparse.Namespace:
    """Parse the command line, and see that every collection has pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="train/, val/ and test/ of the embedded model")
    parser.add_argument("--collections", nargs="+", default=COLLECTIONS, help="to leave out")
    parser.add_argument("--photos", type=int, default=1500, help="of each label at most; 1500")
    parser.add_argument("--network", default="efficientnet-lite0")
    parser.add_argument("--size", type=int, help="of the input in pixels; the network's own")
    parser.add_argument("--epochs", type=int, default=4, help="of each training; 4")
    arguments = parser.parse_args()
    for collection in arguments.collections:
        if not left_out(arguments.folder, collection):
            parser.error(f"no picture in {arguments.folder} whose name begins with {collection}_")
    return arguments


def left_out(folder: Path, collection: str) -> list[Path]:
    """Return the pictures of a collection, of all parts."""
    photos = find_photos(folder)
    return [
        photos.root / file.path
        for file in photos.files
        if file.label == SCENE_LABEL and Path(file.path).name.startswith(f"{collection}_")
    ]


def is_of_another(collection: str) -> Callable[[PhotoFile], bool]:
    """Return what says whether a photo has nothing to do with a collection."""
    made = [name for name, sources in MADE_OF.items() if collection in sources]
    beginnings = tuple(f"{name}_" for name in (collection, *made))

    def keep(file: PhotoFile) -> bool:
        is_negative = file.label == SCENE_LABEL
        return not (is_negative and Path(file.path).name.startswith(beginnings))

    return keep


def try_without(collection: str, arguments: argparse.Namespace) -> Trial:
    """Train on everything else, and ask about the collection."""
    with tempfile.TemporaryDirectory() as folder:
        photos, run, model = (Path(folder) / name for name in ("photos", "run", "model.tflite"))
        link_sample(arguments.folder, photos, each=arguments.photos, keep=is_of_another(collection))
        size = () if arguments.size is None else ("--size", arguments.size)
        *_, summary = run_edge(
            *("train", photos, "-o", run, "--network", arguments.network, *size),
            *("--epochs", arguments.epochs),
        )
        run_edge("convert", run, "-o", model, "--quantize", "int8", *ANY_LOSS)
        with open_classifier(model) as classifier:
            answers = [
                classifier.classify(read_picture(path)).label
                for path in left_out(arguments.folder, collection)
            ]
    return Trial(answers, summary["metrics"]["test"]["accuracy"])


if __name__ == "__main__":
    main()
