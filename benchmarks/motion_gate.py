"""Measures the motion gate: what opens it, what it spares, and that it misses nothing.

    python benchmarks/motion_gate.py --clips ../shared/data/videos
    python benchmarks/motion_gate.py --whole

Without `--whole`: the generated cases of `motion_cases.py`; per clip the share of frames that rest
and by how much the first decision for each label comes later; and the processor time of a frame's
way (copy, glance, gate, model) on an empty scene with and without the gate. With `--whole`: the
processor time of `edge run` and all its children on a recording of an empty scene, played by its
own clock.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from loopback_camera import LoopbackCamera
from motion_cases import CASES, STARTS_SECONDS, Case

from edge.benchmark import describe_machine
from edge.classifier import Classifier, open_classifier
from edge.decision import Decider
from edge.evidence import model_evidence
from edge.glance import glance
from edge.modelfile import default_model_path
from edge.motion import MotionGate
from edge.records import UNKNOWN, Frame, Pixels, Prediction
from edge.sources import open_source
from edge.testing import ManualClock

_EMPTY_FRAMES = 600
_RATE_HZ = 30.0


@dataclass(frozen=True)
class Outcome:
    """What the gate did in a case.

    Attributes:
        delay_seconds: From the start of what happens to the gate's motion; `None` without any.
        motion_share: Share of the frames after that start in which it saw motion.
        open_share: Share of the frames after that start for which it was open.
    """

    delay_seconds: float | None
    motion_share: float
    open_share: float


@dataclass(frozen=True)
class Seen:
    """A frame of a clip without its pixels, and what the model says about it."""

    frame: Frame
    prediction: Prediction


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, help="folder of recordings")
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--whole", action="store_true", help="compare edge run with itself")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the scene for --whole")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(describe_machine())
    if arguments.whole:
        compare_whole(arguments.model, arguments.seconds)
        return
    print_cases()
    with open_classifier(arguments.model) as classifier:
        for path in sorted(arguments.clips.iterdir()) if arguments.clips else ():
            print_clip(path.name, watch(path, classifier), classifier)
        print_empty_scene(classifier)


def judge(case: Case, *, rate_hz: float = 30.0, seed: int = 0) -> Outcome:
    """Play a case through a gate."""
    gate = MotionGate()
    first: float | None = None
    motion, opened = [], []
    for frame in case.frames(rate_hz=rate_hz, seed=seed):
        is_open = gate.is_open(frame)
        if frame.time_seconds < STARTS_SECONDS:
            continue
        motion.append(gate.has_motion)
        opened.append(is_open)
        if gate.has_motion and first is None:
            first = frame.time_seconds - STARTS_SECONDS
    return Outcome(first, float(np.mean(motion)), float(np.mean(opened)))


def print_cases() -> None:
    """Print what the gate does in each case."""
    print(f"{'case':<28}{'must open':>10}{'after s':>10}{'motion':>8}{'resting':>9}")
    for case in CASES:
        outcome = judge(case)
        delay = "never" if outcome.delay_seconds is None else f"{outcome.delay_seconds:.2f}"
        print(
            f"{case.name:<28}{'yes' if case.must_open else 'no':>10}{delay:>10}"
            f"{outcome.motion_share:>8.3f}{1 - outcome.open_share:>9.3f}"
        )


def watch(path: Path, classifier: Classifier) -> list[Seen]:
    """Classify every frame of a clip."""
    source = open_source(str(path), clock=ManualClock())
    seen = []
    while isinstance(frame := source.read(), Frame):
        prediction = classifier.classify(frame.pixels_bgr)
        kept = replace(frame, glance=glance(frame.pixels_bgr), pixels_bgr=frame.pixels_bgr[:1, :1])
        seen.append(Seen(kept, replace(prediction, scores=prediction.scores.copy())))
    source.close()
    return seen


def appearances(
    seen: Sequence[Seen], classifier: Classifier, gate: MotionGate | None
) -> list[tuple[str, float]]:
    """Return each label that is decided for, with the time at which it is."""
    rules = classifier.model.manifest.decision
    decider = Decider(
        classifier.labels, thresholds=rules.thresholds, evidence=model_evidence(rules)
    )
    found: list[tuple[str, float]] = []
    believed = UNKNOWN
    for one in seen:
        if gate is not None and not gate.is_open(one.frame):
            continue
        now = one.frame.time_seconds
        label = decider.decide(one.frame, one.prediction, now_seconds=now).label
        if label not in (believed, UNKNOWN):
            found.append((label, now))
        believed = label
    return found


def delays(ungated: Sequence[tuple[str, float]], gated: Sequence[tuple[str, float]]) -> list[float]:
    """Return by how many seconds each appearance comes later; infinite where it is lost."""
    late = []
    for label, at_seconds in ungated:
        same = [other for name, other in gated if name == label and other >= at_seconds - 1e-6]
        late.append(min(same, default=np.inf) - at_seconds)
    return late


def print_clip(name: str, seen: Sequence[Seen], classifier: Classifier) -> None:
    """Print what the gate spares and costs on a clip."""
    gate = MotionGate()
    resting = 1 - np.mean([gate.is_open(one.frame) for one in seen])
    late = delays(appearances(seen, classifier, None), appearances(seen, classifier, MotionGate()))
    worst = f"{max(late):.2f} s" if late else "none to be late"
    print(f"{name}: {resting:.1%} resting; {len(late)} appearances, latest by {worst}")


def print_empty_scene(classifier: Classifier) -> None:
    """Print the processor time per frame of an empty scene, with and without the gate."""
    pictures_bgr = noisy_pictures(16)
    costs_ms = {}
    for name in ("gated", "ungated", "gated", "ungated"):
        gate = MotionGate() if name == "gated" else None
        spent = empty_scene_seconds(classifier, gate, pictures_bgr)
        costs_ms[name] = min(costs_ms.get(name, np.inf), spent / _EMPTY_FRAMES * 1000)
    ratio = costs_ms["gated"] / costs_ms["ungated"]
    print(f"empty scene, processor ms per frame: {costs_ms}; ratio {ratio:.3f}")


def empty_scene_seconds(
    classifier: Classifier, gate: MotionGate | None, pictures_bgr: Sequence[Pixels]
) -> float:
    """Return the processor time of an empty scene's frames on their way."""
    slots = [np.empty_like(pictures_bgr[0]) for _ in range(2)]
    started = time.process_time()
    for index in range(_EMPTY_FRAMES):
        pixels_bgr = slots[index % 2]
        np.copyto(pixels_bgr, pictures_bgr[index % len(pictures_bgr)])
        if gate is not None:
            seen = glance(pixels_bgr, slots[(index + 1) % 2])
            if not gate.is_open(Frame(pixels_bgr, index, index / _RATE_HZ, 0.0, glance=seen)):
                continue
        classifier.classify(pixels_bgr)
    return time.process_time() - started


