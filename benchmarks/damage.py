"""What happens to a model file that was damaged, and whether anybody notices.

    python benchmarks/damage.py
    python benchmarks/damage.py --forged 200

Makes over a thousand mutants of a file: flipped bits, cuts, garbage, other tails, swapped labels,
wrong manifests, archives and sizes out of all proportion. Each is opened as `edge run` would. It
prints per kind how many were refused, and by what. Forged ones, whose hash was made right again
for the wrong content, show what the golden examples alone notice.
"""

import argparse
import io
import itertools
import json
import os
import re
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.classifier import Classifier
from edge.errors import ModelFileError
from edge.flatbuffer import Table
from edge.integrity import verify_model
from edge.interpreter import open_interpreter
from edge.modelfile import (
    LABELS_NAME,
    MANIFEST_NAME,
    ModelFile,
    default_model_path,
    read_model_file,
    write_model_file,
)
from edge.records import Scores
from edge.ziptail import pack_tail, split_tail

SECTOR_BYTES = 4096  # what a worn memory card loses at once
RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file.

    Attributes:
        kind: Of damage.
        data: The file's content.
    """

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        stage: "reading" or "trying" that refused it, or "runs".
        reason: Why it was refused, as the person reads it.
        shift: Largest change of a score, if it runs.
    """

    stage: str
    reason: str = ""
    shift: float = 0.0


class Bench:
    """Opens mutants of one model file, in a folder of its own with a cache of its own.

    Args:
        model: The intact file.
        folder: For the mutants; `XDG_CACHE_HOME` should lead to a place without verdicts.
    """

    def __init__(self, model: ModelFile, folder: Path) -> None:
        self._model = model
        self._path = folder / "mutant.tflite"
        chance = np.random.default_rng(11)
        self._frames_bgr = chance.integers(0, 256, (8, 12, 16, 3)).astype(np.uint8)
        self._expected = self._ask(model)

    def open(self, data: bytes) -> Outcome:
        """Open a mutant as a command would; nothing of it runs here before it was tried."""
        self._path.write_bytes(data)
        stage = "reading"
        try:
            model = read_model_file(self._path)
            stage = "trying"
            verify_model(model)
        except ModelFileError as error:
            return Outcome(stage, str(error))
        return Outcome(RUNS, shift=float(np.abs(self._ask(model) - self._expected).max()))

    def _ask(self, model: ModelFile) -> Scores:
        with Classifier(model, open_interpreter(model.model_bytes)) as classifier:
            return np.stack([classifier.classify(frame).scores for frame in self._frames_bgr])


def make_mutants(path: Path, *, seed: int = 1) -> Iterator[Mutant]:
    """Yield over a thousand mutants of a file; the same ones for the same seed."""
    data = path.read_bytes()
    model_bytes, members = split_tail(data)
    chance = np.random.default_rng(seed)
    for kind, make in (
        ("a bit flipped", _flip_bits),
        ("bits of the tail flipped", _flip_tail),
        ("cut off", _cut),
        ("overwritten with garbage", _overwrite),
        ("bytes inserted or lost", _shift),
        ("no model at all", _replace),
    ):
        for mutant in make(data, len(model_bytes), chance):
            if mutant != data:  # zeros may be overwritten with zeros
                yield Mutant(kind, mutant)
    for kind, make_tail in (
        ("tail cut, doubled, moved", _spoil_tail),
        ("labels swapped", _swap_labels),
        ("wrong manifest", _change_manifest),
        ("bombs", _make_bombs),
    ):
        for mutant in make_tail(model_bytes, members):
            yield Mutant(kind, mutant)


