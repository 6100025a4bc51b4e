"""Prints what the rules of the picture's state measure on recordings, beside their limits.

python benchmarks/picture_states.py ../shared/data/videos
"""

import argparse
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from edge.glance import glance
from edge.records import Frame, Grey, Picture, Pixels
from edge.sensor import SensorSense, SensorSpec, contrast_of, sharpness_of
from edge.sources import open_source
from edge.testing import ManualClock

_WINDOW = cv2.createHanningWindow((80, 60), cv2.CV_32F)


@dataclass
class Measures:
    """What was measured in a clip, one value per frame."""

    states: Counter[Picture] = field(default_factory=Counter)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Note a value."""
        self.values.setdefault(name, []).append(value)


def main() -> None:
    """Measure and print a table per clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, help="folder of recordings")
    for path in sorted(parser.parse_args().clips.iterdir()):
        print_table(path.name, measure(path))


def measure(path: Path) -> Measures:
    """Measure every frame of a clip."""
    source = open_source(str(path), clock=ManualClock())
    sense, measures = SensorSense(), Measures()
    previous_bgr: Pixels | None = None
    first: Grey | None = None
    changed_seconds = 0.0
    while isinstance(frame := source.read(), Frame):
        seen = glance(frame.pixels_bgr, previous_bgr)
        measures.states[sense.judge(replace(frame, glance=seen))] += 1
        changed_seconds = changed_seconds if seen.is_repeat else frame.time_seconds
        first = seen.thumbnail if first is None else first
        measures.add("frozen", frame.time_seconds - changed_seconds)
        measures.add("dark", float(np.percentile(seen.thumbnail, 98)))
        measures.add("bright", float(np.percentile(seen.thumbnail, 2)))
        measures.add("covered", contrast_of(seen.thumbnail))
        measures.add("blurred", sharpness_of(frame.pixels_bgr))
        shift, response = shift_of(first, seen.thumbnail)
        measures.add("moved: shift", shift)
        measures.add("moved: response", response)
        previous_bgr = frame.pixels_bgr.copy()
    source.close()
    return measures


def shift_of(first: Grey, second: Grey) -> tuple[float, float]:
    """Return the shift of a view, as a share of the picture, and how sure it is."""
    one, other = first.astype(np.float32), second.astype(np.float32)
    (x, y), response = cv2.phaseCorrelate(one, other, _WINDOW)
    return max(abs(x) / 80, abs(y) / 60), response


def print_table(name: str, measures: Measures) -> None:
    """Print least, middle and greatest value of each measure, and its limit."""
    spec = SensorSpec()
    limits = {
        "frozen": f"from {spec.frozen_seconds:g} s",
        "dark": f"below {spec.dark_level:g}, 98 % of the cells",
        "bright": f"above {spec.bright_level:g}, 2 % of the cells",
        "covered": f"below {spec.least_contrast:g}",
        "blurred": f"below {spec.least_sharpness:g} for {spec.blurred_seconds:g} s",
        "moved: shift": f"from {spec.moved_share:g}, steady for {spec.moved_seconds:g} s",
        "moved: response": "counts from 0.4",
    }
    print(f"{name}: {', '.join(f'{state} {count}' for state, count in measures.states.items())}")
    for measure_name, values in measures.values.items():
        low, middle, high = np.nanpercentile(values, (0, 50, 100))
        print(f"  {measure_name:<16}{low:>9.3f}{middle:>9.3f}{high:>9.3f}   {limits[measure_name]}")


if __name__ == "__main__":
    main()
