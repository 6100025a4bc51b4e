"""Lay out the photos of the embedded model: `OUT/{train,val,test}/{cat,dog,none}/`.

The cats and dogs come from Microsoft's archive (a folder `PetImages/Cat` and `PetImages/Dog`),
the negatives from a folder per collection. docs/model-card.md says which and from where.

    python recipes/prepare_pets_data.py PetImages negatives -o pets-data

What shows the same house stays on one side of the split, byte-identical files are kept once,
and a picture's side depends on its name alone, so that a second run gives the same split.
"""

import argparse
import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.images import list_pictures

PARTS = (("train", 0.80), ("val", 0.08), ("test", 0.12))
FEATURELESS_COUNT = 300
SIZE_WH = (180, 180)


def main() -> None:
    """Copy the photos into their places and print how many went where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pets", type=Path, help="folder with Cat/ and Dog/")
    parser.add_argument("negatives", type=Path, help="folder with a folder per collection")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to be made")
    arguments = parser.parse_args()
    if arguments.output.exists():
        parser.error(f"{arguments.output} exists; name a new folder")
    counts: Counter[tuple[str, str]] = Counter()
    seen: set[bytes] = set()
    for label, path, name in photos(arguments.pets, arguments.negatives):
        digest = hashlib.sha256(path.read_bytes()).digest()
        if digest in seen:
            continue
        seen.add(digest)
        part = part_of(f"{label}/{group_of(name)}")
        target = arguments.output / part / label / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        counts[part, label] += 1
    for number, picture_bgr in enumerate(featureless_pictures()):
        name = f"featureless_{number:03d}.png"
        part = part_of(f"none/{name}")
        cv2.imwrite(str(arguments.output / part / "none" / name), picture_bgr)
        counts[part, "none"] += 1
    for (part, label), count in sorted(counts.items()):
        print(f"{part:6} {label:5} {count:6}")  # noqa: T201


def photos(pets: Path, negatives: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield label, file and its name in the new layout."""
    for label, folder in (("cat", pets / "Cat"), ("dog", pets / "Dog")):
        for path in list_pictures(folder):
            yield label, path, path.name
    for path in list_pictures(negatives):
        collection = path.relative_to(negatives).parts[0]
        yield "none", path, f"{collection}_{path.name}"


def group_of(name: str) -> str:
    """Return what must stay together: the house of a house's picture, else the picture."""
    house = re.match(r"houses_(\d+)_", name)
    return f"house {house[1]}" if house else name


def part_of(group: str) -> str:
    """Draw a part for a group; the same group always gets the same part."""
    draw = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    for part, share in PARTS:
        if draw < share:
            return part
        draw -= share
    return PARTS[-1][0]


def featureless_pictures() -> Iterator[np.ndarray]:
    """Yield what a camera shows of nothing: dark, bright, covered, plain and noisy frames."""
    generator = np.random.default_rng(20261123)
    width, height = SIZE_WH
    ramp = np.linspace(0.0, 1.0, width)[np.newaxis, :, np.newaxis]
    for number in range(FEATURELESS_COUNT):
        first, last = generator.uniform(0, 255, (2, 3))
        if number % 3 == 0:
            first = last = np.full(3, generator.uniform(0, 255))
        picture = np.repeat(first + (last - first) * ramp, height, axis=0)
        if number % 2:
            picture = picture.transpose(1, 0, 2)
        deviation = generator.choice([0.0, 3.0, 12.0, 40.0])
        noise = generator.normal(0.0, 1.0, picture.shape) * deviation
        if number % 4 == 0:
            noise = cv2.GaussianBlur(noise, (0, 0), 6.0) * 12.0
        yield np.clip(picture + noise, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