def noisy_pictures(count: int) -> list[Pixels]:
    """Return pictures of 640x480 of one place, each with noise of its own."""
    generator = np.random.default_rng(0)
    place = np.repeat(CASES[0].cells(0.0)[:, :, np.newaxis], 3, axis=2).astype(np.float32)
    large = cv2.resize(place, (640, 480), interpolation=cv2.INTER_NEAREST)
    return [
        np.clip(large + generator.normal(0, 3, large.shape), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


def compare_whole(model: Path, seconds: float) -> None:
    """Print the processor time of `edge run` on an empty scene, with and without its gate."""
    print(f"edge run, empty scene for {seconds:g} s, 640x480, {_RATE_HZ:g} per second:")
    command = [sys.executable, "-m", "edge", "run", "--json", "--model", str(model)]
    command += ["--duration", str(seconds), "--source"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.avi"
        write_empty_clip(path, seconds)
        compare_source("recording", [*command, str(path)])
    pictures = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in noisy_pictures(16)]
    with LoopbackCamera(pictures) as camera:
        compare_source("MJPEG camera", [*command, camera.address])


def compare_source(name: str, command: Sequence[str]) -> None:
    """Print the processor time of a command with and without its gate."""
    gated = child_seconds(command)
    ungated = child_seconds([*command, "--no-motion-gate"])
    print(f"{name}: gated {gated:.2f} s, ungated {ungated:.2f} s; ratio {gated / ungated:.3f}")


def write_empty_clip(path: Path, seconds: float) -> None:
    """Write a Motion JPEG recording of a place where nothing moves."""
    pictures_bgr = noisy_pictures(16)
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), fourcc, _RATE_HZ, (640, 480))
    for index in range(round(seconds * _RATE_HZ)):
        writer.write(pictures_bgr[index * 7 % 16])
    writer.release()


def child_seconds(command: Sequence[str]) -> float:
    """Run a command and return the processor time, user and system, of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
