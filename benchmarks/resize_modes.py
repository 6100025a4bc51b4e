"""Which resize mode suits a model, on frames as cameras deliver them.

    python benchmarks/resize_modes.py pets-data/test --restore 4:3 --clips cat=cat.mp4

The folder holds a subfolder of photos per label. Each photo is laid whole into frames of 4:3, 16:9
and 3:4 (upright), somewhere along the longer side, as an animal stands somewhere before a camera;
what it leaves free shows the photo again, blurred beyond recognition. Every frame is judged by the
same model three times: squashed, cropped and letterboxed, whatever the model was made for.

`--restore 4:3` first gives photos that are squares those proportions: the photos of Dogs vs. Cats
were squashed to squares before they came here. What each of them was before is not known, but 4:3
is what most cameras make. `--clips LABEL=FILE` judges the frames of recordings, as they are.
`--model` may be given several times.

In the end stands the mode that this supports, by a rule: the one with the most right answers over
the frames of all shapes and recordings; but squash, which neither cuts anything off nor gives
pixels away, unless the photos in frames of 4:3 and 16:9 show that the other is better by more than
chance: more of them gained than lost, as chance alone would have it in fewer than 5 of 100 cases.
"""

import argparse
import math
import statistics
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from edge.benchmark import describe_machine
from edge.classifier import Classifier
from edge.clock import SystemClock
from edge.evaluation import LabelledPicture, find_labelled_pictures
from edge.images import read_picture
from edge.interpreter import open_interpreter
from edge.manifest import RESIZE_MODES
from edge.modelfile import ModelFile, default_model_path, read_model_file
from edge.preprocess import fit_frame
from edge.quality.interval import wilson_interval
from edge.records import Pixels
from edge.sources import open_source

FRAMES_WH = {"4:3": (640, 480), "16:9": (1280, 720), "3:4": (480, 640)}
POOLS = {"4:3 and 16:9": ("4:3", "16:9"), "3:4": ("3:4",)}
DECISIVE = "4:3 and 16:9"
"""What cameras deliver unless somebody turns them."""

SQUASH = RESIZE_MODES[0]
LARGEST_CHANCE = 0.05


@dataclass
class Tally:
    """What a model said in one mode about some frames.

    Attributes:
        right: Frames of each label whose best label is right.
        counts: Frames of each label.
        answers: What was said at the model's thresholds.
        verdicts: Whether the best label is right, of each frame.
        seconds: From frame to input tensor, of each frame.
    """

    right: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    verdicts: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, classifier: Classifier, frame_bgr: Pixels, label: str) -> None:
        """Judge a frame."""
        spec = classifier.model.manifest.input
        out = np.empty((spec.height, spec.width, 3), np.uint8)
        started = time.perf_counter()
        fit_frame(frame_bgr, spec=spec, out=out)
        self.seconds.append(time.perf_counter() - started)
        said = classifier.classify(frame_bgr)
        self.counts[label] += 1
        self.verdicts.append(said.top_label == label)
        self.right[label] += self.verdicts[-1]
        self.answers[said.label] += 1

    def accuracy(self) -> str:
        """Write the share of right answers with its 95 % interval (Wilson 1927)."""
        part, whole = self.right.total(), self.counts.total()
        found = wilson_interval(part, whole)
        return f"{part / whole:.2%} ({found.low:.2%} to {found.high:.2%})"

    def recalls(self, labels: tuple[str, ...]) -> list[str]:
        """Write the share of right answers for each label; `-` where there is no frame of it."""
        return [
            f"{self.right[label] / self.counts[label]:.2%}" if self.counts[label] else "-"
            for label in labels
        ]

    def milliseconds(self) -> str:
        """Write the median time from frame to input tensor."""
        return f"{statistics.median(self.seconds) * 1000:.3f}"


Photos = dict[tuple[str, str], Tally]
"""What was said about photos, by the shape of the frames and the mode."""


