"""Clips of events with what came before them: small pictures in a ring, in bounded memory."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import cv2

from edge.records import Clock, Frame, Pixels
from edge.store.avi import make_avi

logger = logging.getLogger(__name__)

RATE_HZ = 5
"""Pictures per second of a clip."""

_PERIOD_SECONDS = 1 / RATE_HZ
_EARLY_SECONDS = 0.02  # of a camera whose frames come a little before the time
_LONG_SIDE = 320
_MOST_BYTES = 8_000_000
_MOST_RAW = 10  # pictures that wait to be encoded
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 75)
_WAKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    seconds: float
    jpeg: bytes
    size_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Wish:
    event_id: str
    from_seconds: float
    until_seconds: float


class Film:
    """Keeps the latest seconds as small pictures, and cuts clips out of them.

    The loop copies a small picture at most five times a second; a thread does the rest.

    Args:
        pre_roll_seconds: What a clip shows of the time before its event.
        clip_seconds: What it shows from its start.
        clock: The one that stamps the frames.
        when_done: Given the event and the content of an AVI file, from the thread; `None` where
            no picture was there.

    Example:
        >>> from edge.testing import ManualClock, blank_frame
        >>> done = []
        >>> film = Film(3.0, 8.0, clock=ManualClock(), when_done=lambda *clip: done.append(clip))
        >>> film.see(blank_frame(size_wh=(640, 480)))
        >>> film.cut("e1")
        >>> film.close()
        >>> [(event_id, avi[:4]) for event_id, avi in done]
        [('e1', b'RIFF')]
    """

    def __init__(
        self,
        pre_roll_seconds: float,
        clip_seconds: float,
        *,
        clock: Clock,
        when_done: Callable[[str, bytes | None], None],
    ) -> None:
        self._pre_roll_seconds = pre_roll_seconds
        self._clip_seconds = clip_seconds
        self._clock = clock
        self._when_done = when_done
        self._raw: deque[tuple[float, Pixels]] = deque(maxlen=_MOST_RAW)
        self._ring: deque[_Picture] = deque()
        self._ring_bytes = 0
        self._wishes: deque[_Wish] = deque()
        self._latest_seconds = float("-inf")
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread that makes the clips goes on."""
        return self._thread.is_alive()

    def see(self, frame: Frame) -> None:
        """Take in a frame, if one is due."""
        seconds = frame.captured_seconds
        if 0 <= seconds - self._latest_seconds < _PERIOD_SECONDS - _EARLY_SECONDS:
            return
        self._latest_seconds = seconds
        small = shrink(frame.pixels_bgr)
        with self._changed:
            self._raw.append((seconds, small))
            self._changed.notify()

    def cut(self, event_id: str) -> None:
        """Ask for a clip of the event that starts now."""
        now_seconds = self._clock.monotonic()
        wish = _Wish(
            event_id, now_seconds - self._pre_roll_seconds, now_seconds + self._clip_seconds
        )
        with self._changed:
            self._wishes.append(wish)

    def close(self) -> None:
        """Hand over the clips that were begun, as far as they go; a second call does nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            with self._changed:
                if not self._raw and not self._is_closed:
                    self._changed.wait(_WAKE_SECONDS)
                raw = list(self._raw)
                self._raw.clear()
                is_over = self._is_closed
                due = self._take_due(is_over=is_over)
            for seconds, small in raw:
                self._keep(seconds, small)
            for wish in due:
                self._when_done(wish.event_id, self._cut(wish))

    def _take_due(self, *, is_over: bool) -> list[_Wish]:
        now_seconds = self._clock.monotonic()
        due = []
        while self._wishes and (is_over or self._wishes[0].until_seconds <= now_seconds):
            due.append(self._wishes.popleft())
        return due

    def _keep(self, seconds: float, small: Pixels) -> None:
        try:
            is_done, encoded = cv2.imencode(".jpg", small, _JPEG)
        except cv2.error as error:
            logger.warning("film: a picture of %s cannot be kept (%s)", small.shape, error)
            return
        if not is_done:
            return
        height, width = small.shape[:2]
        picture = _Picture(seconds, encoded.tobytes(), (width, height))
        self._ring.append(picture)
        self._ring_bytes += len(picture.jpeg)
        span_seconds = self._pre_roll_seconds + self._clip_seconds + 1.0
        while self._ring and (
            self._ring_bytes > _MOST_BYTES or self._ring[0].seconds < seconds - span_seconds
        ):
            self._ring_bytes -= len(self._ring.popleft().jpeg)

    def _cut(self, wish: _Wish) -> bytes | None:
        pictures = [
            picture
            for picture in self._ring
            if wish.from_seconds <= picture.seconds <= wish.until_seconds
        ]
        if not pictures:
            return None
        size_wh = pictures[-1].size_wh
        pictures = [picture for picture in pictures if picture.size_wh == size_wh]
        return make_avi(fill_gaps(pictures), size_wh=size_wh, rate_hz=RATE_HZ)


def fill_gaps(pictures: list[_Picture]) -> list[bytes]:
    """Repeat pictures so that each is shown when it was taken, at an even rate."""
    first_seconds = pictures[0].seconds
    shown: list[bytes] = []
    for picture in pictures:
        slot = round((picture.seconds - first_seconds) * RATE_HZ)
        while len(shown) < slot:
            shown.append(shown[-1])
        if len(shown) == slot:
            shown.append(picture.jpeg)
        else:
            shown[-1] = picture.jpeg
    return shown


def shrink(pixels_bgr: Pixels) -> Pixels:
    """Copy a picture, `(height, width, 3)`, to at most 320 pixels on its long side."""
    height, width = pixels_bgr.shape[:2]
    scale = _LONG_SIDE / max(height, width)
    if scale >= 1:
        return pixels_bgr.copy()
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels_bgr, size_wh, interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
