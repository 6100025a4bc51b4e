"""Whether the user of the service gets at a file, by the permission bits of the way to it."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

READ, WRITE, ENTER = 4, 2, 1


@dataclass(frozen=True, slots=True)
class Account:
    """A user, as far as permissions ask for it.

    Attributes:
        name: Of the user.
        uid: Number of the user.
        gids: Numbers of the groups.
    """

    name: str
    uid: int
    gids: frozenset[int]


def find_account(name: str, groups: tuple[str, ...] = ()) -> Account | None:
    """Look a user up; `None` if there is none of this name.

    Args:
        name: Of the user.
        groups: Further ones that the user will have.
    """
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    gids = {entry.pw_gid, *os.getgrouplist(name, entry.pw_gid)}
    return Account(
        name, entry.pw_uid, frozenset(gids | {grp.getgrnam(one).gr_gid for one in groups})
    )


def known_groups(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of these groups that the machine has."""
    known = {entry.gr_name for entry in grp.getgrall()}
    return tuple(name for name in names if name in known)


def find_obstacle(path: Path, account: Account, need: int = READ) -> str:
    """Say what keeps a user from a file, or from writing in a folder; empty if nothing does.

    The way of a symbolic link is tried as well as that to its target. Where a finer list of
    permissions (an ACL) decides, nothing is said.

    Args:
        path: Of the file or folder.
        account: The user.
        need: `READ`, or `WRITE | ENTER` of a folder.

    Example:
        >>> find_obstacle(Path("/nowhere/edge.toml"), Account("edge", 990, frozenset({990})))
        '/nowhere does not exist'
    """
    target = path.resolve()
    for way in dict.fromkeys((path.absolute(), target)):
        for folder in reversed(way.parents):
            obstacle = _find_obstacle(folder, account, ENTER)
            if obstacle:
                return obstacle
    return _find_obstacle(target, account, need)


def _find_obstacle(path: Path, account: Account, need: int) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"{path} does not exist"
    except OSError as error:
        return f"{path}: {error.strerror}"
    if account.uid == 0 or _has_list(path):
        return ""
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid in account.gids else 0
    if (status.st_mode >> shift) & need == need:
        return ""
    verb = {ENTER: "enter", READ: "read"}.get(need, "write to")
    return f"{account.name} may not {verb} {path} (mode {status.st_mode & 0o777:03o})"


def _has_list(path: Path) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:  # the file system knows no such lists
        return False
