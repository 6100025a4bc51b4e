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
        takes: Keyword arguments that the builder knows beside labels and side.
        head_epochs: Epochs in which a new last layer learns alone, before pretrained ones.
        is_own: Written by the user, not by us.
    """

    name: str
    builder: str
    side: int
    learning_rate: float
    fewest_epochs: int
    most_epochs: int
    steps: int
    takes: frozenset[str] = frozenset()
    head_epochs: int = 0
    is_own: bool = False

    def load(self) -> Callable[..., Network]:
        """Import the function that builds the network.

        Returns:
            Takes the number of labels and the side, and what `takes` names; the network takes
            `(batch, side, side, 3)`, `float32`, `(pixel - INPUT_MEAN) / INPUT_SCALE`, and returns
            probabilities.
        """
        module, _, function = self.builder.partition(":")
        build: Callable[..., Network] = getattr(import_module(module), function)
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
        "mobilenet-v2",
        "train.networks.mobilenet_v2:build_mobilenet_v2",
        side=160,
        learning_rate=4e-4,
        fewest_epochs=8,
        most_epochs=30,
        steps=1_500,
        takes=frozenset({"width", "weights"}),
        head_epochs=1,
    ),
    NetworkSpec(
        "cnn",
        "train.networks.cnn:build_cnn",
        side=128,
        learning_rate=2e-3,
        fewest_epochs=20,
        most_epochs=60,
        steps=4_000,
        takes=frozenset({"width"}),
    ),
    NetworkSpec(
        "lenet5",
        "train.networks.lenet5:build_lenet5",
        side=32,
        learning_rate=2e-3,
        fewest_epochs=20,
        most_epochs=60,
        steps=4_000,
    ),
)
NETWORK_NAMES = tuple(spec.name for spec in _SPECS)


def find_network(name: str) -> NetworkSpec:
    """Look up a network by name, or by "package.module:function" for the user's own.

    Raises:
        SettingError: There is no such network; the message lists those there are.

    Example:
        >>> find_network("cnn").side
        128
        >>> find_network("my_networks:build_tiny").is_own
        True
    """
    for spec in _SPECS:
        if spec.name == name:
            return spec
    module, _, function = name.partition(":")
    if function.isidentifier() and all(part.isidentifier() for part in module.split(".")):
        return _own_network(name)
    raise SettingError(
        "--network must be one of " + ", ".join(NETWORK_NAMES),
        received=name,
        fix=f"Use for example --network {NETWORK_NAMES[0]}, or module:function for your own",
    )


def _own_network(name: str) -> NetworkSpec:
    """Return the settings for a network that is not known: nothing is pretrained, rates mild."""
    return NetworkSpec(
        name,
        name,
        side=128,
        learning_rate=1e-3,
        fewest_epochs=20,
        most_epochs=60,
        steps=4_000,
        is_own=True,
    )


def list_takers(option: str) -> tuple[str, ...]:
    """Return the names of the networks that know an option.

    Example:
        >>> list_takers("width")
        ('mobilenet-v2', 'cnn')
    """
    return tuple(spec.name for spec in _SPECS if option in spec.takes)
