"""What the window shows: the frame with region and motion, over state, scores and rates."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.clock import RateMeter
from edge.manifest import InputSpec
from edge.preprocess import seen_box
from edge.records import UNKNOWN, Clock, Decision, Look, Picture, Pixels, Prediction
from edge.region import Region

Mask: TypeAlias = NDArray[np.bool_]

_LONGEST_SIDE = 960
_SHORTEST_WIDTH = 360  # of the canvas; texts need it
_EMPTY_WH = (640, 480)  # of the canvas before the first frame
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LINE = 22  # pixels
_MARGIN = 10
_MOST_BARS = 5
_NAME_WIDTH = 130
_SCORE_WIDTH = 60
_LONGEST_NAME = 13  # letters
_UNSEEN_SHADE = 3  # what is not looked at is that many times darker

_WHITE = (255, 255, 255)
_GREY = (150, 150, 150)
_DARK = (60, 60, 60)
_GREEN = (90, 200, 90)
_BLUE = (200, 150, 70)
_YELLOW = (60, 200, 240)
_RED = (80, 80, 255)
_HELP = "q end   m motion   h help"


class Painter:
    """Draws looks; key m shows and hides what moves, key h the help.

    Args:
        clock: Measures the rate.
        spec: What the model takes of a frame, or of its region; the rest is shown darker.
        region: What is looked at of a frame; all of it when `None`.
        thresholds: Score from which a label wins a frame, in the order of the model's labels.
        moved: Returns the cells in which something moved, `(rows, columns)` over the whole
            frame; `None` where nobody knows.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        spec: InputSpec | None = None,
        region: Region | None = None,
        thresholds: Mapping[str, float],
        moved: Callable[[], Mask | None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._spec = spec
        self._region = region
        self._thresholds = thresholds
        self._moved = moved
        self._rate = RateMeter()
        self._has_motion = False
        self._has_help = False
        self._is_dimmed = False
        self._decision: Decision | None = None
        self._prediction: Prediction | None = None
        self._shown_bgr: Pixels = np.zeros((_EMPTY_WH[1], _EMPTY_WH[0], 3), np.uint8)

    def press(self, key: str) -> None:
        """Take note of a key."""
        if key == "m":
            self._has_motion = not self._has_motion
        elif key == "h":
            self._has_help = not self._has_help

    def draw(self, look: Look) -> Pixels:
        """Draw a look.

        Returns:
            A new array, `(height, width, 3)`, `uint8`, BGR: the frame, at most 960 pixels long,
            over lines of text. Without a frame it is the one before, darkened.
        """
        if look.frame is None:
            if not self._is_dimmed:
                self._shown_bgr = self._shown_bgr // 2
            self._is_dimmed = True
        else:
            self._is_dimmed = False
            self._rate.add(self._clock.monotonic())
            self._shown_bgr = self._draw_frame(look.frame.pixels_bgr)
        if look.decision is not None:
            self._decision = look.decision
        if not look.is_resting:
            self._prediction = look.prediction
        return np.concatenate([self._shown_bgr, self._draw_texts(look)])

    def _draw_frame(self, frame_bgr: Pixels) -> Pixels:
        shown_bgr = _shrink(frame_bgr)
        self._darken_unseen(shown_bgr)
        moved = self._moved() if self._has_motion else None
        if moved is not None:
            _tint(shown_bgr, moved)
        if self._region is not None:
            _outline(shown_bgr, self._region)
        wider = _SHORTEST_WIDTH - shown_bgr.shape[1]
        return np.pad(shown_bgr, ((0, 0), (0, wider), (0, 0))) if wider > 0 else shown_bgr

    def _darken_unseen(self, shown_bgr: Pixels) -> None:
        """Darken what neither the region nor the model's own cut leaves of a frame."""
        height, width = shown_bgr.shape[:2]
        seen = np.ones((height, width), np.bool_)
        if self._region is not None:
            seen = self._region.cells((height, width))
        if self._spec is not None:
            rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
            top, left = int(rows[0]), int(columns[0])
            size_wh = (int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)
            box = seen_box(size_wh, self._spec)
            seen_by_model = np.zeros_like(seen)
            seen_by_model[top + box[1] : top + box[3], left + box[0] : left + box[2]] = True
            seen = seen & seen_by_model
        if not seen.all():
            shown_bgr[~seen] //= _UNSEEN_SHADE

    def _draw_texts(self, look: Look) -> Pixels:
        width = self._shown_bgr.shape[1]
        bars = self._list_bars()
        rows = 2 + len(bars) + self._has_help
        canvas: Pixels = np.zeros((rows * _LINE + _MARGIN, width, 3), np.uint8)
        text, colour = self._describe_state(look)
        _write(canvas, 0, text, colour)
        for row, (label, score) in enumerate(bars, start=1):
            _draw_bar(canvas, row, label, score, self._thresholds[label])
        _write(canvas, 1 + len(bars), self._describe_rates(), _GREY)
        if self._has_help:
            _write(canvas, 2 + len(bars), _HELP, _WHITE)
        return canvas

    def _describe_state(self, look: Look) -> tuple[str, tuple[int, int, int]]:
        if look.picture is Picture.OFFLINE:
            return f"offline: {look.reason}", _RED
        if look.picture is not Picture.LIVE:
            return f"picture: {look.picture.value}, nothing is decided", _YELLOW
        if look.reason:
            return f"live   {look.reason}", _YELLOW
        idle = "   idle, nothing moves" if look.is_resting else ""
        if self._decision is None:
            return f"live{idle}", _GREEN
        label = self._decision.label
        score = "" if label == UNKNOWN else f" {self._decision.score:.2f}"
        return f"live   {label}{score}{idle}", _GREEN

    def _describe_rates(self) -> str:
        age = "" if self._decision is None else f"   age {self._decision.age_ms:.0f} ms"
        model = self._prediction
        inference = "" if model is None else f"   model {model.inference_ms:.1f} ms"
        hint = "" if self._has_help else "   h help"
        return f"{self._rate_hz():.1f} fps{inference}{age}{hint}"

    def _rate_hz(self) -> float:
        return self._rate.rate_hz(self._clock.monotonic())

    def _list_bars(self) -> list[tuple[str, float]]:
        """Return labels and scores in the model's order, the best ones if there are many."""
        labels = list(self._thresholds)
        prediction = self._prediction
        scores = [0.0] * len(labels) if prediction is None else prediction.scores.tolist()
        best = sorted(range(len(labels)), key=lambda index: -scores[index])[:_MOST_BARS]
        return [(labels[index], scores[index]) for index in sorted(best)]


def _shrink(frame_bgr: Pixels) -> Pixels:
    """Return a copy that is at most 960 pixels long."""
    height, width = frame_bgr.shape[:2]
    factor = min(1.0, _LONGEST_SIDE / max(height, width))
    if factor == 1.0:
        return frame_bgr.copy()
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(frame_bgr, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _tint(shown_bgr: Pixels, moved: Mask) -> None:
    height, width = shown_bgr.shape[:2]
    cells = cv2.resize(moved.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    tinted = shown_bgr[cells > 0]
    shown_bgr[cells > 0] = tinted // 2 + np.array(_YELLOW, np.uint8) // 2


def _outline(shown_bgr: Pixels, region: Region) -> None:
    height, width = shown_bgr.shape[:2]
    left, top, right, bottom = region.box
    corners = region.polygon or ((left, top), (right, top), (right, bottom), (left, bottom))
    points = np.array([(x * (width - 1), y * (height - 1)) for x, y in corners]).round()
    cv2.polylines(shown_bgr, [points.astype(np.int32)], isClosed=True, color=_YELLOW, thickness=1)


def _draw_bar(canvas: Pixels, row: int, label: str, score: float, threshold: float) -> None:
    """Draw a score in [0, 1], with a mark at its threshold."""
    _write(canvas, row, label[:_LONGEST_NAME], _WHITE)
    left, right = _NAME_WIDTH, canvas.shape[1] - _SCORE_WIDTH
    top, bottom = row * _LINE + 8, row * _LINE + 20
    length = right - left
    filled = round(min(1.0, max(0.0, score)) * length) if np.isfinite(score) else 0
    canvas[top:bottom, left:right] = _DARK
    canvas[top:bottom, left : left + filled] = _GREEN if score >= threshold else _BLUE
    mark = left + round(threshold * (length - 1))
    canvas[top - 3 : bottom + 3, mark : mark + 2] = _WHITE
    _write(canvas, row, f"{score:.2f}", _WHITE, left=right + 8)


def _write(
    canvas: Pixels, row: int, text: str, colour: tuple[int, int, int], *, left: int = _MARGIN
) -> None:
    plain = text.encode("ascii", "replace").decode()  # OpenCV's font has no other letters
    at = (left, row * _LINE + 20)
    cv2.putText(canvas, plain, at, _FONT, 0.55, colour, 1, cv2.LINE_AA)
