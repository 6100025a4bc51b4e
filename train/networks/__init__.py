"""The networks that can be trained: flat Keras graphs, so that they quantize."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

from edge.errors import SettingError

Network: TypeAlias = Any
"""A `tf_keras.Model`; TensorFlow carries no types that a checker could use."""

INPUT_MEAN = 127.0
INPUT_SCALE = 128.0


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A network and the settings that suit it.

    Attributes:
        name: What `--network` takes.
        builder: "package.module:function", imported on use; see `load`.
        side: Default width and height of the input, in pixels.
        learning_rate: Default peak.
        fewest_epochs: Default where there are many photos.
        most_epochs: Default where there are few.
        steps: Steps that a training should have, if `most_epochs` allows it.
    """

    name: str
    builder: str
    side: int
    learning_rate: float
    fewest_epochs: int
    most_epochs: int
    steps: int

    def load(self) -> Callable[[int, int], Network]:
        """Import the function that builds the network.

        Returns:
            Takes the number of labels and the side; the network takes `(batch, side, side, 3)`,
            `float32`, `(pixel - INPUT_MEAN) / INPUT_SCALE`, and returns probabilities.
        """
        module, _, function = self.builder.partition(":")
        build: Callable[[int, int], Network] = getattr(import_module(module), function)
        return build


_SPECS = (
    NetworkSpec(
        "efficientnet-lite0",
        "train.networks.efficientnet_lite0:build_pretrained",
        side=160,
        learning_rate=4e-4,
        fewest_epochs=8,
        most_epochs=30,
        steps=1_500,
    ),
    NetworkSpec(
        "cnn",
        "train.networks.cnn:build_cnn",
        side=128,
        learning_rate=2e-3,
        fewest_epochs=20,
        most_epochs=60,
        steps=4_000,
    ),
)
NETWORK_NAMES = tuple(spec.name for spec in _SPECS)


def find_network(name: str) -> NetworkSpec:
    """Look up a network by name.

    Raises:
        SettingError: There is no such network; the message lists those there are.

    Example:
        >>> find_network("cnn").side
        128
    """
    for spec in _SPECS:
        if spec.name == name:
            return spec
    raise SettingError(
        "--network must be one of " + ", ".join(NETWORK_NAMES),
        received=name,
        fix=f"Use for example --network {NETWORK_NAMES[0]}",
    )
