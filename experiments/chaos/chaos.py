"""Kill workers, nodes and drivers at random, then compare the archive.

    python experiments/chaos/chaos.py --kills 10       # about two minutes
    python experiments/chaos/chaos.py --kills 50 --heads 2 --proposals 12000

A search runs on a real Ray cluster of a head without cores and two nodes of one core
each, all on this machine. At moments spread over the whole search, SIGKILL ends an
actor, a node (which is replaced), the driver (which is started again with resume=auto)
or the cluster's head (which also ends the driver; both are started again). At the end
the archive must equal that of an undisturbed search in one process, column for column,
and no proposal may be decided twice or lost.
"""

import argparse
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.archive import Archive, ArchiveError, difference

COMMON = ["experiment=smoke", "searcher=evolution", "lag=3", "verdict.candidates=0"]
SEARCH = [sys.executable, "-m", "neuralopt", "search", *COMMON]
CHANCES = {"actor": 6, "node": 2, "driver": 2}
STILL = 120.0
"""Seconds without a newly decided proposal after which the experiment fails."""


def decided(run: Path) -> int:
    """Number of decided proposals of a run; 0 before its archive exists."""
    try:
        with Archive.open(run / "archive.sqlite") as archive:
            counts = archive.counts()
    except ArchiveError:
        return 0
    return sum(counts.values()) - counts["pending"]


class Target:
    """A cluster and a driver, whose processes can be killed."""

    def __init__(self, run: Path, proposals: int, chance: random.Random) -> None:
        self.run, self.proposals, self.chance = run, proposals, chance
        self.log = run.with_suffix(".log").open("wb")
        self.build()
        self.start()

    def build(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        self.nodes = [self.cluster.add_node(num_cpus=1) for _ in range(2)]

    def start(self) -> None:
        """Start the driver, which continues the run if there is one."""
        self.driver = subprocess.Popen(
            [
                *SEARCH,
                "evaluator=ray",
                f"evaluator.address={self.cluster.address}",
                "resume=auto",
                f"proposals={self.proposals}",
                f"run_dir={self.run}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def kill(self, what: str) -> bool:
        """Kill a process of one kind; returns whether there was one."""
        if what == "actor":
            actors = self.actors()
            if actors:
                os.kill(self.chance.choice(actors), signal.SIGKILL)
            return bool(actors)
        if what == "node":
            node = self.nodes.pop(self.chance.randrange(len(self.nodes)))
            self.cluster.remove_node(node, allow_graceful=False)
            self.nodes.append(self.cluster.add_node(num_cpus=1))
            return True
        if what == "head":
            head: Any = self.cluster.head_node  # Ray's annotation says None
            (gcs,) = head.all_processes["gcs_server"]
            gcs.process.kill()
            assert self.driver.wait(STILL) != 0, "the driver must end with its cluster"
            self.cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray's
            self.build()
        else:
            self.driver.kill()
            self.driver.wait()
        self.start()
        return True

    def actors(self) -> list[int]:
        """Process ids of the actors on this cluster's nodes."""
        raylets = {
            process.process.pid
            for node in self.nodes
            for process in node.all_processes.get("raylet", [])
        }
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                name = (folder / "cmdline").read_bytes()
                status = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if name.startswith(b"ray::_Actor") and int(status[1]) in raylets:
                found.append(int(folder.name))
        return found

    def close(self) -> None:
        self.driver.kill()
        self.cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray's
        self.log.close()


def disturbed(
    run: Path, proposals: int, kills: int, heads: int, seed: int
) -> Counter[str]:
    """Run a search to its end while processes are killed; returns kills by kind."""
    chance = random.Random(seed)
    target = Target(run, proposals, chance)
    killed: Counter[str] = Counter()
    moments = sorted(chance.randrange(proposals) for _ in range(kills))
    victims = chance.choices(list(CHANCES), list(CHANCES.values()), k=kills - heads)
    victims += ["head"] * heads
    chance.shuffle(victims)
    last, since = 0, time.monotonic()
    try:
        while target.driver.poll() is None:
            now = decided(run)
            if now > last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > STILL:
                raise SystemExit(
                    f"no proposal was decided for {STILL:.0f} s: see {target.log.name}"
                )
            if moments and now > moments[0]:
                time.sleep(chance.uniform(0.0, 0.3))
                if target.kill(victims[0]):
                    moments.pop(0)
                    killed[victims[0]] += 1
                    what = victims.pop(0)
                    print(f"at {now:6,} of {proposals:,}: {what} killed", flush=True)
            time.sleep(0.02)
        if target.driver.returncode:
            text = Path(target.log.name).read_text()[-2000:]
            raise SystemExit(
                f"the driver ended with {target.driver.returncode}: {text}"
            )
    finally:
        target.close()
    return killed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument(
        "--heads",
        type=int,
        default=0,
        help="how many of the kills end the cluster's head",
    )
    parser.add_argument("--proposals", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    add_json_option(parser)
    arguments = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Seconds that Ray lets a driver live without its head; the default is 60.
    os.environ["RAY_gcs_rpc_server_reconnect_timeout_s"] = "5"  # noqa: SIM112
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with tempfile.TemporaryDirectory() as folder:
        calm, wild = Path(folder) / "calm", Path(folder) / "wild"
        size = f"proposals={arguments.proposals}"
        began = time.monotonic()
        subprocess.run(
            [*SEARCH, size, f"run_dir={calm}"], check=True, capture_output=True
        )
        undisturbed = time.monotonic() - began
        began = time.monotonic()
        killed = disturbed(
            wild,
            arguments.proposals,
            arguments.kills,
            arguments.heads,
            arguments.seed,
        )
        seconds = time.monotonic() - began
        with (
            Archive.open(calm / "archive.sqlite") as ours,
            Archive.open(wild / "archive.sqlite") as theirs,
        ):
            found = difference(ours, theirs)
            counts = {status: n for status, n in theirs.counts().items() if n}
            executions = list(theirs.executions())
    outcomes = Counter(execution.outcome for execution in executions)
    ends = Counter(
        e.number for e in executions if e.outcome in ("scored", "diverged", "failed")
    )
    told = ", ".join(f"{count} x {what}" for what, count in killed.items())
    print(f"killed: {told} ({sum(killed.values())} in all)")
    print(f"undisturbed {undisturbed:.0f} s, disturbed {seconds:.0f} s")
    print(f"proposals: {counts}")
    print(f"attempts: {dict(outcomes)}")
    print(f"decided more than once: {sum(n > 1 for n in ends.values())}")
    print(f"difference of the archives: {found}")
    write_results(
        arguments.json,
        {
            "killed": killed,
            "seconds": {"undisturbed": undisturbed, "disturbed": seconds},
            "proposals": counts,
            "attempts": outcomes,
            "decided more than once": sum(n > 1 for n in ends.values()),
            "difference": found,
        },
    )
    if found or sum(killed.values()) < arguments.kills:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
