"""`edge inspect`: what a model file carries, and whether it is intact."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli import output
from edge.cli.conversion_tables import (
    as_list,
    as_object,
    show_attempts,
    show_edge_tpu,
    show_latency,
    show_models,
    show_operators,
    show_reliability,
)
from edge.cli.options import JsonOption

if TYPE_CHECKING:
    from edge.inspection import Inspection
    from edge.interface import Tensor
    from edge.manifest import Manifest

# What a conversion has found and noted in the file; --json has it in the manifest, too.
_LONGEST_SHOWN = 40  # characters of a value that is shown in a line with others
_SHOWN = ("parity", "calibration", "attempts", "operators", "edge_tpu", "measured", "warnings")


def inspect(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="A .tflite file, also of others.",
            envvar="EDGE_MODEL",
            show_default="the embedded model",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what a model file carries, and whether it is intact.

    A file made by catseye is held against its hash and its golden examples. A file of another
    origin is "not verifiable". A damaged file ends with exit code 1.

    Raises:
        CatseyeError: There is no such file.
        Exit: The file is damaged.
    """
    from edge.inspection import DAMAGED, inspect_file
    from edge.modelfile import default_model_path

    found = inspect_file(model or default_model_path())
    if json:
        output.emit_json(_record(found))
    else:
        _show(found)
    if found.verdict == DAMAGED:
        raise typer.Exit(1)


def _record(found: "Inspection") -> dict[str, Any]:
    inputs, outputs = _tensors(found)
    is_intact = {"intact": True, "damaged": False}.get(found.verdict)
    return {
        "path": found.path,
        "intact": is_intact,
        "verdict": found.verdict,
        "reason": found.reason,
        "size_bytes": found.size_bytes,
        "sha256": found.sha256,
        "network_sha256": found.network_sha256,
        "manifest": None if found.manifest is None else found.manifest.to_dict(),
        "inputs": [asdict(tensor) for tensor in inputs],
        "outputs": [asdict(tensor) for tensor in outputs],
        "metadata": None if found.metadata is None else asdict(found.metadata),
        "operators": [asdict(use) for use in found.operators],
        "edge_tpu": None if found.edge_tpu is None else found.edge_tpu.to_dict(),
    }


def _tensors(found: "Inspection") -> tuple[Sequence["Tensor"], Sequence["Tensor"]]:
    """Return inputs and outputs; none where they cannot be read."""
    if found.interface is None:
        return (), ()
    return found.interface.inputs, found.interface.outputs


def _show(found: "Inspection") -> None:
    output.emit_text(f"{found.path}: {found.verdict} ({found.reason})")
    output.emit_text(f"  size          {found.size_bytes:,} bytes, sha256 {found.sha256}")
    if found.network_sha256 is not None:
        output.emit_text(f"  network       sha256 {found.network_sha256}")
    _show_interface(found)
    if found.manifest is not None:
        _show_manifest(found.manifest)
    show_operators([asdict(use) for use in found.operators])
    if found.edge_tpu is not None and found.operators:
        show_edge_tpu(found.edge_tpu.to_dict())


def _show_interface(found: "Inspection") -> None:
    """Show what TFLite and its metadata say of any file, with a manifest or without."""
    for side, tensors in zip(("input", "output"), _tensors(found), strict=True):
        for tensor in tensors:
            output.emit_text(f"  {side:<13} {tensor.name}: {tensor}")
    if found.metadata is not None:
        said = {name: value for name, value in asdict(found.metadata).items() if value}
        lines = (f"{name} {_in_words(value)}" for name, value in said.items())
        output.emit_text(f"  {'metadata':<13} {'; '.join(lines) or 'empty'}")


def _in_words(value: Any) -> str:
    return ", ".join(f"{item:g}" for item in value) if isinstance(value, tuple) else str(value)


def _show_manifest(manifest: "Manifest") -> None:
    from edge.labels import name_some
    from edge.preprocess import describe_framing

    takes, decides = manifest.input, manifest.decision
    lines = {
        "name": manifest.name,
        "labels": name_some(manifest.labels),
        "frames": f"{takes.width}x{takes.height} {takes.colour_order}, {takes.dtype}: "
        f"{describe_framing(takes)}",
        "calibration": f"temperature {decides.temperature:g}",
        "decision": f"{decides.votes} of {decides.window} frames",
        "golden": f"{len(manifest.golden)} examples",
        "quantization": _summarise(manifest.quantization, shown=_SHOWN),
        "training": _summarise(manifest.training, shown=("assumptions",)),
    }
    for name, text in lines.items():
        output.emit_text(f"  {name:<13} {text}")
    for sentence in as_list(manifest.training.get("assumptions")):
        output.emit_text(f"  {'assumed':<13} {sentence}")
    _show_thresholds(manifest)
    _show_conversion(manifest)


def _show_conversion(manifest: "Manifest") -> None:
    """Show what `edge convert` has found and noted in the file."""
    found = manifest.quantization
    parity, measured = as_object(found.get("parity")), as_object(found.get("measured"))
    times = as_object(measured.get("models"))
    models = {
        str(name): {**as_object(figures), **as_object(times.get(name))}
        for name, figures in as_object(parity.get("models")).items()
    }
    show_models(models, title=f"{parity.get('pictures')} {parity.get('part')} pictures")
    show_reliability(found.get("calibration"))
    show_attempts(found.get("attempts"), asked=found.get("asked"))
    show_latency(measured.get("latency"), machine=measured.get("machine"))
    for warning in as_list(found.get("warnings")):
        output.emit_text(f"warning: {warning}")


def _show_thresholds(manifest: "Manifest") -> None:
    """Show what each threshold did to the validation pictures, where the file says so."""
    from edge.labels import MANY_LABELS

    calibration = as_object(manifest.quantization.get("calibration"))
    values = set(manifest.decision.thresholds.values())
    if len(manifest.labels) > MANY_LABELS and len(values) == 1 and not calibration:
        output.emit_text(f"  {'thresholds':<13} {values.pop():g} for every label")
        return
    found = as_object(calibration.get("labels"))
    rows = []
    for label in manifest.labels:
        figures = as_object(found.get(label))
        shares = [figures.get(name) for name in ("precision", "precision_shown", "recall")]
        cells = [f"{share:.2%}" if isinstance(share, float) else None for share in shares]
        rows.append((label, f"{manifest.decision.thresholds[label]:.3f}", *cells))
    output.emit_table(("label", "threshold", "precision", "at least (95 %)", "recall"), rows)


def _summarise(values: Mapping[str, Any], *, shown: Collection[str] = ()) -> str:
    """Show the plain values of a report and name the rest; --json has it in full.

    Args:
        values: The report.
        shown: What is shown elsewhere.
    """
    told, longer = [], []
    for key, value in values.items():
        if key in shown:
            continue
        if _is_short(value):
            told.append(f"{key} {value}")
        elif isinstance(value, dict) and value and all(map(_is_short, value.values())):
            told.append(f"{key} ({_summarise(value)})")
        else:
            longer.append(key)
    more = f"more with --json: {', '.join(longer)}" if longer else ""
    return "; ".join(part for part in (", ".join(told), more) if part) or "not recorded"


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= _LONGEST_SHOWN
