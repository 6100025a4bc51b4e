"""One slot for the newest frame, in memory that two processes share, without locks.

There are three buffers, one writer and one reader. One byte says which buffer is the newest, and
only the writer sets it, once a buffer is complete. One byte says which buffer is being read, and
only the reader sets it. The writer takes a buffer that is neither: with three there always is one,
so that neither side ever waits for the other.

The reader marks the newest buffer as being read and looks again whether it is still the newest. If
it is, then every later choice of the writer sees the mark; if it is not, the reader takes the new
one instead. A mark on its way between two processor cores is not overtaken: the writer looks at it
only after the read of its next frame, and that takes a thousand times as long.

See H. Simpson, "Four-slot fully asynchronous communication mechanism", IEE Proceedings 137 E,
1990, for the family of such algorithms.
"""

import mmap
import os
import struct
import tempfile
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from edge.errors import SourceError
from edge.glance import THUMBNAIL_SHAPE
from edge.records import Frame, Glance, Pixels

MOST_PIXELS = 50_000_000
"""Of one frame. Memory is reserved for that many and taken for those that a frame has."""

STARTING, OPENING, READING, RESTING = range(4)
"""What the writer does: imports, opens its source, reads it, or waits before it opens it again."""

_BUFFERS = 3
_NONE = 255
_NEWEST, _READING, _PHASE, _WANTED = range(4)  # single bytes, so that none is ever half written
_BEAT, _FRAME, _CHANGE, _REPEATS = range(1, 5)  # doubles, from the eighth byte on
_WAITS, _FITTED, _RESTS = 1, 2, 4
_FEW_FRAMES = 8

_PAGE_BYTES = 4096
_RECORD = struct.Struct("6q2d")
_IS_SEEN, _IS_REPEAT, _IS_FITTED = 1, 2, 4
_THUMBNAIL_OFFSET = 128
_THUMBNAIL_BYTES = THUMBNAIL_SHAPE[0] * THUMBNAIL_SHAPE[1]
_FITTED_OFFSET = _THUMBNAIL_OFFSET + _THUMBNAIL_BYTES

Memory: TypeAlias = mmap.mmap
"""What both processes map."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the writer shows of itself; times are monotonic, in seconds.

    Attributes:
        phase: `STARTING`, `OPENING`, `READING` or `RESTING`.
        beat_seconds: When it last showed that it goes on; 0 before it first did.
        frame_seconds: When it last had a frame; 0 before the first.
        change_seconds: When it last had a frame that was not the same as the one before.
        repeats: How many frames in a row were the same as the one before.
    """

    phase: int
    beat_seconds: float
    frame_seconds: float
    change_seconds: float
    repeats: int


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A frame as the reader finds it.

    Attributes:
        frame: Its arrays lie in the shared memory, until the next one is taken.
        sequence: Number of the frame among those of this writer, from 1.
        opening: How often this writer had opened its source by then, from 1.
    """

    frame: Frame
    sequence: int
    opening: int


def create_memory(fitted_wh: tuple[int, int]) -> tuple[int, Memory]:
    """Make memory without a name, for frames and a model's input of this width and height.

    Returns:
        A file descriptor for the other process, to be closed, and the memory.

    Raises:
        OSError: There is none left, or no file descriptor.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("catseye", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, _PAGE_BYTES + _BUFFERS * _stride(fitted_wh))
        memory = mmap.mmap(descriptor, 0)
    except OSError:
        os.close(descriptor)
        raise
    memory[_NEWEST] = memory[_READING] = _NONE
    return descriptor, memory


def open_memory(descriptor: int) -> Memory:
    """Map what `create_memory` has made, in the other process."""
    return mmap.mmap(descriptor, 0)


