"""Keeps what native libraries write by themselves off the terminal."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator

_STANDARD_ERROR = 2


@contextlib.contextmanager
def chatter_kept_back() -> Iterator[Callable[[], str]]:
    """Hold back standard error of native code, and warnings; what goes wrong is still raised.

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

        def read() -> str:
            held.seek(0)
            return held.read().decode(errors="replace")

        try:
            yield read
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
