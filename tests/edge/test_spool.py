import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from broker import until

from edge.actions.outbox import MOST_IN_MEMORY, Outbox
from edge.errors import NewerStoreError, OutputError
from edge.spool import Spool

WRITER = """
import sys
from pathlib import Path
from edge.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(10**6):
    spool.put(b"%d" % number, key="k")
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "spool.db"


@pytest.fixture
def make_spool(path):
    made = []

    def make(**limits):
        made.append(Spool(path, **limits))
        return made[-1]

    yield make
    for spool in made:
        spool.close()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def payloads(spool):
    return [message.payload for message in spool.oldest(10**6)]


def fill(spool):
    for _ in range(100):
        spool.put(bytes(4000), key="k")


def test_spool_order_and_removal(make_spool):
    spool = make_spool()
    for number in range(5):
        spool.put(b"%d" % number, key=f"key {number}")
    first, second = spool.oldest(2)
    assert (first.payload, first.key, second.payload) == (b"0", "key 0", b"1")
    assert [message.payload for message in spool.oldest(2, after=second.id)] == [b"2", b"3"]
    spool.remove([second.id, 999])
    assert payloads(spool) == [b"0", b"2", b"3", b"4"]
    assert spool.waiting == 4


def test_spool_opens_nothing_before_its_use(make_spool, path):
    make_spool().close()
    assert not path.parent.exists()


def test_spool_survives_being_closed(make_spool):
    make_spool().put(b"kept", key="k")
    again = make_spool()
    assert again.waiting == 1
    assert payloads(again) == [b"kept"]
    again.close()
    assert payloads(again) == [b"kept"]  # the next use opens it again


def test_spool_gives_no_id_twice(make_spool):
    spool = make_spool()
    spool.put(b"a", key="k")
    (first,) = spool.oldest(1)
    spool.remove([first.id])
    spool.put(b"b", key="k")
    spool.remove([first.id])  # a late acknowledgement
    assert payloads(spool) == [b"b"]


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"most_messages": 3}, 3),
        # 10 bytes each
        ({"most_mb": 40 / 1_000_000}, 4),
        ({"most_mb": 45 / 1_000_000}, 4),
    ],
)
def test_spool_oldest_make_room(make_spool, limits, left):
    spool = make_spool(**limits)
    for number in range(8):
        spool.put(b"%010d" % number, key="k")
    assert payloads(spool) == [b"%010d" % number for number in range(8 - left, 8)]
    assert (spool.waiting, spool.dropped) == (left, 8 - left)


def test_spool_too_large_a_message(make_spool):
    with pytest.raises(OutputError, match="at most 10 bytes long"):
        make_spool(most_mb=10 / 1_000_000).put(b"x" * 11, key="k")


def test_spool_kill_loses_nothing_acknowledged(path):
    """faults.md 32: what was taken is there after kill -9."""
    choice = random.Random(0)
    told = -1
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            lines = choice.randrange(20, 200)
            acknowledged = [int(writer.stdout.readline()) for _ in range(lines)]
            writer.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in writer.stdout]
        spool = Spool(path)
        found = [int(payload) for payload in payloads(spool)]
        assert set(acknowledged) <= set(found)
        assert len(found) - len(acknowledged) <= 1
        spool.remove([message.id for message in spool.oldest(10**6)])
        spool.close()
        told = acknowledged[-1]
    assert told > 0


@pytest.mark.parametrize("damage", ["garbage", "page", "empty directory entry"])
def test_spool_damaged_file_is_moved_aside(make_spool, path, damage, caplog):
    first = make_spool()
    for number in range(200):
        first.put(b"%d" % number * 50, key="k")
    first.close()
    content = bytearray(path.read_bytes())
    if damage == "garbage":  # no database at all
        content[:] = random.Random(0).randbytes(len(content))
    elif damage == "page":  # within a tree
        content[4096:8192] = random.Random(0).randbytes(4096)
    else:
        content[16:100] = bytes(84)
    path.write_bytes(content)
    spool = make_spool()
    spool.put(b"new", key="k")
    assert payloads(spool) == [b"new"]
    assert spool.set_aside == 1
    assert Path(f"{path}.corrupt-1").read_bytes() == bytes(content)
    assert "damaged" in caplog.text


def test_spool_of_a_newer_version_is_refused_and_left(make_spool, path):
    make_spool().put(b"kept", key="k")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
        before = path.read_bytes()
        with pytest.raises(NewerStoreError, match=r"of version 0 or older\..*version 1 in"):
            make_spool()  # its number is still in the log
    assert path.read_bytes()[100:] == before[100:]


def test_spool_keeps_the_newest_two_damaged_files(make_spool, path):
    spool = make_spool()
    for _ in range(5):
        spool.put(b"x", key="k")
        spool.close()
        path.write_bytes(b"no database, but long enough to be looked at" * 100)
    assert spool.waiting == 0
    names = sorted(one.name for one in path.parent.iterdir() if "corrupt" in one.name)
    assert names == [f"spool.db.corrupt-{number}" for number in (4, 5)]
    assert spool.set_aside == 5


def test_spool_damaged_while_open(make_spool, path):
    spool = make_spool()
    for number in range(300):
        spool.put(b"%d" % number * 100, key="k")
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    spool.put(b"new", key="k")
    spool.oldest(1)
    spool.put(b"newer", key="k")
    assert payloads(spool)[-1] == b"newer"
    assert spool.set_aside == 1


def test_spool_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool.db")
    with pytest.raises(OutputError, match="must be writable, to keep what waits") as caught:
        spool.put(b"x", key="k")
    assert "File exists" in caught.value.received
    assert "Free space" in caught.value.fix
    with pytest.raises(OutputError, match="must be writable"):
        _ = spool.waiting


def test_spool_full_disk(small_disk):
    spool = Spool(small_disk / "spool.db")
    for number in range(20):
        spool.put(b"%02d" % number * 500, key="k")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(2_000_000))
    with pytest.raises(OutputError, match="must be writable"):
        fill(spool)
    waiting = spool.waiting
    delivered = [message.id for message in spool.oldest(3)]
    spool.remove(delivered)  # takes no deletion, or does
    assert spool.waiting == waiting - 3
    assert spool.oldest(1)[0].id not in delivered
    ballast.unlink()
    spool.put(b"after", key="k")
    spool.remove([])
    assert payloads(spool)[-1] == b"after"
    assert not set(delivered) & {message.id for message in spool.oldest(10**6)}
    spool.close()
    again = Spool(small_disk / "spool.db")
    assert again.waiting == waiting - 3 + 1
    again.close()


def test_spool_many_threads(make_spool):
    spool = make_spool()

    def put(name):
        for number in range(50):
            spool.put(b"%d" % number, key=name)

    threads = [threading.Thread(target=put, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    until(lambda: spool.waiting == 200)
    for thread in threads:
        thread.join()
    for name in "abcd":
        own = [message for message in spool.oldest(200) if message.key == name]
        assert [message.payload for message in own] == [b"%d" % number for number in range(50)]


def test_outbox_full_disk_goes_on_in_memory(small_disk):
    box = Outbox(Spool(small_disk / "spool.db"))
    assert box.put(b"on disk", key="k")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(2_000_000))
    while box.put(bytes(4000), key="k"):
        pass
    box.put(b"in memory", key="k")
    waiting = box.waiting
    newest = box.oldest(10**6)[-1]
    assert newest.payload == b"in memory"
    assert box.oldest(5, after=box.oldest(10**6)[-2].id) == (newest,)
    ballast.unlink()
    box.settle()
    assert box.waiting == waiting
    assert box.oldest(10**6)[-1].id < newest.id  # on the disk now
    box.close()


def test_outbox_memory_is_bounded(tmp_path):
    (tmp_path / "file").write_text("")
    box = Outbox(Spool(tmp_path / "file" / "spool.db"))
    for number in range(MOST_IN_MEMORY + 5):
        assert not box.put(b"%d" % number, key="k")
    assert (box.waiting, box.dropped, box.lost) == (MOST_IN_MEMORY, 5, 5)
    first, second = box.oldest(2)
    assert first.payload == b"5"
    box.remove({first.id})
    assert box.oldest(1) == (second,)
    box.close()