class SlotWriter:
    """Puts frames into the slot.

    Args:
        memory: What both processes map.
        fitted_wh: As it was made for.
    """

    def __init__(self, memory: Memory, fitted_wh: tuple[int, int]) -> None:
        self._layout = _Layout(memory, fitted_wh)
        self._memory = memory
        self._doubles = memoryview(memory)[:_PAGE_BYTES].cast("d")
        self._sequence = 0
        self._taken = 0  # the frame that the reader took last
        self._passed = 0  # how many the reader had gone on by with it

    @property
    def previous_bgr(self) -> Pixels | None:
        """The frame that was put in last, `(height, width, 3)`, BGR; it stays until the next."""
        newest = self._memory[_NEWEST]
        if newest == _NONE:
            return None
        _, _, _, height, width, *_ = self._layout.record(newest)
        return self._layout.pixels(newest, height, width)

    @property
    def is_fitted_wanted(self) -> bool:
        """Whether the reader has a use for fitted frames."""
        return bool(self._memory[_WANTED] & _FITTED)

    @property
    def is_reader_resting(self) -> bool:
        """Whether the reader needs to see only now and then that nothing moves."""
        return bool(self._memory[_WANTED] & _RESTS)

    @property
    def is_waited_for(self) -> bool:
        """Whether the reader waits for a frame at this moment."""
        return bool(self._memory[_WANTED] & _WAITS)

    @property
    def is_read_quickly(self) -> bool:
        """Whether the reader goes on by a few frames only each time that it takes one."""
        taken = self._layout.sequence(self._memory[_READING])
        if taken != self._taken:
            self._passed = taken - self._taken
            self._taken = taken
        return max(self._passed, self._sequence - taken) <= _FEW_FRAMES

    def set_phase(self, phase: int) -> None:
        """Say what is being done now."""
        self._memory[_PHASE] = phase

    def beat(self, now_seconds: float) -> None:
        """Show that things go on."""
        self._doubles[_BEAT] = now_seconds

    def put(self, frame: Frame, *, opening: int) -> None:
        """Make a frame, with what belongs to it, the newest one.

        Raises:
            SourceError: It has more than `MOST_PIXELS`.
        """
        height, width = frame.pixels_bgr.shape[:2]
        if height * width > MOST_PIXELS:
            raise SourceError(
                f"A frame may have at most {MOST_PIXELS // 1_000_000} megapixels",
                received=f"{width}x{height}",
                fix="Ask the source for a smaller size",
            )
        taken = (self._memory[_NEWEST], self._memory[_READING])
        buffer = next(free for free in range(_BUFFERS) if free not in taken)
        flags = self._fill(buffer, frame)
        self._sequence += 1
        fields = (self._sequence, opening, frame.index, height, width, flags)
        self._layout.write(buffer, (*fields, frame.time_seconds, frame.captured_seconds))
        self._memory[_NEWEST] = buffer
        self._count(frame)

    def _fill(self, buffer: int, frame: Frame) -> int:
        layout = self._layout
        layout.pixels(buffer, *frame.pixels_bgr.shape[:2])[:] = frame.pixels_bgr
        flags = 0
        if frame.glance is not None:
            layout.thumbnail(buffer)[:] = frame.glance.thumbnail
            flags |= _IS_SEEN | (_IS_REPEAT if frame.glance.is_repeat else 0)
        if frame.fitted is not None:
            layout.fitted(buffer)[:] = frame.fitted
            flags |= _IS_FITTED
        return flags

    def _count(self, frame: Frame) -> None:
        is_repeat = frame.glance is not None and frame.glance.is_repeat
        self._doubles[_REPEATS] = self._doubles[_REPEATS] + 1.0 if is_repeat else 0.0
        if not is_repeat:
            self._doubles[_CHANGE] = frame.captured_seconds
        self._doubles[_FRAME] = frame.captured_seconds


