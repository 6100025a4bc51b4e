"""Keeps what native libraries write by themselves off the terminal."""

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.errors import CatseyeError

_STANDARD_ERROR = 2


@contextmanager
def chatter_kept_back() -> Iterator[Callable[[], str]]:
    """Hold back standard error of native code, and warnings; what goes wrong is still raised.

    When the block fails in a way that has no message of ours, what was held back is written after
    all: it may say why. Where standard error is closed there is nothing to hold back.

    Yields:
        A function that returns what was written until then.

    Example:
        >>> import os
        >>> with chatter_kept_back() as read:
        ...     _ = os.write(2, b"greetings")
        ...     read()
        'greetings'
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kept = os.dup(_STANDARD_ERROR)
        except OSError:  # standard error is closed
            yield str  # which reads as nothing
            return
        with _redirected(kept) as read:
            yield read


@contextmanager
def _redirected(kept: int) -> Iterator[Callable[[], str]]:
    """Send standard error into a file, and afterwards to `kept` again, which is closed."""
    with tempfile.TemporaryFile() as held:
        _flush()
        os.dup2(held.fileno(), _STANDARD_ERROR)
        is_unexplained = False

        def read() -> str:
            held.seek(0)
            return held.read().decode(errors="replace")

        try:
            yield read
        except CatseyeError:
            raise
        except Exception:
            is_unexplained = True
            raise
        finally:
            _flush()
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
            if is_unexplained:
                os.write(_STANDARD_ERROR, read().encode())


def _flush() -> None:
    if sys.stderr is not None:  # a program without a terminal has none
        sys.stderr.flush()
