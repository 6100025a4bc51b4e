"""What a network, its input's size and its width cost and bring, on your own photos.

A sample of the photos is split once. Every choice learns from the same part for the same number of
epochs, is converted with post-training int8, and answers for the same part that it has not seen.
A row is printed as soon as it is there: accuracy of the file, its size, and its time on one thread.

    python benchmarks/networks.py PHOTOS --photos 400 --networks cnn efficientnet-lite0
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trials import ANY_LOSS, CommandError, link_sample, run_edge

from edge.benchmark import describe_machine
from edge.quality.interval import wilson_interval
from train.networks import NETWORK_NAMES, find_network


@dataclass(frozen=True, slots=True)
class Choice:
    """A network in one shape; `width` is `None` for the network's own."""

    network: str
    side: int
    width: float | None

    @property
    def options(self) -> list[object]:
        """What `edge train` is called with."""
        chosen: list[object] = ["--network", self.network, "--size", self.side]
        return chosen if self.width is None else [*chosen, "--width", self.width]

    @property
    def name(self) -> str:
        """The beginning of its row."""
        width = "" if self.width is None else f"{self.width:g}"
        return f"{self.network:20} {self.side:5} {width:>6}"


def main() -> None:
    """Train every choice, and print a row for each."""
    arguments = parse_arguments()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        count = link_sample(arguments.folder, work / "photos", each=arguments.photos)
        (split,) = run_edge("data", "split", work / "photos", "-o", work / "parts")
        unseen = sum(split["counts"]["test"].values())
        print(f"{count} photos, {unseen} of them not seen; {arguments.epochs} epochs\n")
        print(f"{'network':20}  size  width  {'accuracy (95 % interval)':28} KB   invoke  to label")
        for number, choice in enumerate(list_choices(arguments)):
            place = work / str(number)
            place.mkdir()
            print(choice.name, try_choice(choice, work / "parts", place, arguments), flush=True)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of photos per label")
    parser.add_argument("--photos", type=int, default=400, help="of each label; 400")
    parser.add_argument("--epochs", type=int, default=6, help="of each training; 6")
    parser.add_argument("--networks", nargs="+", default=NETWORK_NAMES, choices=NETWORK_NAMES)
    parser.add_argument("--sizes", nargs="+", type=int, help="pixels; each network's own")
    parser.add_argument("--widths", nargs="+", type=float, help="where the network takes one")
    parser.add_argument("--runtime", default="litert", help="that is timed; litert")
    return parser.parse_args()


def list_choices(arguments: argparse.Namespace) -> Iterator[Choice]:
    """Yield every network in every size, and in every width if it takes one."""
    for name in arguments.networks:
        network = find_network(name)
        widths = arguments.widths if "width" in network.takes else None
        for side in arguments.sizes or [network.side]:
            for width in widths or [None]:
                yield Choice(name, side, width)


def try_choice(choice: Choice, parts: Path, place: Path, arguments: argparse.Namespace) -> str:
    """Train, convert, judge and time; return the rest of the row, or why there is none."""
    run, model = place / "run", place / "model.tflite"
    try:
        run_edge("train", parts, "-o", run, *choice.options, "--epochs", arguments.epochs)
        run_edge("convert", run, "-o", model, "--quantize", "int8", *ANY_LOSS)
        (judged,) = run_edge("evaluate", parts / "test", "--model", model)
        (speed,) = run_edge(
            *("bench", "--model", model, "--runtime", arguments.runtime, "--threads", 1)
        )
    except CommandError as error:
        return f"not tried: {str(error).splitlines()[0]}"
    right, images = round(judged["top1_accuracy"] * judged["images"]), judged["images"]
    found = wilson_interval(right, images)
    return (
        f"{right / images:8.2%} ({found.low:.2%} to {found.high:.2%}) "
        f"{model.stat().st_size / 1000:8,.0f} {speed['invoke_ms']['p50']:5.2f} ms "
        f"{speed['frame_to_label_ms']['p50']:5.2f} ms"
    )


if __name__ == "__main__":
    main()
