"""Fixtures that several files of tests share."""

from broker import broker, new_broker, subscribe
from mqtt_actions import make_action
from whole_run import colours, stage, whole_run

__all__ = [
    "broker",
    "colours",
    "make_action",
    "new_broker",
    "stage",
    "subscribe",
    "whole_run",
]
