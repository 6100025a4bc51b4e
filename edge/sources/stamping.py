"""What all live sources share: frames are numbered, and their time is that since the first one."""

from edge.clock import SystemClock
from edge.records import Clock, Frame, Pixels


class FrameStamper:
    """Makes frames of pictures, in the order in which they come.

    Args:
        clock: Stamps the frames; the system's when `None`.

    Attributes:
        count: How many frames were made.

    Example:
        >>> from edge.testing import ManualClock, blank_frame
        >>> clock = ManualClock(100.0)
        >>> stamper = FrameStamper(clock)
        >>> _ = stamper.stamp(blank_frame().pixels_bgr)
        >>> clock.advance(0.5)
        >>> frame = stamper.stamp(blank_frame().pixels_bgr)
        >>> frame.index, frame.time_seconds, frame.captured_seconds
        (1, 0.5, 100.5)
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.count = 0
        self._start_seconds = 0.0

    def stamp(self, pixels_bgr: Pixels) -> Frame:
        """Make a frame of a picture, `(height, width, 3)`, that was delivered just now."""
        time_seconds = self.skip()
        return Frame(
            pixels_bgr,
            self.count - 1,
            time_seconds,
            captured_seconds=self._start_seconds + time_seconds,
        )

    def skip(self) -> float:
        """Count a picture that was delivered just now and is passed over; return its time."""
        now_seconds = self.clock.monotonic()
        if self.count == 0:
            self._start_seconds = now_seconds
        self.count += 1
        return now_seconds - self._start_seconds
