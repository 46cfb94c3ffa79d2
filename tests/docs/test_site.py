"""The documentation site: it builds without a warning, whole and by itself."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import neuralopt
from docs.site.generate import PAGES, REFERENCE

ROOT = Path(__file__).parents[2]
API = ROOT / "docs" / "reference" / "api.md"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == PAGES[name](), (
        "run: python docs/site/generate.py"
    )


def test_the_api_page_documents_every_public_name_once() -> None:
    paths = re.findall(r"^::: (neuralopt[\w.]*)$", API.read_text("utf-8"), flags=re.M)
    of_tables = [path for path in paths if path.startswith("neuralopt.tables.")]
    assert of_tables, "tables is a module: its members are documented"
    names = [path.rpartition(".")[2] for path in paths if path not in of_tables]
    assert sorted([*names, "tables"]) == sorted(neuralopt.__all__), (
        f"add `::: neuralopt.NAME` to {API.name} for each new name"
    )


class Page(HTMLParser):
    """What a page of HTML refers to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.anchors |= {values[key] for key in ("id", "name") if key in values}
        if tag == "a":
            self.linked += [values["href"]] if "href" in values else []
        elif tag == "link" and values.get("rel") in ("canonical", "prev", "next"):
            self.linked.append(values.get("href", ""))
        else:
            self.loaded += [values[key] for key in ("href", "src") if key in values]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: warnings are errors."""
    pytest.importorskip("mkdocs", reason="pip install -e .[docs]")
    folder = tmp_path_factory.mktemp("site")
    config = str(ROOT / "docs" / "site" / "mkdocs.yml")
    words = ["build", "--strict", "--config-file", config, "--site-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    found = {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    assert len(found) > 20
    return found


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(
    site: Path, pages: dict[Path, Page]
) -> None:
    for path, page in pages.items():
        assert page.loaded, path
        for address in page.loaded:
            parts = urlsplit(address)
            assert not parts.netloc, f"{path}: {address}"
    for path in site.rglob("*.css"):
        text = path.read_text("utf-8")
        assert not re.search(r"(url\(\s*|@import\s+)[\"']?(https?:)?//", text), path


@pytest.mark.slow
def test_every_internal_link_and_anchor_of_the_site_exists(
    site: Path, pages: dict[Path, Page]
) -> None:
    checked = 0
    for path, page in pages.items():
        if path.name == "404.html":  # its links are absolute: it is shown anywhere
            continue
        for address in (*page.linked, *page.loaded):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
                target = target / "index.html" if target.is_dir() else target
                assert target.is_file(), f"{path}: {address}"
            if parts.fragment and target.suffix == ".html":
                anchors = pages[target].anchors
                assert unquote(parts.fragment) in anchors, f"{path}: {address}"
            checked += 1
    assert checked > 500


@pytest.mark.slow
def test_the_api_page_shows_functions_and_classes_not_modules(site: Path) -> None:
    text = (site / "reference" / "api.html").read_text("utf-8")
    assert "doc-function" in text
    assert "doc-module" not in text
