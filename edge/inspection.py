"""What a model file carries, and whether it is still what was written."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import edge.preprocess  # noqa: F401  without OpenCV no model can be tried, and none is damaged
from edge.edge_tpu import Readiness, judge_readiness
from edge.errors import MissingExtraError, ModelFileError, NotVerifiableError
from edge.integrity import verify_model
from edge.interface import Interface, read_interface
from edge.manifest import Manifest
from edge.metadata import Metadata, read_metadata
from edge.modelfile import (
    INTACT_RULE,
    check_tflite,
    has_manifest,
    hash_network,
    parse_model_file,
    read_whole,
    split_members,
)
from edge.operators import OperatorUse, list_operators

Found = TypeVar("Found")

INTACT = "intact"
DAMAGED = "damaged"
NOT_VERIFIABLE = "not verifiable"


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What was found in a model file.

    Attributes:
        path: The file.
        verdict: "intact", "damaged", or "not verifiable": made by others, or newer than this
            catseye or its runtime.
        reason: What the verdict rests on.
        size_bytes: Of the file.
        sha256: Of the file, hexadecimal.
        network_sha256: Of its FlatBuffer alone, hexadecimal; `None` when the end of that cannot be
            found.
        manifest: What it says about itself; `None` unless it is intact.
        interface: What goes in and out; `None` when that cannot be read.
        metadata: Its standard TFLite Metadata; `None` when it has none or that cannot be read.
        operators: What it computes with; empty when that cannot be read.
        edge_tpu: What an Edge TPU would make of it; `None` when that cannot be read.
    """

    path: Path
    verdict: str
    reason: str
    size_bytes: int
    sha256: str
    network_sha256: str | None
    manifest: Manifest | None
    interface: Interface | None
    metadata: Metadata | None
    operators: tuple[OperatorUse, ...]
    edge_tpu: Readiness | None


def inspect_file(path: Path) -> Inspection:
    """Look into a model file of this project or another; nothing of it is run in this process.

    Raises:
        ModelFileError: There is no such file, or it cannot be read.
    """
    data = read_whole(path)
    manifest = None
    try:
        manifest, verdict, reason = _judge(path, data)
    except NotVerifiableError as error:
        verdict, reason = NOT_VERIFIABLE, f"{_reason(path, error)}. {error.fix}"
    except ModelFileError as error:
        verdict, reason = DAMAGED, _reason(path, error)
    return Inspection(
        path=path,
        verdict=verdict,
        reason=reason,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        network_sha256=_hash_network(path, data),
        manifest=manifest,
        interface=_read(read_interface, data),
        metadata=_read(read_metadata, data),
        operators=_read(list_operators, data) or (),
        edge_tpu=_read(judge_readiness, data),
    )


def _hash_network(path: Path, data: bytes) -> str | None:
    front = _read(lambda whole: split_members(path, whole)[0], data)
    return None if front is None else hash_network(front)


def _judge(path: Path, data: bytes) -> tuple[Manifest | None, str, str]:
    check_tflite(path, data)
    _, members = split_members(path, data)
    if not has_manifest(path, data, members):
        list_operators(data)
        reason = "it carries no manifest: it was not made by catseye; edge package wraps it"
        return None, NOT_VERIFIABLE, reason
    model = parse_model_file(path, data)
    try:
        verify_model(model)
    except MissingExtraError:
        return model.manifest, INTACT, "its content hash is right; no runtime to try it with"
    examples = len(model.manifest.golden)
    reason = f"its content hash is right, and so are its answers to {examples} golden examples"
    return model.manifest, INTACT, reason


def _reason(path: Path, error: ModelFileError) -> str:
    """Say what is wrong without repeating the file's name."""
    received = error.received.removeprefix(f"{path}: ")
    if error.rule == INTACT_RULE:
        return received
    return f"{error.rule}; received {received.replace(str(path), 'a file')}"


def _read(read: Callable[[bytes], Found], data: bytes) -> Found | None:
    """Read a part of what may be damaged, or nothing."""
    try:
        return read(data)
    except ModelFileError:
        return None
