"""How many altered copies of real photos are found, and what is found that nobody planted.

    python benchmarks/near_duplicates.py FOLDER --sheet groups.png

Copies of some photos are made in memory, each altered in one way: stored as JPEG of several
qualities, as PNG or WebP, resized, cropped, made brighter or darker. They join all photos of the
folder, and a copy counts as found when it ends up in its original's group. The groups among the
real photos alone are then drawn side by side on a sheet, to be judged by eye: until somebody has
looked, all photos in them count as false.
"""

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from edge.benchmark import describe_machine
from edge.images import read_picture
from edge.records import Pixels
from train.data.groups import different_files, find_alike, unite
from train.data.thumbnails import Thumbnails, shrink_photo, take_thumbnails
from train.folder import find_photos
from train.scan import hash_files

SEED = 1
TILE = 120
_Alter = Callable[[Pixels, np.random.Generator], Pixels]


def main() -> None:
    """Print a row per kind of copy, and what the real photos hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="photos, a folder per label")
    parser.add_argument("--copies", type=int, default=200, help="of each kind; 200")
    parser.add_argument("--sheet", type=Path, help="PNG file for the groups of real photos")
    arguments = parser.parse_args()
    print(describe_machine())
    photos = find_photos(arguments.folder)
    sha256 = hash_files(photos.root, [file.path for file in photos.files]).sha256
    began = time.perf_counter()
    real = take_thumbnails(photos.root, different_files(sha256))
    print(f"{len(real.paths)} different photos decoded in {time.perf_counter() - began:.1f} s")
    copies = plant(photos.root, real.paths, arguments.copies)
    joined = Thumbnails(
        (*real.paths, *copies), np.concatenate([real.grey, np.stack(list(copies.values()))])
    )
    began, worked = time.perf_counter(), time.process_time()
    alike = find_alike(joined)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    print(f"{len(joined.paths)} compared in {seconds:.1f} s ({worked:.1f} s of processor time)\n")
    report_found(copies, unite(dict(zip(joined.paths, joined.paths, strict=True)), alike=alike))
    report_real(photos.root, real.paths, alike, arguments.sheet)


def plant(root: Path, paths: tuple[str, ...], count: int) -> dict[str, Pixels]:
    """Return the thumbnails of altered copies, by "original>kind"."""
    random = np.random.default_rng(SEED)
    copies = {}
    for kind, alter in ALTERATIONS.items():
        for index in random.choice(len(paths), min(count, len(paths)), replace=False):
            altered_bgr = alter(read_picture(root / paths[index]), random)
            copies[f"{paths[index]}>{kind}"] = shrink_photo(altered_bgr)
    return copies


def report_found(copies: dict[str, Pixels], groups: dict[str, str]) -> None:
    """Print how many copies share a group with their original."""
    total = 0
    for kind in ALTERATIONS:
        names = [name for name in copies if name.endswith(f">{kind}")]
        found = sum(
            groups.get(name, "") == groups.get(name.rpartition(">")[0], "alone") for name in names
        )
        total += found
        print(f"  {kind:24} {found:5} of {len(names):5} found, {found / len(names):.2%}")
    print(f"  {'all':24} {total:5} of {len(copies):5} found, {total / len(copies):.2%}\n")


def report_real(
    root: Path, paths: tuple[str, ...], alike: list[tuple[str, str]], sheet: Path | None
) -> None:
    """Print the groups that the real photos form by themselves."""
    real = frozenset(paths)
    pairs = [(one, other) for one, other in alike if one in real and other in real]
    groups = unite({path: path for path in paths}, alike=pairs)
    members: dict[str, list[str]] = {}
    for path, name in groups.items():
        members.setdefault(name, []).append(path)
    print(
        f"{len(groups)} of {len(paths)} real photos ({len(groups) / len(paths):.3%}) form "
        f"{len(members)} groups, none of them planted:"
    )
    for group in members.values():
        print("  " + ", ".join(group))
    if sheet is not None and members:
        draw_sheet(root, list(members.values()), sheet)
        print(f"drawn in {sheet}")


def draw_sheet(root: Path, groups: list[list[str]], path: Path) -> None:
    """Draw the first four photos of each group in a row, two groups to a line."""
    rows = []
    for group in groups:
        row_bgr = np.full((TILE + 4, 4 * TILE + 12, 3), 255, np.uint8)
        for number, name in enumerate(group[:4]):
            tile = cv2.resize(read_picture(root / name), (TILE, TILE))
            row_bgr[:TILE, number * TILE : (number + 1) * TILE] = tile
        rows.append(row_bgr)
    if len(rows) % 2:
        rows.append(np.full_like(rows[0], 255))
    lines = [np.hstack(rows[start : start + 2]) for start in range(0, len(rows), 2)]
    cv2.imwrite(str(path), np.vstack(lines))


def store(form: str, **options: int) -> _Alter:
    """Return what stores a picture in a format and reads it again."""

    def alter(frame_bgr: Pixels, random: np.random.Generator) -> Pixels:
        del random
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame_bgr[:, :, ::-1])).save(stream, form, **options)
        with Image.open(stream) as picture:
            return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])

    return alter


def resize(factor: float) -> _Alter:
    """Return what scales a picture and stores it as JPEG."""

    def alter(frame_bgr: Pixels, random: np.random.Generator) -> Pixels:
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        scaled = cv2.resize(frame_bgr, None, fx=factor, fy=factor, interpolation=way)
        return store("JPEG", quality=85)(np.asarray(scaled, np.uint8), random)

    return alter


def crop(share: float) -> _Alter:
    """Return what cuts a share of width and height away, somewhere, and stores as JPEG."""

    def alter(frame_bgr: Pixels, random: np.random.Generator) -> Pixels:
        height, width = (round(side * (1 - share)) for side in frame_bgr.shape[:2])
        top = random.integers(0, frame_bgr.shape[0] - height + 1)
        left = random.integers(0, frame_bgr.shape[1] - width + 1)
        cut = frame_bgr[top : top + height, left : left + width]
        return store("JPEG", quality=85)(cut, random)

    return alter


def light(factor: float) -> _Alter:
    """Return what multiplies the brightness and stores as JPEG."""

    def alter(frame_bgr: Pixels, random: np.random.Generator) -> Pixels:
        lit = np.clip(frame_bgr.astype(np.float32) * factor, 0, 255).astype(np.uint8)
        return store("JPEG", quality=85)(lit, random)

    return alter


ALTERATIONS: dict[str, _Alter] = {
    **{f"JPEG quality {quality}": store("JPEG", quality=quality) for quality in (10, 30, 60, 90)},
    "PNG": store("PNG"),
    "WebP quality 50": store("WEBP", quality=50),
    **{f"resized {factor}x": resize(factor) for factor in (0.5, 0.75, 1.5, 2.0)},
    **{f"cropped by {share:.0%}": crop(share) for share in (0.05, 0.1, 0.15)},
    **{f"brightness {factor}x": light(factor) for factor in (0.6, 0.8, 1.25, 1.5)},
}


if __name__ == "__main__":
    main()
