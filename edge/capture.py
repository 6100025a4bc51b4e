"""The newest frame always: a thread reads the source, one slot holds what it read last."""

import logging
import threading
from types import TracebackType

from edge.errors import CatseyeError, SourceError
from edge.records import Frame, FrameSource

logger = logging.getLogger(__name__)

JOIN_SECONDS = 0.4
"""How long `close` waits for a source that does not return from its `read`."""

_LOOK_SECONDS = 0.1  # how soon a reader that waits for a frame notices that it is to stop


class NewestFrame:
    """A source that never lags: whoever reads gets the newest frame of another source.

    A thread reads the other source as fast as that delivers. A frame that is replaced before
    anyone read it is dropped; the gaps in `Frame.index` tell how many. The last frame of a
    source that ends is always delivered.

    Args:
        source: Where the frames come from; read and closed by the thread, nobody else.
        stop: Ends the thread and every `read` once set; `close` sets it. Share it with the
            `SystemClock` that paces the source.

    Example:
        >>> from edge.testing import FakeSource, blank_frame
        >>> with NewestFrame(FakeSource([blank_frame(0)])) as newest:
        ...     print(newest.read().index, newest.read())
        0 None
    """

    def __init__(self, source: FrameSource, *, stop: threading.Event | None = None) -> None:
        self._source = source
        self._stop = threading.Event() if stop is None else stop
        self._change = threading.Condition()
        self._frame: Frame | None = None
        self._failure: CatseyeError | None = None
        self._has_ended = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """Wait for a frame that nobody has read yet and return it; `None` after the last one.

        Raises:
            SourceError: The source is lost.
            CatseyeError: Whatever else the source's `read` raised.
        """
        with self._change:
            while self._frame is None and not self._has_ended and not self._stop.is_set():
                self._change.wait(_LOOK_SECONDS)
            if self._stop.is_set():
                return None
            frame, self._frame = self._frame, None
            if frame is None and self._failure is not None:
                raise self._failure
            return frame

    def close(self) -> None:
        """End the thread, which releases the source; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stop.set()
        self._thread.join(JOIN_SECONDS)
        if self._thread.is_alive():
            logger.warning("capture: the source does not answer; it is left to the system")

    def __enter__(self) -> "NewestFrame":
        """Return the source itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the source."""
        self.close()

    def _capture(self) -> None:
        failure: CatseyeError | None = SourceError(
            "Capture must not end by itself",
            received="an error that is no loss of the source",
            fix="Run it again with EDGE_DEBUG=1 and report the traceback",
        )
        try:
            while not self._stop.is_set() and (frame := self._source.read()) is not None:
                with self._change:
                    self._frame = frame
                    self._change.notify_all()
            failure = None
        except CatseyeError as error:
            failure = error
        finally:
            self._source.close()
            with self._change:
                self._failure = failure
                self._has_ended = True
                self._change.notify_all()