def main() -> None:
    """Print a table of photos per model, one of each clip, and the choice that they support."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="photos, a subfolder per label")
    parser.add_argument("--model", type=Path, action="append", help="the embedded one by default")
    parser.add_argument("--restore", metavar="W:H", help="proportions to give to square photos")
    parser.add_argument("--most", type=int, default=300, help="photos of each label")
    parser.add_argument("--clips", nargs="*", default=[], metavar="LABEL=FILE")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(describe_machine())
    for path in arguments.model or [default_model_path()]:
        model = read_model_file(path)
        print(f"\n{path.name}, made for {model.manifest.input.resize}, sha256 {model.sha256[:16]}")
        with ExitStack() as stack:
            classifiers = {mode: stack.enter_context(open_as(model, mode)) for mode in RESIZE_MODES}
            pictures = choose(arguments.folder, model.manifest.labels, most=arguments.most)
            photos = judge_photos(classifiers, pictures, restored=parse_shape(arguments.restore))
            clips = []
            for clip in arguments.clips:
                label, _, file = clip.partition("=")
                clips.append(judge_clip(classifiers, label, Path(file)))
            print_choice(photos, clips)


def open_as(model: ModelFile, mode: str) -> Classifier:
    """Load a model that resizes as it is told, not as its manifest says."""
    spec = replace(model.manifest.input, resize=mode)
    changed = replace(model, manifest=replace(model.manifest, input=spec))
    return Classifier(changed, open_interpreter(model.model_bytes))


def choose(folder: Path, labels: tuple[str, ...], *, most: int) -> list[LabelledPicture]:
    """Return evenly spread pictures, of each label as many at most."""
    found = find_labelled_pictures(folder, labels=labels)
    chosen = []
    for label in labels:
        own = [picture for picture in found if picture.label == label]
        chosen += own[:: max(1, -(-len(own) // most))]
    return chosen


def parse_shape(text: str | None) -> float | None:
    """Return width over height of `W:H`."""
    if text is None:
        return None
    width, height = text.split(":")
    return float(width) / float(height)


def judge_photos(
    classifiers: dict[str, Classifier], pictures: list[LabelledPicture], *, restored: float | None
) -> Photos:
    """Print and return what is said about photos in frames of each shape."""
    tallies = {(shape, mode): Tally() for shape in FRAMES_WH for mode in classifiers}
    places = np.random.default_rng(1).random(len(pictures))
    for picture, place in zip(pictures, places, strict=True):
        photo_bgr = restore(read_picture(picture.path), restored)
        for shape, frame_wh in FRAMES_WH.items():
            frame_bgr = lay_into_frame(photo_bgr, frame_wh, float(place))
            for mode, classifier in classifiers.items():
                tallies[shape, mode].add(classifier, frame_bgr, picture.label)
    labels = classifiers[RESIZE_MODES[0]].labels
    numbers = Counter(picture.label for picture in pictures)
    print(
        "\nPhotos whose best label is right:", ", ".join(f"{numbers[one]} {one}" for one in labels)
    )
    print(f"\n| frames | mode | all (95 % interval) | {' | '.join(labels)} | ms |")
    print("|" + "---|" * (4 + len(labels)))
    for (shape, mode), tally in tallies.items():
        cells = (shape, mode, tally.accuracy(), *tally.recalls(labels), tally.milliseconds())
        print(f"| {' | '.join(cells)} |")
    return tallies


def judge_clip(classifiers: dict[str, Classifier], label: str, file: Path) -> dict[str, Tally]:
    """Print and return what is said about the frames of a clip, at the model's thresholds."""
    tallies = {mode: Tally() for mode in classifiers}
    size = ""
    with closing(open_source(str(file), clock=SystemClock())) as source:
        while (frame := source.read()) is not None:
            size = "x".join(map(str, frame.pixels_bgr.shape[1::-1]))
            for mode, classifier in classifiers.items():
                tallies[mode].add(classifier, frame.pixels_bgr, label)
    print(f"\n{file.name}, {size}, shows {label}; frames by answer:\n")
    said = (*classifiers[RESIZE_MODES[0]].labels, "unknown")
    print(f"| mode | {' | '.join(said)} | ms |")
    print("|" + "---|" * (2 + len(said)))
    for mode, tally in tallies.items():
        cells = (mode, *(str(tally.answers[one]) for one in said), tally.milliseconds())
        print(f"| {' | '.join(cells)} |")
    return tallies


