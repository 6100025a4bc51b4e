import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from edge.service.access import (
    ENTER,
    READ,
    WRITE,
    Account,
    find_account,
    find_obstacle,
    known_groups,
)

STRANGER = Account("edge", 65533, frozenset({65533}))


@pytest.fixture
def folder():
    """A folder that everybody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("mode", "need", "obstacle"),
    [
        (0o644, READ, ""),
        (0o640, READ, "edge may not read"),
        (0o640, READ | ENTER, "edge may not write to"),  # all that a program needs
        (0o606, WRITE, ""),
        (0o604, WRITE | READ, "edge may not write to"),
    ],
)
def test_obstacle_by_the_bits_for_others(mode, need, obstacle, folder):
    file = folder / "edge.toml"
    file.touch()
    file.chmod(mode)
    found = find_obstacle(file, STRANGER, need)
    assert found == (f"{obstacle} {file.resolve()} (mode {mode:03o})" if obstacle else "")


def test_obstacle_by_owner_and_group(folder):
    file = folder / "edge.toml"
    file.touch()
    file.chmod(0o640)
    group = Account("edge", 65533, frozenset({file.stat().st_gid}))
    assert find_obstacle(file, group) == ""
    file.chmod(0o604)  # the bits of the group count, not those for others
    assert "may not read" in find_obstacle(file, group)
    assert find_obstacle(file, Account("edge", file.stat().st_uid, frozenset())) == ""


def test_obstacle_is_the_first_closed_folder_of_the_way(folder):
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    (closed / "edge.toml").touch()
    (folder / "link.toml").symlink_to(closed / "edge.toml")
    assert find_obstacle(closed / "edge.toml", Account("root", 0, frozenset())) == ""
    for way in (closed / "edge.toml", folder / "link.toml"):
        found = find_obstacle(way, STRANGER)
        assert found == f"edge may not enter {closed.resolve()} (mode 700)"


@pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl")
def test_obstacle_is_not_sought_where_a_finer_list_decides(folder):
    file = folder / "edge.toml"
    file.touch(mode=0o600)
    done = subprocess.run(["setfacl", "-m", "u:65533:r", file], check=False)
    if done.returncode:
        pytest.skip("the file system knows no such lists")
    assert find_obstacle(file, STRANGER) == ""


def test_obstacle_in_a_way_that_cannot_be_walked(folder):
    (folder / "file").touch(mode=0o777)
    (folder / "file").chmod(0o777)
    assert find_obstacle(folder / "file/edge.toml", STRANGER).endswith("Not a directory")
    assert find_obstacle(folder / "absent", STRANGER) == f"{folder / 'absent'} does not exist"


def test_account_of_nobody_is_none():
    assert find_account("no-such-user-here") is None


def test_known_groups_are_those_of_the_machine():
    assert known_groups(("root", "no-such-group-here")) == ("root",)