def forge_gross(path: Path) -> Iterator[bytes]:
    """Yield files whose weights or sizes are grossly wrong, and whose hash is right for that."""
    model = read_model_file(path)
    chance = np.random.default_rng(2)
    size = len(model.model_bytes)
    for at, length in _find_weights(model.model_bytes)[:10]:  # of a layer all weights
        for piece in (bytes(length), chance.bytes(length), b"\x7f" * length):
            yield _forge(model, _put(model.model_bytes, at, piece))
    for share in (4, 10, 20):  # a part of everything
        at = int(chance.integers(size // 4, size - size // share))
        yield _forge(model, _put(model.model_bytes, at, bytes(size // share)))
    width, height = model.manifest.input.size_wh
    shape = struct.pack("<5i", 4, 1, height, width, 3)
    for side in (0, -1, 1 << 20, 1 << 30, 0x7FFFFFFF):  # of the input, out of all proportion
        absurd = struct.pack("<5i", 4, 1, side, width, 3)
        yield _forge(model, model.model_bytes.replace(shape, absurd))
    for at in (0, 4):  # where the FlatBuffer begins
        yield _forge(model, _put(model.model_bytes, at, b"\xff\xff\xff\x7f"))
    for share in (0.3, 0.9, 0.999):
        yield _forge(model, model.model_bytes[: int(size * share)])


def forge_bits(path: Path, count: int) -> Iterator[bytes]:
    """Yield files in which one bit is another, and whose hash is right for that."""
    model = read_model_file(path)
    chance = np.random.default_rng(3)
    for _ in range(count):
        yield _forge(model, _flip(model.model_bytes, int(chance.integers(len(model.model_bytes)))))


def _find_weights(model_bytes: bytes) -> list[tuple[int, int]]:
    """Return place and length of the buffers of a model, the largest first."""
    contents = [buffer.content(0) for buffer in Table.root(model_bytes).tables(4)]
    contents.sort(key=len, reverse=True)
    return [(model_bytes.index(content), len(content)) for content in contents if content]


def _flip(data: bytes, at: int, bit: int = 0) -> bytes:
    return _put(data, at, bytes([data[at] ^ 1 << bit]))


def _put(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


def _flip_bits(data: bytes, front: int, chance: np.random.Generator) -> Iterator[bytes]:
    del front
    for at in chance.integers(len(data), size=520):
        yield _flip(data, int(at), int(chance.integers(8)))


def _flip_tail(data: bytes, front: int, chance: np.random.Generator) -> Iterator[bytes]:
    for at in chance.integers(front, len(data), size=150):
        yield _flip(data, int(at), int(chance.integers(8)))
    directory = data.rindex(b"PK\x01\x02")
    for at in range(directory, len(data)):  # every byte of the last records
        yield _flip(data, at, int(chance.integers(8)))


def _cut(data: bytes, front: int, chance: np.random.Generator) -> Iterator[bytes]:
    near = (0, 1, 4, 7, 8, 9, 100, front - 1, front, front + 1, len(data) - 22, len(data) - 1)
    for end in (*near, *chance.integers(len(data), size=60)):
        yield data[: int(end)]


def _overwrite(data: bytes, front: int, chance: np.random.Generator) -> Iterator[bytes]:
    del front
    for at in chance.integers(len(data) - SECTOR_BYTES, size=30):
        yield _put(data, int(at), bytes(SECTOR_BYTES))
        yield _put(data, int(at), b"\xff" * SECTOR_BYTES)
        yield _put(data, int(at), chance.bytes(SECTOR_BYTES))
    for at in chance.integers(len(data) - 64, size=60):
        yield _put(data, int(at), chance.bytes(int(chance.integers(2, 64))))


def _shift(data: bytes, front: int, chance: np.random.Generator) -> Iterator[bytes]:
    del front
    for at in map(int, chance.integers(len(data), size=40)):
        count = int(chance.integers(1, 100))
        yield data[:at] + chance.bytes(count) + data[at:]
        yield data[:at] + data[at + count :]


def _replace(data: bytes, front: int, chance: np.random.Generator) -> Iterator[bytes]:
    del front
    yield b"<html><body>404 Not Found</body></html>"
    yield data.decode("latin-1").encode()  # copied as text
    yield data.replace(b"\n", b"\r\n")
    yield data[:8]
    yield data[4:]
    yield bytes(len(data))
    yield b"\x18\x00\x00\x00TFL3" + chance.bytes(10_000)
    for count in (10, 1000, 100_000):
        yield chance.bytes(count)


def _spoil_tail(model_bytes: bytes, members: dict[str, bytes]) -> Iterator[bytes]:
    tail = pack_tail(len(model_bytes), members)
    data = model_bytes + tail
    yield data + tail
    yield model_bytes + tail + model_bytes + tail
    yield data + b"\0"
    yield data + bytes(SECTOR_BYTES)
    yield data[:-2] + b"\x05\x00words"
    yield model_bytes + b"between" + tail
    yield tail + data
    yield model_bytes + pack_tail(0, members)
    yield model_bytes + pack_tail(len(model_bytes), dict(reversed(members.items())))
    for name in members:
        rest = {other: content for other, content in members.items() if other != name}
        yield model_bytes + pack_tail(len(model_bytes), rest)
        yield model_bytes + pack_tail(len(model_bytes), {**members, name: b""})
    yield model_bytes + pack_tail(len(model_bytes), {**members, "more.txt": b"words"})
    yield _zip(model_bytes, members, zipfile.ZIP_DEFLATED)
    yield _zip(model_bytes, members, zipfile.ZIP_LZMA)
    for cut in range(1, len(tail), len(tail) // 40):
        yield data[:-cut]


def _swap_labels(model_bytes: bytes, members: dict[str, bytes]) -> Iterator[bytes]:
    lines = members[LABELS_NAME].splitlines(keepends=True)
    for order in itertools.permutations(lines):
        if list(order) == lines:
            continue
        swapped = {**members, LABELS_NAME: b"".join(order)}
        yield model_bytes + pack_tail(len(model_bytes), swapped)
        values = json.loads(members[MANIFEST_NAME])
        values["labels"] = [line.decode().strip() for line in order]
        swapped = {**members, MANIFEST_NAME: json.dumps(values).encode()}
        yield model_bytes + pack_tail(len(model_bytes), swapped)
        swapped[LABELS_NAME] = b"".join(order)
        yield model_bytes + pack_tail(len(model_bytes), swapped)


def _change_manifest(model_bytes: bytes, members: dict[str, bytes]) -> Iterator[bytes]:
    def change(**fields: Any) -> bytes:
        values = json.loads(members[MANIFEST_NAME])
        for name, value in fields.items():
            part, _, inner = name.partition("__")
            if inner:
                values[part][inner] = value
            else:
                values[part] = value
        return pack(json.dumps(values).encode())

    def pack(content: bytes) -> bytes:
        return model_bytes + pack_tail(len(model_bytes), {**members, MANIFEST_NAME: content})

    for fields in (
        {"input__width": 96},
        {"input__height": 4097},
        {"input__mean": 0.0},
        {"input__colour_order": "BGR"},
        {"input__dtype": "float32"},
        {"decision__temperature": 9.0},
        {"decision__thresholds": {}},
        {"decision__votes": 1},
        {"golden": []},
        {"labels": []},
        {"name": "other"},
        {"format": "other"},
        {"format_version": 2},
        {"more": 1},
        {"content_sha256": "0" * 64},
        {"content_sha256": None},
    ):
        yield change(**fields)
    for content in (b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b"1" * 10_000, b"NaN"):
        yield pack(content)


def _make_bombs(model_bytes: bytes, members: dict[str, bytes]) -> Iterator[bytes]:
    large = {**members, LABELS_NAME: b"cat\n" * (1 << 24)}  # 64 MiB in 64 KiB
    yield _zip(model_bytes, large, zipfile.ZIP_DEFLATED)
    yield _zip(model_bytes, large, zipfile.ZIP_BZIP2)
    many = {**members, **{f"{number}.txt": b"" for number in range(5000)}}
    yield _zip(model_bytes, many, zipfile.ZIP_STORED)
    several = {**members, **{f"{number}.txt": bytes(1 << 20) for number in range(9)}}
    yield _zip(model_bytes, several, zipfile.ZIP_DEFLATED)
    data = model_bytes + pack_tail(len(model_bytes), members)
    for match in re.finditer(re.escape(b"PK\x01\x02"), data[len(model_bytes) :]):
        at = len(model_bytes) + match.start()
        for size_bytes in (0, 1, 1 << 22, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF):  # lies about sizes
            yield _put(data, at + 24, struct.pack("<I", size_bytes))
            yield _put(data, at + 20, struct.pack("<2I", size_bytes, size_bytes))
    for count in (0, 1, 3, 0xFFFF):
        yield _put(data, len(data) - 14, struct.pack("<2H", count, count))


def _zip(front: bytes, members: dict[str, bytes], compression: int) -> bytes:
    buffer = io.BytesIO(front)
    with zipfile.ZipFile(buffer, "a", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _forge(model: ModelFile, model_bytes: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forged.tflite"
        write_model_file(path, model_bytes=model_bytes, manifest=model.manifest)
        return path.read_bytes()


def main() -> None:
    """Print a row per kind of damage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument(
        "--forged", type=int, default=0, help="single bits with the hash made right"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        bench = Bench(read_model_file(arguments.model), Path(folder))
        outcomes: dict[str, list[Outcome]] = {}
        for mutant in make_mutants(arguments.model):
            outcomes.setdefault(mutant.kind, []).append(bench.open(mutant.data))
        outcomes["forged: grossly wrong"] = [
            bench.open(data) for data in forge_gross(arguments.model)
        ]
        if arguments.forged:
            forged = forge_bits(arguments.model, arguments.forged)
            outcomes["forged: a bit flipped"] = [bench.open(data) for data in forged]
    report(outcomes)


def report(outcomes: dict[str, list[Outcome]]) -> None:
    """Print the table, and the largest change of a score by what still ran."""
    columns = " ".join(f"{name:>7}" for name in ("mutants", "reading", "trying", RUNS))
    print(f"{'damage':28} {columns} {'largest shift':>14}")
    for kind, found in outcomes.items():
        stages = Counter(outcome.stage for outcome in found)
        shift = max(outcome.shift for outcome in found)
        counts = " ".join(f"{stages[stage]:7}" for stage in ("reading", "trying", RUNS))
        print(f"{kind:28} {len(found):7} {counts} {shift:14.4f}")
    total = sum(map(len, outcomes.values()))
    refused = sum(outcome.stage != RUNS for found in outcomes.values() for outcome in found)
    print(f"{'all':28} {total:7}, {refused} refused")


if __name__ == "__main__":
    main()
