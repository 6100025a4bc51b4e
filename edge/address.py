"""Addresses of sources: what kind an address names, and what of it may be shown.

Nothing here touches a device, the network or the disk.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.errors import SettingError

CHOICES = (
    "a camera (0, 1, ..., /dev/video0), picamera2:, rtsp://..., http://..., a video file, "
    "a folder of pictures, or demo: (a scene made by the program)"
)
"""What can be given as a source, in words."""

CAMERA = "camera"
PICAMERA = "picamera2"
RTSP = "rtsp"
HTTP = "http"
DEMO = "demo"
CUSTOM = "custom"
GLOB = "glob"
PATH = "path"

_LIVE = frozenset({CAMERA, PICAMERA, RTSP, HTTP, CUSTOM})
_STREAMS = {"rtsp": RTSP, "rtsps": RTSP, "http": HTTP, "https": HTTP}

_CAMERA_ADDRESS = re.compile(r"(?:camera:)?(\d{1,9})|(/dev/.+)", re.DOTALL)
_PICAMERA_ADDRESS = re.compile(r"picamera2:(\d{0,9})")
_CLASS = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+:[^\W\d]\w*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least: C: is a drive
_NO_URL = re.compile(r"[\s\x00-\x20\x7f\ud800-\udfff]")  # the last: bytes that are not UTF-8
_NUMBERED = frozenset({CAMERA, PICAMERA})

_HIDDEN = "***"
# From the start of a word on and without going back, so that a long one takes no long time.
_URL = re.compile(r"((?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://)(\S*)")
_VALUE = re.compile(r"([^/?&;#=]*)=([^&;#?]*)")
_HARMLESS_NAMES = frozenset(
    {"action", "camera", "ch", "channel", "compression", "fps", "height", "media", "mode"}
    | {"profile", "proto", "protocol", "quality", "rate", "resolution", "rotation", "size"}
    | {"stream", "streamtype", "subtype", "transport", "transportmode", "type", "unicast", "width"}
)


@dataclass(frozen=True, slots=True)
class Address:
    """What an address names.

    Attributes:
        kind: "camera", "picamera2", "rtsp", "http", "demo", "custom", "glob" or "path".
        target: What is opened: number or path of a camera, a URL, a class, a pattern or a path.
        shown: The address as it may stand in a message.
    """

    kind: str
    target: str
    shown: str


def parse_address(text: str) -> Address:
    """Tell what kind of source an address names; whether there is one is not looked at.

    Args:
        text: "0", "camera:0", "/dev/video0", "picamera2:1", "rtsp://user:password@door/stream",
            "http://door/snapshot.jpg", "clip.mp4", "photos", "photos/*.jpg", "demo:", or a class
            of your own, "package.module:Class". "./" in front makes a path of any text.

    Raises:
        SettingError: It is empty, of no known kind, or no URL.

    Example:
        >>> parse_address("camera:2")
        Address(kind='camera', target='2', shown='camera 2')
        >>> parse_address("rtsp://me:secret@door/1").shown
        'rtsp://***@door/1'
    """
    camera = _CAMERA_ADDRESS.fullmatch(text)
    if camera:
        target = camera[1] or camera[2]
        return Address(CAMERA, target, f"camera {target}")
    picamera = _PICAMERA_ADDRESS.fullmatch(text)
    if picamera:
        return Address(PICAMERA, picamera[1] or "0", f"camera picamera2:{picamera[1]}")
    if text == "demo:":
        return Address(DEMO, text, text)
    if _CLASS.fullmatch(text):
        return Address(CUSTOM, text, text)
    scheme = _SCHEME.match(text)
    kind = _STREAMS.get(scheme[1].lower()) if scheme else None
    if kind:
        _check_url(text)
        return Address(kind, text, redact(text))
    if not text:
        raise _unknown("an empty text")
    if scheme and scheme[1].lower() in _NUMBERED:
        raise _unknown(f"something else than a number after {scheme[0]}")
    return Address(GLOB if re.search(r"[*?\[]", text) else PATH, text, _redact_path(text))


def is_live(address: str) -> bool:
    """Whether a source goes on by itself, whoever reads it: a camera or a stream.

    A class of your own counts as live. The others are recordings, which end.

    Raises:
        SettingError: See `parse_address`.

    Example:
        >>> [is_live(address) for address in ("0", "http://door/video", "clip.mp4", "demo:")]
        [True, True, False, False]
    """
    return parse_address(address).kind in _LIVE


def redact(text: str) -> str:
    """Hide user, password and query values of every URL in a text.

    A URL reaches to the next white space. Hidden is everything before its last "@", and every
    value but those of names that are known to be harmless, such as "channel"; rather too much is
    hidden than too little.

    Example:
        >>> redact("rtsp://me:secret@door/live?channel=1&token=abc is away")
        'rtsp://***@door/live?channel=1&token=*** is away'
    """
    return _URL.sub(lambda url: url[1] + _redact_rest(url[2]), text)


def unknown_scheme(text: str) -> SettingError | None:
    """Make the error for a text that starts as a URL does, of no known scheme; else `None`.

    What follows the scheme may hold a password and is not shown.
    """
    scheme = _SCHEME.match(text)
    return _unknown(f"an address that starts with {scheme[0]}") if scheme else None


def _unknown(received: str) -> SettingError:
    return SettingError(f"A source is {CHOICES}", received=received, fix="Choose one of these")


def _check_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not fit, a port that is no number
        is_usable = False
    if not is_usable or "//" not in text or _NO_URL.search(text):
        scheme = text.partition(":")[0]
        raise SettingError(
            f"The address of a stream must be a URL: {scheme}://host:port/path, with "
            "user:password@ before the host if the camera asks for them",
            received=f"something else after {scheme}:",
            fix="Write special characters of user and password in percent: @ is %40, / is %2F, "
            "# is %23, a space is %20",
        )


def _redact_rest(rest: str) -> str:
    *secrets, public = rest.rsplit("@", 1)
    start, mark, query = _split_query(public)
    start = _VALUE.sub(_hide_value, start)
    if mark and "=" not in query:
        query = _HIDDEN if query else ""
    return (f"{_HIDDEN}@" if secrets else "") + start + mark + _VALUE.sub(_hide_value, query)


def _split_query(text: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]


def _hide_value(pair: re.Match[str]) -> str:
    is_hidden = pair[2].rstrip(".,:)") == _HIDDEN  # in a text that was redacted before
    if not pair[2] or is_hidden or pair[1].lower() in _HARMLESS_NAMES:
        return pair[0]
    return f"{pair[1]}={_HIDDEN}"


def _redact_path(text: str) -> str:
    """Hide what would be secret, were this a URL whose scheme was left out."""
    text = redact(text)
    return text if text.startswith((".", "/")) else _redact_rest(text)
