"""Every exception of catseye, so that a caller can catch the base or the kind it can mend.

Each kind carries the exit code of a command that it ends. 2 is wrong usage: what was asked for can
never be right, whatever lies on the disk: a value out of range, an unknown name, options that
contradict each other. 1 is a run that failed: a file that is missing, occupied or damaged, data
that cannot be used, a device that was lost. So a script may try again after 1, and not after 2;
that is why a configuration that is missing or wrong is 2 as well, and a memory that a newer catseye
has written: nobody but its owner mends it.
"""

from typing import ClassVar


class CatseyeError(Exception):
    """Something the user can mend; its text says what, what was received and how to fix it.

    Args:
        rule: What holds, or what could not be done, as a sentence without its full stop.
        received: What was found instead.
        fix: What the user can do about it.

    Attributes:
        exit_code: Of the command line, 1 for a run that failed, 2 for wrong usage.

    Example:
        >>> print(CatseyeError("--threads must be at least 1", received="0", fix="Use 1 or more"))
        --threads must be at least 1. Received: 0. Use 1 or more.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, rule: str, *, received: str, fix: str) -> None:
        super().__init__(rule, received, fix)
        self.rule = rule
        self.received = received
        self.fix = fix

    def __str__(self) -> str:
        """Join the three parts into sentences."""
        parts = (self.rule, f"Received: {self.received.strip() or 'nothing'}", self.fix)
        return " ".join(part.rstrip(". ") + "." for part in parts)


class SettingError(CatseyeError, ValueError):
    """An option or argument that can never be used as it is: wrong usage."""

    exit_code = 2


class PictureError(CatseyeError, ValueError):
    """A picture file that cannot be decoded."""


class DataError(CatseyeError, ValueError):
    """A data folder, label list or split that cannot be used."""


class RunFolderError(CatseyeError, ValueError):
    """A run folder that is missing, occupied or incomplete."""


class ModelFileError(CatseyeError, ValueError):
    """A model file that is damaged, foreign or does not keep the contract."""


class NotVerifiableError(ModelFileError):
    """A model file that may be good, but is newer than this catseye or its runtime."""


class ParityError(CatseyeError, ValueError):
    """A quantized model that does not agree with its original."""


class SourceError(CatseyeError, OSError):
    """A camera, stream, recording or folder that cannot be opened or was lost."""


class SourceRefusedError(SourceError):
    """A source that only a person can mend: permission, credentials, an address that is wrong."""


class WorkerError(CatseyeError, ConnectionError):
    """A machine that did not come to train with others, differs from them, or was lost."""


class OutputError(CatseyeError, OSError):
    """A file that cannot be written where it was asked for."""


class DivergenceError(CatseyeError, ArithmeticError):
    """A training whose loss is no number any more."""


class MissingExtraError(CatseyeError, ImportError):
    """An optional dependency that is not installed."""


class ConfigError(SettingError):
    """A configuration file with errors; the text lists all of them.

    Args:
        rule: What holds for the whole.
        received: Such as how many errors.
        fix: What the user can do about it.
        problems: Each error, a line each.
    """

    def __init__(
        self, rule: str, *, received: str, fix: str, problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__(rule, received=received, fix=fix)
        self.problems = problems

    def __str__(self) -> str:
        """Write the three parts, then every problem in a line of its own."""
        return "\n".join((super().__str__(), *self.problems))


class ActionError(CatseyeError, OSError):
    """An action that could not be done, or lacks what it needs."""


class GuardError(ActionError):
    """An output that cannot be claimed or switched."""


class StoreError(CatseyeError, OSError):
    """The memory of events cannot be opened, read or written."""


class NewerStoreError(StoreError):
    """A memory, or messages that wait, of a newer catseye; trying again does not help."""

    exit_code = 2


class NotRunningError(CatseyeError, ConnectionError):
    """No running instance answers."""


class ServiceError(CatseyeError, OSError):
    """A service that cannot be installed, asked or removed."""
