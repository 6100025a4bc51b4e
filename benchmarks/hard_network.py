"""What eight bits do to a badly conditioned network, and what learning to be 8-bit mends.

    python benchmarks/hard_network.py RUN --epochs 8 --learning-rate 1e-3

It takes a finished run of `edge train` and makes a second one of it: behind a batch normalisation
every channel is multiplied by a factor of its own, and the layer that reads it divides by the same.
In floats both are the same function. In eight bits all channels of a layer share 256 steps, which
the largest factors then have for themselves. Networks come like this by themselves, if rarely as
bad; Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
https://arxiv.org/abs/1906.04721, show it of MobileNetV2 and undo it with the same factors.

Both runs are then measured as by `benchmarks/quantization.py`.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from quantization import (
    add_recipe,
    measure_run,
    print_header,
    print_setting,
    print_verdict,
    read_recipe,
)

from edge.extras import require_desktop

PASSING = ("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Dropout")
READING = {"Conv2D": 2, "Dense": 0}  # axis of the kernel that the channels come in by


def main() -> None:
    """Spread a run's channels, and print the rows of both and what they say for qat."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="made by edge train")
    parser.add_argument("--powers", type=float, default=2.0, help="of ten, between factors; 2")
    parser.add_argument("--seed", type=int, default=0, help="of the factors; 0")
    add_recipe(parser)
    arguments = parser.parse_args()
    recipe = read_recipe(arguments)
    with tempfile.TemporaryDirectory() as folder:
        hard = Path(folder) / "spread"
        shutil.copytree(arguments.run, hard)
        layer = spread_run(hard, powers=arguments.powers, seed=arguments.seed)
        if layer is None:
            sys.exit(f"{arguments.run}: no batch normalisation whose channels can be spread")
        print_setting()
        print(f"channels of {layer} spread over {arguments.powers:g} powers of ten")
        print_header()
        found = {
            name: measure_run(run, recipe, note=f", {name}")
            for name, run in (("as trained", arguments.run), ("spread", hard))
        }
    for name, answers in found.items():
        if answers is not None:
            print_verdict(name, answers)


def spread_run(run: Path, *, powers: float, seed: int) -> str | None:
    """Spread the channels of a run's network; return the name of the layer, if there is one."""
    require_desktop()
    import tf_keras

    path = run / "model.keras"
    network = tf_keras.models.load_model(path, compile=False)
    layer = spread_channels(network, powers=powers, seed=seed)
    network.save(path)
    return layer


def spread_channels(network: Any, *, powers: float, seed: int) -> str | None:
    """Multiply the channels of the first batch normalisation that a layer can undo it for.

    Args:
        network: Keras model; its weights are changed, the function that it computes is not.
        powers: Of ten, between the smallest and the largest factor at most.
        seed: Of the factors.

    Returns:
        The name of the batch normalisation; `None` where a ReLU6 stands behind each.
    """
    for layer in network.layers:
        reader = find_reader(layer)
        if reader is None:
            continue
        gamma, beta, *statistics = layer.get_weights()
        chance = np.random.default_rng(seed)
        factors = 10 ** chance.uniform(-powers / 2, powers / 2, len(gamma))
        layer.set_weights([gamma * factors, beta * factors, *statistics])
        kernel, *rest = reader.get_weights()
        shape = [1] * kernel.ndim
        shape[READING[type(reader).__name__]] = len(factors)
        reader.set_weights([kernel / factors.reshape(shape), *rest])
        return str(layer.name)
    return None


def find_reader(layer: Any) -> Any:
    """Return the layer that alone reads a batch normalisation, if a factor reaches it unclipped."""
    if type(layer).__name__ != "BatchNormalization" or not (layer.scale and layer.center):
        return None
    while len(layer.outbound_nodes) == 1:
        layer = layer.outbound_nodes[0].outbound_layer
        if type(layer).__name__ in READING:
            return layer
        if not is_passing(layer):
            return None
    return None


def is_passing(layer: Any) -> bool:
    """Whether a factor above 0 passes through a layer unchanged; a ReLU6 clips it."""
    if type(layer).__name__ == "ReLU":
        return layer.max_value is None and not layer.threshold
    return type(layer).__name__ in PASSING


if __name__ == "__main__":
    main()
