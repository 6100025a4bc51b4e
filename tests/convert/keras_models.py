"""Small Keras models as others save them, of Keras 3 and of tf_keras, and what spoils them."""

import importlib
import json
import zipfile

import numpy as np
from texture_runs import SIDE

KERASES = ("keras", "tf_keras")


def build(
    kind,
    *,
    front=lambda layers, x: layers.Rescaling(1 / 127.5, offset=-1, name="to_one")(x),
    activation="softmax",
    outputs=3,
):
    """A model within a model, as transfer learning makes it, with augmentation before it."""
    keras = importlib.import_module(kind)
    keras.utils.set_random_seed(3)
    layers = keras.layers
    pixels = layers.Input((SIDE, SIDE, 3), name="pixels")
    x = front(layers, layers.RandomFlip("horizontal", name="flip")(pixels))
    x = build_base(keras)(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="drop")(x)
    return keras.Model(pixels, layers.Dense(outputs, activation=activation, name="scores")(x))


def build_base(keras, side=SIDE):
    layers = keras.layers
    pixels = layers.Input((side, side, 3), name="base_pixels")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(pixels)
    x = layers.Conv2D(16, 3, 2, use_bias=False, name="first")(x)
    x = layers.BatchNormalization(momentum=0.8, name="first_norm")(x)
    x = short = layers.ReLU(6.0, name="first_relu")(x)
    x = layers.DepthwiseConv2D(3, 1, "same", use_bias=False, name="deep")(x)
    x = layers.BatchNormalization(momentum=0.8, name="deep_norm")(x)
    x = layers.Add(name="join")([short, layers.ReLU(6.0, name="deep_relu")(x)])
    x = layers.Conv2D(24, 1, activation="relu", name="last")(x)
    return keras.Model(pixels, x, name="base")


def scramble(model, seed=0):
    """Give a model weights with which every layer matters."""
    chance = np.random.default_rng(seed)
    model.set_weights(
        [
            chance.uniform(0.5, 1.5, weights.shape)
            if weights.ndim == 1
            else weights + chance.normal(0, 0.3, weights.shape)
            for weights in map(np.asarray, model.get_weights())
        ]
    )
    return model


def fit(model, pixels, truth, epochs=8):
    """Train for some seconds, with the Keras that the model is of."""
    keras = importlib.import_module("tf_keras" if "tf_keras" in type(model).__module__ else "keras")
    optimizers = keras.optimizers
    adam = getattr(optimizers, "legacy", optimizers).Adam if keras.__name__ == "tf_keras" else None
    model.compile((adam or optimizers.Adam)(0.01), "sparse_categorical_crossentropy")
    model.fit(pixels.astype(np.float32), truth, batch_size=32, epochs=epochs, verbose=0)


def change_archive(path, change=None, **members):
    """Write an archive anew, with its description changed, or other members."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        config = json.loads(found["config.json"])
        change(config)
        found["config.json"] = json.dumps(config).encode()
    found.update({name.replace("_json", ".json"): content for name, content in members.items()})
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in found.items():
            if content is not None:
                archive.writestr(name, content)


def layer_of(config, name):
    """Return the description of a layer of the outermost model."""
    return next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == name)


def pixels(seed=1):
    """Noise as pictures."""
    return np.random.default_rng(seed).integers(0, 256, (8, SIDE, SIDE, 3)).astype(np.float32)


def ask(origin, pixels):
    """What a network that is ready to be converted says of pictures."""
    scaled = (pixels - origin.input.mean) / origin.input.scale
    return np.asarray(origin.network(scaled.astype(np.float32), training=False))