class SlotReader:
    """Takes the newest frame out of the slot.

    Args:
        memory: What both processes map.
        fitted_wh: As it was made for.

    Example:
        >>> from edge.testing import blank_frame
        >>> descriptor, memory = create_memory((8, 8))
        >>> writer, reader = SlotWriter(memory, (8, 8)), SlotReader(memory, (8, 8))
        >>> for index in range(5):
        ...     writer.put(blank_frame(index), opening=1)
        >>> reader.take().frame.index, reader.take()
        (4, None)
        >>> os.close(descriptor)
    """

    def __init__(self, memory: Memory, fitted_wh: tuple[int, int]) -> None:
        self._layout = _Layout(memory, fitted_wh)
        self._memory = memory
        self._doubles = memoryview(memory)[:_PAGE_BYTES].cast("d")
        self._sequence = 0

    def take(self) -> Taken | None:
        """Return the newest frame, or `None` if it was taken before."""
        memory, layout = self._memory, self._layout
        buffer = _NONE
        while buffer != memory[_NEWEST]:
            buffer = memory[_NEWEST]
            if layout.sequence(buffer) == self._sequence:
                return None
            memory[_READING] = buffer
        return None if buffer == _NONE else self._taken(buffer)

    @property
    def newest_seconds(self) -> float:
        """Monotonic time of the capture of the newest frame; 0 before the first."""
        return float(self._doubles[_FRAME])

    def want(self, *, is_waiting: bool, is_fitted: bool, is_resting: bool = False) -> None:
        """Tell the writer what is wanted.

        Args:
            is_waiting: A frame is waited for.
            is_fitted: Frames shall be fitted.
            is_resting: Frames need to come only now and then.
        """
        self._memory[_WANTED] = _WAITS * is_waiting + _FITTED * is_fitted + _RESTS * is_resting

    def pulse(self) -> Pulse:
        """Return what the writer shows of itself."""
        beat, frame, change, repeats = self._doubles[_BEAT : _REPEATS + 1]
        return Pulse(self._memory[_PHASE], beat, frame, change, int(repeats))

    def _taken(self, buffer: int) -> Taken:
        layout = self._layout
        record = layout.record(buffer)
        self._sequence, opening, index, height, width, flags, time_seconds, captured = record
        seen = None
        if flags & _IS_SEEN:
            seen = Glance(layout.thumbnail(buffer).copy(), bool(flags & _IS_REPEAT))
        fitted = layout.fitted(buffer) if flags & _IS_FITTED else None
        pixels_bgr = layout.pixels(buffer, height, width)
        frame = Frame(pixels_bgr, index, time_seconds, captured, seen, fitted)
        return Taken(frame, self._sequence, opening)


class _Layout:
    """Where the parts of a buffer lie."""

    def __init__(self, memory: Memory, fitted_wh: tuple[int, int]) -> None:
        self._memory = memory
        self._fitted_shape = (fitted_wh[1], fitted_wh[0], 3)
        stride = _stride(fitted_wh)
        self._starts = [_PAGE_BYTES + buffer * stride for buffer in range(_BUFFERS)]
        self._pixels_offset = stride - 3 * MOST_PIXELS

    def record(self, buffer: int) -> tuple[int, int, int, int, int, int, float, float]:
        return _RECORD.unpack_from(self._memory, self._starts[buffer])

    def write(self, buffer: int, record: tuple[int, int, int, int, int, int, float, float]) -> None:
        _RECORD.pack_into(self._memory, self._starts[buffer], *record)

    def sequence(self, buffer: int) -> int:
        return 0 if buffer == _NONE else self.record(buffer)[0]

    def pixels(self, buffer: int, height: int, width: int) -> Pixels:
        return self._array(buffer, self._pixels_offset, (height, width, 3))

    def fitted(self, buffer: int) -> Pixels:
        return self._array(buffer, _FITTED_OFFSET, self._fitted_shape)

    def thumbnail(self, buffer: int) -> Pixels:
        return self._array(buffer, _THUMBNAIL_OFFSET, THUMBNAIL_SHAPE)

    def _array(self, buffer: int, offset: int, shape: tuple[int, ...]) -> Pixels:
        start = self._starts[buffer] + offset
        return np.ndarray(shape, np.uint8, buffer=self._memory, offset=start)


def _stride(fitted_wh: tuple[int, int]) -> int:
    """Return the bytes of one buffer: whole pages, the pixels at its end."""
    small = _FITTED_OFFSET + 3 * fitted_wh[0] * fitted_wh[1]
    pages = -(-small // _PAGE_BYTES) + -(-3 * MOST_PIXELS // _PAGE_BYTES)
    return pages * _PAGE_BYTES
