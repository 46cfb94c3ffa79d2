"""A program that writes an archive, to be killed: PATH TOTAL BATCH CURVE STEPS PAGES.

Says on standard output what is on disk for certain. Kills itself, without any clean-up,
after so many times fifty steps of SQLite's virtual machine (0: waits to be killed).
With PAGES it keeps no more than those in memory, so that a transaction reaches the file
before it is committed, and kills itself at the next moment when one has.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import neuralopt.archive.database as archive_file
from neuralopt.archive import Archive
from tests.archive import builders


def main(path: str, total: int, batch: int, curve: int, steps: int, pages: int) -> None:
    really_connect = archive_file.connect
    left = steps
    untouched = (0, 0)

    def half_written(connection: sqlite3.Connection) -> bool:
        nonlocal untouched
        journal = Path(f"{path}-journal")
        status = Path(path).stat()
        now = (status.st_size, status.st_mtime_ns)
        if connection.in_transaction and journal.exists() and journal.stat().st_size:
            return now != untouched
        untouched = now
        return False

    def connect(*arguments: Any) -> sqlite3.Connection:
        connection = really_connect(*arguments)

        def count_down() -> int:
            nonlocal left
            left -= 1
            if left <= 0 and (not pages or half_written(connection)):
                os.kill(os.getpid(), signal.SIGKILL)
            return 0

        if steps:
            connection.set_progress_handler(count_down, 50)
        if pages:
            connection.execute(f"PRAGMA cache_size = {pages}")
            connection.execute("PRAGMA cache_spill = 1")
        return connection

    archive_file.connect = connect
    if Path(path).exists():
        archive = Archive.open(path, writable=True)
    else:
        archive = Archive.create(path, builders.CONTEXT)

    def say(what: str, number: int) -> None:
        sys.stdout.write(f"{what} {number}\n")
        sys.stdout.flush()

    say("recorded", len(archive))
    builders.search(archive, total, batch, curve, say)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