@dataclass(frozen=True)
class Pairing:
    """Photos of which one mode gets more frames right than the other.

    Attributes:
        better: Photos with more right frames than under squash.
        worse: Photos with fewer.
    """

    better: int
    worse: int

    @property
    def chance(self) -> float:
        """How often chance alone would divide the photos as unevenly, in [0, 1].

        Exact and two-sided: McNemar 1947, "Note on the sampling error of the difference between
        correlated proportions or percentages".
        """
        whole, least = self.better + self.worse, min(self.better, self.worse)
        tail = sum(math.comb(whole, count) for count in range(least + 1)) / 2**whole
        return min(1.0, 2 * tail)


def pair(photos: Photos, shapes: tuple[str, ...], mode: str) -> Pairing:
    """Hold a mode against squash, photo by photo.

    A photo counts once, however many frames were made of it: they are no photos of their own.
    """
    hits = [
        np.sum([photos[shape, one].verdicts for shape in shapes], axis=0) for one in (mode, SQUASH)
    ]
    return Pairing(int((hits[0] > hits[1]).sum()), int((hits[0] < hits[1]).sum()))


def choose_mode(photos: Photos, clips: list[dict[str, Tally]]) -> str:
    """Return the mode that the rule at the head of this file chooses."""
    best = max(RESIZE_MODES, key=count_right(photos, clips).__getitem__)  # of equals, the first
    found = pair(photos, POOLS[DECISIVE], best)
    return best if found.better > found.worse and found.chance < LARGEST_CHANCE else SQUASH


def count_right(photos: Photos, clips: list[dict[str, Tally]]) -> Counter[str]:
    """Return the right answers of each mode over frames of all shapes and recordings."""
    right: Counter[str] = Counter()
    for (_, mode), tally in photos.items():
        right[mode] += sum(tally.verdicts)
    for clip in clips:
        right.update({mode: sum(tally.verdicts) for mode, tally in clip.items()})
    return right


def print_choice(photos: Photos, clips: list[dict[str, Tally]]) -> None:
    """Print how the modes compare photo by photo, and which one that supports."""
    print("\nPhotos of which a mode gets more frames right than squash, or fewer:\n")
    print("| frames | mode | more | fewer | by chance alone |\n|---|---|---|---|---|")
    for pool, shapes in POOLS.items():
        for mode in RESIZE_MODES[1:]:
            found = pair(photos, shapes, mode)
            print(f"| {pool} | {mode} | {found.better} | {found.worse} | {found.chance:.1%} |")
    right = count_right(photos, clips)
    counts = ", ".join(f"{mode} {right[mode]:,}" for mode in RESIZE_MODES)
    frames = sum(len(tally.verdicts) for tally in photos.values())
    frames += sum(len(tally.verdicts) for clip in clips for tally in clip.values())
    print(f"\nRight of {frames // len(RESIZE_MODES):,} frames of all shapes and clips: {counts}")
    print(f"The mode that this supports: {choose_mode(photos, clips)}")


def restore(photo_bgr: Pixels, shape: float | None) -> Pixels:
    """Give a square photo the proportions that it may have had."""
    height, width = photo_bgr.shape[:2]
    if shape is None or height != width:
        return photo_bgr
    size_wh = (round(width * max(1.0, shape)), round(height * max(1.0, 1 / shape)))
    return np.asarray(cv2.resize(photo_bgr, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)


def lay_into_frame(photo_bgr: Pixels, frame_wh: tuple[int, int], place: float) -> Pixels:
    """Lay a photo whole into a frame; what is left shows it again, blurred.

    Args:
        photo_bgr: `(height, width, 3)`, `uint8`, BGR.
        frame_wh: Width and height of the frame.
        place: Where along the side that has room, 0 to 1.
    """
    height, width = photo_bgr.shape[:2]
    scale = min(frame_wh[0] / width, frame_wh[1] / height)
    size_wh = (round(width * scale), round(height * scale))
    tiny = cv2.resize(photo_bgr, (8, 8), interpolation=cv2.INTER_AREA)
    frame_bgr = np.asarray(cv2.resize(tiny, frame_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
    left, top = (round(place * (frame_wh[axis] - size_wh[axis])) for axis in (0, 1))
    laid = cv2.resize(photo_bgr, size_wh, interpolation=cv2.INTER_CUBIC)
    frame_bgr[top : top + size_wh[1], left : left + size_wh[0]] = laid
    return frame_bgr


if __name__ == "__main__":
    main()
