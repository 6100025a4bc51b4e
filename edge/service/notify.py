"""What a process tells systemd, in the words of sd_notify(3): only what was really done."""

import logging
import math
import os
import socket
from collections.abc import Mapping

from edge.records import Clock, Look, Picture
from edge.status import Status

logger = logging.getLogger(__name__)

_LOG_SECONDS = 600.0  # until a datagram that cannot be sent is logged again
_LONGEST_STATUS = 200  # characters, so that `systemctl status` stays a line


class Notifier:
    """A follower that tells systemd that the loop looks at something, and nothing otherwise.

    The first look says `READY=1`, one at a source that is away too: the service does what it can.
    While looks come, `WATCHDOG=1` is sent three times in the time that the unit allows. No timer
    and no thread sends it, so a loop that hangs is restarted. Without `NOTIFY_SOCKET` nothing
    happens.

    Args:
        environment: Of the process; `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are read.
        clock: Monotonic.

    Example:
        >>> from edge.testing import ManualClock
        >>> notifier = Notifier({}, clock=ManualClock())
        >>> notifier.is_connected, notifier.watchdog_seconds
        (False, None)
        >>> notifier.handle(Look(Picture.OFFLINE, reason="camera 0 is unplugged"))
        >>> notifier.close()
    """

    def __init__(self, environment: Mapping[str, str] = os.environ, *, clock: Clock) -> None:
        self._address = _read_address(environment.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None
        self._clock = clock
        self._is_ready = self._is_reloading = False
        self._held = self._trouble = ""
        self._picture: Picture | None = None
        self._wanted_text = self._told_text = ""
        self._fed_seconds = self._logged_seconds = -math.inf
        self.watchdog_seconds = _read_watchdog(environment) if self._address else None

    @property
    def is_connected(self) -> bool:
        """Whether there is a systemd to tell."""
        return self._address is not None

    @property
    def held(self) -> str:
        """Why the watchdog is not fed; empty while it is."""
        return self._held or self._trouble

    def handle(self, look: Look) -> None:
        """Tell that there was a look: ready with the first one, and the watchdog when it is due."""
        if self._address is None:
            return
        if look.picture is not self._picture:
            self._picture = look.picture
            self._wanted_text = _describe(look.picture.value, look.reason)
        now_seconds = self._clock.monotonic()
        is_due = self._is_due(now_seconds)
        is_due_ready = not self._is_ready and not self._is_reloading
        lines = ["READY=1"] if is_due_ready else []
        lines += ["WATCHDOG=1"] if is_due else []
        text = self.held or self._wanted_text
        if text != self._told_text:
            lines.append(f"STATUS={text}")
        if lines and self._send(lines):
            self._is_ready = self._is_ready or is_due_ready
            self._told_text = text
            self._fed_seconds = now_seconds if is_due else self._fed_seconds

    def heed(self, status: Status) -> None:
        """Stop feeding the watchdog while an output has trouble, and say which.

        May be called from any thread; what follows from it is sent with the next look.
        """
        troubles = [f"{one.name}: {one.trouble}" for one in status.outputs if one.trouble]
        self._trouble = _one_line("; ".join(troubles))

    def hold(self, reason: str) -> None:
        """Stop feeding the watchdog for this reason; go on when it is empty.

        May be called from any thread. systemd restarts the service once its `WatchdogSec` is over.
        """
        self._held = _one_line(reason)

    def reloading(self) -> None:
        """Tell that the settings are read anew; looks do not say `READY=1` until `reloaded`."""
        if self._address is not None:
            self._is_ready, self._is_reloading = False, True
            self._send(["RELOADING=1", f"MONOTONIC_USEC={round(self._clock.monotonic() * 1e6)}"])

    def reloaded(self) -> None:
        """Note that new settings, or the old ones again, count: the next look says `READY=1`."""
        self._is_reloading = False

    def close(self) -> None:
        """Tell that the service is about to end; a second call does nothing."""
        if self._address is not None:
            self._send(["STOPPING=1"])
            self._address = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _is_due(self, now_seconds: float) -> bool:
        if self.watchdog_seconds is None or self.held:
            return False
        return now_seconds - self._fed_seconds >= self.watchdog_seconds / 3

    def _send(self, lines: list[str]) -> bool:
        """Send one datagram, without ever waiting for its reader, and say whether it was taken."""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto("\n".join(lines).encode(), self._address or "")
        except OSError as error:
            now_seconds = self._clock.monotonic()
            if now_seconds - self._logged_seconds >= _LOG_SECONDS:
                self._logged_seconds = now_seconds
                logger.warning("systemd: cannot be told %s (%s)", lines[0], error.strerror)
            return False
        return True


def _read_address(text: str) -> str | None:
    """Turn `NOTIFY_SOCKET` into the address of a socket: a path, or `@` and an abstract name."""
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    if text.startswith("/"):
        return text
    if text:
        logger.warning("systemd: NOTIFY_SOCKET must be a path or @name, is not used")
    return None


def _read_watchdog(environment: Mapping[str, str]) -> float | None:
    """Return the seconds within which systemd wants to hear of this very process."""
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not text.isdecimal() or int(text) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(text) / 1e6


def _describe(picture: str, reason: str) -> str:
    return _one_line(f"picture {picture}" + (f": {reason}" if reason else ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_STATUS]
