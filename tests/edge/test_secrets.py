"""A password of camera, broker or web server is seen by nobody but the one it is for."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from broker import until
from mjpegd import asking_basic
from rtsp_camera import RtspCamera
from webhookd import answering, serving
from whole_run import DOOR, EVIDENCE, family, run_edge, wait_until

CAMERA, BROKER, TOKEN = "Cam-sesame-4711", "Mqtt-sesame-4712", "Hook-sesame-4713"
SECRETS = {
    form
    for secret in (CAMERA, BROKER, TOKEN)
    for form in (
        secret,
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"me:{secret}".encode()).decode(),
    )
}
LOUD = {"EDGE_LOG": "debug", "EDGE_DEBUG": "1"}

CONFIG = """
place = "porch"
[source]
address = {address}
[model]
file = "{model}"
[[rules]]
name = "let in"
labels = ["red"]
at_most_every_seconds = 0
actions = ["door", "tell", "hub", "hook"]
[actions.tell]
kind = "file"
path = "told.jsonl"
[actions.hub]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
username = "me"
password = {password}
[actions.hook]
kind = "webhook"
url = "{url}"
token = {token}
allow = ["127.0.0.1"]
[store]
folder = "memory"
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux")


def leaks(text):
    """Return the secrets that are in a text or in bytes."""
    content = text if isinstance(text, bytes) else text.encode()
    return [secret for secret in SECRETS if secret.encode() in content]


