"""Recordings as if live: each frame is handed over when its time in the recording has come."""

from dataclasses import replace

from edge.records import Clock, Frame, FrameSource, Offline, SkippingSource


class PacedSource:
    """Another source, run by its own clock.

    The first frame comes at once, every other one as long after it as its `time_seconds` says.
    A source that cannot keep up is not slowed down further.

    Args:
        source: Where the frames come from; closed with this one.
        clock: Waits, and stamps the frames when they are handed over.

    Example:
        >>> from edge.testing import FakeSource, ManualClock, blank_frame
        >>> clock = ManualClock()
        >>> recording = FakeSource([blank_frame(0), blank_frame(1, time_seconds=0.5)])
        >>> paced = PacedSource(recording, clock=clock)
        >>> [paced.read().captured_seconds for _ in range(2)]
        [0.0, 0.5]
    """

    def __init__(self, source: FrameSource, *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._start_seconds: float | None = None

    def read(self) -> Frame | Offline | None:
        """Wait until the next frame is due and return it; `None` at the end.

        Raises:
            SourceError: The source is lost.
        """
        frame = self._source.read()
        if not isinstance(frame, Frame):
            return frame
        self._wait_for(frame.time_seconds)
        return replace(frame, captured_seconds=self._clock.monotonic())

    def skip(self) -> float | None:
        """Pass over the next frame once it is due."""
        if isinstance(self._source, SkippingSource):
            time_seconds = self._source.skip()
        else:
            frame = self._source.read()
            time_seconds = frame.time_seconds if isinstance(frame, Frame) else None
        if time_seconds is not None:
            self._wait_for(time_seconds)
        return time_seconds

    def close(self) -> None:
        """Close the recording; a second call does nothing."""
        self._source.close()

    def _wait_for(self, time_seconds: float) -> None:
        now_seconds = self._clock.monotonic()
        if self._start_seconds is None:
            self._start_seconds = now_seconds - time_seconds
        self._clock.wait(self._start_seconds + time_seconds - now_seconds)
