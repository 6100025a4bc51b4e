"""The machine that the service is installed on: its systemd, and what is asked of it."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edge.errors import ServiceError
from edge.service.unit import NAME

_CALL_SECONDS = 60.0
_OLDEST_SYSTEMD = 252  # of Debian 12, and what is taken where there is none to ask


class Machine:
    """Asks and changes the machine, by its own programs.

    Args:
        root: Folder that stands for `/`.

    Example:
        >>> Machine().unit_path.name
        'edge.service'
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self.unit_path = root / "etc/systemd/system" / f"{NAME}.service"

    def has_systemd(self) -> bool:
        """Whether systemd runs this machine, see sd_booted(3)."""
        return (self._root / "run/systemd/system").is_dir()

    def systemd_version(self) -> int:
        """Return the version of systemd; that of Debian 12 where there is none."""
        try:
            found = re.search(r"systemd (\d+)", self.call("systemctl", "--version"))
        except ServiceError:
            return _OLDEST_SYSTEMD
        return int(found[1]) if found else _OLDEST_SYSTEMD

    def require_systemd(self, verb: str) -> None:
        """Refuse where there is no systemd.

        Raises:
            ServiceError: There is none.
        """
        if not self.has_systemd():
            raise ServiceError(
                f"edge service {verb} needs a machine that systemd runs",
                received="no folder /run/systemd/system",
                fix="Look at the unit with edge service install --print, and start "
                "edge run --config by what runs services here",
            )

    def require_root(self, verb: str) -> None:
        """Refuse whoever is not root.

        Raises:
            ServiceError: This process is not root's.
        """
        if os.geteuid() != 0:
            raise ServiceError(
                f"edge service {verb} changes the system, which only root may do",
                received=f"user number {os.geteuid()}",
                fix=f'Run it again as: sudo "$(command -v edge)" service {verb}',
            )

    def call(self, *words: str) -> str:
        """Run a program of the system and return what it writes.

        Raises:
            ServiceError: It is missing, fails, or does not end within a minute.
        """
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=_CALL_SECONDS, check=True
            )
        except FileNotFoundError as error:
            raise _failure(words, "there is no such program") from error
        except subprocess.TimeoutExpired as error:
            raise _failure(words, "it does not end") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
            raise _failure(words, said[-1]) from error
        return done.stdout

    def show(self, *properties: str) -> Mapping[str, str]:
        """Ask systemd for properties of the service.

        Raises:
            ServiceError: It cannot be asked.
        """
        names = [f"--property={name}" for name in properties]
        lines = self.call("systemctl", "show", f"{NAME}.service", *names).splitlines()
        return dict(line.partition("=")[::2] for line in lines if "=" in line)


def _failure(words: tuple[str, ...], received: str) -> ServiceError:
    return ServiceError(
        f"'{' '.join(words)}' must work", received=received, fix="Run it yourself to see why"
    )
