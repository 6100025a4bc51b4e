"""From settings to a network: ours or the user's, with the options that it knows."""

import tensorflow as tf
import tf_keras

from edge.errors import SettingError
from train.networks import Network, find_network
from train.networks.own import build_own
from train.pupil import MIXED
from train.settings import TrainSettings


def build_network(settings: TrainSettings, *, labels: int) -> Network:
    """Build the network that the settings name.

    Raises:
        MissingExtraError: Its ImageNet weights are not installed.
        DataError: They are damaged, cannot be downloaded, or belong to another network.
        SettingError: A network of the user's breaks the contract, or an option does not suit.
    """
    spec = find_network(settings.network)
    if spec.is_own:
        network = build_own(spec, labels, settings.side)
    else:
        asked = {name: getattr(settings, name) for name in sorted(spec.takes)}
        options = {name: value for name, value in asked.items() if value is not None}
        network = spec.load()(labels, settings.side, **options)
    if settings.dropout is not None:
        _set_dropout(network, settings.dropout)
    return network


def choose_dtype_policy(mixed_precision: str) -> str:
    """Return Keras's policy to learn with: 16 bits need a GPU, a CPU is slower with them.

    Args:
        mixed_precision: One of `train.settings.MIXED_PRECISION`.
    """
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    return MIXED if mixed_precision == "auto" and has_gpu else "float32"


def _set_dropout(network: Network, rate: float) -> None:
    layers = [layer for layer in network.layers if isinstance(layer, tf_keras.layers.Dropout)]
    for layer in layers:
        layer.rate = rate
    if not layers:
        raise SettingError(
            "--dropout needs a network with a Dropout layer",
            received=f"{network.name}, which has none",
            fix="Leave --dropout away, or use another network",
        )
