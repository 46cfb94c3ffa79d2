"""Write an explanation to a file: a picture, a page of HTML, or Markdown."""

import base64
from html import escape
from pathlib import Path

from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.text import html_of, markdown_of
from neuralopt.picture_files import KINDS, save_figure
from neuralopt.views.figures.canvas import png_of
from neuralopt.whole_file import write_whole

PAGES = (".html", ".md")

_STYLE = """body { font-family: sans-serif; max-width: 75em; margin: 2em auto;
  padding: 0 1em; color: #333 }
h2 { margin: 1.4em 0 .4em; font-size: 1.1em }
table { border-collapse: collapse; font-size: .9em }
th, td { padding: .2em .8em .2em 0; border-bottom: 1px solid #e6e6e6 }
img { max-width: 100% }"""


def check_file(path: Path) -> None:
    """Check that an explanation can be written to a file of this name.

    Args:
        path: of the file.

    Raises:
        ValueError: its ending is unknown, or its folder does not exist.
    """
    if path.suffix.lower() not in (*PAGES, *KINDS):
        known = ", ".join((*PAGES, *KINDS))
        raise ValueError(f"{path} names no kind of file: end it in one of {known}")
    if not path.parent.is_dir():
        raise ValueError(
            f"{path} can't be written: make the folder {path.parent}, or name another"
        )


def save_explanation(explanation: Explanation, path: Path) -> None:
    """Write an explanation to a file; the same explanation gives the same bytes.

    Args:
        explanation: of a rule.
        path: of the file, whose ending says of which kind it is.

    Raises:
        ValueError: see `check_file`.
        OSError: the file can't be written.
    """
    check_file(path)
    kind = path.suffix.lower()
    if kind == ".md":
        write_whole(path, markdown_of(explanation))
    elif kind == ".html":
        write_whole(path, page_of(explanation))
    else:
        save_figure(explanation.figure(), path)


def page_of(explanation: Explanation) -> str:
    """Return an explanation as one page of HTML that needs no network.

    Args:
        explanation: of a rule.
    """
    picture = base64.b64encode(png_of(explanation.figure())).decode()
    title = escape(f"Anatomy of {explanation.name}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{title}</h1><img alt="ablation, rates, facts and stability" '
        f'src="data:image/png;base64,{picture}">{html_of(explanation)}</body></html>\n'
    )
