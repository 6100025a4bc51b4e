"""Loads the Keras model of a run folder and makes sure that it fits its manifest."""

import zipfile
from typing import Any

import tensorflow as tf
import tf_keras

from convert.run_folder import RunFolder
from edge.errors import RunFolderError

_LOADING_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    zipfile.BadZipFile,
    tf.errors.OpError,  # Keras reads through TensorFlow's own files
)
_TRAIN_AGAIN = "Train again with edge train"


def load_network(run: RunFolder) -> Any:
    """Load the float network of a run.

    Returns:
        A flat Keras model: scaled pictures `(pictures, height, width, 3)` to probabilities
        `(pictures, labels)`.

    Raises:
        RunFolderError: The file cannot be read, the model does not fit the run's manifest, or
            it has a layer that holds layers.
    """
    try:
        network = tf_keras.models.load_model(run.model_path, compile=False, safe_mode=True)
    except _LOADING_ERRORS as error:
        raise RunFolderError(
            "The Keras model of a run folder must load",
            received=f"{run.model_path}: {' '.join(str(error).split())[:300]}",
            fix=_TRAIN_AGAIN,
        ) from error
    _check_shapes(run, network)
    _check_layers(run, network)
    return network


def _check_shapes(run: RunFolder, network: Any) -> None:
    width, height = run.input.size_wh
    expected = ((None, height, width, 3), (None, len(run.labels)))
    found = (network.input_shape, network.output_shape)
    if found != expected:
        raise RunFolderError(
            "The Keras model of a run folder must fit its manifest: input and output shape "
            f"{expected[0]} and {expected[1]}",
            received=f"{found[0]} and {found[1]} in {run.model_path}",
            fix=_TRAIN_AGAIN,
        )


def _check_layers(run: RunFolder, network: Any) -> None:
    for layer in network.layers:
        if isinstance(layer, tf_keras.Model | tf_keras.layers.Rescaling):
            raise RunFolderError(
                "A network must be flat and take scaled pixels: no model within the model, no "
                "Rescaling layer",
                received=f"layer {layer.name!r} ({type(layer).__name__}) in {run.model_path}",
                fix=_TRAIN_AGAIN,
            )
