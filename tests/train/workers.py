"""Real `edge train` processes on loopback that train together."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager

END_SECONDS = 240  # on a busy machine


def free_ports(count):
    """Return ports that nobody uses."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [server.getsockname()[1] for server in servers]


@contextmanager
def workers(commands, *, folder=None):
    """Start a process per command, the workers of one training; none outlives the block.

    Args:
        commands: What follows `edge`, the first worker's first.
        folder: That they are started in.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(commands))]
    with ExitStack() as stack:
        processes = []
        for index, command in enumerate(commands):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            process = subprocess.Popen(
                [sys.executable, "-m", "edge", *map(str, command)],
                cwd=folder,
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield processes


def finish(process, *, within_seconds=END_SECONDS):
    """Wait for a process; return exit code, standard output and standard error."""
    out, err = process.communicate(timeout=within_seconds)
    assert "Traceback" not in err
    return process.returncode, out, err
