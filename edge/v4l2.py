"""What a video device of Linux says about itself.

Not each `/dev/video*` is a camera: the codecs of a Raspberry Pi are there, too, and a webcam has a
second one for metadata. The structure is `v4l2_capability`,
https://docs.kernel.org/userspace-api/media/v4l/vidioc-querycap.html
"""

import os
import struct
from pathlib import Path

_CAPABILITY = struct.Struct("=16s32s32s6I")  # driver, card, bus; version, device, node, reserved
_QUERYCAP = 2 << 30 | _CAPABILITY.size << 16 | ord("V") << 8  # _IOR('V', 0, ...), x86 and ARM
_VIDEO_CAPTURE = 0x0000_0001
_VIDEO_CAPTURE_MPLANE = 0x0000_1000
_DEVICE_CAPS = 0x8000_0000


def query_capability(device: Path) -> bytes | None:
    """Ask a video device what it is; nothing is switched on, and one in use answers as well.

    Args:
        device: Such as `/dev/video0`.

    Returns:
        The structure as the driver filled it in; `None` where nobody answers.
    """
    import fcntl  # which Windows has not

    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return fcntl.ioctl(descriptor, _QUERYCAP, bytes(_CAPABILITY.size))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def can_capture(capability: bytes) -> bool:
    """Tell from the answer of `query_capability` whether pictures come from this very node.

    Drivers older than Linux 3.4 know the capabilities of the device as a whole only.
    """
    *_, whole, node, _, _, _ = _CAPABILITY.unpack(capability)
    flags = node if whole & _DEVICE_CAPS else whole
    return bool(flags & (_VIDEO_CAPTURE | _VIDEO_CAPTURE_MPLANE))
