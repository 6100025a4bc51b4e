"""Keeps what TensorFlow's native code writes while it loads off the terminal."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

_STANDARD_ERROR = 2


@contextlib.contextmanager
def chatter_kept_back() -> Iterator[None]:
    """Hold back standard error of native code; exceptions are still raised.

    When the block fails, what was held back is written after all: it may say why.

    Example:
        >>> import os
        >>> with chatter_kept_back():
        ...     _ = os.write(2, b"greetings")
    """
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        kept = os.dup(_STANDARD_ERROR)
        os.dup2(held.fileno(), _STANDARD_ERROR)
        says_why = False
        try:
            yield
        except Exception:
            says_why = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
            if says_why:
                held.seek(0)
                os.write(_STANDARD_ERROR, held.read())
