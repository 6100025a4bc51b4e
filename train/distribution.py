"""Machines or GPUs that learn together: `edge train --distribute`, on `tf.distribute`.

The first machine decides and writes: it looks at the photos, draws the split, and hands settings,
split and checkpoint to the others, which go on from there as `--resume` would, in a folder of
their own that nobody keeps.
"""

import io
import json
import os
import re
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge import __version__
from edge.chatter import chatter_kept_back
from edge.errors import DataError, SettingError, WorkerError
from edge.records import Clock
from train.batches import Portion
from train.checkpoint import EpochRecord, path_before
from train.cluster import VARIABLE, Cluster, read_cluster
from train.networks import Network
from train.preparation import Plan, Prepared, TrainRequest, prepare
from train.progress import TrainProgress
from train.roll_call import meet
from train.run_folder import RunFolder, clear

_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)
_FEWEST_PICTURES = 2  # per replica: batch normalisation needs something to compare


class Team:
    """Those that learn together, seen from one of the machines.

    Args:
        strategy: Of `tf.distribute`.
        asked: Set when this machine is to stop.
        cluster: The machines; `None` for the GPUs of one machine.

    Attributes:
        strategy: Of `tf.distribute`.
        portion: Which of the machines this is; the first writes.
        asked: Set when this machine is to stop.
        agreed: Set on all machines after the same step, once one of them was asked to stop.
    """

    def __init__(
        self, strategy: Any, *, asked: threading.Event, cluster: Cluster | None = None
    ) -> None:
        self.strategy = strategy
        self.portion = Portion(cluster.index, len(cluster.addresses)) if cluster else Portion()
        self.asked = asked
        self.agreed = threading.Event()
        self._cluster = cluster

    @property
    def replicas(self) -> int:
        """How many replicas there are on all machines."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def local_replicas(self) -> int:
        """How many replicas there are on this machine."""
        return self.replicas // self.portion.workers

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Turn TensorFlow's ways to say that a machine is lost into one.

        Raises:
            WorkerError: A machine was lost.
        """
        try:
            yield
        except _LOST as error:
            if self._cluster is None:
                raise
            raise WorkerError(
                "Machines that train together need each other until the end",
                received=f"on worker {self.portion.worker}: {_explain(error, self._cluster)}",
                fix="See what the other machines say, then start all of them again with --resume, "
                "or go on with the first alone: --resume without --distribute",
            ) from error

    def hand_out(self, content: bytes) -> bytes:
        """Return what the first machine has given, on all of them.

        Args:
            content: What this machine gives; that of the others is not looked at.

        Raises:
            WorkerError: A machine was lost.
        """
        if self._cluster is None:
            return content
        own = content if self.portion.is_first else b""
        size = int(self._add(np.array([len(own)], np.int32))[0])
        words = np.zeros(-(-size // 4), np.int32)
        words.view(np.uint8)[: len(own)] = np.frombuffer(own, np.uint8)
        return self._add(words).tobytes()[:size]

    def hand_out_arrays(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the first machine's arrays, on all of them.

        Args:
            arrays: Of the same shapes and types everywhere.

        Raises:
            WorkerError: A machine was lost.
            DataError: The arrays of this machine are others.
        """
        shapes = repr([(array.shape, array.dtype.str) for array in arrays])
        self.check_is_same(shapes, what="network")
        content = io.BytesIO(self.hand_out(b"".join(array.tobytes() for array in arrays)))
        return [
            np.frombuffer(content.read(array.nbytes), array.dtype).reshape(array.shape)
            for array in arrays
        ]

    def check_is_same(self, value: str, *, what: str) -> None:
        """Refuse to go on where the first machine has another value.

        Args:
            value: Of this machine.
            what: What it stands for, in a message.

        Raises:
            WorkerError: A machine was lost.
            DataError: The value differs on this machine.
        """
        if self.hand_out(value.encode()).decode() != value:
            raise DataError(
                "Machines that train together learn the same",
                received=f"another {what} on worker {self.portion.worker} than on worker 0",
                fix=f"Give both the same {what}, and the same versions of what reads it",
            )

    def agree(self, record: EpochRecord) -> EpochRecord:
        """Return the first machine's record, so that all draw the same conclusions from it.

        Raises:
            WorkerError: A machine was lost.
        """
        if self._cluster is None:
            return record
        text = self.hand_out(json.dumps(record.to_dict()).encode())
        return EpochRecord(**json.loads(text))

    def check_batch(self, size: int) -> None:
        """Refuse batches that cannot be divided among the replicas.

        Raises:
            SettingError: There are too few pictures in one.
        """
        fewest = _FEWEST_PICTURES * self.replicas
        if size < fewest:
            raise SettingError(
                f"Each replica needs {_FEWEST_PICTURES} pictures of a batch or more",
                received=f"batches of {size} for {self.replicas} replicas",
                fix=f"Begin anew with --overwrite and --batch-size {fewest} or more",
            )

    def _add(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sum over all machines."""
        first = self.portion.worker * self.local_replicas
        with self.watching():
            spread = self.strategy.experimental_distribute_values_from_function(
                lambda context: tf.identity(
                    values if context.replica_id_in_sync_group == first else np.zeros_like(values)
                )
            )
            total = self.strategy.reduce(tf.distribute.ReduceOp.SUM, spread, axis=None)
            found: NDArray[Any] = total.numpy()
            return found


def join(
    kind: str, *, asked: threading.Event, clock: Clock, say: Callable[[str], None]
) -> Team | None:
    """Find those that learn together; `None` where this process is the only one.

    Args:
        kind: One of `train.cluster.DISTRIBUTIONS`.
        asked: Set when this machine is to stop.
        clock: Measures the wait for the others.
        say: Called with a line for whoever waits.

    Raises:
        SettingError: `TF_CONFIG` is missing or wrong.
        WorkerError: A machine did not come, cannot be reached, or differs.
    """
    cluster = read_cluster(os.environ.get(VARIABLE)) if kind == "multiworker" else None
    gpus = tf.config.list_physical_devices("GPU")
    if cluster is None or len(cluster.addresses) == 1:
        strategy = tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(len(gpus))] or ["CPU"])
        team = Team(strategy, asked=asked)
    else:
        facts = {
            "version of catseye": __version__,
            "version of TensorFlow": version("tensorflow"),
            "number of GPUs": str(len(gpus)),
        }
        meet(cluster, facts, clock=clock, say=say)
        team = Team(_connect(), asked=asked, cluster=cluster)
    if team.replicas == 1:
        say("training with one replica: there is no second machine or GPU")
        return None
    say(f"worker {team.portion.worker}: all there; {team.replicas} replicas learn together")
    return team


def _connect() -> Any:
    """Let TensorFlow connect the machines; it takes SIGTERM for itself on the way."""
    with chatter_kept_back():
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy


def prepare_together(
    team: Team,
    request: TrainRequest,
    progress: TrainProgress,
    *,
    begin: Callable[[Plan], Network],
    scratch: Path,
) -> Prepared:
    """Do what `prepare` does, so that all machines learn from the same.

    Args:
        team: Those that learn together.
        request: What the command line asks for.
        progress: Told what happens.
        begin: Builds the network.
        scratch: Empty folder for a machine that writes no run folder.

    Raises:
        DataError: The photos cannot be used, or differ from those of the first machine.
        SettingError: An option cannot be used, or differs from those of the first machine.
        RunFolderError: The run folder is occupied, or cannot be written or resumed.
        WorkerError: A machine was lost.
    """
    if team.portion.is_first:
        prepared = prepare(
            request,
            progress,
            begin=begin,
            when_planned=lambda plan: team.hand_out(_pack(plan.run)),
        )
    else:
        run = RunFolder(scratch / "run")
        clear(run)
        with zipfile.ZipFile(io.BytesIO(team.hand_out(b""))) as packed:
            packed.extractall(run.path)
        helping = replace(request, output=run.path, is_resumed=True, is_overwriting=False)
        prepared = prepare(helping, progress, begin=begin)
    plan, parts = prepared.plan, prepared.parts
    team.check_is_same(plan.split.fingerprint, what="set of photos that can be decoded")
    team.check_batch(min(plan.settings.batch_size, len(parts.train)))
    return prepared


def _pack(run: RunFolder) -> bytes:
    """Return what another machine needs to train along."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for path in (run.settings, run.split, run.skipped, run.state, path_before(run.state)):
            if path.is_file():
                packed.write(path, path.relative_to(run.path))
    return content.getvalue()


def _explain(error: tf.errors.OpError, cluster: Cluster) -> str:
    """Say in a line which machine is lost, as far as TensorFlow knows."""
    lines = [line.strip() for line in str(error.message).splitlines()]
    reason = next((line for line in lines if "aborted" in line.lower()), lines[0])
    found = re.search(r"/job:(\w+)(?:/replica:0)?/task:(\d+)", error.message)
    if found is None:
        return reason
    index = int(found[2]) + (cluster.has_chief and found[1] == "worker")
    return f"{cluster.name(index)} is lost: {reason}"
