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

FREEZES = ("none", "first", "most", "body")
"""What of a pretrained network keeps its ImageNet weights: nothing; the first stages; all but the
last stages, batch statistics included; all but the last layer."""


@dataclass(frozen=True, slots=True)
class Amount:
    """The settings that suit a network up to an amount of photos.

    Attributes:
        name: In a word or two.
        pictures: To learn from, at most; `None` for any number.
        learning_rate: Default peak.
        fewest_epochs: Default where there are many photos.
        most_epochs: Default where there are few.
        steps: Steps that a training should have, if `most_epochs` allows it.
        freeze: One of `FREEZES`; `None` for a network that is not pretrained.
        head_epochs: Epochs in which a new last layer learns alone.
        is_head_computed: The new last layer is solved for first, see `train.linear_head`.
        why: What speaks for `freeze`, said of the photos; may be empty.
    """

    name: str
    pictures: int | None
    learning_rate: float
    fewest_epochs: int
    most_epochs: int
    steps: int
    freeze: str | None = None
    head_epochs: int = 0
    is_head_computed: bool = False
    why: str = ""


_FEW = Amount(
    "few",
    pictures=300,
    learning_rate=1e-4,
    fewest_epochs=6,
    most_epochs=10,
    steps=200,
    freeze="body",
    is_head_computed=True,
    why="the rest would learn them by heart",
)
_SOME = Amount(
    "some",
    pictures=5_000,
    learning_rate=1e-4,
    fewest_epochs=4,
    most_epochs=8,
    steps=400,
    freeze="most",
    is_head_computed=True,
    why="they are too few to teach the whole",
)


def _many(*, head_epochs: int = 0) -> Amount:
    return Amount(
        "many",
        pictures=None,
        learning_rate=4e-4,
        fewest_epochs=6,
        most_epochs=30,
        steps=1_500,
        freeze="first",
        head_epochs=head_epochs,
        why="they are enough to teach it",
    )


def _from_nothing(*, learning_rate: float) -> Amount:
    return Amount(
        "any",
        pictures=None,
        learning_rate=learning_rate,
        fewest_epochs=20,
        most_epochs=60,
        steps=4_000,
    )


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A network and the settings that suit it.

    Attributes:
        name: What `--network` takes.
        builder: "package.module:function", imported on use; see `load`.
        side: Default width and height of the input, in pixels.
        amounts: The settings by the amount of photos, ascending; the last suits any number.
        takes: Keyword arguments that the builder knows beside labels and side.
        is_own: Written by the user, not by us.
    """

    name: str
    builder: str
    side: int
    amounts: tuple[Amount, ...]
    takes: frozenset[str] = frozenset()
    is_own: bool = False

    @property
    def is_pretrained(self) -> bool:
        """Whether it begins with ImageNet weights."""
        return "freeze" in self.takes

    def suit(self, pictures: int) -> Amount:
        """Return the settings for so many photos to learn from.

        Example:
            >>> [find_network("efficientnet-lite0").suit(n).name for n in (60, 600, 20_000)]
            ['few', 'some', 'many']
        """
        return next(a for a in self.amounts if a.pictures is None or pictures <= a.pictures)

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
        224,
        (_FEW, _SOME, _many()),
        takes=frozenset({"freeze"}),
    ),
    NetworkSpec(
        "mobilenet-v2",
        "train.networks.mobilenet_v2:build_mobilenet_v2",
        224,
        (_FEW, _SOME, _many(head_epochs=1)),
        takes=frozenset({"freeze", "width", "weights"}),
    ),
    NetworkSpec(
        "cnn",
        "train.networks.cnn:build_cnn",
        128,
        (_from_nothing(learning_rate=2e-3),),
        takes=frozenset({"width"}),
    ),
    NetworkSpec(
        "lenet5",
        "train.networks.lenet5:build_lenet5",
        32,
        (_from_nothing(learning_rate=2e-3),),
    ),
)
NETWORK_NAMES = tuple(spec.name for spec in _SPECS)


def find_network(name: str) -> NetworkSpec:
    """Look up a network by name, or by "package.module:function" for the user's own.

    Raises:
        SettingError: There is no such network; the message lists those there are.

    Example:
        >>> find_network("cnn").takes
        frozenset({'width'})
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
    amounts = (_from_nothing(learning_rate=1e-3),)
    return NetworkSpec(name, name, 128, amounts, is_own=True)


def list_takers(option: str) -> tuple[str, ...]:
    """Return the names of the networks that know an option.

    Example:
        >>> list_takers("width")
        ('mobilenet-v2', 'cnn')
    """
    return tuple(spec.name for spec in _SPECS if option in spec.takes)
