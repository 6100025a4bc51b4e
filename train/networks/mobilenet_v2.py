"""MobileNetV2 from Keras Applications, with the ImageNet weights that Keras downloads.

Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
https://arxiv.org/abs/1801.04381
"""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import tf_keras

from edge.errors import DataError, SettingError
from train.freezing import Reach, freeze_layers
from train.networks import Network

WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
"""The factors on the number of channels that Keras has ImageNet weights for."""

_IMAGENET = "imagenet"
_DROPOUT = 0.2
_MOMENTUM = 0.99
_TIMEOUT_SECONDS = 30.0
_FIRST_BLOCKS = 5
_MOST_BLOCKS = 12  # those that work at a sixteenth of the input's size or larger
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"


def build_mobilenet_v2(
    labels: int,
    side: int,
    *,
    width: float = 1.0,
    weights: str | None = None,
    freeze: str = "first",
) -> Network:
    """Build the network with its ImageNet weights and a new last layer.

    The first blocks are those that work at an eighth of the input's size or larger: they see edges
    and textures, whatever is photographed, and cost half of the arithmetic. The others' batch
    statistics follow the new photos ten times as fast as in Keras (momentum 0.99, not 0.999),
    since a fine-tuning has thousands of steps and not hundreds of thousands.

    Args:
        labels: How many there are.
        side: Width and height of the input in pixels, at least 32.
        width: Factor on the number of channels, one of `WIDTHS` unless `weights` is a file.
        weights: A local file of weights without the last layer, as Keras publishes them; by
            default Keras downloads it into its cache, once.
        freeze: What stays as it is, one of `train.networks.FREEZES`.

    Raises:
        SettingError: There are no ImageNet weights of that width.
        DataError: The weights cannot be downloaded, or are not of this network.
    """
    layers = tf_keras.layers
    if weights is None and width not in WIDTHS:
        raise SettingError(
            "--width of mobilenet-v2 must be one that has ImageNet weights: "
            + ", ".join(map(str, WIDTHS)),
            received=f"{width:g}",
            fix="Use for example --width 0.5",
        )
    body = _build_body(side, width, None if weights is None else Path(weights))
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = _MOMENTUM
    values = layers.GlobalAveragePooling2D(name="pool")(body.output)
    values = layers.Dropout(_DROPOUT, name="dropout")(values)
    scores = layers.Dense(labels, activation="softmax", name="scores")(values)
    network = tf_keras.Model(body.input, scores, name="mobilenet_v2")
    freeze_layers(network, freeze, Reach(_prefixes(_FIRST_BLOCKS), _prefixes(_MOST_BLOCKS)))
    return network


def _build_body(side: int, width: float, weights: Path | None) -> Network:
    """Build all but the last layers; these are layers of one flat model."""
    size = side if side in (96, 128, 160, 192, 224) else 224  # those that Keras has weights for
    if weights is not None and not weights.is_file():
        raise DataError(
            "--weights names a file of weights of MobileNetV2",
            received=f"{weights}, which is not there",
            fix=f"Download mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_{size}_no_top.h5"
            f" from {_URL}, on any machine",
        )
    try:
        with _network_timeout(_TIMEOUT_SECONDS), contextlib.redirect_stdout(sys.stderr):
            donor = tf_keras.applications.MobileNetV2(
                input_shape=(size, size, 3),
                alpha=width,
                include_top=False,
                weights=_IMAGENET if weights is None else str(weights),
            )
    except Exception as error:  # Keras raises bare ones when a download fails
        raise _explain(error, weights, width, size) from error
    pixels = tf_keras.layers.Input((side, side, 3), name="pixels")
    body = tf_keras.applications.MobileNetV2(
        input_tensor=pixels, alpha=width, include_top=False, weights=None
    )
    body.set_weights(donor.get_weights())
    return body


def _explain(error: Exception, weights: Path | None, width: float, size: int) -> DataError:
    said = " ".join(str(error).split())[:300]
    if weights is not None:
        return DataError(
            f"--weights must be those of MobileNetV2 at width {width:g}, without its last layer",
            received=f"{weights}: {said}",
            fix="Give the --width that the file is for, and a file whose name ends in _no_top.h5",
        )
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_{size}_no_top.h5"
    return DataError(
        "mobilenet-v2 begins with ImageNet weights, which Keras downloads on first use",
        received=said,
        fix=f"Connect to the internet once, or download {_URL}{name} elsewhere and name the file "
        "with --weights; --network efficientnet-lite0 needs no download",
    )


def _prefixes(count: int) -> tuple[str, ...]:
    blocks = (f"block_{number}_" for number in range(1, count + 1))
    return ("Conv1", "bn_Conv1", "expanded_conv_", *blocks)


@contextlib.contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """Let a download that stalls fail; Keras itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
