"""Reads and writes the deployable model: a TFLite file that carries its own explanation.

The file is a FlatBuffer followed by a zip archive with `labels.txt` and `manifest.json`, the
way TFLite Metadata packs associated files, so that other TFLite readers find the labels too.
docs/model-file.md describes every byte of it.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import DataError, ModelFileError
from edge.labels import parse_labels
from edge.manifest import FORMAT, Manifest, check_format
from edge.ziptail import TailError, pack_tail, split_tail

MANIFEST_NAME = "manifest.json"
LABELS_NAME = "labels.txt"
LABELS_NOTE = "A label per line, in the order of the scores."
"""What the TFLite Metadata of our files says about their labels; others word it otherwise."""

INTACT_RULE = "A model file must be intact"
GOLDEN_TOLERANCE = 0.05
"""How far a score of a golden example may be off: kernels of other processors round otherwise."""

_HASH_FIELD = "content_sha256"
_LARGEST_FILE_BYTES = 1024 * 1024 * 1024
_TAIL_LOST = "its zip tail is cut off or overwritten"
_COPY_AGAIN = "Copy the file again, or convert the model again with edge convert"


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model file whose structure and content hash are right.

    Attributes:
        path: Where it was read from.
        manifest: What it says about itself.
        model_bytes: The FlatBuffer, without the zip tail.
        sha256: Of the whole file, hexadecimal.
        size_bytes: Of the whole file.
    """

    path: Path
    manifest: Manifest
    model_bytes: bytes
    sha256: str
    size_bytes: int


def default_model_path() -> Path:
    """Return the path of the embedded model (labels cat, dog, none)."""
    return Path(__file__).parent / "models" / "pets.tflite"


def read_model_file(path: Path) -> ModelFile:
    """Read a deployable model and check that its content is what was written.

    Raises:
        NotVerifiableError: Of a newer format.
        ModelFileError: Missing, no model file, not made by catseye, or damaged.
    """
    return parse_model_file(path, read_whole(path))


def parse_model_file(path: Path, data: bytes) -> ModelFile:
    """Do what `read_model_file` does, with the bytes of a file that was read already.

    Args:
        path: Where it was read from.
        data: The whole file.

    Raises:
        NotVerifiableError: Of a newer format.
        ModelFileError: No model file, not made by catseye, or damaged.
    """
    check_tflite(path, data)
    model_bytes, members = split_members(path, data)
    if not has_manifest(path, data, members):
        raise ModelFileError(
            "A deployable model carries a manifest",
            received=f"{path}, a TFLite file without one: made by others, or cut off",
            fix="Make it with edge convert, wrap it with edge package, or copy it again",
        )
    values = _parse_manifest(path, members[MANIFEST_NAME])
    check_format(values)  # a newer version may count its hash otherwise
    _check_tail(path, data, model_bytes, members)
    expected = values.pop(_HASH_FIELD, None)
    labels_text = members.get(LABELS_NAME, b"")
    if expected != _content_sha256(model_bytes, labels_text, values):
        raise damaged(path, "its content does not match the hash in its manifest")
    manifest = Manifest.from_dict(values)
    if _parse_labels(path, labels_text) != manifest.labels:
        raise damaged(path, f"{LABELS_NAME} and the manifest name different labels")
    return ModelFile(path, manifest, model_bytes, hashlib.sha256(data).hexdigest(), len(data))


def write_model_file(path: Path, *, model_bytes: bytes, manifest: Manifest) -> None:
    """Write a deployable model; the file appears whole or not at all.

    Args:
        path: Where to; an existing file is replaced.
        model_bytes: The FlatBuffer, TFLite Metadata included; a zip tail is replaced.
        manifest: What the device must know.

    Raises:
        ModelFileError: `model_bytes` has a zip tail that is damaged.
        OSError: The folder cannot be written.
    """
    model_bytes, _ = split_members(path, model_bytes)
    labels_text = "".join(f"{label}\n" for label in manifest.labels).encode()
    values = json.loads(json.dumps(manifest.to_dict()))
    values[_HASH_FIELD] = _content_sha256(model_bytes, labels_text, values)
    manifest_text = json.dumps(values, indent=1, ensure_ascii=False).encode()
    members = {LABELS_NAME: labels_text, MANIFEST_NAME: manifest_text}
    _write_atomically(path, model_bytes + pack_tail(len(model_bytes), members))


def read_model_bytes(path: Path) -> bytes:
    """Return the bytes of a TFLite file.

    Raises:
        ModelFileError: Missing, unreadable, no file, too large, or not a TFLite file.
    """
    data = read_whole(path)
    check_tflite(path, data)
    return data


def check_tflite(path: Path, data: bytes) -> None:
    """Refuse the bytes of what is no TFLite file.

    Raises:
        ModelFileError: They are.
    """
    if data[4:8] != b"TFL3":
        raise ModelFileError(
            "A model file must be a TFLite FlatBuffer (bytes 4 to 8 are TFL3)",
            received=f"{path}, which starts with {data[:8]!r}",
            fix="Name a .tflite file, for example one made by edge convert",
        )


