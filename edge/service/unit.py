"""The systemd unit that runs `edge run` unattended, as text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from edge.config.memory import STORE_VARIABLE

NAME = "edge"
"""Of the service, its user, and its folders below /var/lib, /var/cache and /run."""

STATE_FOLDER = Path("/var/lib") / NAME
"""Where the service keeps its memory, unless the configuration says otherwise."""

VARIABLES_FILE = "service.env"
"""Beside the configuration: lines `NAME=value` for what it takes from the environment."""

_STEPS_VERSION = 254  # of systemd, which then knows a delay that grows

_TEMPLATE = """\
# Written by edge service install, which writes it anew: put changes of yours into a drop-in,
# with systemctl edit {name}.
[Unit]
Description=catseye: what a camera sees, and what follows from it
After=network.target time-set.target
# Never give up: nobody is there to start it again.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={python} -P -m edge run --config {config}
ExecReload=/bin/kill -HUP $MAINPID
# Whatever ended the service: the safe level of every output.
ExecStopPost={python} -P -m edge.guard --release {store}
{environment}
User={user}
Group={user}
{groups}WorkingDirectory=%t/{name}
StateDirectory={name}
StateDirectoryMode=0750
CacheDirectory={name}
RuntimeDirectory={name}
UMask=0027
SyslogIdentifier={name}

# Ready with the first look; then one in three of these thirds must bring a look.
WatchdogSec=30
TimeoutStartSec=180
TimeoutStopSec=15
KillMode=mixed
Restart=on-failure
RestartPreventExitStatus=2
{restart}
LimitCORE=0

# When memory is short, the guard of an output goes last: the main process offers itself.
OOMScoreAdjust=-500
OOMPolicy=continue
# The guard asks for a little priority.
LimitNICE=-10
LimitRTPRIO=10

# Nothing of the system can be written, and little of it is seen.
ProtectSystem=strict
ProtectHome=read-only
{writable}PrivateTmp=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RemoveIPC=yes

# Cameras, outputs, and what the firmware of a Raspberry Pi says of heat and supply.
DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-dma_heap rw
DeviceAllow=char-gpiochip rw
DeviceAllow=char-vcio rw

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# The runtime, OpenCV and Python make no code while they run: measured with LiteRT 2.1.
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
# Asks, but cannot say, whether the clock is synchronized.
SystemCallFilter=adjtimex clock_adjtime

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What differs from machine to machine.

    Attributes:
        python: The interpreter of the environment that catseye is installed in, absolute.
        config: The configuration, absolute.
        store: Folder of the memory, absolute.
        user: As whom it runs; a group of this name exists.
        groups: Further groups, for cameras and outputs.
        variables: Of its environment, by name.
        writable: Folders that it writes to beside `/var/lib/edge`.
        systemd: Version of systemd.
    """

    python: Path
    config: Path
    store: Path = STATE_FOLDER
    user: str = NAME
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    writable: tuple[Path, ...] = ()
    systemd: int = 252


def make_unit(plan: UnitPlan) -> str:
    r"""Write the unit.

    Example:
        >>> unit = make_unit(UnitPlan(Path("/opt/catseye/bin/python"), Path("/etc/edge/edge.toml")))
        >>> [line for line in unit.splitlines() if line.startswith("ExecStart=")]
        ['ExecStart=/opt/catseye/bin/python -P -m edge run --config /etc/edge/edge.toml']
    """
    variables = {"XDG_CACHE_HOME": f"/var/cache/{NAME}", **plan.variables}
    environment = [f"EnvironmentFile=-{_specify(plan.config.parent / VARIABLES_FILE)}"]
    environment += [
        f"Environment={_quote(f'{name}={value}')}" for name, value in sorted(variables.items())
    ]
    writable = "".join(f"ReadWritePaths=-{_quote(str(path))}\n" for path in plan.writable)
    return _TEMPLATE.format(
        name=NAME,
        python=_quote(str(plan.python)),
        config=_quote(str(plan.config), is_command=True),
        store=_quote(str(plan.store), is_command=True),
        environment="\n".join(environment),
        user=plan.user,
        groups=f"SupplementaryGroups={' '.join(plan.groups)}\n" if plan.groups else "",
        restart=_delay_restarts(plan.systemd),
        writable=writable,
    )


def read_moved_store(unit: str, config: Path) -> Path | None:
    r"""Return where a unit has the memory of a configuration; `None` where that itself says it.

    Args:
        unit: Text of the unit that is installed.
        config: The configuration, absolute.

    Example:
        >>> path = Path("/etc/edge/edge.toml")
        >>> moved = {"EDGE_STORE_FOLDER": "/var/lib/edge"}
        >>> unit = make_unit(UnitPlan(Path("/bin/python"), path, variables=moved))
        >>> read_moved_store(unit, path), read_moved_store(unit, Path("/home/pi/edge.toml"))
        (PosixPath('/var/lib/edge'), None)
    """
    lines = unit.splitlines()
    command = f" --config {_quote(str(config), is_command=True)}"
    is_of_config = any(line.startswith("ExecStart=") and line.endswith(command) for line in lines)
    moved = f"Environment={STORE_VARIABLE}={STATE_FOLDER}"
    return STATE_FOLDER if is_of_config and moved in lines else None


def _delay_restarts(version: int) -> str:
    if version < _STEPS_VERSION:
        return "RestartSec=10"
    return "RestartSec=2\nRestartSteps=5\nRestartMaxDelaySec=60"


def _specify(path: Path) -> str:
    """Keep what follows `%` in a path from being taken for a specifier."""
    return str(path).replace("%", "%%")


def _quote(text: str, *, is_command: bool = False) -> str:
    r"""Write a word as systemd.syntax(7) reads it back; in a command `$` begins a variable.

    Example:
        >>> print(_quote("/home/pi/my cat"), _quote("/a/100%"))
        "/home/pi/my cat" /a/100%%
    """
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if is_command:
        text = text.replace("$", "$$")
    return f'"{text}"' if any(letter in text for letter in " \t'\"\\;") else text
