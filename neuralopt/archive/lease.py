"""Decide which process may write an archive, and when it counts as dead.

The lease is a row of the archive itself, because file locks don't reach across hosts on
many shared disks.

A process of this host is dead when its id is gone or belongs to a process started at
another moment. Of any other host, and of a container whose processes can't be seen from
here, only the heartbeat is known: it counts as dead once that is LEASE_SECONDS old.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

LEASE_SECONDS = 60.0
HEARTBEAT_SECONDS = 10.0
"""A heartbeat is written at most this often."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The process that writes an archive.

    Attributes:
        host: its name.
        pid: process id.
        started: "boot/namespace/ticks" where /proc tells it, "" elsewhere: the boot of
            the machine, its process namespace, and the clock ticks from boot to the
            start of the process.
        heartbeat: Unix time of the last sign of life, seconds.
    """

    host: str
    pid: int
    started: str
    heartbeat: float

    def is_same_process(self, other: Lease) -> bool:
        """Return whether both leases are of one process.

        Args:
            other: the lease to compare with.

        Returns:
            True if host, process id and start agree; heartbeats may differ.
        """
        mine = (self.host, self.pid, self.started)
        return mine == (other.host, other.pid, other.started)


def lease_of_this_process(now: float) -> Lease:
    """Return the lease that this process would take.

    Args:
        now: the heartbeat, Unix time in seconds.

    Returns:
        A lease with this host, process id and start.
    """
    pid = os.getpid()
    return Lease(socket.gethostname(), pid, _start_token(pid) or "", now)


def is_honoured(lease: Lease, asker: Lease) -> bool:
    """Return whether `lease` still excludes `asker`, at the asker's heartbeat.

    Args:
        lease: found in the archive.
        asker: of the process that wants to write.

    Returns:
        True while the holder counts as alive.
    """
    if _sees_processes_of(asker, lease):
        if lease.started:
            return _start_token(lease.pid) == lease.started
        return _exists(lease.pid)
    return asker.heartbeat - lease.heartbeat < LEASE_SECONDS


def seconds_left(lease: Lease) -> float:
    """Return the seconds until the lease of an invisible process counts as dead.

    Args:
        lease: found in the archive.

    Returns:
        0 for a process of this host: whether it lives is known.
    """
    asker = lease_of_this_process(time.time())
    if _sees_processes_of(asker, lease):
        return 0.0
    return max(0.0, LEASE_SECONDS - (asker.heartbeat - lease.heartbeat))


def refusal(lease: Lease, asker: Lease) -> str:
    """Return one line: the holder, the age of its heartbeat, and what to do.

    Args:
        lease: found in the archive.
        asker: of the process that wants to write.

    Returns:
        The line, without the archive's path.
    """
    age = asker.heartbeat - lease.heartbeat
    holder = (
        f"process {lease.pid} on host {lease.host} is writing it"
        f" (heartbeat {age:.0f} s ago)"
    )
    if lease.is_same_process(asker):
        return f"{holder}, which is this process: close the archive first"
    if _sees_processes_of(asker, lease):
        return f"{holder}: stop that process first, or wait for it to end"
    return (
        f"{holder}: stop it first; if it is dead already, retry once its heartbeat is"
        f" {LEASE_SECONDS:.0f} s old"
    )


def _sees_processes_of(asker: Lease, lease: Lease) -> bool:
    # Hosts may share a name, and containers a boot: both must agree.
    here = asker.started.rpartition("/")[0]
    there = lease.started.rpartition("/")[0]
    return os.name == "posix" and lease.host == asker.host and here == there


def _start_token(pid: int) -> str | None:
    """None if the process does not exist or is a zombie, or without /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): the name, in parentheses, may hold anything; state is field 3 and the
    # start field 22. A zombie keeps its entry until its parent looks at it.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}/{namespace}/{fields[19]}"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
