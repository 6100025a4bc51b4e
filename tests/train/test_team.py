"""What a team of machines says when they do not fit together, without any machines."""

import threading
from types import SimpleNamespace

import pytest
import tensorflow as tf

from edge.errors import DataError, SettingError, WorkerError
from train.cluster import Cluster
from train.distribution import Team

TWO = Cluster(("a:1", "b:2"), index=1)


def make_team(cluster=TWO, replicas=4):
    strategy = SimpleNamespace(num_replicas_in_sync=replicas)
    return Team(strategy, asked=threading.Event(), cluster=cluster)


def test_a_team_knows_its_part():
    team = make_team()
    assert (team.portion.worker, team.portion.workers) == (1, 2)
    assert (team.replicas, team.local_replicas) == (4, 2)


@pytest.mark.parametrize(
    ("text", "cluster", "said"),
    [
        (  # what TensorFlow 2.21 says when a process was killed
            "Graph execution error:\n\nDetected at node CollectiveReduceV2\n"
            "Collective ops is aborted by: recvmsg:Connection reset by peer\n"
            "Additional GRPC error information from remote target /job:worker/replica:0/task:0 "
            "while calling /tensorflow.WorkerService/RecvBuf:",
            TWO,
            "on worker 1: worker 0 (a:1) is lost: Collective ops is aborted by: recvmsg:Conn",
        ),
        (  # and when it was stopped
            "Collective ops is aborted by: Error reported from /job:worker/task:0: The following",
            Cluster(("a:1", "b:2", "c:3"), index=2, has_chief=True),
            "on worker 2: worker 1 (b:2) is lost: Collective ops is aborted by: Error reported",
        ),
        ("no idea\nreally", TWO, "on worker 1: no idea."),
    ],
)
def test_a_lost_machine_is_named(text, cluster, said):
    with (
        pytest.raises(WorkerError, match="need each other until the end") as lost,
        make_team(cluster).watching(),
    ):
        raise tf.errors.UnavailableError(None, None, text)
    assert said in str(lost.value)
    assert "--resume without --distribute" in lost.value.fix


def test_errors_of_one_machine_alone_are_its_own():
    with pytest.raises(tf.errors.UnavailableError), make_team(cluster=None).watching():
        raise tf.errors.UnavailableError(None, None, "a file")


def test_machines_that_would_learn_something_else_are_refused(monkeypatch):
    team = make_team()
    monkeypatch.setattr(team, "hand_out", lambda content: b"theirs")
    team.check_is_same("theirs", what="network")
    with pytest.raises(DataError, match="another network on worker 1 than on worker 0"):
        team.check_is_same("ours", what="network")


def test_batches_that_are_too_small_to_divide_are_refused():
    make_team().check_batch(8)
    with pytest.raises(SettingError, match=r"batches of 7 for 4 replicas.*--batch-size 8 or more"):
        make_team().check_batch(7)
