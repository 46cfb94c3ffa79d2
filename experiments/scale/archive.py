"""Make an archive of many proposals, and measure the report on it.

    python experiments/scale/archive.py make RUN --proposals 100000
    python experiments/scale/archive.py measure RUN

`make` makes the archive of experiments/throughput/million.py and adds what a finished
search has too: executions of eight workers, and a verdict on the best rules. Its scores
are made up, and its rules are not worth looking at.
`measure` times the command report in new processes, with the largest memory, and opens
the page in chromium (the package playwright drives it): the time until the page is
loaded, and until the first chart is drawn when it is scrolled to.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import make_or_measure
from experiments.throughput import million
from neuralopt.archive import Archive, Execution, VerdictRecord
from neuralopt.scoring.score import Score

WORKERS = 8
CHUNK = 1 << 14
CHARGED = ("scored", "stopped", "diverged")
BEST, SEEDS = 10, 5
BASELINES = {"adam": 0.5, "momentum": 0.42, "sgd": 0.4}
"""Made-up means."""

REPORT = """
import resource, sys
from neuralopt.cli.main import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(open("/proc/self/status").read(), "CPU:", used.ru_utime + used.ru_stime)
sys.exit(code)
"""


def make(run: Path, proposals: int, seed: int) -> None:
    """Make the archive of a search that seems finished."""
    million.make(run, proposals, seed)
    rng = np.random.default_rng(seed)
    with Archive.open(run, writable=True) as archive:
        done = {execution.number for execution in archive.executions()}
        begun = max(execution.finished for execution in archive.executions())
        some: list[Execution] = []
        for execution in _executions(archive, done, begun, rng):
            some.append(execution)
            if len(some) == CHUNK:
                archive.commit([], some)
                some = []
        archive.commit([], some)
        archive.save_verdict([_verdict(archive, rng)])


def _executions(
    archive: Archive, done: set[int], begun: float, rng: np.random.Generator
) -> Iterator[Execution]:
    """One attempt of each trained proposal, by workers in turn."""
    place = 0
    for number, status, *_ in archive.outcomes():
        if status in CHARGED and number not in done:
            place += 1
            yield Execution(
                number,
                1,
                status,
                float(rng.gamma(4.0, 0.02)),
                f"worker-{place % WORKERS}",
                begun + 0.1 * place / WORKERS,
            )


def _verdict(archive: Archive, rng: np.random.Generator) -> VerdictRecord:
    best = archive.best(BEST)
    means = {f"#{p.number}": p.quality or 0.0 for p in best} | BASELINES
    scores = {
        name: tuple(
            Score("scored", float(np.clip(rng.normal(mean, 0.01), 0, 1)), lr=0.1)
            for _ in range(SEEDS)
        )
        for name, mean in means.items()
    }
    return VerdictRecord(
        task=archive.context["task"],
        split="selection",
        budget=archive.context["budget"],
        seeds=tuple(range(1000, 1000 + SEEDS)),
        scores=scores,
        rules={f"#{p.number}": p.canonical for p in best},
        baselines=tuple(BASELINES),
        configuration="",
        made=0.0,
    )


def measure(run: Path, rounds: int) -> dict[str, object]:
    """Time the report on an archive, and opening it."""
    page = run / "report.html"
    seconds, processor, peaks = [], [], []
    for _ in range(rounds):
        began = time.perf_counter()
        made = subprocess.run(
            [sys.executable, "-c", REPORT, "report", str(run), "-o", str(page)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        seconds.append(time.perf_counter() - began)
        words = made.stdout.split()
        peaks.append(float(words[words.index("VmHWM:") + 1]) / 1024)
        processor.append(float(words[words.index("CPU:") + 1]))
    loaded, drawn = zip(*(open_page(page) for _ in range(rounds)), strict=True)
    with Archive.open(run) as archive:
        held = len(archive)
    figures: dict[str, object] = {
        "proposals": held,
        "report_seconds": seconds,
        "report_processor_seconds": processor,
        "report_megabytes": peaks,
        "page_megabytes": page.stat().st_size / 1e6,
        "loaded_seconds": loaded,
        "first_chart_seconds": drawn,
    }
    print(f"{held:,} proposals, page of {page.stat().st_size / 1e6:.1f} MB")
    for name, values in (
        ("report", seconds), ("its processor time", processor),
        ("page loaded", loaded), ("first chart drawn", drawn),
    ):  # fmt: skip
        print(
            f"  {name:18} {np.median(values):6.2f} s [{min(values):.2f}, "
            f"{max(values):.2f}]"
        )
    print(f"  memory             {max(peaks):.0f} MB at most")
    return figures


def open_page(page: Path) -> tuple[float, float]:
    """Return seconds until a page is loaded, and until its first chart is drawn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        tab.goto(page.resolve().as_uri(), wait_until="load")
        loaded = time.perf_counter() - began
        chart = tab.locator(".chart").first
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for()
        drawn = time.perf_counter() - began
        browser.close()
    return loaded, drawn


if __name__ == "__main__":
    make_or_measure(__doc__, 100_000, "time the report and open it", make, measure)
