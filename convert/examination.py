"""What can be said of a network that is to be deployed, pictures aside."""

from dataclasses import dataclass
from typing import Any

from convert.progress import Progress, no_progress
from edge.benchmark import Latency, describe_machine, measure_latency
from edge.edge_tpu import Readiness, judge_readiness
from edge.operators import OperatorUse, list_operators


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """What a network computes with, where, and how fast.

    Attributes:
        operators: What it computes with.
        edge_tpu: What an Edge TPU would make of it.
        latency: How long each installed runtime takes, on some numbers of threads.
        machine: What that was measured on.
    """

    operators: tuple[OperatorUse, ...]
    edge_tpu: Readiness
    latency: tuple[Latency, ...]
    machine: str

    def latency_to_dict(self) -> dict[str, Any]:
        """Return what differs from one examination to the next, as plain values for JSON."""
        return {"machine": self.machine, "latency": [row.to_dict() for row in self.latency]}


def examine(model_bytes: bytes, *, progress: Progress = no_progress) -> Examination:
    """Look at a network and time it, which takes some seconds.

    Args:
        model_bytes: Its FlatBuffer.
        progress: Told before and after it is timed.

    Raises:
        ModelFileError: It is no whole FlatBuffer.
    """
    progress("measuring latency", done=0, total=1)
    latency = measure_latency(model_bytes)
    progress("measuring latency", done=1, total=1)
    return Examination(
        operators=list_operators(model_bytes),
        edge_tpu=judge_readiness(model_bytes),
        latency=latency,
        machine=describe_machine(),
    )
