import signal
import threading

import pytest

from edge.cli.signals import EndOnSignal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_sets_the_event(number):
    stop = threading.Event()
    with EndOnSignal(stop):
        signal.raise_signal(number)
        assert stop.is_set()


def test_a_second_signal_interrupts():
    stop = threading.Event()
    with EndOnSignal(stop):
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_does_not_look_at_the_event_is_interrupted_at_once():
    stop = threading.Event()
    with EndOnSignal(stop) as signals:
        with pytest.raises(KeyboardInterrupt), signals.interrupting():
            signal.raise_signal(signal.SIGINT)
        assert stop.is_set()


def test_what_begins_after_the_signal_is_not_begun():
    with EndOnSignal(threading.Event()) as signals:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), signals.interrupting():
            pytest.fail("begun")


def test_the_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with EndOnSignal(threading.Event()):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
