"""Textures, a small network, and a run folder of them, written as `edge train` writes it."""

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

LABELS = ("stripes", "rößchen dots", "plain")
SIDE = 32


def draw(label: str, chance: np.random.Generator, side: int = 40) -> np.ndarray:
    """A picture of one of the three textures, `(side, side, 3)`, RGB, with noise."""
    rows, columns = np.mgrid[0:side, 0:side]
    base, contrast = chance.uniform(70, 180, 3), chance.uniform(30, 70)
    period, turn = chance.uniform(5, 9), chance.uniform(0, 6)
    if label == LABELS[0]:
        wave = np.sin(2 * np.pi * columns / period + turn)
    elif label == LABELS[1]:
        wave = np.sin(2 * np.pi * columns / period + turn) * np.sin(2 * np.pi * rows / period)
    else:
        wave = np.zeros((side, side))
    noise = chance.normal(0, 18, (side, side, 3))
    return np.clip(base + contrast * wave[..., None] + noise, 0, 255).astype(np.uint8)


def write_pictures(root: Path, counts: dict[str, int], seed: int = 0) -> list[dict[str, str]]:
    """Write pictures of every label for every part; return the rows of the split."""
    chance = np.random.default_rng(seed)
    rows = []
    for part, count in counts.items():
        for label in LABELS:
            for number in range(count):
                path = root / label / f"{part}-{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw(label, chance)).save(path)
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                relative = path.relative_to(root).as_posix()
                rows.append({"path": relative, "label": label, "part": part, "sha256": sha256})
    return rows


def write_run(run: Path, root: Path, rows: Sequence[dict[str, str]], network) -> None:
    """Write a run folder as `edge train` does."""
    run.mkdir(parents=True)
    network.save(run / "model.keras")
    with (run / "split.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["path", "label", "part", "sha256"])
        table.writeheader()
        table.writerows(rows)
    facts = {
        "format": "catseye-run",
        "format_version": 1,
        "status": "complete",
        "name": "textures",
        "labels": list(LABELS),
        "input": {
            "width": SIDE,
            "height": SIDE,
            "colour_order": "RGB",
            "resize": "squash",
            "mean": 127.0,
            "scale": 128.0,
        },
        "network": "cnn",
        "data": {"root": str(root), "fingerprint": "0" * 64, "counts": {}, "skipped": 0},
        "split": {"seed": 0, "fractions": [0.6, 0.4, 0.0]},
        "training": {"epochs": 6},
        "metrics": {"validation": {}, "test": {}},
        "versions": {"catseye": "0.1.0"},
    }
    (run / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")


def build_network(spread: float = 0.0, channels: int = 24):
    """A small flat network; a `spread` above 0 lets its last channels be of any size."""
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    pixels = layers.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(16, 3, 2, "same", use_bias=False)(pixels)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.ReLU(6.0)(x)
    x = layers.DepthwiseConv2D(3, 1, "same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(channels, 1, use_bias=False, name="last_convolution")(x)
    x = layers.BatchNormalization(momentum=0.8, name="last_scale")(x)
    x = layers.ReLU(6.0 if not spread else None)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return tf_keras.Model(
        pixels, layers.Dense(len(LABELS), activation="softmax", name="last_layer")(x)
    )


def spread_channels(network, powers: float) -> None:
    """Scale channels apart before the last layer and back in it: the same function, badly set.

    Eight bits are then left to the largest channels, and next to none to the others.
    """
    factors = 10 ** np.random.default_rng(0).uniform(-powers / 2, powers / 2, 24)
    norm, dense = network.get_layer("last_scale"), network.layers[-1]
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma * factors, beta * factors, mean, variance])
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel / factors[:, None], bias])


def fit(network, pixels: np.ndarray, truth: np.ndarray, epochs: int = 6) -> None:
    """Train for some seconds."""
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    network.compile(tf_keras.optimizers.legacy.Adam(0.01), "sparse_categorical_crossentropy")
    network.fit((pixels - np.float32(127)) / 128, truth, batch_size=32, epochs=epochs, verbose=0)
