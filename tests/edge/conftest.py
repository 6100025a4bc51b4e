"""Fixtures that several files of tests share."""

from broker import broker, new_broker, subscribe
from mqtt_actions import make_action
from whole_door import colours, door

__all__ = ["broker", "colours", "door", "make_action", "new_broker", "subscribe"]
