"""How Home Assistant finds an installation by itself, and the topics that everything has.

Follows https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, one message per entity.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge import __version__
from edge.guard import MODES

EXPIRE_SECONDS = 180
"""After that long without a renewed state, Home Assistant shows an entity as unavailable."""

EVENT_TYPE = "seen"

_ONLINE_ONLY = "{{ 'online' if value == 'online' else 'offline' }}"
_UNLESS_OFFLINE = "{{ 'offline' if value == 'offline' else 'online' }}"
_Entity = dict[str, object]


def slug(text: str) -> str:
    """Make a name fit for a topic or an identifier.

    Example:
        >>> slug("back door/2"), slug("+")
        ('back_door_2', '_')
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)


@dataclass(frozen=True, slots=True)
class Topics:
    """Where things belong.

    Attributes:
        prefix: What the topics of all installations begin with.
        place: Name of this installation.
        discovery: What Home Assistant's discovery topics begin with; empty for no discovery.

    Example:
        >>> topics = Topics("catseye", "back door", "homeassistant")
        >>> topics.availability, topics.output("door", "set")
        ('catseye/back_door/availability', 'catseye/back_door/output/door/set')
    """

    prefix: str
    place: str
    discovery: str = ""

    def under(self, ending: str) -> str:
        """Return a topic of this installation."""
        return f"{self.prefix}/{slug(self.place)}/{ending}"

    def output(self, name: str, ending: str) -> str:
        """Return a topic of an output; "+" stands for every output."""
        return self.under(f"output/{name if name == '+' else slug(name)}/{ending}")

    @property
    def availability(self) -> str:
        """Where "online", "blind" (no picture) or "offline" is said."""
        return self.under("availability")

    @property
    def event(self) -> str:
        """Where each occurrence is told once."""
        return self.under("event")

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started; empty without discovery."""
        return f"{self.discovery}/status" if self.discovery else ""


def describe_entities(
    topics: Topics, outputs: Iterable[str], *, has_commands: bool
) -> dict[str, bytes]:
    """Put together what makes Home Assistant show an installation.

    An entity that hangs on the picture is unavailable while there is none; a door is available as
    long as the program runs, for it can still be opened by hand.

    Args:
        topics: Where things belong.
        outputs: Names of the actions that own an output.
        has_commands: Whether modes may be set from there.

    Returns:
        What is to be retained, by topic; empty payloads take entities back that a former
        configuration had. Nothing at all without discovery.

    Example:
        >>> found = describe_entities(Topics("catseye", "porch", "ha"), [], has_commands=False)
        >>> sorted(found)[0]
        'ha/binary_sensor/catseye_porch/problem/config'
    """
    if not topics.discovery:
        return {}
    entities = _describe_own(topics)
    for name in outputs:
        entities |= _describe_output(topics, name, has_commands=has_commands)
    return {
        _config_topic(topics, key): _fill(topics, key, entity) if entity else b""
        for key, entity in entities.items()
    }


def _describe_own(topics: Topics) -> dict[str, _Entity]:
    """Describe what every installation has, by component and object."""
    picture = {"state_topic": topics.under("picture"), "expire_after": EXPIRE_SECONDS}
    vitals = {
        "state_topic": topics.under("vitals"),
        "expire_after": EXPIRE_SECONDS,
        "entity_category": "diagnostic",
        "state_class": "measurement",
    }
    last = topics.under("last")
    return {
        "event/seen": {
            "name": "Seen",
            "state_topic": topics.event,
            "event_types": [EVENT_TYPE],
            "icon": "mdi:paw",
        },
        "image/snapshot": {
            "name": "Snapshot",
            "image_topic": topics.under("image"),
            "content_type": "image/jpeg",
        },
        "sensor/last": {
            "name": "Last seen",
            "state_topic": last,
            "value_template": "{{ value_json.label }}",
            "json_attributes_topic": last,
            "icon": "mdi:paw",
        },
        "sensor/picture": {
            "name": "Picture",
            "value_template": "{{ value_json.picture }}",
            "json_attributes_topic": topics.under("picture"),
            "entity_category": "diagnostic",
            **picture,
        },
        "binary_sensor/problem": {
            "name": "Problem",
            "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.troubles else 'OFF' }}",
            "json_attributes_topic": topics.under("picture"),
            "entity_category": "diagnostic",
            **picture,
        },
        "sensor/temperature": {
            "name": "Temperature",
            "device_class": "temperature",
            "unit_of_measurement": "°C",
            "value_template": "{{ value_json.celsius }}",
            **vitals,
        },
        "sensor/rate": {
            "name": "Frames per second",
            "value_template": "{{ value_json.fps }}",
            **vitals,
        },
    }


def _describe_output(topics: Topics, name: str, *, has_commands: bool) -> dict[str, _Entity]:
    """Describe an output: whether it is open, and its mode, which can be set or only read."""
    mode: _Entity = {
        "name": f"{name} mode",
        "state_topic": topics.output(name, "mode"),
        "icon": "mdi:door",
    }
    select: _Entity = {
        **mode,
        "command_topic": topics.output(name, "set"),
        "options": list(MODES),
        "retain": False,
    }
    return {
        f"binary_sensor/{slug(name)}": {
            "name": name,
            "device_class": "door",
            "state_topic": topics.output(name, "state"),
            "payload_on": "open",
            "payload_off": "closed",
        },
        f"select/{slug(name)}_mode": select if has_commands else {},
        f"sensor/{slug(name)}_mode": {} if has_commands else mode,
    }


def _config_topic(topics: Topics, key: str) -> str:
    component, name = key.split("/")
    return f"{topics.discovery}/{component}/{_node(topics)}/{name}/config"


def _node(topics: Topics) -> str:
    return f"{slug(topics.prefix)}_{slug(topics.place)}"


def _fill(topics: Topics, key: str, entity: _Entity) -> bytes:
    """Add what all entities have: who they are, and when they are available."""
    component, name = key.split("/")
    template = _ONLINE_ONLY if key in _OF_THE_PICTURE else _UNLESS_OFFLINE
    whole = {
        **entity,
        "unique_id": f"{_node(topics)}_{component}_{name}",
        "availability_topic": topics.availability,
        "availability_template": template,
        "device": {
            "identifiers": [_node(topics)],
            "name": topics.place,
            "manufacturer": "catseye",
            "model": "edge",
            "sw_version": __version__,
        },
        "origin": {"name": "catseye", "sw_version": __version__},
    }
    return json.dumps(whole, ensure_ascii=False).encode()


_OF_THE_PICTURE = ("event/seen", "image/snapshot", "sensor/last", "sensor/rate")
