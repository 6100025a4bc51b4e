"""The outputs of an installation, and the modes that people put them into."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from edge.errors import SettingError
from edge.guard import MODES
from edge.status import OutputStatus


@runtime_checkable
class Output(Protocol):
    """An action that owns an output; all methods must be overridden.

    Its `check` waits until it is claimed, and is called at the start of a run as well.
    """

    def check(self) -> Iterator[str]:
        """Wait until it is claimed and safe; yield what was found.

        Raises:
            GuardError: It cannot be claimed.
        """

    def set_mode(self, mode: str) -> None:
        """Put it into one of `edge.guard.MODES`, at once; remembered over a restart."""

    def output_status(self) -> OutputStatus:
        """Say how it fares, at once."""


class Outputs:
    """All outputs by name; from any thread.

    Args:
        when_set: Called with the name of an output and its new mode.

    Example:
        >>> Outputs().set_mode("lock")
        Traceback (most recent call last):
        edge.errors.SettingError: An output must be one of the configuration. Received: none. \
Add one: an action of kind gpio.
    """

    def __init__(self, when_set: Callable[[str, str], None] = lambda name, mode: None) -> None:
        self._when_set = when_set
        self._outputs: Mapping[str, Output] = {}

    def own(self, outputs: Mapping[str, Output]) -> None:
        """Take the outputs of an installation, in place of those before."""
        self._outputs = dict(outputs)

    def set_mode(self, mode: str, name: str | None = None) -> tuple[OutputStatus, ...]:
        """Put an output into a mode.

        Args:
            mode: One of `edge.guard.MODES`.
            name: Of the output; all of them when `None`.

        Returns:
            The outputs that were put into it.

        Raises:
            SettingError: There is no such mode or output.
        """
        if mode not in MODES:
            raise SettingError(
                f"The mode of an output must be one of {', '.join(MODES)}",
                received=repr(mode),
                fix="Take one of these",
            )
        chosen = self._choose(name)
        for one, output in chosen.items():
            output.set_mode(mode)
            self._when_set(one, mode)
        return tuple(output.output_status() for output in chosen.values())

    def statuses(self) -> tuple[OutputStatus, ...]:
        """Say how each fares."""
        return tuple(output.output_status() for output in self._outputs.values())

    def _choose(self, name: str | None) -> Mapping[str, Output]:
        outputs = self._outputs
        if not outputs or (name is not None and name not in outputs):
            known = ", ".join(outputs)
            raise SettingError(
                "An output must be one of the configuration" + (f": {known}" if known else ""),
                received="none" if name is None else repr(name),
                fix="Take one of these" if known else "Add one: an action of kind gpio",
            )
        return outputs if name is None else {name: outputs[name]}
