"""How machines find each other before a training: `TF_CONFIG`, and who calls whom."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from workers import free_ports

from edge.clock import SystemClock
from edge.errors import SettingError, WorkerError
from train.cluster import EXAMPLE, Cluster, read_cluster
from train.roll_call import meet

FACTS = {"version of catseye": "1"}


def config(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


TWO = {"worker": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    ("text", "received"),
    [
        (None, "it is not set"),
        ("", "it is not set"),
        ("{cluster", "no JSON, "),
        ("[]", "Received: []"),
        ('{"cluster": {"worker": ["a:1"]}}', '"worker": ["a:1"]'),  # no task
        (config({}), '"cluster": {}'),
        (config({"worker": ["a"]}), '["a"]'),  # no port
        (config({"worker": ["a:0"]}), '["a:0"]'),
        (config({"worker": [":1"]}), '[":1"]'),
        (config({"worker": "a:1"}), '"a:1"'),
        (config({"worker": [1]}), "[1]"),
        (config({"worker": ["a:1", "a:1"]}), "an address twice in a:1, a:1"),
        (config(TWO, index=2), "the task index 2 where there are 2 of type worker"),
        (config(TWO, index=-1), "the task index -1 where"),
        (config(TWO, index="0"), "the task index 0 where"),  # a text
        (config(TWO, kind="ps"), 'the task type "ps", which does not train'),
        (config(TWO, kind="chief"), "the task index 0 where there are 0 of type chief"),
    ],
)
def test_wrong_tf_config_is_refused_with_an_example(text, received):
    with pytest.raises(SettingError, match="takes the machines from TF_CONFIG") as refused:
        read_cluster(text)
    assert received in str(refused.value)
    assert EXAMPLE in refused.value.fix


def test_a_chief_is_the_first_machine():
    cluster = {"chief": ["a:1"], "worker": ["b:2", "c:3"]}
    found = [read_cluster(config(cluster, *task)) for task in (("chief", 0), ("worker", 1))]
    assert [(c.addresses, c.index, c.has_chief) for c in found] == [
        (("a:1", "b:2", "c:3"), 0, True),
        (("a:1", "b:2", "c:3"), 2, True),
    ]


@pytest.fixture
def addresses():
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


def call(addresses, index, *, facts=FACTS, wait_seconds=20.0):
    """Call the roll as one of the machines; return what was said."""
    said = []
    meet(
        Cluster(addresses, index),
        facts,
        clock=SystemClock(),
        say=said.append,
        wait_seconds=wait_seconds,
    )
    return said


def call_all(addresses, *calls):
    """Call the roll on several machines at once; return what each came to."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call, addresses, **options) for options in calls]
        return [future.exception() or future.result() for future in futures]


def test_machines_meet_and_say_whom_they_wait_for(addresses):
    first, *others = call_all(addresses, *({"index": index} for index in range(3)))
    assert first[0] == (f"waiting for worker 1 ({addresses[1]}), worker 2 ({addresses[2]})")
    assert others == [[f"waiting for worker 0 ({addresses[0]})"]] * 2


def test_first_machine_names_those_that_do_not_come(addresses):
    first, second = call_all(
        addresses, {"index": 0, "wait_seconds": 1.5}, {"index": 1, "wait_seconds": 2.5}
    )
    assert isinstance(first, WorkerError)
    assert f"nothing from worker 2 ({addresses[2]}) within 2 s" in str(first)
    assert "Start the same command there" in first.fix
    assert isinstance(second, WorkerError)
    assert f"nothing from worker 0 ({addresses[0]})" in str(second)


def test_a_machine_alone_names_the_first(addresses):
    with pytest.raises(WorkerError, match=r"nothing from worker 0 .* within 0 s"):
        call(addresses, 1, wait_seconds=0.2)


def test_machines_that_differ_both_say_so(addresses):
    found = call_all(
        addresses[:2], {"index": 0}, {"index": 1, "facts": {"version of catseye": "2"}}
    )
    for error in found:
        assert isinstance(error, WorkerError)
        assert "another version of catseye on worker 1 at" in str(error)
        assert ": 2, here 1" in str(error)


def hello(addresses, index, content=None):
    """Call the first machine by hand."""
    while True:  # until it listens; the test's own time limit ends it
        try:
            line = socket.create_connection(Cluster(addresses, 0).place(0), 5)
        except ConnectionRefusedError:
            continue
        facts = {**FACTS, "list of machines": Cluster(addresses, 0).digest}
        text = json.dumps({"index": index, "facts": facts}) if content is None else content
        line.sendall(text.encode() + b"\n")
        return line


def listen(addresses, index):
    return closing(socket.create_server(Cluster(addresses, index).place(index)))


def test_an_index_given_twice_is_refused(addresses):
    with ThreadPoolExecutor(1) as pool, listen(addresses, 1):
        first = pool.submit(call, addresses, 0)
        with hello(addresses, 1), hello(addresses, 1) as second:
            answer = json.loads(second.makefile().readline())
        error = first.exception()
    assert isinstance(error, WorkerError)
    assert "worker 1 for the second time" in str(error)
    assert answer["rule"] == error.rule


def test_the_first_index_given_twice_is_refused(addresses):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, addresses, 0)
        with hello(addresses, 0):
            error = first.exception()
    assert "Give each machine its own index in TF_CONFIG, the first 0" in str(error)


def test_a_machine_that_cannot_be_called_back_is_refused(addresses):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, addresses, 0)
        with hello(addresses, 2):  # which does not listen at its own address
            error = first.exception()
    assert isinstance(error, WorkerError)
    assert f"no connection to worker 2 ({addresses[2]}), which called from" in str(error)
    assert "firewall" in error.fix


def test_strangers_and_those_that_leave_do_not_disturb(addresses):
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(call, addresses, 0)
        hello(addresses, 1, "GET / HTTP/1.1").close()
        with listen(addresses, 1):
            hello(addresses, 1).close()
        others = [pool.submit(call, addresses, index) for index in (1, 2)]
        assert first.result()
        assert all(other.result() for other in others)


def test_a_port_that_is_taken_is_named(addresses):
    with listen(addresses, 0), pytest.raises(WorkerError, match=r"worker 0 .*in use"):
        call(addresses, 0)
