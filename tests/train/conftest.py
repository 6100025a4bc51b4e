"""TensorFlow as training wants it, before anybody imports it."""

import pytest

from edge.errors import MissingExtraError
from edge.extras import require_desktop

try:
    require_desktop()
except MissingExtraError as missing:
    pytest.skip(str(missing), allow_module_level=True)