def leaking_files(folder):
    """Return the files below a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if leaks(path.read_bytes())]


def seen_by_others(run):
    """Return the arguments of all processes of a run, as `ps` shows them."""
    pids = family(run.process.pid)
    assert len(pids) >= 4  # the run, its lens, the guard, its understudy
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


@pytest.fixture
def give(tmp_path):
    """Give a secret to the configuration, by a variable or by a file."""
    environment = dict(LOUD)

    def give_it(name, secret, way):
        if way == "env":
            environment[name] = secret
            return f'{{env = "{name}"}}'
        path = tmp_path / name.lower()
        path.write_text(f"{secret}\n")
        path.chmod(0o600)
        return f'{{file = "{path.name}"}}'

    give_it.environment = environment
    return give_it


@pytest.fixture
def hub(new_broker, tmp_path):
    """A broker that lets in who knows the password."""
    passwords = tmp_path / "broker-passwords"
    command = ["mosquitto_passwd", "-b", "-c", passwords, "me", BROKER]
    subprocess.run(command, check=True, capture_output=True)
    made = new_broker("allow_anonymous false", f"password_file {passwords}").start()
    passwords.unlink()  # mosquitto has read it
    return made


@pytest.fixture
def write(tmp_path, colours, give):
    """Write a configuration of all that takes a secret."""

    def write_it(address, *, way="env", port=1, url="http://127.0.0.1:9/", name="edge.toml"):
        path = tmp_path / name
        text = CONFIG.format(
            address=give("CAMERA_ADDRESS", address, way),
            password=give("BROKER_PASSWORD", BROKER, way),
            token=give("HOOK_TOKEN", TOKEN, way),
            **{"model": colours, "port": port, "url": url},
        )
        path.write_text(text + EVIDENCE + DOOR)
        return path

    return write_it


@pytest.mark.parametrize("way", ["env", "file"])
def test_no_secret_shows_anywhere_while_all_works(
    way, stage, hub, subscribe, give, write, whole_run
):
    stage.server.behave = asking_basic("me", CAMERA, then=stage)
    subscriber = subscribe(hub, user="me", password=BROKER)
    with serving(answering("204 No Content")) as server:
        address = stage.server.url("/video", f"me:{CAMERA}@")
        config = write(address, way=way, port=hub.port, url=server.url())
        run = whole_run(config, environment=give.environment)
        run.wait_picture("live")
        stage.colour = "red"
        for action in ("door", "tell", "hub", "hook"):
            run.wait_for("outcome", action=action, result="done")
        until(lambda: server.posted() and subscriber.payloads("catseye/porch/event"))
        shown = seen_by_others(run)
        told = run_edge("status", "--json", "--config", config, environment=LOUD)
        checked = run_edge("check", "--json", "--config", config, environment=give.environment)
        assert run.end() == 0
    assert server.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"  # it was used
    assert '"ok"' in checked.stdout
    heard = [f"{message.topic} ".encode() + message.payload for message in subscriber.received]
    assert len(heard) > 5
    everything = [shown, *heard, *run.said, *run.complained]
    everything += [told.stdout, told.stderr, checked.stdout, checked.stderr]
    assert [text for text in everything if leaks(text)] == []
    assert leaking_files(config.parent / "memory") == []
    assert leaks((config.parent / "told.jsonl").read_text()) == []


def test_no_secret_shows_while_nothing_answers_or_all_refuse(
    tmp_path, stage, new_broker, give, write, whole_run
):
    broker = new_broker("allow_anonymous false").start()  # it lets nobody in
    stage.colour = "red"
    with serving(answering("401 Unauthorized")) as server:
        address = stage.server.url("/video", f"me:{CAMERA}@")
        config = write(address, port=broker.port, url=server.url())
        run = whole_run(config, environment=give.environment)
        run.wait_for("outcome", action="hook", result="failed")
        wait_until(lambda: _trouble(run.status(), "hub"))
        stage.server.close()
        run.wait_picture("offline")
        told = run.ask("status", "--json")
        checked = run_edge("check", "--json", "--config", config, environment=give.environment)
        run.end()
    assert checked.returncode == 1
    assert _trouble(json.loads(told.stdout), "hook")
    everything = [*run.said, *run.complained, told.stdout, checked.stdout, checked.stderr]
    assert [text for text in everything if leaks(text)] == []
    assert leaking_files(tmp_path / "memory") == []


def _trouble(status, name):
    return next(action["trouble"] for action in status["actions"] if action["name"] == name)


@pytest.mark.parametrize("way", ["env", "file"])
def test_no_password_of_an_rtsp_camera_shows(way, tmp_path, give, write, whole_run):
    camera = RtspCamera("jpeg", "me", CAMERA)
    try:
        config = write(camera.url(userinfo=f"me:{CAMERA}"), way=way)
        run = whole_run(config, environment=give.environment)
        run.wait_picture("live", "covered", "frozen")
        shown = seen_by_others(run)
        told = run.ask("status", "--json")
        camera.kill()
        run.wait_picture("offline")
        run.end()
    finally:
        camera.close()
    assert [text for text in (shown, told.stdout, *run.said, *run.complained) if leaks(text)] == []
    assert leaking_files(tmp_path / "memory") == []


# a secret that stands in the file itself, or that cannot be had
MISTAKES = [
    # the address of a camera, in a file that others may read
    ('address = {{env = "CAMERA_ADDRESS"}}', f'address = "rtsp://me:{CAMERA}@camera/1"'),
    # the same under a misspelt name
    ('address = {{env = "CAMERA_ADDRESS"}}', f'adress = "rtsp://me:{CAMERA}@camera/1"'),
    # a password that is no table
    ('password = {{env = "BROKER_PASSWORD"}}', f'password = "{BROKER}"'),
    # under a name that there is not
    ('password = {{env = "BROKER_PASSWORD"}}', f'pasword = "{BROKER}"'),
    # of another type
    ('password = {{env = "BROKER_PASSWORD"}}', f'password = ["{BROKER}"]'),
    # put where the name of the variable belongs
    ('token = {{env = "HOOK_TOKEN"}}', f'token = {{env = "{TOKEN}"}}'),
    # beside another key
    ('token = {{env = "HOOK_TOKEN"}}', f'token = {{text = "{TOKEN}"}}'),
    # in the address of a web server
    ('url = "http://127.0.0.1:9/"', f'url = "http://me:{TOKEN}@127.0.0.1:9/?key={TOKEN}"'),
    # in a line that is no TOML
    ('token = {{env = "HOOK_TOKEN"}}', f"token = {TOKEN}"),
]


@pytest.mark.parametrize("command", ["run", "check"])
def test_no_error_shows_a_literal_secret(command, tmp_path, write, give):
    config = write("rtsp://camera/1")
    text = config.read_text()
    said = []
    for right, wrong in MISTAKES:
        right = right.replace("{{", "{").replace("}}", "}")
        assert right in text
        config.write_text(text.replace(right, wrong))
        config.chmod(0o644)
        options = ["--json"] if command == "check" else []
        done = run_edge(command, "--config", config, *options, environment=give.environment)
        assert done.returncode == 2, wrong
        assert "edge.toml" in done.stderr, wrong
        said.append((wrong, done.stdout + done.stderr))
    assert [(wrong, found) for wrong, found in said if leaks(found)] == []


def test_no_error_shows_a_secret_that_overrides(write, give):
    config = write("rtsp://camera/1")
    given = {
        "EDGE_ACTIONS_HUB_PASSWORD": BROKER,
        "EDGE_ACTIONS_HUB_PASWORD": BROKER,
        "EDGE_ACTIONS_HOOK_TOKEN": f"{TOKEN} with a space",
        "EDGE_SOURCE_ADDRESS": f"gopher://me:{CAMERA}@camera/1",
    }
    done = run_edge("check", "--config", config, environment={**give.environment, **given})
    assert done.returncode == 2
    assert leaks(done.stdout + done.stderr) == []
