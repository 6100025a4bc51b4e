"""Puts a converted model, its explanation and its proof into one file."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path, PurePath
from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot

from convert.conversion import Conversion, Settings
from convert.delivery import deliver_model
from convert.golden import choose_examples
from convert.metadata import Provenance, add_metadata
from convert.parity import describe_runtime
from convert.source import Origin
from convert.thresholds import Calibration
from edge import __version__
from edge.manifest import DecisionSpec, Manifest
from edge.modelfile import ModelFile

MEASURED = "measured"
DIFFERING = (f"quantization.{MEASURED}", "content_sha256")
"""Fields of the manifest that differ when the same run is converted again in the same way: times
that were measured, and the hash over everything. Nothing else of the file does."""


def write_package(
    path: Path,
    conversion: Conversion,
    *,
    run: Origin,
    settings: Settings,
    provenance: Provenance,
) -> ModelFile:
    """Write the deployable file, read it back and run its golden examples.

    Args:
        path: Where to; an existing file is replaced once the new one has proved itself.
        conversion: What goes into it.
        run: Where it comes from.
        settings: How it was made.
        provenance: What the file says about itself to people.

    Raises:
        ParityError: The conversion was refused at the gate; nothing is written.
        ModelFileError: What was written does not read back or does not answer as it should;
            an existing file stays then.
        OSError: The folder cannot be written.
    """
    if conversion.refusal is not None:
        raise conversion.refusal.to_error()
    spec = replace(run.input, dtype=conversion.deployed.dtype)
    model_bytes = add_metadata(conversion.deployed.model_bytes, spec=spec, provenance=provenance)
    calibration = conversion.calibration
    manifest = Manifest(
        name=provenance.name,
        labels=run.labels,
        input=spec,
        decision=DecisionSpec(thresholds=calibration.values, temperature=calibration.temperature),
        training=describe_training(run),
        quantization=describe_quantization(conversion, settings),
        golden=choose_examples(model_bytes, spec=spec),
    )
    return deliver_model(path, model_bytes=model_bytes, manifest=manifest)


def describe_training(run: Origin) -> dict[str, Any]:
    """Return what the manifest says about the training; no path of this machine is in it."""
    wanted = (
        "origin",
        "assumptions",
        "status",
        "network",
        "split",
        "training",
        "metrics",
        "versions",
    )
    described = {name: run.facts[name] for name in wanted if name in run.facts}
    data: Mapping[str, Any] = run.facts["data"]
    settings = dict(described.get("training", {}))
    for name in ("start", "weights"):
        if settings.get(name):
            settings[name] = PurePath(settings[name]).name
    described["training"] = settings
    described["data"] = {name: value for name, value in data.items() if name != "root"}
    return described


def describe_quantization(conversion: Conversion, settings: Settings) -> dict[str, Any]:
    """Return what the manifest says about the conversion; times stand apart, in one field."""
    examination, learning = conversion.examination, conversion.fine_tuning
    described: dict[str, Any] = {
        "mode": conversion.mode,
        "asked": conversion.asked,
        "state": conversion.deployed.state,
        "gate": asdict(settings.limits),
        "attempts": [attempt.to_dict() for attempt in conversion.attempts],
        "parity": _describe_parity(conversion),
        "calibration": _describe_calibration(conversion.calibration),
        "operators": [asdict(use) for use in examination.operators],
        "edge_tpu": examination.edge_tpu.to_dict(),
        "warnings": list(conversion.warnings),
        "versions": {
            "catseye": __version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "tensorflow_model_optimization": tfmot.__version__,
        },
    }
    described[MEASURED] = {
        **examination.latency_to_dict(),
        "models": {
            name: {"latency_ms": figures.pop("latency_ms")}
            for name, figures in described["parity"]["models"].items()
        },
    }
    if conversion.calibration_pictures:
        described["calibration_pictures"] = conversion.calibration_pictures
    if learning is not None:
        told = ("pictures", "states", "best_step")
        found = learning.to_dict()
        described["fine_tuning"] = asdict(settings.recipe) | {name: found[name] for name in told}
    return described


def _describe_parity(conversion: Conversion) -> dict[str, Any]:
    return {
        "part": "validation",
        "pictures": conversion.validation_pictures,
        **describe_runtime(),
        "models": {item.name: item.to_dict() for item in conversion.measurements},
    }


def _describe_calibration(calibration: Calibration) -> dict[str, Any]:
    return {
        "goal": str(calibration.goal),
        "pictures": calibration.pictures,
        "temperature": calibration.temperature,
        "before": calibration.before.to_dict(),
        "after": calibration.after.to_dict(),
        "labels": {
            label: threshold.to_dict() for label, threshold in calibration.thresholds.items()
        },
    }
