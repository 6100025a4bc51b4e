"""The networks that can be trained: flat Keras graphs, so that they quantize."""

from collections.abc import Callable
from dataclasses import dataclass
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
        build: `(labels, side)` to a network that takes `(batch, side, side, 3)`, `float32`,
            `(pixel - INPUT_MEAN) / INPUT_SCALE`, and returns probabilities.
        side: Default width and height of the input, in pixels.
        learning_rate: Default peak.
        fewest_epochs: Default where there are many photos.
        most_epochs: Default where there are few.
        steps: Steps that a training should have, if `most_epochs` allows it.
    """

    name: str
    build: Callable[[int, int], Network]
    side: int
    learning_rate: float
    fewest_epochs: int
    most_epochs: int
    steps: int


def find_network(name: str) -> NetworkSpec:
    """Look up a network by name and import it.

    Raises:
        SettingError: There is no such network; the message lists those there are.
    """
    if name == "efficientnet-lite0":
        from train.networks.efficientnet_lite0 import build_pretrained

        return NetworkSpec(
            name,
            build_pretrained,
            side=160,
            learning_rate=4e-4,
            fewest_epochs=8,
            most_epochs=30,
            steps=1_500,
        )
    if name == "cnn":
        from train.networks.cnn import build_cnn

        return NetworkSpec(
            name,
            build_cnn,
            side=128,
            learning_rate=2e-3,
            fewest_epochs=20,
            most_epochs=60,
            steps=4_000,
        )
    raise SettingError(
        "--network must be one of " + ", ".join(NETWORK_NAMES),
        received=repr(name),
        fix=f"Use for example --network {NETWORK_NAMES[0]}",
    )


NETWORK_NAMES = ("efficientnet-lite0", "cnn")
