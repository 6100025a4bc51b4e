"""Rewrites batch normalisations that stand alone, so that they can be computed in integers.

Behind a convolution or a dense layer without an activation, a batch normalisation becomes part of
it: converter and tfmot both know that. Many networks have it behind the activation, as in
`Conv2D(32, 3, activation="relu")`, `BatchNormalization()`. There the converter multiplies and adds
with one range for all channels, and tfmot refuses. In use it is a factor and an offset per
channel, which a 1x1 depthwise convolution computes, too, with a range of its own for each channel;
behind a dense layer both go into the next dense layer.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tf_keras
from numpy.typing import NDArray

_layers = tf_keras.layers
_ABSORBING = (_layers.Conv2D, _layers.DepthwiseConv2D, _layers.Dense)


def rewrite_batch_norms(network: Any) -> Any:
    """Return the same function without batch normalisations that stand alone.

    Args:
        network: Flat Keras model; it is not changed.

    Returns:
        The network itself where there is none. One that cannot be rewritten stays as it is.
    """
    scales = {layer.name: layer for layer in network.layers if _is_lone(layer, rank=4)}
    folded = {
        layer.name: target
        for layer in network.layers
        if _is_lone(layer, rank=2) and (target := _next_dense(layer)) is not None
    }
    if not scales and not folded:
        return network
    rewritten = tf_keras.models.clone_model(
        network, clone_function=lambda layer: _clone(layer, scales, folded)
    )
    for layer in network.layers:
        if layer.name not in folded:
            weights = _as_convolution(layer) if layer.name in scales else layer.get_weights()
            rewritten.get_layer(layer.name).set_weights(weights)
    for name, target in folded.items():
        factor, offset = _read(network.get_layer(name))
        dense = rewritten.get_layer(target)
        kernel, bias = dense.get_weights()
        dense.set_weights([kernel * factor[:, None], bias + offset @ kernel])
    return rewritten


def _is_lone(layer: Any, *, rank: int) -> bool:
    """Whether a layer is a batch normalisation of channels that no layer before it absorbs."""
    if not isinstance(layer, _layers.BatchNormalization) or len(layer.input_shape) != rank:
        return False
    if list(layer.axis) != [rank - 1] or len(layer.inbound_nodes) != 1:
        return False
    before = layer.inbound_nodes[0].inbound_layers
    is_linear = getattr(before, "activation", None) is tf_keras.activations.linear
    return not (isinstance(before, _ABSORBING) and is_linear)


def _next_dense(layer: Any) -> str | None:
    """Return the name of the dense layer that alone hears a layer, through dropout at most."""
    while len(layer.outbound_nodes) == 1:
        layer = layer.outbound_nodes[0].outbound_layer
        if isinstance(layer, _layers.Dense):
            is_usable = layer.use_bias and len(layer.inbound_nodes) == 1
            return str(layer.name) if is_usable else None
        if not isinstance(layer, _layers.Dropout):
            return None
    return None


def _clone(layer: Any, scales: Mapping[str, Any], folded: Mapping[str, str]) -> Any:
    if layer.name in scales:
        return _layers.DepthwiseConv2D(1, name=layer.name)
    if layer.name in folded:
        return _layers.Dropout(0.0, name=layer.name)  # which does nothing
    return type(layer).from_config(layer.get_config())


def _as_convolution(layer: Any) -> list[NDArray[np.float32]]:
    factor, offset = _read(layer)
    return [factor.reshape(1, 1, -1, 1), offset]


def _read(layer: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return factor and offset of each channel of a batch normalisation in use."""
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    factor = 1.0 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * layer.gamma.numpy()
    offset = -mean * factor
    if layer.center:
        offset = offset + layer.beta.numpy()
    return factor.astype(np.float32), offset.astype(np.float32)
