"""Installs, describes and removes the service, a line for each step."""

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ServiceError
from edge.service import access
from edge.service.machine import Machine
from edge.service.planning import Need, ServicePlan
from edge.service.unit import NAME, STATE_FOLDER, UnitPlan, make_unit

_PROPERTIES = ("ActiveState", "SubState", "StatusText", "NRestarts", "Result")


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How the service fares.

    Attributes:
        is_installed: Whether there is a unit.
        is_current: Whether the unit is what would be written now, as far as that is known.
        active: systemd's word, such as "active" or "failed".
        detail: Its second word, such as "running" or "auto-restart".
        text: What the service says of itself.
        restarts: How often systemd has started it again.
        result: How its last process ended, such as "success" or "watchdog".
    """

    is_installed: bool
    is_current: bool = True
    active: str = "inactive"
    detail: str = "dead"
    text: str = ""
    restarts: int = 0
    result: str = ""


def install(machine: Machine, plan: ServicePlan) -> Iterator[str]:
    """Make the user, check what it gets at, write the unit, start it; yield what was done.

    A second call changes nothing that is right already.

    Raises:
        ServiceError: Not root, no systemd, something the user does not get at, or a step failed.
    """
    machine.require_root("install")
    machine.require_systemd("install")
    yield from _make_user(machine, plan.unit.user)
    account = access.find_account(plan.unit.user, plan.unit.groups)
    if account is None:
        raise ServiceError(
            "The service must have a user of its own",
            received=f"none named {plan.unit.user} after useradd",
            fix=f"Make one with: useradd --system {plan.unit.user}",
        )
    yield from _make_folders(plan.unit, account)
    _require_access(plan.needs, account)
    text = make_unit(plan.unit)
    is_changed = _read(machine.unit_path) != text
    if is_changed:
        _write_aside(machine.unit_path, text)
        machine.call("systemctl", "daemon-reload")
    yield f"{machine.unit_path}: " + ("written" if is_changed else "as it should be")
    machine.call("systemctl", "enable", f"{NAME}.service")
    # Without waiting: it is ready with its first look, and edge service status tells.
    machine.call("systemctl", "--no-block", "restart" if is_changed else "start", f"{NAME}.service")
    yield f"{NAME}.service: starts now, and with the machine; see edge service status"
    yield from plan.remarks


def uninstall(machine: Machine) -> Iterator[str]:
    """Stop the service and remove its unit; memory, configuration and user stay.

    Raises:
        ServiceError: Not root, no systemd, or a step failed.
    """
    machine.require_root("uninstall")
    machine.require_systemd("uninstall")
    if not machine.unit_path.exists():
        yield f"{machine.unit_path}: there is none, nothing to do"
        return
    machine.call("systemctl", "disable", "--now", f"{NAME}.service")
    machine.unit_path.unlink()
    machine.call("systemctl", "daemon-reload")
    yield f"{NAME}.service: stopped, {machine.unit_path} removed"
    yield f"events, snapshots and clips stay in {STATE_FOLDER}, or where [store] says"
    yield f"the user {NAME} stays as their owner"


def read_state(machine: Machine, unit: UnitPlan | None) -> ServiceState:
    """Ask how the service fares.

    Args:
        machine: To ask.
        unit: What would be installed now; `None` where that cannot be said.

    Raises:
        ServiceError: No systemd, or it cannot be asked.
    """
    machine.require_systemd("status")
    text = _read(machine.unit_path)
    if text is None:
        return ServiceState(is_installed=False)
    found = machine.show(*_PROPERTIES)
    restarts = found.get("NRestarts", "")
    return ServiceState(
        is_installed=True,
        is_current=unit is None or text == make_unit(unit),
        active=found.get("ActiveState", "unknown"),
        detail=found.get("SubState", "unknown"),
        text=found.get("StatusText", ""),
        restarts=int(restarts) if restarts.isdecimal() else 0,
        result=found.get("Result", ""),
    )


def _make_user(machine: Machine, name: str) -> Iterator[str]:
    if access.find_account(name) is not None:
        return
    options = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")
    machine.call("useradd", *options, "--home-dir", str(STATE_FOLDER), name)
    yield f"user {name}: made"


def _make_folders(unit: UnitPlan, account: access.Account) -> Iterator[str]:
    """Make the memory's folder where systemd does not; one that is there is left as it is."""
    if unit.store.is_relative_to(STATE_FOLDER) or unit.store.exists():
        return
    unit.store.mkdir(parents=True, mode=0o750)
    os.chown(unit.store, account.uid, pwd.getpwnam(account.name).pw_gid)
    yield f"{unit.store}: made"


def _require_access(needs: tuple[Need, ...], account: access.Account) -> None:
    """Refuse with everything that the user does not get at.

    Raises:
        ServiceError: There is something.
    """
    found = {need: access.find_obstacle(need.path, account, need.need) for need in needs}
    obstacles = [f"{one.purpose} ({one.path}): {why}" for one, why in found.items() if why]
    if obstacles:
        raise ServiceError(
            f"The user {account.name} of the service must get at everything it needs",
            received="; ".join(obstacles),
            fix="Install catseye and keep its files outside of home folders, such as in "
            "/opt/catseye and /etc/edge, or give the permission with chmod, chgrp edge or setfacl",
        )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write_aside(path: Path, text: str) -> None:
    """Write a file as a whole or not at all.

    Raises:
        ServiceError: It cannot be written.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o644)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise ServiceError(
            "The unit must be written",
            received=f"{path}: {error.strerror}",
            fix="Free some space, or make the folder writable",
        ) from error