def read_whole(path: Path) -> bytes:
    """Return the bytes of what may be a model file.

    Raises:
        ModelFileError: Missing, unreadable, too large, or a device, which may never end.
    """
    try:
        status = path.stat()
        is_file = stat.S_ISREG(status.st_mode)
        if (is_file and status.st_size <= _LARGEST_FILE_BYTES) or path.is_dir():
            return path.read_bytes()  # of a folder the system says that it is one
    except OSError as error:
        raise ModelFileError(
            "A model file must be readable",
            received=f"{path}: {error.strerror or error}",
            fix="Name an existing .tflite file",
        ) from error
    raise ModelFileError(
        "A model is a file of at most 1 GiB",
        received=f"{path} with {status.st_size} bytes" if is_file else f"{path}, which is no file",
        fix="Name a .tflite file",
    )


def split_members(path: Path, data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Split a TFLite file into its FlatBuffer and the files of its zip tail.

    Returns:
        The FlatBuffer, and the content of each file by name; no file when there is no tail.

    Raises:
        ModelFileError: The tail is damaged, holds a name twice, or more than 4 MiB.
    """
    try:
        return split_tail(data)
    except TailError as error:
        raise damaged(path, str(error)) from error


def hash_network(model_bytes: bytes) -> str:
    """Return the SHA-256 of a FlatBuffer alone, hexadecimal, without what the manifest says."""
    return hashlib.sha256(model_bytes).hexdigest()


def has_manifest(path: Path, data: bytes, members: Mapping[str, bytes]) -> bool:
    """Whether a TFLite file carries a manifest of catseye, be it right or wrong.

    Args:
        path: Where it was read from.
        data: The whole file.
        members: Of its zip tail.

    Raises:
        ModelFileError: It has lost one, or the labels that it names.
    """
    if _is_ours(data, members):
        return True
    if _is_manifest_lost(data, members) or (not members and LABELS_NAME.encode() in data):
        raise damaged(path, _TAIL_LOST)
    return False


def check_foreign(path: Path, data: bytes, members: Mapping[str, bytes]) -> None:
    """Refuse a file that catseye has made, whole or not.

    Args:
        path: Where it was read from.
        data: The whole file.
        members: Of its zip tail.

    Raises:
        ModelFileError: It carries a manifest, or is damaged: what it carried is lost.
    """
    if _is_ours(data, members):
        read_model_file(path)  # of a damaged one it says so
        raise ModelFileError(
            "A file that carries a manifest is packaged already",
            received=str(path),
            fix=f"Use it as it is: edge inspect {path}",
        )
    if _is_manifest_lost(data, members):
        raise damaged(path, _TAIL_LOST)


def damaged(path: Path, reason: str) -> ModelFileError:
    """Return the error that says how a model file is known to be damaged."""
    return ModelFileError(INTACT_RULE, received=f"{path}: {reason}", fix=_COPY_AGAIN)


def _is_ours(data: bytes, members: Mapping[str, bytes]) -> bool:
    """Whether a manifest is of catseye.

    Others may put a `manifest.json` of their own into a zip tail: JSON that says nothing of ours,
    in a file whose TFLite Metadata is not ours either.
    """
    if MANIFEST_NAME not in members:
        return False
    if LABELS_NOTE.encode() in data:
        return True
    try:
        values = json.loads(members[MANIFEST_NAME])
    except (ValueError, RecursionError):
        return True
    return isinstance(values, dict) and (_HASH_FIELD in values or values.get("format") == FORMAT)


def _is_manifest_lost(data: bytes, members: Mapping[str, bytes]) -> bool:
    return LABELS_NOTE.encode() in data or (not members and MANIFEST_NAME.encode() in data)


def _check_tail(path: Path, data: bytes, model_bytes: bytes, members: Mapping[str, bytes]) -> None:
    """Make sure that not one byte after the FlatBuffer is another than it was written."""
    wanted = {name: members.get(name, b"") for name in (LABELS_NAME, MANIFEST_NAME)}
    expected = pack_tail(len(model_bytes), wanted)
    found = data[len(model_bytes) :]
    if found == expected:
        return
    pairs = zip(found, expected, strict=False)
    least = min(len(found), len(expected))
    place = next((at for at, pair in enumerate(pairs) if pair[0] != pair[1]), least)
    raise damaged(
        path, f"its zip tail is not as it was written, from byte {len(model_bytes) + place:,} on"
    )


def _content_sha256(model_bytes: bytes, labels_text: bytes, values: dict[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digest = hashlib.sha256()
    for part in (model_bytes, labels_text, canonical.encode()):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _parse_manifest(path: Path, content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"{MANIFEST_NAME} is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise damaged(path, f"{MANIFEST_NAME} is no JSON object")
    return values


def _parse_labels(path: Path, content: bytes) -> tuple[str, ...]:
    try:
        return parse_labels(content.decode())
    except (UnicodeDecodeError, DataError) as error:
        raise damaged(path, f"{LABELS_NAME} cannot be read ({error})") from error


def _write_atomically(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
