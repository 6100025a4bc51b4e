"""Install, look at and remove the systemd service that runs a configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.commands import read_text
from edge.cli.options import ConfigOption, JsonOption
from edge.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from edge.service.installing import ServiceState
    from edge.service.machine import Machine
    from edge.service.unit import UnitPlan

_CONTEXT = {"help_option_names": ["-h", "--help"]}


def install(
    config: ConfigOption = None,
    print_: Annotated[
        bool, typer.Option("--print", help="Write the unit to standard output, change nothing.")
    ] = False,
) -> None:
    """Write a systemd unit for a configuration, and start it now and with the machine.

    The service has a user of its own and can write to nothing but its memory. systemd starts it
    again when it fails or looks at nothing for half a minute. Needs root, --print does not. Run it
    again after a change of the configuration's folders, or an update of catseye.

    Raises:
        ConfigError: The configuration is not found, or wrong.
        ServiceError: Not root, no systemd, or files that the service's user does not get at.
    """
    from edge.config import find_config
    from edge.service.installing import install as install_service
    from edge.service.machine import Machine
    from edge.service.planning import plan_service
    from edge.service.unit import make_unit

    machine = Machine()
    if not print_:
        machine.require_root("install")
        machine.require_systemd("install")
    plan = plan_service(find_config(config), systemd=machine.systemd_version())
    if print_:
        for line in make_unit(plan.unit).splitlines():
            output.emit_text(line)
        return
    for line in install_service(machine, plan):
        output.emit_text(line)


def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say how the service fares, by systemd's word; exit code 1 unless it is active.

    What it sees and does, edge status says; what it logged, journalctl -u edge.

    Raises:
        Exit: It is not active.
        ServiceError: No systemd, or it does not answer.
    """
    from edge.service.installing import read_state
    from edge.service.machine import Machine

    machine = Machine()
    state = read_state(machine, _plan_unit(config, machine))
    if json:
        output.emit_json(
            {
                "installed": state.is_installed,
                "current": state.is_current,
                "active": state.active,
                "detail": state.detail,
                "text": state.text,
                "restarts": state.restarts,
                "result": state.result,
            }
        )
    else:
        for line in _describe(state, machine.unit_path):
            output.emit_text(line)
    if state.active != "active":
        raise typer.Exit(1)


def uninstall() -> None:
    """Stop the service and remove its unit; memory, configuration and user stay.

    Raises:
        ServiceError: Not root, no systemd, or systemd refuses.
    """
    from edge.service.installing import uninstall as uninstall_service
    from edge.service.machine import Machine

    for line in uninstall_service(Machine()):
        output.emit_text(line)


def _plan_unit(config: Path | None, machine: "Machine") -> "UnitPlan | None":
    """Plan what would be installed now; `None` where the configuration does not allow it."""
    from edge.config import find_config
    from edge.service.planning import plan_service

    try:
        return plan_service(find_config(config), systemd=machine.systemd_version()).unit
    except (ConfigError, ServiceError):
        return None


def _describe(state: "ServiceState", path: Path) -> list[str]:
    if not state.is_installed:
        return [f"not installed: there is no {path}", "install it with edge service install"]
    lines = [
        f"{'service':<10} {state.active} ({state.detail}), started again {state.restarts} times"
    ]
    if state.text:
        lines.append(f"{'says':<10} {state.text}")
    if state.result not in ("", "success"):
        lines.append(f"{'ended by':<10} {state.result}; journalctl -u edge says more")
    if not state.is_current:
        lines.append(f"{'unit':<10} differs from what edge service install would write now")
    return lines


service = typer.Typer(
    name="service", help=__doc__, add_completion=False, rich_markup_mode=None, no_args_is_help=True
)
for _verb in (install, status, uninstall):
    service.command(_verb.__name__, help=read_text(_verb), context_settings=_CONTEXT)(_verb)
