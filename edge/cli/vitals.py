"""Heat and supply of the machine, asked for in the background."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.hardware import Power, read_power, read_temperature

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Health:
    """What was last heard of the machine.

    Attributes:
        celsius: Its highest temperature; `None` where it does not say.
        troubles: What its firmware notices about supply and heat at this moment.
    """

    celsius: float | None = None
    troubles: tuple[str, ...] = ()


class Vitals:
    """Asks for temperature and supply every ten seconds, in a thread of its own.

    A tool that hangs delays nobody: what was heard last stays. Troubles are logged on change.

    Args:
        temperature: Asks for degrees Celsius.
        power: Asks for the supply.
        period_seconds: Time between two questions.
    """

    def __init__(
        self,
        *,
        temperature: Callable[[], float | None] = read_temperature,
        power: Callable[[], Power | None] = read_power,
        period_seconds: float = _PERIOD_SECONDS,
    ) -> None:
        self._temperature = temperature
        self._power = power
        self._period_seconds = period_seconds
        self._stop = threading.Event()
        self.health = Health()
        threading.Thread(target=self._ask, name="vitals", daemon=True).start()

    def close(self) -> None:
        """Ask no more; a second call does nothing, and a question under way is not waited for."""
        self._stop.set()

    def _ask(self) -> None:
        while not self._stop.is_set():
            celsius = self._temperature()
            self.health = Health(celsius, self.health.troubles)
            power = self._power()
            before, self.health = self.health, Health(celsius, () if power is None else power.now)
            if self.health.troubles != before.troubles:
                troubles = ", ".join(self.health.troubles) or "supply and heat are well again"
                logger.warning("machine: %s", troubles)
            self._stop.wait(self._period_seconds)
