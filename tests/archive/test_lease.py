"""The lease: one writer at a time, and a dead writer blocks nobody."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import neuralopt.archive.database as archive_file
from neuralopt.archive import Archive, ArchiveError, Lease
from neuralopt.archive.lease import is_honoured, lease_of_this_process
from tests.archive import builders

LINUX = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="no /proc to see processes in"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "archive.sqlite"
    Archive.create(path, {}).close()
    return path


def set_lease(path: Path, lease: Lease) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM lease")
    connection.execute(
        "INSERT INTO lease (host, pid, started, heartbeat) VALUES (?, ?, ?, ?)",
        (lease.host, lease.pid, lease.started, lease.heartbeat),
    )
    connection.commit()
    connection.close()


def test_a_second_writer_is_refused_and_readers_are_not(path: Path):
    with Archive.open(path, writable=True) as writer:
        with pytest.raises(ArchiveError) as refused:
            Archive.open(path, writable=True)
        assert f"process {os.getpid()} on host {socket.gethostname()}" in str(
            refused.value
        )
        assert "heartbeat 0 s ago" in str(refused.value)
        with Archive.open(path) as reader:
            assert reader.lease() == writer.lease()
    with Archive.open(path, writable=True):
        pass
    with Archive.open(path) as reader:
        assert reader.lease() is None


@LINUX
def test_another_process_is_kept_out_until_it_is_dead(tmp_path: Path):
    path = tmp_path / "archive.sqlite"
    program = (
        "import sys, time; from neuralopt.archive import Archive;"
        "archive = Archive.create(sys.argv[1], {}); print(flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    with pytest.raises(ArchiveError, match=f"process {writer.pid} .*stop that process"):
        Archive.open(path, writable=True)
    os.kill(writer.pid, signal.SIGKILL)
    while ") Z" not in Path(f"/proc/{writer.pid}/stat").read_text():
        time.sleep(0.01)
    with Archive.open(path, writable=True) as archive:  # of a zombie, even
        archive.record([builders.asked(0)])
    writer.stdout.close()
    writer.wait()


@LINUX
def test_a_reused_process_id_is_not_mistaken_for_the_writer():
    me = lease_of_this_process(time.time())
    namespace, _, ticks = me.started.rpartition("/")
    earlier = Lease(me.host, me.pid, f"{namespace}/{int(ticks) - 1}", me.heartbeat)
    assert is_honoured(me, me)
    assert not is_honoured(earlier, me)


def test_without_proc_a_process_id_decides():
    me = Lease("here", os.getpid(), "", 0.0)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert is_honoured(Lease("here", os.getppid(), "", -1e6), me)
    assert not is_honoured(Lease("here", child.pid, "", 0.0), me)


@pytest.mark.parametrize(
    ("host", "started"),
    [
        ("elsewhere", None),
        (None, "another-boot/4026531836/12"),  # a host or container of the same name
    ],
)
@pytest.mark.parametrize(("age", "honoured"), [(0, True), (59, True), (61, False)])
def test_of_other_machines_the_heartbeat_decides(
    path: Path, host: str | None, started: str | None, age: float, honoured: bool
):
    me = lease_of_this_process(time.time())
    theirs = Lease(host or me.host, me.pid, started or me.started, me.heartbeat - age)
    set_lease(path, theirs)
    if honoured:
        with pytest.raises(ArchiveError, match="retry once its heartbeat is 60 s old"):
            Archive.open(path, writable=True)
    else:
        with Archive.open(path, writable=True) as archive:
            archive.record([builders.asked(0)])


def test_a_writer_that_was_taken_over_writes_nothing_more(path: Path):
    archive = Archive.open(path, writable=True)
    archive.record([builders.asked(0)])
    theirs = Lease("elsewhere", 12, "", time.time())
    set_lease(path, theirs)
    with pytest.raises(
        ArchiveError, match="taken over by process 12 on host elsewhere"
    ):
        archive.record([builders.asked(1)])
    with pytest.raises(ArchiveError, match="let that one continue"):
        archive.close()
    with Archive.open(path) as reader:
        assert len(reader) == 1
        assert reader.lease() == theirs  # closing took nothing away from it


def test_the_heart_beats_at_writes_and_on_demand_but_not_more_often(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    def heartbeat() -> float:
        lease = archive.lease()
        assert lease is not None
        return lease.heartbeat

    with Archive.open(path, writable=True) as archive:
        start = heartbeat()
        for later, beat in ((9.0, start), (11.0, None), (19.0, start + 11.0)):
            now = start + later
            monkeypatch.setattr(archive_file.time, "time", lambda now=now: now)
            archive.heartbeat()
            assert heartbeat() == (beat or now)
        monkeypatch.setattr(archive_file.time, "time", lambda: start + 30.0)
        archive.record([builders.asked(0)])
        assert heartbeat() == start + 30.0


def test_an_archive_dropped_without_closing_can_be_opened_again(path: Path):
    archive = Archive.open(path, writable=True)
    file = archive._file
    file._connection.close()  # what forgetting the object does, without the warning
    del archive, file
    with Archive.open(path, writable=True) as again:
        again.record([builders.asked(0)])
