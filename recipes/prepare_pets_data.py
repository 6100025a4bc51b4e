"""Lay out the photos of the embedded model: `OUT/{train,val,test}/{cat,dog,none}/`.

The cats and dogs come from Microsoft's archive (a folder `PetImages/Cat` and `PetImages/Dog`),
the negatives from a folder per collection. docs/model-card.md says which and from where.

    python recipes/prepare_pets_data.py PetImages negatives -o pets-data

The negatives show few people, and a door sees many: those of the part to learn from are laid into
rooms and before house fronts, again and again.

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

from edge.images import list_pictures, read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from train.augment import Augmentation, augment

PARTS = (("train", 0.80), ("val", 0.08), ("test", 0.12))
FEATURELESS_COUNT = 300
SIZE_WH = (180, 180)
SCENES_PER_PERSON = 25
IN_SCENE = Augmentation(smallest_area=0.5, aspect=1.3, zoom_out=1.0, smallest_scale=0.35)
PEOPLE = frozenset(  # what shows a person, among the ImageNet samples
    [
        "academic_gown",
        "barbell",
        "basketball",
        "bassoon",
        "bow",
        "bicycle-built-for-two",
        "chain_mail",
        "dumbbell",
        "go-kart",
        "golfcart",
        "hammer",
        "hoopskirt",
        "horse_cart",
        "knee_pad",
        "lab_coat",
        "loupe",
        "maillot",
        "maraca",
        "maypole",
        "pajama",
        "panpipe",
        "pickelhaube",
        "poncho",
        "sarong",
        "shower_cap",
        "snowmobile",
        "stage",
        "sweatshirt",
        "torch",
        "tricycle",
        "unicycle",
        "volleyball",
        "Windsor_tie",
        "groom",
        "head_cabbage",
        "croquet_ball",
        "hair_spray",
        "banjo",
        "bobsled",
    ]
)


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
    for number, picture_rgb in enumerate(people_in_scenes(arguments.output / "train" / "none")):
        name = f"people_{number:04d}.png"
        cv2.imwrite(str(arguments.output / "train" / "none" / name), picture_rgb[:, :, ::-1])
        counts["train", "none"] += 1
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


def people_in_scenes(folder: Path) -> Iterator[np.ndarray]:
    """Yield pictures of people, `(height, width, 3)`, RGB, in houses or before them."""
    people = [path for path in list_pictures(folder) if shows_person(path.name)]
    houses = [path for path in list_pictures(folder) if path.name.startswith("houses_")]
    generator = np.random.default_rng(20261124)
    for path in people:
        person_rgb = fit_frame(read_picture(path), spec=InputSpec(*SIZE_WH))
        for _ in range(SCENES_PER_PERSON):
            house = houses[int(generator.integers(len(houses)))]
            yield augment(
                person_rgb,
                side=SIZE_WH[0],
                random=generator,
                strength=IN_SCENE,
                backdrop_rgb=fit_frame(read_picture(house), spec=InputSpec(*SIZE_WH)),
            )


def shows_person(name: str) -> bool:
    """Return whether a picture of the ImageNet samples is one with a person."""
    sample = re.match(r"imagenet_samples_n\d+_(.+)\.\w+$", name)
    return sample is not None and sample[1] in PEOPLE


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
