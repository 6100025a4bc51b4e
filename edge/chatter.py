"""Keeps what native libraries write by themselves off the terminal."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator

from edge.errors import CatseyeError

_STANDARD_ERROR = 2


@contextlib.contextmanager
def chatter_kept_back() -> Iterator[Callable[[], str]]:
    """Hold back standard error of native code, and warnings; what goes wrong is still raised.

    When the block fails in a way that has no message of ours, what was held back is written after
    all: it may say why.

    Yields:
        A function that returns what was written until then.

    Example:
        >>> import os
        >>> with chatter_kept_back() as read:
        ...     _ = os.write(2, b"greetings")
        ...     read()
        'greetings'
    """
    with tempfile.TemporaryFile() as held, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.stderr.flush()
        kept = os.dup(_STANDARD_ERROR)
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
            sys.stderr.flush()
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
            if is_unexplained:
                os.write(_STANDARD_ERROR, read().encode())
