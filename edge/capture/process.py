"""The source that a run reads: a capture process, watched, ended and started again."""

import logging
import threading
from dataclasses import dataclass, replace
from types import TracebackType

from edge.address import parse_address, redact
from edge.capture import message, watch
from edge.capture.child import LensChild
from edge.capture.message import Message
from edge.capture.nursery import Nursery
from edge.capture.request import LensRequest
from edge.capture.rhythm import Rhythm
from edge.capture.slot import Taken
from edge.capture.watch import DEFAULT_LIMITS, Backoff, Limits, Watch
from edge.clock import SystemClock
from edge.errors import CatseyeError, SettingError, SourceError
from edge.records import Clock, Frame, Look, Offline

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1  # how soon a reader that waits notices that it is to stop
_OFFLINE_SECONDS = 0.25
_GRACE_SECONDS = 0.4
_MOST_UNENDED = 3


@dataclass(frozen=True, slots=True)
class _Outage:
    """A live source that is away.

    Attributes:
        reason: Why, in words.
        heard_seconds: When that was heard last; frames from before prove nothing.
        is_frozen: Whether it is, since it delivers one and the same frame.
    """

    reason: str
    heard_seconds: float
    is_frozen: bool = False


class CaptureProcess:
    """A source in a process of its own, which cannot take this one down.

    Of a live source or a paced recording, `read` returns the newest frame; the gaps in
    `Frame.index` tell how many were dropped. A live source that blocks, crashes, freezes or is lost
    is opened again for as long as it takes; meanwhile `read` returns `Offline`. Index and time of
    its frames go on afterwards.

    Args:
        request: What to capture.
        clock: Must show the time of `time.monotonic`.
        stop: Ends every `read` once set.
        limits: How long what may take.

    Example:
        >>> with CaptureProcess(LensRequest("demo:", is_live=False)) as source:
        ...     source.read().pixels_bgr.shape
        (480, 640, 3)
    """

    def __init__(
        self,
        request: LensRequest,
        *,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._request = request
        self._clock = SystemClock() if clock is None else clock
        self._stop = threading.Event() if stop is None else stop
        self._limits = limits
        self._name = _name(request.address)
        self._lock = threading.Lock()  # `close` may be called by another thread than `read`
        self._is_closed = False
        self._backoff = Backoff(limits.backoff_seconds, limits.longest_backoff_seconds)
        self._nursery: Nursery | None = None
        self._child: LensChild | None = None
        self._unended: list[LensChild] = []
        self._outage: _Outage | None = None
        self._failure: CatseyeError | None = None
        self._has_ended = False
        self._frozen_starts = 0
        self._numbering = _Numbering()
        self._rhythm = Rhythm()
        self._last_seconds = self._clock.monotonic()
        self._start_seconds = self._judged_seconds = self._last_seconds
        self.needs_fitted = request.input is not None
        """Whether frames are to be fitted; say no while nobody looks at `Frame.fitted`."""
        self.is_resting = False
        """Say yes while nothing moves: some six frames per second come then, and none is fitted."""
        self._start()

    @property
    def pid(self) -> int | None:
        """Number of the capture process; `None` while there is none."""
        return None if self._child is None else self._child.pid

    def read(self) -> Frame | Offline | None:
        """Return the newest frame that was not returned before; wait for one if there is none.

        Returns:
            A frame; `Offline`, a few times a second, while a live source is away; `None` after
            the end of a recording, and once it is to stop.

        Raises:
            SourceRefusedError: The source cannot be opened for the first time, and that is for a
                person to mend.
            SourceError: A recording cannot be read.
            CatseyeError: What else opening the source raises, such as a `SettingError`.
        """
        offline_seconds = self._clock.monotonic() + _OFFLINE_SECONDS
        was_away = self._outage is not None
        while not self._stop.is_set():
            with self._lock:
                if self._is_closed:
                    return None
                frame = self._take()
                if frame is not None:
                    self._supervise_in_passing(frame)
                    return frame
                if self._failure is not None:
                    raise self._failure
                if self._has_ended:
                    return None
                if self._outage is not None and (
                    not was_away or self._clock.monotonic() >= offline_seconds
                ):
                    return Offline(self._outage.reason, self._last_seconds)
                self._supervise()
        return None

    def close(self) -> None:
        """End the process and release the source; a second call does nothing."""
        self._is_closed = True
        with self._lock:
            if self._child is not None:
                self._end_child(grace_seconds=_GRACE_SECONDS)
            if self._nursery is not None:
                self._nursery.close()

    def __enter__(self) -> "CaptureProcess":
        """Return the source itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _take(self) -> Frame | None:
        if self._request.is_live and not self._rhythm.is_fast:
            self._wait_for_fresher()
        child = self._child
        if child is None:
            return None
        taken = child.slot.take()
        if taken is None:
            self._want(child, is_waiting=True)
            return None
        self._want(child, is_waiting=False)
        if self._request.every_frame:
            child.confirm()
        if self._outage is not None and not self._ends_outage(taken):
            return None
        frame = taken.frame
        if self._request.every_frame:
            frame = replace(frame, captured_seconds=self._clock.monotonic())
        self._last_seconds = frame.captured_seconds
        frame = self._numbering.number(frame, opening=(child.pid, taken.opening))
        self._rhythm.note(index=frame.index, captured_seconds=frame.captured_seconds)
        return frame

    def _wait_for_fresher(self) -> None:
        """Leave the newest frame alone where the next one is due within milliseconds."""
        newest_seconds = self._newest_seconds()
        if newest_seconds <= self._last_seconds:
            return
        now_seconds = self._clock.monotonic()
        end_seconds = now_seconds + self._rhythm.worth_waiting_seconds(newest_seconds, now_seconds)
        while now_seconds < end_seconds and self._newest_seconds() == newest_seconds:
            self._supervise(wait_seconds=end_seconds - now_seconds)
            now_seconds = self._clock.monotonic()

    def _newest_seconds(self) -> float:
        return 0.0 if self._child is None else self._child.slot.newest_seconds

    def _ends_outage(self, taken: Taken) -> bool:
        """Note that the source is back; an older frame, or what may still be frozen, is no sign."""
        if self._outage is not None and taken.frame.captured_seconds <= self._outage.heard_seconds:
            return False
        seen = taken.frame.glance
        is_same = taken.sequence == 1 or (seen is not None and seen.is_repeat)
        if self._outage is not None and self._outage.is_frozen and is_same:
            return False
        away_seconds = taken.frame.captured_seconds - self._last_seconds
        logger.warning("%s: delivers again after %.1f s", self._name, away_seconds)
        self._outage = None
        self._frozen_starts = 0
        self._watch.note_return()
        self._backoff.reset()
        return True

    def _supervise(self, *, wait_seconds: float = _LOOK_SECONDS) -> None:
        """Wait a moment for a frame or a message; then see whether the process is well."""
        now_seconds = self._clock.monotonic()
        if self._child is None:
            if now_seconds >= self._start_seconds:
                self._start()
            else:
                self._clock.wait(min(wait_seconds, self._start_seconds - now_seconds))
            return
        for said in self._child.listen(wait_seconds):
            self._hear(said)
        if self._child.has_hung_up:
            self._see_end()
        else:
            self._judge()

    def _supervise_in_passing(self, frame: Frame) -> None:
        """Do it now and then, too, while there always is a frame to be taken."""
        if frame.captured_seconds - self._judged_seconds > _OFFLINE_SECONDS:
            self._supervise(wait_seconds=0.0)

    def _hear(self, said: Message) -> None:
        if said.kind == message.LOG:
            logger.log(said.level, "%s", said.text)
        elif said.kind == message.OPENED:
            logger.debug("%s: delivers %s", self._name, said.text)
        elif said.kind == message.FAULT and self._request.is_live:
            self._go_offline(said.received, fix=said.fix)
        elif said.kind in (message.FAULT, message.FAILED):
            self._failure = said.to_error()
        elif said.kind == message.ENDED:
            self._has_ended = True

    def _judge(self) -> None:
        child = self._child
        if child is None:
            return
        self._judged_seconds = self._clock.monotonic()
        verdict = self._watch.judge(child.slot.pulse(), self._judged_seconds)
        if verdict == watch.FINE:
            return
        if not self._request.is_live:
            self._fail("it does not answer")
            self._end_child()
            return
        if verdict == watch.FROZEN:
            self._frozen_starts += 1
            fix = "Cut its power for a moment if that does not help"
            self._go_offline("one and the same picture again and again", fix=fix, is_frozen=True)
        else:
            self._go_offline("it does not answer", fix="Check cable, power and network")
        if verdict != watch.STALLED:
            self._end_child()

    def _see_end(self) -> None:
        child = self._child
        if child is None or self._has_ended or self._failure is not None:
            return
        how = child.describe_end()
        if not self._request.is_live:
            self._fail(f"its decoder ended ({how})")
            return
        fix = "If it happens often, try another size or pixel format"
        self._go_offline(f"its driver or decoder crashed ({how})", fix=fix)
        self._end_child()
        self._start_seconds = self._clock.monotonic() + self._backoff.next_seconds()

    def _fail(self, received: str) -> None:
        self._failure = SourceError(
            "A recording must be readable",
            received=f"{self._name}: {received}",
            fix="Play it in another program to see whether it is intact",
        )

    def _go_offline(self, reason: str, *, fix: str, is_frozen: bool = False) -> None:
        """Note that a live source is away; its log gets one line, whatever follows."""
        reason = reason.removeprefix(f"{self._name}: ")
        if self._outage is None:
            logger.warning("%s: no picture (%s). %s", self._name, reason, fix)
        is_frozen = is_frozen or (self._outage is not None and self._outage.is_frozen)
        self._outage = _Outage(reason, self._clock.monotonic(), is_frozen)

    def _start(self) -> None:
        self._unended = [child for child in self._unended if not child.has_ended()]
        now_seconds = self._clock.monotonic()
        if len(self._unended) >= _MOST_UNENDED:  # each holds memory, and another one would, too
            self._start_seconds = now_seconds + self._limits.longest_backoff_seconds
            return
        self._watch = Watch(
            self._limits,
            is_live=self._request.is_live,
            start_seconds=now_seconds,
            frozen_starts=self._frozen_starts,
        )
        is_first = not self._numbering.has_begun
        try:
            self._child = LensChild(
                self._request, self._open_nursery(), is_first=is_first, limits=self._limits
            )
            self._want(self._child, is_waiting=True)
        except OSError as error:
            if is_first:
                raise SourceError(
                    "A source is read in a process of its own",
                    received=f"none can be started: {error.strerror or error}",
                    fix="Free some memory or raise the limit of processes and open files",
                ) from error
            self._go_offline(f"no process for it: {error.strerror}", fix="Free some memory")
            self._start_seconds = now_seconds + self._backoff.next_seconds()

    def _want(self, child: LensChild, *, is_waiting: bool) -> None:
        is_resting = self.is_resting
        child.slot.want(
            is_waiting=is_waiting,
            is_fitted=self.needs_fitted and not is_resting,
            is_resting=is_resting,
        )

    def _open_nursery(self) -> Nursery:
        if self._nursery is not None and self._nursery.has_ended:
            self._nursery.close()
            self._nursery = None
        if self._nursery is None:
            self._nursery = Nursery()
        return self._nursery

    def _end_child(self, *, grace_seconds: float = 0.0) -> None:
        child, self._child = self._child, None
        if child is not None and not child.end(grace_seconds=grace_seconds):
            self._unended.append(child)
            logger.warning("%s: its driver is stuck; it is left to the system", self._name)


class RestNotice:
    """An action that tells a capture process while nothing moves: frames are spared then.

    Args:
        capture: The process; not closed.
    """

    def __init__(self, capture: CaptureProcess) -> None:
        self._capture = capture

    def handle(self, look: Look) -> None:
        """Pass on whether the model was spared."""
        self._capture.is_resting = look.is_resting

    def close(self) -> None:
        """Hold nothing."""


class _Numbering:
    """Makes index and time of the frames go on where a source begins anew with 0."""

    def __init__(self) -> None:
        self._opening: tuple[int, int] | None = None
        self._more_frames = 0
        self._more_seconds = 0.0
        self._last = (-1, 0.0, 0.0)  # index, time and capture of the last frame

    @property
    def has_begun(self) -> bool:
        return self._opening is not None

    def number(self, frame: Frame, *, opening: tuple[int, int]) -> Frame:
        if opening != self._opening:
            if self._opening is not None:
                index, time_seconds, captured_seconds = self._last
                now_seconds = time_seconds + frame.captured_seconds - captured_seconds
                self._more_frames = index + 1
                self._more_seconds = now_seconds - frame.time_seconds
            self._opening = opening
        if self._more_frames:
            frame = replace(
                frame,
                index=frame.index + self._more_frames,
                time_seconds=frame.time_seconds + self._more_seconds,
            )
        self._last = (frame.index, frame.time_seconds, frame.captured_seconds)
        return frame


def _name(address: str) -> str:
    """Return what the log calls a source."""
    try:
        return parse_address(address).shown
    except SettingError:
        return redact(address)
