"""Makes sure that a model works on this machine before it is loaded for the first time.

A damaged model can abort the process that loads it, and a flipped bit often changes its answers
without any error. So a file not seen before first proves itself on its golden examples in a child
process; the verdict is remembered by the file's hash and the runtime, and the next start is free.
"""

import logging

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 120.0
"""For the child process; a Pi Zero needs some seconds, an emulated one half a minute."""

_MEMORY_BYTES = 1 << 30  # beyond what the child has mapped once everything is imported
