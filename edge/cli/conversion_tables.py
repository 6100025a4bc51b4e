"""What a conversion found, as tables: of the JSON that `edge convert` writes and a manifest keeps.

A manifest is free in form there, and others may write one: what is not as expected is left out.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edge.cli import output
from edge.labels import MANY_LABELS

# Row, field, what to multiply it by, and decimals.
_FIGURES = (
    ("size, KB", "size_bytes", 0.001, 0),
    ("accuracy, %", "accuracy", 100.0, 2),
    ("agreement, %", "agreement", 100.0, 2),
    ("divergence, nats", "divergence", 1.0, 5),
    ("latency, ms", "latency_ms", 1.0, 2),
)
_BEFORE_RECALL = 2


def show_models(models: object, *, title: str, names: Mapping[str, str] | None = None) -> None:
    """Show the compared networks beside each other.

    Args:
        models: Figures of each network by its name.
        title: Of the first column.
        names: What to call networks instead.
    """
    found = {str(name): as_object(figures) for name, figures in as_object(models).items()}
    if not found:
        return
    rows = [
        [title_of_row, *(_scaled(one.get(key), factor, digits) for one in found.values())]
        for title_of_row, key, factor, digits in _FIGURES
        if any(key in one for one in found.values())
    ]
    recalls = [as_object(one.get("recall")) for one in found.values()]
    labels = list(dict.fromkeys(str(label) for recall in recalls for label in recall))
    if len(labels) <= MANY_LABELS:
        rows[_BEFORE_RECALL:_BEFORE_RECALL] = [
            [f"recall {label}, %", *(_scaled(one.get(label), 100.0, 2) for one in recalls)]
            for label in labels
        ]
    output.emit_table([title, *((names or {}).get(name, name) for name in found)], rows)


def show_reliability(calibration: object) -> None:
    """Say how far scores are from shares of right answers, with the temperature and without."""
    values = as_object(calibration)
    errors = [
        _scaled(as_object(values.get(name)).get("error"), 100.0, 2) for name in ("before", "after")
    ]
    if None in errors:
        return
    output.emit_text(
        f"calibration error {errors[0]} %, with the temperature {values.get('temperature')} "
        f"{errors[1]} % (of the pictures that chose it)"
    )


def show_attempts(attempts: object, *, asked: object) -> None:
    """Say why "auto" took what it took; nothing when a mode was asked for by its name."""
    if asked != "auto":
        return
    for attempt in as_objects(attempts):
        verdict = "good enough" if attempt.get("passed") else "not good enough"
        output.emit_text(f"auto: {attempt.get('mode')} is {verdict}: {attempt.get('reason')}")


def show_latency(latency: object, *, machine: object) -> None:
    """Show how long each runtime takes."""
    rows = []
    for row in as_objects(latency):
        taken = as_object(row.get("invoke_ms"))
        times = [_scaled(taken.get(name), 1.0, 3) for name in ("p50", "p90")]
        said = [row.get(name) for name in ("runtime", "runtime_version", "threads")]
        rows.append([*said, *times, row.get("invocations"), row.get("reason") or None])
    if rows:
        columns = ("runtime", "version", "threads", "median, ms", "p90, ms", "runs", "why not")
        is_complete = all(row[-1] is None for row in rows)
        output.emit_table(
            columns[:-1] if is_complete else columns,
            [row[:-1] if is_complete else row for row in rows],
        )
        output.emit_text(f"measured on {machine}")


def show_operators(operators: object) -> None:
    """Show what a file computes with."""
    rows = [
        (
            use.get("name"),
            ", ".join(map(str, as_list(use.get("inputs")))),
            ", ".join(map(str, as_list(use.get("outputs")))),
            use.get("count"),
        )
        for use in as_objects(operators)
    ]
    if rows:
        output.emit_table(("operator", "inputs", "outputs", "count"), rows)


def show_edge_tpu(readiness: object) -> None:
    """Say what an Edge TPU would make of it, and what keeps operators from it."""
    values = as_object(readiness)
    if "verdict" not in values:
        return
    runtime = values.get("needs_runtime")
    needs = f", with its runtime version {runtime} or newer" if runtime else ""
    output.emit_text(f"Edge TPU: {values['verdict']}{needs} ({values.get('basis')})")
    for title, key in (("falls to the CPU", "on_cpu"), ("may fall to the CPU", "doubts")):
        rows = [(count_operators(uses), reason) for reason, uses in by_reason(values.get(key))]
        if rows:
            output.emit_table((title, "why"), rows)


def by_reason(findings: object) -> list[tuple[str, list[tuple[str, int]]]]:
    """Put the operators together that stay on the CPU for the same reason, with their counts."""
    found: dict[str, list[tuple[str, int]]] = {}
    for finding in as_objects(findings):
        use = (str(finding.get("operator")), finding.get("count", 1))
        found.setdefault(str(finding.get("reason")), []).append(use)
    return list(found.items())


def count_operators(operators: Sequence[tuple[str, int]]) -> str:
    """Write operators and how often they stand there.

    Example:
        >>> count_operators([("CONV_2D", 2), ("MEAN", 1)])
        'CONV_2D (2), MEAN'
    """
    return ", ".join(f"{name} ({count})" if count != 1 else name for name, count in operators)


def as_object(value: object) -> Mapping[str, Any]:
    """Return a value that is an object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[Any]:
    """Return a value that is a list, or an empty one."""
    return value if isinstance(value, list | tuple) else []


def as_objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a value that is a list."""
    return [item for item in as_list(value) if isinstance(item, Mapping)]


def _scaled(value: object, factor: float, digits: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        scaled = value * factor
    except OverflowError:  # JSON knows integers that no float can hold
        return None
    if not math.isfinite(scaled):
        return None
    return round(scaled, digits) if digits else round(scaled)
