"""Secrets of a whole run: they are used, and appear nowhere."""

import json
import subprocess
from pathlib import Path

import mjpegd
import pytest
import webhookd
from rtsp_camera import RtspCamera
from whole_door import show_colours

from edge.cli import main

SECRETS = {
    "CAMERA_PASSWORD": "camera-sesame-4711",
    "MQTT_PASSWORD": "broker-sesame-0815",
    "HOOK_TOKEN": "hook-sesame-2342",
}
LOUD = {"EDGE_LOG": "debug", "EDGE_DEBUG": "1"}

REST = """
[actions.hub]
kind = "mqtt"
host = "127.0.0.1"
port = {broker}
username = "porch"
password = {{env = "MQTT_PASSWORD"}}
[actions.hook]
kind = "webhook"
url = "http://127.0.0.1:{hook}/hook"
token = {{file = "hook.token"}}
allow = ["127.0.0.1"]
[actions.lamp]
kind = "exec"
command = ["/bin/sh", "-c", "env | tee -a {folder}/env.txt; exit 1"]
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux")


def secrets_in(texts):
    """Return which secrets stand where, of texts by their names."""
    return [
        (where, name)
        for where, text in texts.items()
        for name, secret in SECRETS.items()
        if secret in text
    ]


def shown_by(pid):
    """Return what everybody on the machine sees of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/comm").read_text()
    except OSError:  # ended meanwhile
        return ""


def written_in(folder):
    """Return all files of a folder, but those that must hold a secret, as text."""
    kept = ("hook.token", "broker.users")
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in kept]
    return {str(path): path.read_bytes().decode("latin-1") for path in files}


@pytest.fixture
def guarded_broker(new_broker, tmp_path):
    """A broker that asks for user and password, and writes all it is asked into its log."""
    path = tmp_path / "broker.users"
    path.write_text(f"porch:{SECRETS['MQTT_PASSWORD']}\nreader:reader\n")
    subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)
    return new_broker("allow_anonymous false", f"password_file {path}").start()


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Call another command beside the run; return all it writes."""

    def call_it(name, *arguments):
        monkeypatch.setenv("MQTT_PASSWORD", SECRETS["MQTT_PASSWORD"])
        capsys.readouterr()
        main([name, *arguments, "--config", str(tmp_path / "edge.toml")])
        captured = capsys.readouterr()
        return captured.out + captured.err

    return call_it


def test_secrets_of_a_whole_run_appear_nowhere(
    door, call, guarded_broker, subscribe, tmp_path, monkeypatch
):
    token = tmp_path / "hook.token"
    token.write_text(SECRETS["HOOK_TOKEN"])
    token.chmod(0o600)
    reader = subscribe(guarded_broker, user="reader", password="reader")
    asking = mjpegd.asking_basic("me", SECRETS["CAMERA_PASSWORD"], show_colours)
    with mjpegd.serving(asking) as camera, webhookd.serving(webhookd.answering("204 OK")) as hook:
        url = camera.url("/video", f"me:{SECRETS['CAMERA_PASSWORD']}@")
        monkeypatch.setenv("CAMERA_URL", url)
        run = door(
            actions=("door", "tell", "hub", "hook", "lamp"),
            rest=REST.format(broker=guarded_broker.port, hook=hook.port, folder=tmp_path),
            environment={
                **LOUD,
                "CAMERA_URL": url,
                "MQTT_PASSWORD": SECRETS["MQTT_PASSWORD"],
            },
        )
        told = {}
        run.wait_for(lambda: reader.payloads("catseye/porch/event") or hook.posted())
        run.wait_for(lambda: hook.posted() and run.of_type("outcome", action="lamp"))
        assert hook.requests[-1].headers["Authorization"] == f"Bearer {SECRETS['HOOK_TOKEN']}"
        told |= {f"process {pid}": shown_by(pid) for pid in run.processes()}
        assert len(told) >= 4  # the loop, the camera's, the guard and its understudy
        for name in ("status", "check"):
            told[name] = call(name) + call(name, "--json")
        hook.behave = webhookd.answering("401 Unauthorized")
        guarded_broker.kill()  # errors name what they were doing
        camera.behave = mjpegd.asking_basic("me", "another")
        camera.close()
        run.wait_for(lambda: run.of_type("picture", picture="offline"))
        told["status in trouble"] = json.dumps(dict(run.status()))
        told["check in trouble"] = call("check")
        assert run.end() == 0
    told["JSON lines"] = json.dumps(run.lines)
    told["log"] = "".join(run.errors)
    told["broker"] = "".join(
        f"{message.topic} {message.payload.decode('latin-1')}" for message in reader.received
    )
    told["webhook"] = "".join(each.body.decode("latin-1") for each in hook.requests)
    told |= written_in(tmp_path)
    assert told["log"]
    assert told["broker"]
    assert "EDGE_EVENT_ID" in (tmp_path / "env.txt").read_text()
    assert secrets_in(told) == []


def test_password_of_a_rtsp_camera_appears_nowhere(door, call, tmp_path, monkeypatch):
    camera = RtspCamera("jpeg", "me", SECRETS["CAMERA_PASSWORD"])
    url = camera.url(userinfo=f"me:{SECRETS['CAMERA_PASSWORD']}")
    monkeypatch.setenv("CAMERA_URL", url)
    run = door(environment={**LOUD, "CAMERA_URL": url})
    run.wait_for(lambda: run.of_type("picture", picture="live") or run.of_type("decision"))
    told = {f"process {pid}": shown_by(pid) for pid in run.processes()}
    camera.close()
    run.wait_for(lambda: run.of_type("picture", picture="offline"))
    told["status"] = json.dumps(dict(run.status()))
    told["check"] = call("check")
    assert run.end() == 0
    told |= {"JSON lines": json.dumps(run.lines), "log": "".join(run.errors)}
    assert secrets_in(told | written_in(tmp_path)) == []
