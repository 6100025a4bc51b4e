"""Which layers of a pretrained network keep their ImageNet weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import tf_keras

from train.networks import Network


@dataclass(frozen=True, slots=True)
class Reach:
    """How far into a network "first" and "most" reach, as prefixes of the layers' names.

    Attributes:
        first: Layers that see edges and textures: 1 % of the parameters, half of the arithmetic.
        most: Those and all others but the last stages, which see whole things.
    """

    first: tuple[str, ...]
    most: tuple[str, ...]


def freeze_layers(network: Network, freeze: str, reach: Reach) -> None:
    """Make the layers that stay as they are untrainable, and all others trainable.

    With "most" the statistics of every batch normalisation stay too: those of a batch of eight
    photos say less about the user's photos than ImageNet's do.

    Args:
        network: Its last layer with weights is the new one.
        freeze: One of `train.networks.FREEZES`.
        reach: Which layers that is.
    """
    for layer in network.layers:
        layer.trainable = not _is_frozen(layer, freeze, reach)
    if freeze == "body":
        last = [layer for layer in network.layers if layer.weights][-1]
        last.trainable = True


def _is_frozen(layer: tf_keras.layers.Layer, freeze: str, reach: Reach) -> bool:
    if freeze == "most" and isinstance(layer, tf_keras.layers.BatchNormalization):
        return True
    prefixes: dict[str, Sequence[str]] = {
        "none": (),
        "first": reach.first,
        "most": reach.most,
        "body": ("",),
    }
    return bool(layer.name.startswith(tuple(prefixes[freeze])))
