"""What to install when something is missing: catseye itself or one of its extras."""

import os
from importlib.util import find_spec

from edge.errors import MissingExtraError

INSTALL_PICAMERA = (
    "sudo apt install python3-picamera2, and make the environment with "
    "python3 -m venv --system-site-packages"
)
"""How picamera2, which is no package of pip's, is installed."""

_DESKTOP_MODULES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "matplotlib")

# tfmot understands Keras 2 only; oneDNN, off by default on processors without AVX-512, trains
# a depthwise network 1.5 times as fast with AVX2 (benchmarks/training_speed.py).
_TENSORFLOW_ENVIRONMENT = {
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def install_hint(extra: str = "") -> str:
    """Return the command that installs catseye, with an extra if one is named.

    Catseye is installed from a clone of its repository; no package index has it.

    Example:
        >>> install_hint("window")
        "pip install '.[window]' (in your clone of catseye)"
    """
    wanted = f"'.[{extra}]'" if extra else "."
    return f"pip install {wanted} (in your clone of catseye)"


def require_desktop() -> None:
    """Prepare the process for TensorFlow; call it before the first `import tensorflow`.

    Raises:
        MissingExtraError: The extra `desktop` is not installed.
    """
    missing = [module for module in _DESKTOP_MODULES if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            "Training and conversion need the extra 'desktop'",
            received="an installation without " + ", ".join(missing),
            fix=f"On the desktop machine run: {install_hint('desktop')}",
        )
    for name, value in _TENSORFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
