"""A small RTSP camera for the tests, of GStreamer's; run it with a Python that has its bindings.

    /usr/bin/python3 rtspd.py ENCODER [USER PASSWORD]

It prints its port, and serves `/live` until its standard input ends: half red, half blue, above
them a counter in eight columns as in `mjpegd`; 320 times 240, 25 frames per second.
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

SIZE_WH = (320, 240)
RATE_HZ = 25
ENCODERS = {
    "jpeg": "jpegenc quality=95 ! rtpjpegpay name=pay0",
    "h264": "x264enc tune=zerolatency key-int-max=25 bitrate=2000 ! rtph264pay name=pay0",
}


def make_picture(number):
    """Return RGB bytes of a picture: counter above, red and blue below."""
    width, height = SIZE_WH
    column = width // 8
    counter = b"".join(
        (b"\xff\xff\xff" if number >> bit & 1 else b"\0\0\0") * column for bit in range(8)
    )
    halves = b"\xff\0\0" * (width // 2) + b"\0\0\xff" * (width // 2)
    return counter * (height // 2) + halves * (height // 2)


class Camera(GstRtspServer.RTSPMediaFactory):
    """Makes the pictures that each client gets; all share one counter."""

    def __init__(self, encoder):
        super().__init__()
        self.set_shared(True)
        width, height = SIZE_WH
        self.set_launch(
            "( appsrc name=source is-live=true do-timestamp=true format=time caps=video/x-raw,"
            f"format=RGB,width={width},height={height},framerate={RATE_HZ}/1 ! videoconvert ! "
            f"video/x-raw,format=I420 ! {ENCODERS[encoder]} pt=96 )"
        )
        self._number = 0

    def do_configure(self, media):
        """Feed the source by a timer."""
        source = media.get_element().get_by_name("source")
        GLib.timeout_add(1000 // RATE_HZ, self._push, source)

    def _push(self, source):
        data = Gst.Buffer.new_wrapped(make_picture(self._number % 256))
        self._number += 1
        return source.emit("push-buffer", data) == Gst.FlowReturn.OK


def protect(server, factory, user, password):
    """Let in who knows user and password, by Basic and by Digest."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("user", permission, True)
    factory.set_permissions(permissions)


def main(encoder, user="", password=""):
    """Serve until standard input ends."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = Camera(encoder)
    server.get_mount_points().add_factory("/live", factory)
    if user:
        protect(server, factory, user, password)
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201
    loop = GLib.MainLoop()
    threading.Thread(target=_end_with_input, args=(loop,), daemon=True).start()
    loop.run()


def _end_with_input(loop):
    sys.stdin.read()
    GLib.idle_add(loop.quit)  # by the loop itself, as it may not run yet


if __name__ == "__main__":
    main(*sys.argv[1:])
