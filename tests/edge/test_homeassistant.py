import json
import re
from dataclasses import MISSING, fields

import pytest

from edge.actions.homeassistant import Topics, describe_entities, slug
from edge.actions.mqtt import MqttSettings

TOPICS = Topics("catseye", "back porch", "homeassistant")
NODE = "catseye_back_porch"


def entity(entities, key):
    component, name = key.split("/")
    return json.loads(entities[f"homeassistant/{component}/{NODE}/{name}/config"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("door", "door"),
        ("a/b+c#d", "a_b_c_d"),  # what would change the topic
        ("Kätzchen", "K_tzchen"),
        ("", ""),
    ],
)
def test_slug(name, expected):
    assert slug(name) == expected


def test_topics_birth_only_with_discovery():
    assert TOPICS.birth == "homeassistant/status"
    assert Topics("catseye", "x").birth == ""
    assert TOPICS.output("+", "set") == "catseye/back_porch/output/+/set"


def test_describe_entities_without_discovery():
    assert describe_entities(Topics("catseye", "x"), ["door"], has_commands=True) == {}


def test_describe_entities_have_what_home_assistant_requires():
    entities = describe_entities(TOPICS, ["door"], has_commands=True)
    told = [json.loads(payload) for payload in entities.values() if payload]
    assert len({one["unique_id"] for one in told}) == len(told) == 9
    for one in told:
        assert one["availability_topic"] == "catseye/back_porch/availability"
        assert one["device"]["identifiers"] == [NODE]
        assert one["device"]["name"] == "back porch"
        assert one["origin"]["name"] == "catseye"
    event = entity(entities, "event/seen")
    assert (event["state_topic"], event["event_types"]) == ("catseye/back_porch/event", ["seen"])
    assert entity(entities, "image/snapshot")["content_type"] == "image/jpeg"
    for key in ("sensor/picture", "binary_sensor/problem", "sensor/rate", "sensor/temperature"):
        assert entity(entities, key)["expire_after"] == 180


@pytest.mark.parametrize(
    ("key", "without_picture"),
    [
        ("event/seen", "offline"),
        ("image/snapshot", "offline"),
        ("sensor/last", "offline"),
        ("sensor/picture", "online"),  # it says what is wrong with the picture
        ("binary_sensor/door", "online"),  # a door is there without a picture
        ("select/door_mode", "online"),
    ],
)
def test_describe_entities_available_without_picture(key, without_picture):
    entities = describe_entities(TOPICS, ["door"], has_commands=True)
    template = entity(entities, key)["availability_template"]
    expected = "online" if "value == 'offline'" in template else "offline"
    assert expected == without_picture


def test_describe_entities_mode_is_only_read_without_commands():
    entities = describe_entities(TOPICS, ["door"], has_commands=False)
    assert "command_topic" not in entity(entities, "sensor/door_mode")
    assert entities[f"homeassistant/select/{NODE}/door_mode/config"] == b""
    entities = describe_entities(TOPICS, ["door"], has_commands=True)
    select = entity(entities, "select/door_mode")
    assert select["command_topic"] == "catseye/back_porch/output/door/set"
    assert select["options"] == ["auto", "open", "lock"]
    assert entities[f"homeassistant/sensor/{NODE}/door_mode/config"] == b""


def test_settings_are_documented(repository):
    page = (repository / "docs" / "home-assistant.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", page, re.MULTILINE)
    documented = dict(rows[: len(fields(MqttSettings))])
    for field in fields(MqttSettings):
        default = "" if field.default in (MISSING, None) else json.dumps(field.default)
        assert documented[field.name] == default, field.name


def test_topics_are_documented(repository):
    page = (repository / "docs" / "home-assistant.md").read_text()
    told = str(describe_entities(Topics("", "", "ha"), ["NAME"], has_commands=True))
    endings = set(re.findall(r'"//([\w/]+)"', told))
    assert len(endings) == 9
    for ending in endings:
        assert f"| `{ending}` |" in page
