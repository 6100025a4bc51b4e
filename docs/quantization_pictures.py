"""How the numbers of a layer use its 256 steps, of finished runs; see make_pictures.py."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from PIL import Image

from convert.run_folder import RunFolder, read_run
from edge.extras import require_desktop
from train.charts import save_figure

PICTURES = 64  # of the training part
MOST = 0.999  # of a layer's numbers: the rest is what a range is wasted on
STEPS = 256
BATCH = 16
POWERS = 2.0  # as benchmarks/hard_network.py spreads channels
USED, WASTED, INK, PALE = "#0b6e8f", "#d1495b", "#24292f", "#e9ecef"
FUSED = ("BatchNormalization", "ReLU", "Activation")  # computed with the layer before


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What a layer makes of some pictures.

    Attributes:
        name: In the network.
        numbers: `(pictures, ..., channels)`, `float32`.
    """

    name: str
    numbers: NDArray[np.float32]

    @property
    def range(self) -> tuple[float, float]:
        """From the smallest to the largest number; 0 is always within."""
        return min(0.0, float(self.numbers.min())), max(0.0, float(self.numbers.max()))

    @property
    def most(self) -> tuple[float, float]:
        """Between which the middle 99.9 % of the numbers lie."""
        tail = (1 - MOST) / 2
        low, high = np.quantile(self.numbers, [tail, 1 - tail])
        return float(low), float(high)

    def steps(self, low: Any, high: Any) -> Any:
        """Return how many of the range's steps lie between two numbers."""
        first, last = self.range
        return STEPS * (high - low) / (last - first)

    def channels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the smallest and largest number of each channel, the narrowest last."""
        flat = self.numbers.reshape(-1, self.numbers.shape[-1])
        lows, highs = flat.min(axis=0), flat.max(axis=0)
        order = np.argsort(lows - highs)
        return lows[order], highs[order]


def draw_all(run: Path, small: Path, folder: Path) -> None:
    """Draw `quantization.png` and print what it shows.

    Args:
        run: Of its layers the one is shown that leaves fewest steps to most numbers.
        small: One layer of it is shown, as trained and with its channels spread.
        folder: Where to.
    """
    require_desktop()
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    layers = watch(read_run(run), load(run))
    worst = min(layers, key=lambda layer: layer.steps(*layer.most))
    _draw_numbers(upper.subplots(), worst, network_of(run))
    trained, spread = lower.subplots(1, 2, sharey=True)
    _draw_spread(trained, spread, small)
    path = folder / "quantization.png"
    save_figure(figure, path)
    with Image.open(path) as picture:
        reduced = picture.convert("RGB").quantize(64)
    reduced.save(path, optimize=True)


def load(run: Path) -> Any:
    """Load the Keras model of a run as it was trained."""
    import tf_keras

    return tf_keras.models.load_model(run / "model.keras", compile=False)


def network_of(run: Path) -> str:
    """Return the name of a run's network."""
    return str(read_run(run).facts["network"]).rpartition(":")[2]


def watch(run: RunFolder, network: Any, *, names: tuple[str, ...] = ()) -> Iterator[Layer]:
    """Yield the layers of these names, or all whose numbers a file stores."""
    import tf_keras

    from convert.pictures import load_pictures, sample_pictures
    from convert.qat import scale_pixels

    pictures = load_pictures(
        sample_pictures(run.part("train"), count=PICTURES), labels=run.labels, spec=run.input
    )
    stored = [layer for layer in network.layers[1:-1] if _is_stored(layer)]
    chosen = [network.get_layer(name) for name in names] or stored
    watched = tf_keras.Model(network.input, [layer.output for layer in chosen])
    found = watched.predict(scale_pixels(pictures.pixels_rgb, run.input), BATCH, verbose=0)
    for layer, numbers in zip(chosen, found if len(chosen) > 1 else [found], strict=True):
        yield Layer(layer.name, numbers)


def _is_stored(layer: Any) -> bool:
    consumers = [node.outbound_layer for node in layer.outbound_nodes]
    return not all(type(consumer).__name__ in FUSED for consumer in consumers)


def _draw_numbers(axes: Any, layer: Layer, network: str) -> None:
    """Draw how many numbers fall on each step, and mark those that most of them share."""
    (low, high), (most_low, most_high) = layer.range, layer.most
    counts, edges = np.histogram(layer.numbers, STEPS, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    is_used = (centres >= most_low) & (centres <= most_high)
    for chosen, colour in ((is_used, USED), (~is_used, WASTED)):
        axes.bar(centres[chosen], counts[chosen], edges[1] - edges[0], color=colour)
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylabel("numbers on a step", fontsize=13)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    steps = f"{layer.steps(most_low, most_high):.0f} of {STEPS} steps"
    _finish(axes, f"Outliers: {MOST:.1%} of the numbers share {steps}")
    print(
        f"{network}, {layer.name}: range {low:.2f} to {high:.2f}, {MOST:.1%} of the numbers within "
        f"{most_low:.2f} to {most_high:.2f}, {steps}"
    )


def _draw_spread(trained: Any, spread: Any, path: Path) -> None:
    """Draw the layer whose channels can be spread, before and after."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    from hard_network import find_reader, spread_channels

    run, network = read_run(path), load(path)
    name = next(layer.name for layer in network.layers if find_reader(layer) is not None)
    for axes, title in ((trained, "As trained"), (spread, "Spread")):
        (layer,) = watch(run, network, names=(name,))
        lows, highs = layer.channels()
        steps = np.median(layer.steps(lows, highs))
        axes.barh(range(len(lows)), highs - lows, 0.7, lows, color=USED)
        axes.set_xlim(*layer.range)
        axes.set_yticks([])
        axes.set_facecolor(PALE)
        _finish(axes, f"{title}: {steps:.0f} steps per channel")
        print(f"{network_of(path)}, {name}, {title}: a channel in the middle has {steps:.1f} steps")
        spread_channels(network, powers=POWERS, seed=0)
    trained.set_ylabel("channels of a layer", fontsize=13)


def _finish(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold", fontsize=15, color=INK)
    axes.tick_params(labelsize=12)
    axes.spines[["top", "right"]].set_visible(False)
