"""Texts that a file only refers to: a variable, or a file that others cannot read."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from edge.errors import SettingError
from edge.settings.problem import Location

_LARGEST = 65_536
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def make_absolute(path: Path, at: Location) -> Path:
    """Make a path absolute, from the folder of the file; "~" is the user's own folder.

    Raises:
        SettingError: The user after "~" has no folder.
    """
    try:
        expanded = path.expanduser()
    except RuntimeError as error:
        raise SettingError(
            "the user after ~ must have a folder", received=str(path), fix="Write the whole path"
        ) from error
    return Path(os.path.abspath(at.folder / expanded))  # noqa: PTH100 - links stay as they are


def resolve(reference: Mapping[str, object], at: Location) -> str:
    """Read the text that `{env = "NAME"}` or `{file = "PATH"}` refers to.

    Raises:
        SettingError: There is no such text, the variable has no name that one can have, or others
            can read the file.
    """
    match dict(reference):
        case {"env": str(name), **rest} if name and not rest:
            if not _VARIABLE.fullmatch(name):  # the secret itself was put here: it is not shown
                raise SettingError(
                    "must name a variable of the environment",
                    received="something that is no name",
                    fix="Write a name such as MQTT_PASSWORD, and put the secret into that variable",
                )
            return check_secret(at.environment.get(name, ""), f"the variable {name}")
        case {"file": str(name), **rest} if name and "\0" not in name and not rest:
            return _read_secret_file(make_absolute(Path(name), at))
    raise SettingError(
        "must name a variable or a file",
        received="a table with other keys",
        fix='Write {env = "NAME"} or {file = "PATH"}',
    )


def _read_secret_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        content = b""
        if stat.S_ISREG(mode):  # opening anything else might wait for ever
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(_LARGEST + 1)
    except OSError as error:
        raise SettingError(
            "the file with the secret must be readable",
            received=f"{path}: {error.strerror or error}",
            fix="Make it, owned by the user that runs edge, and chmod 600 it",
        ) from error
    if mode & 0o007:
        raise SettingError(
            "the file with the secret must be closed to others",
            received=f"{path} with mode {stat.S_IMODE(mode):o}",
            fix=f"chmod 600 {path}",
        )
    try:
        return check_secret(content.decode("utf-8").rstrip("\r\n"), str(path))
    except UnicodeDecodeError:
        return check_secret("", str(path))


def check_secret(text: str, origin: str) -> str:
    """Refuse what cannot be a secret: nothing, more than a line, or very much.

    Args:
        text: The secret.
        origin: Where it comes from, for the message.

    Raises:
        SettingError: It cannot be one; what it is is not shown.
    """
    if not text or len(text) > _LARGEST or set("\0\r\n") & set(text):
        found = "several lines or too much" if text else "nothing"
        raise SettingError(
            "it must be one line of text", received=f"{found} in {origin}", fix="Put it there"
        )
    return text
