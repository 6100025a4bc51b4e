"""Networks that users write: found, built, and held to what training and conversion need."""

import numpy as np
import tensorflow as tf
import tf_keras

from edge.errors import SettingError
from train.beginning import look_here
from train.networks import Network, NetworkSpec

_ERRORS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)
_UNFIT_LAYERS = (
    tf_keras.Model,
    tf_keras.layers.Lambda,
    tf_keras.layers.Rescaling,
    # random in their own ways, which --resume could not repeat
    tf_keras.layers.AlphaDropout,
    tf_keras.layers.GaussianDropout,
    tf_keras.layers.GaussianNoise,
    tf_keras.layers.SpatialDropout2D,
)


def build_own(spec: NetworkSpec, labels: int, side: int) -> Network:
    """Build the network of "package.module:function" and check it.

    The contract: `function(labels, side)` returns a `tf_keras.Model`; it takes `float32` pixels
    `(batch, side, side, 3)`, scaled to `(pixel - 127) / 128`, and returns probabilities
    `(batch, labels)`. It is one flat graph of layers that come with Keras, without `Rescaling`,
    `Lambda`, or a model within the model, and has no random layer but `Dropout`: these quantize,
    load again without your code, and go on with `--resume` as if never stopped. Layers that you
    set not trainable stay as they are; pretrained weights are yours to load.

    Raises:
        SettingError: The function cannot be found or fails, or the network breaks the contract.
    """
    look_here()
    try:
        network = spec.load()(labels, side)
    except _ERRORS as error:
        raise _refuse(spec, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from (
            error
        )
    if not isinstance(network, tf_keras.Model):
        raise _refuse(spec, f"the function returned {_name(network)}, not a tf_keras.Model")
    fault = _find_fault(network, labels, side)
    if fault is not None:
        raise _refuse(spec, fault)
    return network


def _find_fault(network: Network, labels: int, side: int) -> str | None:
    """Say what breaks the contract; `None` when nothing does."""
    found = (getattr(network, "input_shape", None), getattr(network, "output_shape", None))
    wanted = ((None, side, side, 3), (None, labels))
    if found != wanted:
        return f"input and output shape are {found[0]} and {found[1]}, not {wanted[0]}, {wanted[1]}"
    for layer in network.layers:
        is_foreign = not type(layer).__module__.startswith("tf_keras.")
        if is_foreign or isinstance(layer, _UNFIT_LAYERS):
            return f"layer {layer.name!r} is of the kind {_name(layer)}"
    scores = network(np.zeros((1, side, side, 3), np.float32), training=False).numpy()
    if not (np.all(scores >= 0) and np.allclose(scores.sum(), 1.0, atol=1e-3)):
        return "the output is no probabilities; end with a softmax"
    return None


def _refuse(spec: NetworkSpec, received: str) -> SettingError:
    return SettingError(
        "--network package.module:function must build a flat tf_keras model from labels and side",
        received=f"{spec.name}: {received}",
        fix="See 'Your own network' in docs/training.md",
    )


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
