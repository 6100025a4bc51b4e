"""A running instance listens at a socket in its store folder: for `edge status` and `edge door`."""

from edge.control.answers import Answers
from edge.control.client import ask
from edge.control.lock import FolderLock
from edge.control.outputs import Outputs
from edge.control.server import ControlServer
from edge.control.wire import SOCKET_NAME

__all__ = ["SOCKET_NAME", "Answers", "ControlServer", "FolderLock", "Outputs", "ask"]
