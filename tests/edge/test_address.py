"""What an address names, and what of it may be shown."""

from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.address import is_live, parse_address, redact
from edge.errors import SettingError

# (address, kind, target, live)
ADDRESSES = [
    ("0", "camera", "0", True),
    ("camera:2", "camera", "2", True),
    ("/dev/video0", "camera", "/dev/video0", True),
    ("/dev/v4l/by-id/usb-046d_C270-video-index0", "camera", None, True),
    ("picamera2:", "picamera2", "0", True),
    ("picamera2:1", "picamera2", "1", True),
    ("rtsp://door:8554/live", "rtsp", None, True),
    ("RTSPS://door/live", "rtsp", None, True),
    ("http://door/", "http", None, True),
    ("https://[fe80::1]:8443/v.mjpg", "http", None, True),
    ("mine.lens:Lens", "custom", None, True),
    ("demo:", "demo", None, False),
    ("clip.mp4", "path", None, False),
    ("photos", "path", None, False),
    ("C:\\clips\\a.mp4", "path", None, False),
    ("./mine.lens:Lens", "path", None, False),
    ("photos/*.jpg", "glob", None, False),
    ("photos/**/cat[0-9].png", "glob", None, False),
]


@pytest.mark.parametrize(("address", "kind", "target", "live"), ADDRESSES)
def test_an_address_names_its_kind(address, kind, target, live):
    parsed = parse_address(address)
    assert (parsed.kind, parsed.target) == (kind, target or address)
    assert is_live(address) is live


@pytest.mark.parametrize(
    "address",
    [
        "rtsp:",
        "rtsp://",
        "http:/door",
        "http:///path",
        "http://door:port/",
        "http://door:0/",
        "http://[door/",
        "rtsp://me:se cret@door/",
        "rtsp://me:secret\n@door/",
        "rtsp://me:sec/ret@door/",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_shown(address):
    with pytest.raises(SettingError, match="must be a URL") as refused:
        parse_address(address)
    assert "ret@" not in str(refused.value)


# (text, what is shown of it)
SHOWN = [
    ("no address at all", "no address at all"),
    ("http://door:80/a/b?channel=1", "http://door:80/a/b?channel=1"),
    ("http://me@door/", "http://***@door/"),
    ("http://me:secret@door/", "http://***@door/"),
    ("http://me:sec@ret@door/", "http://***@door/"),
    ("http://me:sec/r#e?t@door/", "http://***@door/"),  # not in percent: rather too much
    ("http://door/v?user=me&pwd=secret&width=640", "http://door/v?user=***&pwd=***&width=640"),
    ("http://door/v?secret", "http://door/v?***"),
    ("http://door/v#secret", "http://door/v#***"),
    (
        "rtsp://door/user=me&password=secret&channel=1",
        "rtsp://door/user=***&password=***&channel=1",
    ),
    ("rtsp://door/user=me_password=secret_channel=1.sdp", "rtsp://door/user=***"),
    ("a: http://a:b@c/ b: rtsp://d:e@f/", "a: http://***@c/ b: rtsp://***@f/"),
    ("tcp://a:b@c:9?timeout=0", "tcp://***@c:9?timeout=***"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_secrets_are_hidden(text, shown):
    assert redact(text) == shown
    assert redact(shown) == shown


visible = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=12)
secret_texts = visible.filter(lambda text: not text.isspace() and " " not in text.strip())
MARKED = "Zq7"  # stands in no other part of an address


@given(visible, visible, st.booleans(), st.sampled_from(["rtsp", "http", "https", "HTTP"]))
def test_user_and_password_never_show(user, password, is_encoded, scheme):
    assume(not any(sign.isspace() for sign in user + password))
    secrets = (MARKED + user + MARKED, MARKED + password + MARKED)
    written = [quote(text, "") if is_encoded else text for text in secrets]
    shown = redact(f"went: {scheme}://{written[0]}:{written[1]}@door:80/live?channel=1 at noon")
    assert MARKED not in shown
    assert "door:80/live?channel=1 at noon" in shown


@given(st.from_regex(r"[a-z_]{1,10}", fullmatch=True), visible)
def test_query_values_never_show_but_for_harmless_names(name, value):
    assume(not any(sign.isspace() or sign in "&;#?" for sign in value))
    shown = redact(f"http://door/v?{name}={MARKED}{value}&channel=2")
    harmless = {"action", "camera", "ch", "channel", "compression", "fps", "height", "media"}
    harmless |= {"mode", "profile", "proto", "protocol", "quality", "rate", "resolution", "type"}
    harmless |= {"rotation", "size", "stream", "streamtype", "subtype", "transport", "unicast"}
    harmless |= {"transportmode", "width"}
    assert (MARKED in shown) == (name in harmless and "@" not in value)


@given(st.text(max_size=80))
def test_hiding_twice_hides_no_more(text):
    assert redact(redact(text)) == redact(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text):
    try:
        parsed = parse_address(text)
    except SettingError:
        return
    assert is_live(text) is (parsed.kind in ("camera", "picamera2", "rtsp", "http", "custom"))


def test_redact_takes_no_long_time_for_a_long_word():
    word = "a1." * 300_000
    assert redact(f"{word} {word}rtsp://me:secret@door") == f"{word} {word}rtsp://***@door"
