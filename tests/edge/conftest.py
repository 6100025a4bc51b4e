"""Fixtures that several files of tests share."""

from broker import broker, new_broker, subscribe
from mqtt_actions import make_action

__all__ = ["broker", "make_action", "new_broker", "subscribe"]
