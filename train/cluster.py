"""The machines that train together, as `TF_CONFIG` names them."""

import hashlib
import json
from dataclasses import dataclass

from edge.errors import SettingError

DISTRIBUTIONS = ("mirrored", "multiworker")
"""One machine with several GPUs, or several machines."""

VARIABLE = "TF_CONFIG"
EXAMPLE = (
    '{"cluster": {"worker": ["192.168.1.10:12345", "192.168.1.11:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The machines that train together.

    Attributes:
        addresses: "host:port" of each, the first being the one that writes.
        index: Which of them this is.
        has_chief: The first is called chief and not worker in `TF_CONFIG`.

    Example:
        >>> Cluster(("desk:12345", "[fe80::1]:12345"), index=1).place(1)
        ('fe80::1', 12345)
    """

    addresses: tuple[str, ...]
    index: int
    has_chief: bool = False

    @property
    def digest(self) -> str:
        """What tells one list of machines from another."""
        return hashlib.sha256("\n".join(self.addresses).encode()).hexdigest()

    def place(self, index: int) -> tuple[str, int]:
        """Return host and port of a machine."""
        host, _, port = self.addresses[index].rpartition(":")
        return host.strip("[]"), int(port)

    def name(self, index: int) -> str:
        """Return what to call a machine in a message.

        Example:
            >>> Cluster(("desk:12345", "attic:12345"), index=0).name(1)
            'worker 1 (attic:12345)'
        """
        return f"worker {index} ({self.addresses[index]})"


def read_cluster(text: str | None) -> Cluster:
    """Read the content of `TF_CONFIG`.

    The format is TensorFlow's: https://www.tensorflow.org/guide/distributed_training; of its
    tasks, `worker` and `chief` can train.

    Raises:
        SettingError: It is missing or cannot be understood.

    Example:
        >>> read_cluster(EXAMPLE).addresses
        ('192.168.1.10:12345', '192.168.1.11:12345')
    """
    if not text:
        raise _refuse("it is not set")
    try:
        content = json.loads(text)
        tasks: dict[str, list[str]] = content["cluster"]
        kind, index = content["task"]["type"], content["task"]["index"]
        addresses = tuple(address for job in ("chief", "worker") for address in tasks.get(job, ()))
        hosts = [Cluster(addresses, 0).place(number) for number in range(len(addresses))]
    except json.JSONDecodeError as error:
        raise _refuse(f"no JSON, {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _refuse(text) from error
    if not addresses or not all(host and 0 < port < 65536 for host, port in hosts):
        raise _refuse(text)
    if len(set(addresses)) < len(addresses):
        raise _refuse(f"an address twice in {', '.join(addresses)}")
    if kind not in ("chief", "worker"):
        raise _refuse(f'the task type "{kind}", which does not train')
    count = len(tasks.get(kind, ()))
    if not isinstance(index, int) or not 0 <= index < count:
        raise _refuse(f"the task index {index} where there are {count} of type {kind}")
    first = 0 if kind == "chief" else len(addresses) - count
    return Cluster(addresses, first + index, has_chief="chief" in tasks)


def _refuse(received: str) -> SettingError:
    return SettingError(
        f"--distribute multiworker takes the machines from {VARIABLE} in the environment",
        received=received,
        fix=f"Set it on each machine, each with its own index, for example {VARIABLE}='{EXAMPLE}'",
    )
