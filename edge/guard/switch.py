"""What a guard decides: when its output is on. Pure but for the pin; the time is passed in."""

from collections.abc import Callable, Sequence

from edge.guard.limits import Governor, Span
from edge.guard.pins import Pin

LEASE_SECONDS = 0.8
"""Without a line from the main process for so long the output is released."""

RETRY_SECONDS = 0.02
"""Between two attempts to switch off."""


class Switch:
    """Energises an output on request and releases it in time.

    Args:
        pin: The output; it is at the safe level.
        governor: Knows the limits.
        report: Tells the main process something, in a line.
        record: Writes the times down before they begin and after they end.
        sign: Tells the understudy whether the output is on; before it is, and after it was.

    Attributes:
        is_on: Whether the output is, or may be, energised.
    """

    def __init__(
        self,
        pin: Pin,
        governor: Governor,
        *,
        report: Callable[[str], None],
        record: Callable[[Sequence[Span]], None] = lambda spans: None,
        sign: Callable[[bool], None] = lambda is_on: None,
    ) -> None:
        self._pin = pin
        self._governor = governor
        self._report = report
        self._record = record
        self._sign = sign
        self._lease_end = float("-inf")
        self._end = float("-inf")
        self._retry = float("-inf")
        self._failures = 0
        self.is_on = False

    def hear(self, line: str, now_seconds: float) -> None:
        """Take in a line of the main process, which renews the lease.

        Args:
            line: "beat", "energise ID SECONDS SENT", of which SENT is the monotonic time of its
                writing, or "release"; anything else counts as a beat.
            now_seconds: Monotonic time.
        """
        self._lease_end = now_seconds + LEASE_SECONDS
        words = line.split()
        if words[:1] == ["energise"] and len(words) == 4:
            if now_seconds - _number(words[3]) < LEASE_SECONDS:
                self._energise(words[1], _number(words[2]), now_seconds)
            else:  # this process was stopped meanwhile: what was asked for is over
                self._report(f"refused {words[1]} it was asked for too long ago")
        elif words == ["release"]:
            self.release(now_seconds, "asked")

    def tick(self, now_seconds: float) -> float:
        """Release the output if it is time; return the seconds until this must be asked again."""
        if self.is_on and (now_seconds >= self._end or self._failures):
            self.release(now_seconds, "time")
        elif now_seconds >= self._lease_end:
            self.release(now_seconds, "lease")
        return self._rest_seconds(now_seconds)

    def release(self, now_seconds: float, reason: str) -> None:
        """Switch off, or try it again later.

        Args:
            now_seconds: Monotonic time.
            reason: For the report: "asked", "time", "lease" or "end".
        """
        if not self.is_on or now_seconds < self._retry:
            return
        try:
            self._pin.write(False)
        except OSError as error:
            self._fail(now_seconds, error)
            return
        self.is_on = False
        self._retry = float("-inf")
        self._governor.end(now_seconds)
        self._sign(False)
        self._try_record()
        if self._failures:
            self._failures = 0
            self._report("clear")
        self._report(f"off {reason}")

    def _rest_seconds(self, now_seconds: float) -> float:
        if not self.is_on:
            return float("inf")
        due_seconds = self._retry if self._failures else min(self._end, self._lease_end)
        return max(0.0, due_seconds - now_seconds)

    def _energise(self, request: str, seconds: float, now_seconds: float) -> None:
        if not seconds > 0.0:
            self._report(f"refused {request} it was asked for {seconds} seconds")
        elif self._failures:
            self._report(f"refused {request} it could not be switched off")
        elif self.is_on:
            # Nothing is written: a disk that stalls must not keep this process from switching off.
            self._end = self._governor.extend(now_seconds, seconds=seconds).end_seconds
            self._report(f"granted {request} {self._end - now_seconds:.3f}")
        else:
            self._switch_on(request, seconds, now_seconds)

    def _switch_on(self, request: str, seconds: float, now_seconds: float) -> None:
        allowance = self._governor.allowance(now_seconds)
        if allowance.reason:
            self._report(f"refused {request} {allowance.reason}")
            return
        span = self._governor.begin(now_seconds, seconds=seconds)
        try:
            self._record(self._governor.longest_spans)
        except OSError:
            # The door goes on beside a full disk; only a new guard would not know of this time.
            self._report("unrecorded")
        self._end = span.end_seconds
        self.is_on = True
        self._sign(True)
        try:
            self._pin.write(True)
        except OSError as error:
            self._report(f"refused {request} {_one_line(error)}")
            self.release(now_seconds, "fault")  # who knows what it did
            return
        self._report(f"granted {request} {span.end_seconds - now_seconds:.3f}")

    def _fail(self, now_seconds: float, error: OSError) -> None:
        self._retry = now_seconds + RETRY_SECONDS
        self._failures += 1
        if self._failures == 1:
            self._report(f"alarm {_one_line(error)}")

    def _try_record(self) -> None:
        try:
            self._record(self._governor.spans)
        except OSError:
            self._report("unrecorded")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _one_line(error: OSError) -> str:
    return " ".join(str(error.strerror or error).split())
