"""MobileNetV2 from Keras Applications, with the ImageNet weights that Keras publishes.

Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
https://arxiv.org/abs/1801.04381
"""

import http.client
import shutil
import tempfile
import urllib.request
from pathlib import Path

import tensorflow as tf
import tf_keras

from edge.errors import DataError, SettingError
from train.freezing import Reach, freeze_layers
from train.networks import Network

WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
"""The factors on the number of channels that Keras has ImageNet weights for."""

_DROPOUT = 0.2
_MOMENTUM = 0.99
_TIMEOUT_SECONDS = 30.0
_FIRST_BLOCKS = 5
_MOST_BLOCKS = 12  # those that work at a sixteenth of the input's size or larger
_WEIGHTS_ERRORS = (
    AssertionError,  # a checkpoint of something else
    LookupError,
    OSError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)
"""What Keras raises for a file that holds no weights, or others."""

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
            default it is downloaded into the cache of Keras, once.
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
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(width)}_{size}_no_top.h5"
    path = _find_imagenet(name) if weights is None else weights
    if not path.is_file():
        raise DataError(
            "--weights names a file of weights of MobileNetV2",
            received=f"{path}, which is not there",
            fix=f"Download {name} from {_URL}, on any machine",
        )
    try:
        donor = tf_keras.applications.MobileNetV2(
            input_shape=(size, size, 3), alpha=width, include_top=False, weights=str(path)
        )
    except _WEIGHTS_ERRORS as error:
        raise _unfit(path, width, error) from error
    pixels = tf_keras.layers.Input((side, side, 3), name="pixels")
    body = tf_keras.applications.MobileNetV2(
        input_tensor=pixels, alpha=width, include_top=False, weights=None
    )
    body.set_weights(donor.get_weights())
    return body


def _find_imagenet(name: str) -> Path:
    """Return a published file of weights, downloaded once to where Keras keeps its own."""
    path = Path.home() / ".keras" / "models" / name
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _download(_URL + name, path)
        except (OSError, http.client.HTTPException) as error:
            raise DataError(
                "mobilenet-v2 begins with ImageNet weights, which are downloaded on first use",
                received=_flatten(error),
                fix=f"Connect to the internet once, or download {_URL}{name} elsewhere and name "
                "the file with --weights; --network efficientnet-lite0 needs no download",
            ) from error
    return path


def _download(url: str, path: Path) -> None:
    """Fetch a file; it appears whole or not at all.

    Raises:
        OSError: It does not come or cannot be written.
        http.client.HTTPException: The server does not speak HTTP.
    """
    with (
        tempfile.TemporaryDirectory(dir=path.parent) as folder,
        urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response,
    ):
        part = Path(folder, path.name)
        with part.open("wb") as file:
            shutil.copyfileobj(response, file)
        if response.length:  # what should still come
            raise ConnectionError(f"the connection was closed {response.length:,} bytes early")
        part.replace(path)


def _unfit(path: Path, width: float, error: Exception) -> DataError:
    return DataError(
        f"--weights must be those of MobileNetV2 at width {width:g}, without its last layer",
        received=f"{path}: {_flatten(error)}",
        fix="Give the --width that the file is for, and a file whose name ends in _no_top.h5",
    )


def _flatten(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _prefixes(count: int) -> tuple[str, ...]:
    blocks = (f"block_{number}_" for number in range(1, count + 1))
    return ("Conv1", "bn_Conv1", "expanded_conv_", *blocks)
