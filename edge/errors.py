"""Every exception of catseye, so that a caller can catch the base or the kind it can mend."""


class CatseyeError(Exception):
    """Something the user can mend; its text says what, what was received and how to fix it.

    Args:
        rule: What holds, or what could not be done, as a sentence without its full stop.
        received: What was found instead.
        fix: What the user can do about it.

    Example:
        >>> print(CatseyeError("--threads must be at least 1", received="0", fix="Use 1 or more"))
        --threads must be at least 1. Received: 0. Use 1 or more.
    """

    def __init__(self, rule: str, *, received: str, fix: str) -> None:
        super().__init__(rule, received, fix)
        self.rule = rule
        self.received = received
        self.fix = fix

    def __str__(self) -> str:
        """Join the three parts into sentences."""
        parts = (self.rule, f"Received: {self.received}", self.fix)
        return " ".join(part.rstrip(". ") + "." for part in parts)


class SettingError(CatseyeError, ValueError):
    """An option or argument that cannot be used; the command line exits with 2."""


class PictureError(CatseyeError, ValueError):
    """A picture file that cannot be decoded."""


class DataError(CatseyeError, ValueError):
    """A data folder, label list or split that cannot be used."""


class RunFolderError(CatseyeError, ValueError):
    """A run folder that is missing, occupied or incomplete."""


class ModelFileError(CatseyeError, ValueError):
    """A model file that is damaged, foreign or does not keep the contract."""


class ParityError(CatseyeError, ValueError):
    """A quantized model that does not agree with its original."""


class SourceError(CatseyeError, OSError):
    """A camera, recording or folder that cannot be opened or was lost."""


class WorkerError(CatseyeError, ConnectionError):
    """A machine that did not come to train with others, differs from them, or was lost."""


class ReportError(CatseyeError, OSError):
    """A page that cannot be written."""


class MissingExtraError(CatseyeError, ImportError):
    """An optional dependency that is not installed."""
