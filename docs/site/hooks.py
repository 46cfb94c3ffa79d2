"""Hooks of mkdocs: pages from outside docs/, and links to files of the repository.

The reports of experiments/ become pages, with the pictures beside them. A link to one of them, or to a page, works in
the site as it does in the repository; a link to any other file of the repository is
shown as its path, since the site does not hold that file.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[([^\]\[]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
"""An inline link to a relative path: label, path, anchor."""


def on_files(files: Files, config: Any) -> Files:
    """Add the experiments' reports and pictures, at their path in the repository."""
    reports = ROOT.glob("experiments/*/README.md")
    pictures = ROOT.glob("experiments/*/*.svg")
    for report in sorted((*reports, *pictures)):
        files.append(
            File.generated(
                config,
                report.relative_to(ROOT).as_posix(),
                abs_src_path=str(report),
                inclusion=InclusionLevel.NOT_IN_NAV,
            )
        )
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Point links at the places that files have in the site."""
    where = PurePosixPath(page.file.src_uri)
    from_reports = where.parts[0] == "experiments"
    folder = where.parent if from_reports else "docs" / where.parent

    def resolve(match: re.Match[str]) -> str:
        label, path, anchor = match[1], match[2], match[3] or ""
        target = os.path.normpath(folder / path)
        uri = target.removeprefix("docs/")
        if files.get_file_from_path(uri) is not None:
            return f"[{label}]({os.path.relpath(uri, where.parent)}{anchor})"
        if target.startswith("docs/") or not (ROOT / target).exists():
            return match[0]  # mkdocs reports it as broken
        return f"{label} (`{target}`)" if label.strip("`") != target else f"`{target}`"

    return LINK.sub(resolve, markdown)
