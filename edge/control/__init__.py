"""A running instance listens at a socket in its store folder: for `edge status` and `edge door`."""

from edge.control.client import ask
from edge.control.lock import FolderLock
from edge.control.server import ControlServer
from edge.control.wire import SOCKET_NAME

__all__ = ["SOCKET_NAME", "ControlServer", "FolderLock", "ask"]
