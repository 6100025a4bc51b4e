"""Who is where, and what light it is: the demo's choreography as pure functions of time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Pose:
    """Where an actor stands, in a picture 480 pixels high.

    Attributes:
        x: Position of the actor's anchor, to the right, in pixels.
        y: Position of the actor's anchor, downwards, in pixels.
        scale: Factor on the size of the photo.
        angle_degrees: Lean, clockwise.
    """

    x: float
    y: float
    scale: float
    angle_degrees: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to be at a time.

    Attributes:
        time_seconds: When the actor is there.
        pose: Where "there" is.
    """

    time_seconds: float
    pose: Pose


@dataclass(frozen=True, slots=True)
class Gait:
    """How an actor moves.

    Attributes:
        steps_hz: Steps per second while walking.
        bob: Height of a step, in pixels.
        lean_degrees: Sway from side to side while walking.
        breath: Part by which the actor grows and shrinks when breathing.
    """

    steps_hz: float
    bob: float
    lean_degrees: float
    breath: float


def pose_at(time_seconds: float, marks: Sequence[Mark], gait: Gait) -> Pose | None:
    """Return an actor's pose, or `None` before the first mark and after the last one.

    Between two marks an actor starts and stops gently, bobs and leans with every step; at rest
    it breathes and looks about.

    Example:
        >>> marks = (Mark(0.0, Pose(0, 9, 1)), Mark(2.0, Pose(8, 9, 1)))
        >>> still = Gait(steps_hz=2, bob=0, lean_degrees=0, breath=0)
        >>> pose_at(1.0, marks, still).x, pose_at(3.0, marks, still)
        (4.0, None)
    """
    for here, there in pairwise(marks):
        if here.time_seconds <= time_seconds < there.time_seconds:
            part = (time_seconds - here.time_seconds) / (there.time_seconds - here.time_seconds)
            return _between(here.pose, there.pose, part, gait, time_seconds)
    return None


def sunlight_at(time_seconds: float, clouds: Sequence[tuple[float, float, float]]) -> float:
    """Return how much sun there is, from 0 (under a cloud) to 1.

    Args:
        time_seconds: When.
        clouds: For each cloud the time of its middle, how long it lasts and how thick it is.

    Example:
        >>> sunlight_at(10.0, [(10.0, 4.0, 1.0)]), sunlight_at(20.0, [(10.0, 4.0, 1.0)])
        (0.0, 1.0)
    """
    sun = 1.0
    for middle, length, thickness in clouds:
        inside = 1.5 - abs(time_seconds - middle) / (length / 2)
        sun = min(sun, 1 - thickness * _ease(inside))
    return sun


def _between(start: Pose, end: Pose, part: float, gait: Gait, time_seconds: float) -> Pose:
    eased = _ease(part)
    walking = 4 * part * (1 - part) if start.x != end.x else 0.0
    step = math.sin(math.pi * gait.steps_hz * time_seconds)
    rest = math.sin(2 * math.pi * 0.3 * time_seconds)
    return Pose(
        x=_mix(start.x, end.x, eased) + 3 * gait.breath * 100 * rest * (1 - walking),
        y=_mix(start.y, end.y, eased) - gait.bob * abs(step) * walking,
        scale=_mix(start.scale, end.scale, eased) * (1 + gait.breath * rest),
        angle_degrees=_mix(start.angle_degrees, end.angle_degrees, eased)
        + gait.lean_degrees * step * walking,
    )


def _mix(start: float, end: float, part: float) -> float:
    return start + (end - start) * part


def _ease(part: float) -> float:
    """Return 0 to 1 for 0 to 1, flat at both ends."""
    part = min(max(part, 0.0), 1.0)
    return part * part * (3 - 2 * part)
