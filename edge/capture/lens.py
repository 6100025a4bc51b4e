"""The capture process, forked by the nursery.

It reads its `LensRequest` from standard input, puts frames into the shared memory, rings the bell,
a pipe, for each, and writes messages to standard output. It ends when its standard input does, and
so never outlives its parent.

All of it is imported before the nursery forks, so that a new one is there at once.
"""

import contextlib
import json
import os
import threading
from contextlib import closing
from dataclasses import replace
from importlib import import_module

import cv2

from edge.capture import message
from edge.capture.message import Message
from edge.capture.parent import (
    Ears,
    Line,
    die_with,
    give_back_memory,
    leave_signals_to_the_parent,
    read_line,
    take_over_output,
)
from edge.capture.request import LensRequest
from edge.capture.slot import OPENING, READING, RESTING, SlotWriter, open_memory
from edge.capture.watch import Backoff
from edge.clock import SystemClock
from edge.errors import CatseyeError, SourceError, SourceRefusedError
from edge.glance import glance
from edge.preprocess import fit_frame
from edge.records import Frame, FrameSource, Pixels, SkippingSource
from edge.sources.options import orient
from edge.sources.pacing import PacedSource

REST_SECONDS = 0.15
"""Time from one frame to the next while the reader rests, where the source is that fast."""

_BEAT_SECONDS = 0.5
_EARLY_SECONDS = 0.01  # frames do not come to the millisecond


class BeatingClock(SystemClock):
    """A clock whose waits show that the process goes on.

    Args:
        stop: Ends every wait once set.
        writer: Shows it.
    """

    def __init__(self, stop: threading.Event, writer: SlotWriter) -> None:
        super().__init__(stop)
        self._writer = writer

    def beat(self) -> None:
        """Show that the process goes on."""
        self._writer.beat(self.monotonic())

    def wait(self, seconds: float) -> None:
        """Let that many seconds pass."""
        end_seconds = self.monotonic() + seconds
        self.beat()
        while (rest_seconds := end_seconds - self.monotonic()) > 0 and not self._stop.is_set():
            super().wait(min(rest_seconds, _BEAT_SECONDS))
            self.beat()


class Lens:
    """Reads a source and opens it again when it is lost.

    Args:
        request: What to capture.
        is_first: Whether no process before this one has delivered a frame.
        writer: Takes the frames.
        line: Takes the messages.
        bell: Descriptor of a pipe that does not block; gets a byte for each frame.
        ears: Hears what the parent says.
        backoff: How long to wait before the source is opened again.
    """

    def __init__(
        self,
        request: LensRequest,
        *,
        is_first: bool,
        writer: SlotWriter,
        line: Line,
        bell: int,
        ears: Ears,
        backoff: Backoff,
    ) -> None:
        self._request = request
        self._is_new = is_first
        self._writer = writer
        self._line = line
        self._bell = bell
        self._ears = ears
        self._backoff = backoff
        self._clock = BeatingClock(ears.stop, writer)
        self._openings = 0
        self._frame_seconds = 0.0  # time of the last frame, passed on or not

    def run(self) -> None:
        """Deliver frames until the recording ends, the source is hopeless, or all is over."""
        while not self._ears.stop.is_set():
            try:
                self._open_and_read()
                if not self._request.is_live:
                    self._line.send(Message(message.ENDED))
                    return
                raise SourceError(
                    "A live source must go on",
                    received="its stream has ended",
                    fix="Check its power and network; it is opened again by itself",
                )
            except CatseyeError as error:
                if not self._is_waited_out(error):
                    self._line.send(Message.from_error(message.FAILED, error))
                    return
                self._line.send(Message.from_error(message.FAULT, error))
            self._writer.set_phase(RESTING)
            self._clock.wait(self._backoff.next_seconds())

    def _is_waited_out(self, error: CatseyeError) -> bool:
        is_hopeless = self._is_new and isinstance(error, SourceRefusedError)
        return self._request.is_live and isinstance(error, SourceError) and not is_hopeless

    def _open_and_read(self) -> None:
        self._clock.beat()
        self._writer.set_phase(OPENING)
        self._openings += 1
        is_opening = True
        with closing(self._open()) as source:
            while not self._ears.stop.is_set():
                frame = source.read()
                self._clock.beat()
                if not isinstance(frame, Frame):
                    return
                self._pass_on(frame)
                if is_opening:
                    is_opening = False
                    self._report_opened(frame)
                self._skip(source, frame)

    def _skip(self, source: FrameSource, frame: Frame) -> None:
        """Pass over frames while the reader rests: it then needs some six per second."""
        period_seconds = frame.time_seconds - self._frame_seconds
        self._frame_seconds = time_seconds = frame.time_seconds
        if self._request.every_frame or not isinstance(source, SkippingSource):
            return
        end_seconds = time_seconds + REST_SECONDS - period_seconds
        while self._writer.is_reader_resting and time_seconds < end_seconds - _EARLY_SECONDS:
            skipped_seconds = source.skip()
            self._clock.beat()
            if skipped_seconds is None:
                return
            self._frame_seconds = time_seconds = skipped_seconds

    def _open(self) -> FrameSource:
        request = self._request
        module, _, name = request.opener.partition(":")
        opener = getattr(import_module(module), name)
        source: FrameSource = opener(request.address, clock=self._clock, options=request.options)
        if request.is_live or request.every_frame:
            return source
        return PacedSource(source, clock=self._clock)

    def _report_opened(self, frame: Frame) -> None:
        self._writer.set_phase(READING)
        self._backoff.reset()
        self._is_new = False
        height, width = frame.pixels_bgr.shape[:2]
        self._line.send(Message(message.OPENED, text=f"{width}x{height}"))

    def _pass_on(self, frame: Frame) -> None:
        pixels_bgr = orient(frame.pixels_bgr, self._request.options)
        seen = glance(pixels_bgr, self._writer.previous_bgr)
        frame = replace(frame, pixels_bgr=pixels_bgr, glance=seen, fitted=self._fit(pixels_bgr))
        while self._request.every_frame and not self._ears.is_taken(_BEAT_SECONDS):
            self._clock.beat()
        if self._ears.stop.is_set():
            return
        self._writer.put(frame, opening=self._openings)
        with contextlib.suppress(BlockingIOError):  # so the reader has enough to wake up from
            os.write(self._bell, b".")

    def _fit(self, pixels_bgr: Pixels) -> Pixels | None:
        request, writer = self._request, self._writer
        if request.input is None or not writer.is_fitted_wanted:
            return None
        if not (request.every_frame or writer.is_read_quickly or writer.is_waited_for):
            return None  # most of its frames are never looked at
        if request.region is not None:
            pixels_bgr = request.region.apply(pixels_bgr)
        return fit_frame(pixels_bgr, spec=request.input)


def serve(memory: int, bell: int, *, parent: int) -> None:
    """Be a capture process until there is nothing more to do.

    Args:
        memory: Descriptor of the shared memory.
        bell: Descriptor of the pipe that gets a byte for each frame.
        parent: The process that has started this one; both end together.
    """
    die_with(parent)
    line = take_over_output()
    leave_signals_to_the_parent()
    give_back_memory()
    order = json.loads(read_line(0))
    cv2.setNumThreads(1)
    request = LensRequest.from_json(order["request"])
    os.set_blocking(bell, False)
    ears = Ears(0)
    ears.start()
    lens = Lens(
        request,
        is_first=order["is_first"],
        writer=SlotWriter(open_memory(memory), tuple(order["fitted_wh"])),
        line=line,
        bell=bell,
        ears=ears,
        backoff=Backoff(*order["backoff"]),
    )
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        lens.run()
