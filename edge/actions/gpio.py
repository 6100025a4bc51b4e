"""The action `gpio`: energises an output for a while, through its guard."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.actions.backlog import Backlog
from edge.durable import write_durably
from edge.errors import GuardError, SettingError
from edge.guard import MODES
from edge.guard.limits import DUTY_CAP, LONGEST_CAP_SECONDS, Limits
from edge.guard.output import DUTY_USED_UP, GuardedOutput
from edge.guard.pins import check_pin
from edge.guard.request import OutputRequest
from edge.occurrence import ActionContext, Occurrence
from edge.settings import setting
from edge.status import OutputStatus, Status

logger = logging.getLogger(__name__)

_HOLD_SECONDS = 0.25  # between two attempts to keep an output on
_CHECK_SECONDS = 5.0
_FRESH_SECONDS = 2.0  # who was at the door before that may have gone

# Which mode asks for an output that is kept energised, by what the de-energised one means.
_HELD_MODE = {"closed": "open", "open": "lock"}
_RESTING_MODE = {"closed": "lock", "open": "open"}
_MEANINGS = {"closed": "open", "open": "closed"}  # of the energised output, likewise
_BY_HAND = {"open": "kept open by hand", "lock": "locked by hand"}


class GpioAction:
    """Energises an output when its rule fires, never longer than its limits allow.

    The output is a pin that a process of its own owns, see `edge.guard`. De-energised is the safe
    level: it is set before anything else, and whatever dies. What it means is declared by
    `fail_state`: a lock that opens with current is "closed" without, and a rule that fires opens
    it for a pulse; one that opens without current is "open", and a rule that fires closes it.

    A person may keep it open or locked (`edge door`), which is remembered over a restart: the mode
    that needs current keeps the output energised as long and as often as the limits allow, and in
    the other the rules energise it no more.

    Args:
        settings: Pin, wiring and limits.
        context: Name, folder, and whether the loop makes progress.
    """

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Of `[actions.NAME]` with `kind = "gpio"`.

        Attributes:
            pin: Broadcom number such as "17", "file:PATH" or "package.module:Class".
            active_low: Whether the low level energises, as with many relay modules.
            fail_state: What the output means without current, "closed" or "open".
            pulse_seconds: How long it is energised when a rule fires.
            longest_seconds: Longest time energised without a pause; at most 30.
            duty_percent: Largest share of ten minutes that it is energised; at most 50.
            pause_seconds: Shortest time between two times.

        Raises:
            SettingError: The pulse is longer than the longest time.
        """

        pin: str = setting(check=lambda pin: check_pin(str(pin)))
        active_low: bool = setting(False)
        fail_state: str = setting("closed", choices=tuple(_HELD_MODE))
        pulse_seconds: float = setting(4.0, least=0.05, most=LONGEST_CAP_SECONDS)
        longest_seconds: float = setting(5.0, least=0.05, most=LONGEST_CAP_SECONDS)
        duty_percent: float = setting(20.0, least=0.1, most=100 * DUTY_CAP)
        pause_seconds: float = setting(1.0, least=0.0, most=600.0)

        def __post_init__(self) -> None:
            """Refuse a pulse that the limits would cut."""
            if self.pulse_seconds > self.longest_seconds:
                raise SettingError(
                    "pulse_seconds must be at most longest_seconds",
                    received=f"{self.pulse_seconds:g} and {self.longest_seconds:g}",
                    fix="Shorten the pulse, or raise the limit if what is switched bears it",
                )

    def __init__(self, settings: Settings, context: ActionContext) -> None:
        self._settings = settings
        self._context = context
        self._memory = context.folder / f"output-{context.name}.json"
        self._mode = _read_mode(self._memory, unread=_RESTING_MODE[settings.fail_state])
        limits = Limits(
            longest_seconds=settings.longest_seconds,
            duty=settings.duty_percent / 100,
            pause_seconds=settings.pause_seconds,
        )
        request = OutputRequest(
            context.name,
            settings.pin,
            context.folder,
            active_low=settings.active_low,
            limits=limits,
        )
        self._fired_rule = ""
        self._rests = ""
        self._vetoed: frozenset[str] = frozenset()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._output = GuardedOutput(request, idle_seconds=context.idle_seconds)
        self._holder = threading.Thread(target=self._hold, name=f"hold {context.name}", daemon=True)
        self._holder.start()

    def perform(self, occurrence: Occurrence) -> str:
        """Energise the output for its pulse, at once or not at all.

        Raises:
            GuardError: The guard refuses it, or the occurrence has waited for too long.
        """
        mode = self._mode
        if mode != "auto":
            return f"left alone: {_BY_HAND[mode]}"
        if occurrence.rule in self._vetoed:
            return "left alone: vetoed meanwhile"
        age_seconds = self._context.clock.monotonic() - occurrence.at.monotonic_seconds
        if age_seconds > _FRESH_SECONDS:
            raise GuardError(
                f"What the output {self._context.name} is energised for must be happening now",
                received=f"what was seen {age_seconds:.1f} s ago",
                fix="Look at edge status, which says what kept the output busy",
            )
        wait_seconds = _FRESH_SECONDS - max(0.0, age_seconds)
        granted_seconds = self._output.energise(
            self._settings.pulse_seconds, wait_seconds=wait_seconds
        )
        self._fired_rule = occurrence.rule
        if self._mode != "auto" and not self._is_held:  # locked while the guard was asked
            self._output.release()
            return f"left alone: {_BY_HAND.get(self._mode, 'changed by hand')}"
        return f"energised, {_MEANINGS[self._settings.fail_state]} for {granted_seconds:.1f} s"

    def note(self, status: Status) -> None:
        """Release the output when a veto comes up for the rule that has energised it."""
        self._vetoed = status.vetoed
        if self._fired_rule in status.vetoed and self._mode == "auto":
            self._fired_rule = ""
            self._output.release()

    def set_mode(self, mode: str) -> None:
        """Change who decides, remember it, and act on it at once.

        Args:
            mode: One of `edge.guard.MODES`.

        Raises:
            SettingError: No such mode.
            GuardError: It cannot be remembered; it holds until the end of this run.
        """
        if mode not in MODES:
            raise SettingError(
                f"A mode must be one of {', '.join(MODES)}",
                received=repr(mode),
                fix="Write for example edge door auto",
            )
        self._mode = mode
        if not self._is_held:
            self._output.release()
        self._rests = ""
        self._wake.set()
        logger.warning("output %s: %s by hand", self._context.name, mode)
        _remember_mode(self._memory, mode)

    def output_status(self) -> OutputStatus:
        """Say how the output is."""
        is_energised = self._output.is_energised
        return OutputStatus(
            name=self._context.name,
            mode=self._mode,
            is_energised=is_energised,
            is_open=is_energised == (self._settings.fail_state == "closed"),
            trouble=self._output.trouble,
        )

    def backlog(self) -> Backlog:
        """Say that an output kept on by hand is off, as its duty is used up."""
        return Backlog(trouble=self._rests if self._is_held else "")

    @property
    def is_stuck(self) -> bool:
        """Whether the output could not be switched off."""
        return self._output.is_stuck

    def check(self) -> Iterator[str]:
        """Claim the pin and set it to its safe level.

        Raises:
            GuardError: It cannot be claimed.
        """
        if not self._output.wait_ready(_CHECK_SECONDS):
            raise GuardError(
                f"The output {self._context.name} must be able to claim its pin",
                received=self._output.trouble or "no answer of its guard",
                fix="Mend that, and end other programs that use the pin",
            )
        state = self._settings.fail_state
        level = "high" if self._settings.active_low else "low"
        yield f"pin {self._settings.pin}: claimed, de-energised ({state}), its level {level}"
        if state == "open":
            yield "a rule that fires closes it, for its pulse"

    def close(self) -> None:
        """Release the output and end its guard; a second call does nothing."""
        self._stop.set()
        self._wake.set()
        self._output.close()
        self._holder.join(_HOLD_SECONDS)

    @property
    def _is_held(self) -> bool:
        return self._mode == _HELD_MODE[self._settings.fail_state]

    def _hold(self) -> None:
        """Keep the output energised while a person asks for that, as far as the limits allow."""
        while not self._stop.is_set():
            self._wake.wait(_HOLD_SECONDS if self._is_held else None)
            self._wake.clear()
            if self._is_held and not self._output.is_energised and not self._stop.is_set():
                self._try_hold()

    def _try_hold(self) -> None:
        mode = self._mode
        try:
            self._output.energise(self._settings.longest_seconds)
        except GuardError as error:
            if error.received == DUTY_USED_UP and self._mode == mode:
                self._rest(f"{_BY_HAND[mode]}, but {error.received}")
            else:  # its pause, mostly
                logger.debug("output %s: %s", self._context.name, error.received)
            return
        self._rests = ""
        if not self._is_held:  # changed while the guard was asked
            self._output.release()

    def _rest(self, reason: str) -> None:
        """Tell once that it is off for minutes, where a person wants it on."""
        if not self._rests:
            logger.warning("output %s: %s", self._context.name, reason)
        self._rests = reason


def _read_mode(path: Path, *, unread: str) -> str:
    """Return the mode that was remembered; "auto" where none was, `unread` if it is no mode."""
    try:
        mode = json.loads(path.read_bytes())["mode"]
    except FileNotFoundError:
        return "auto"
    except (OSError, ValueError, KeyError, TypeError):
        mode = None
    if mode in MODES:
        return str(mode)
    logger.warning("%s: names no mode, the output stays de-energised until edge door auto", path)
    return unread


def _remember_mode(path: Path, mode: str) -> None:
    try:
        write_durably(path, json.dumps({"mode": mode}))
    except OSError as error:
        raise GuardError(
            "The mode of an output must be remembered over a restart",
            received=f"{path}: {error.strerror}",
            fix="Free some space; the mode holds until the end of this run",
        ) from error
