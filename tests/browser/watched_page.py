"""A page of a browser that reports what it should not do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Route

LOCAL = ("http://127.0.0.1:", "file://", "data:", "blob:")
"""What addresses of this machine begin with."""

SIZE = {"width": 1400, "height": 1000}


class WatchedPage:
    """A page that reaches this machine only.

    Attributes:
        page: of Playwright.
        faults: requests to other machines, which are not sent, and errors of scripts.
    """

    def __init__(self, browser: Browser, screenshots: Path) -> None:
        self.page = browser.new_page(viewport=SIZE)
        self.faults: list[str] = []
        self._screenshots = screenshots
        self.page.route("**/*", self._send)
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))

    def screenshot(self, name: str, whole: bool = False) -> None:
        """Keep a picture of the window, or of the whole page."""
        path = self._screenshots / f"{name}.png"
        self.page.screenshot(path=path, full_page=whole)

    def _send(self, route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            self.faults.append(f"fetched: {route.request.url}")
            route.abort()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")
