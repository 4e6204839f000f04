"""A visit of the dashboard: a browser window with its errors and its requests to other hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

WAIT_MS = 60_000
DONE_MS = 240_000
TIMEOUT_S = 600
"""On a busy machine a worker may wait long for a core."""


class Visit:
    """The actions of a visitor."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self._faults: list[str] = []
        self._requests: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._record_error)
        page.on("pageerror", lambda error: self._faults.append(str(error)))
        page.on("request", lambda request: self._requests.append(request.url))

    def _record_error(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._faults.append(f"{message.text} {message.location.get('url', '')}")

    def faults(self) -> list[str]:
        """Errors of the console, and requests to other hosts."""
        strangers = sorted(self.hosts() - {urlsplit(self.address).netloc})
        return self._faults + [f"a request to {host}" for host in strangers]

    def hosts(self) -> set[str]:
        """All hosts that got a request."""
        return {urlsplit(url).netloc for url in self._requests if urlsplit(url).scheme not in ("data", "blob", "file")}

    def open(self, address: str = "") -> None:
        """Open the address, by default the first page."""
        self.page.goto(address or self.address)

    def go_to(self, title: str) -> None:
        """Open a page by its link at the top."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=title).click()

    def settle(self) -> None:
        """Wait until the page's script is not running."""
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")

    def upload(self, name: str, content: bytes) -> None:
        """Upload a file in the panel, and wait until it is accepted or rejected."""
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        self.page.locator("input[type=file]").first.set_input_files(files=[file])
        accepted = self.page.get_by_role("button", name=name, pressed=True)
        accepted.or_(self.page.get_by_role("alert")).first.wait_for()

    def remove_network(self, name: str) -> None:
        """Remove a network from the panel."""
        line = self.page.locator(f"li[title='{name}']")
        line.get_by_role("button").click()
        line.wait_for(state="detached")

    def add_network(self, name: str) -> None:
        """Search for a network in the panel and select it."""
        search = self.page.get_by_role("combobox", name="Add a network")
        search.click()
        search.fill(name)
        self.page.get_by_role("option", name=name).first.click()
        self.page.locator(f"li[title='{name}']").wait_for()

    def set_number(self, label: str, value: str) -> None:
        """Type a number into a field of the form."""
        self.page.get_by_role("spinbutton", name=label, exact=True).fill(value)
        self.page.keyboard.press("Enter")
        self.settle()

    def open_grid(self, link: str, cells: int) -> None:
        """Open the grid at this link, and wait until all its cells are done and drawn."""
        self.open(link)
        self.page.get_by_text(f"{cells} of {cells} done").wait_for()
        self.page.locator(".grid .cell img").nth(cells - 1).wait_for()

    def save_to(self, gallery: str) -> None:
        """Save the open grid to a gallery, and open that."""
        self.page.get_by_role("button", name="Save").click()
        self.page.get_by_role("combobox", name="Gallery").fill(gallery)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name="Save to gallery").click()
        self.page.get_by_text(f"Saved to {gallery}").wait_for()
        self.page.keyboard.press("Escape")
        self.go_to("Galleries")
        self.page.get_by_role("link", name=gallery).click()

    def cell_pictures(self) -> list[str]:
        """The addresses of the cells' images."""
        return self.page.locator(".grid .cell img").evaluate_all("all => all.map((one) => one.getAttribute('src'))")

    def click_into(self, selector: str, *, x: float, y: float) -> None:
        """Click an element at `x`, `y` (shares of its width and height) once its tooltip is there."""
        element = self.page.locator(selector).first
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.page.locator(".hoverlayer .hovertext").wait_for()
        self.page.mouse.down()
        self.page.mouse.up()

    def query(self, name: str) -> str:
        """A value of the address."""
        return parse_qs(urlsplit(self.page.url).query)[name][0]

    def download(self, button: str, to: Path) -> Path:
        """Press a download button, and wait for the file."""
        with self.page.expect_download() as given:
            self.page.get_by_role("button", name=button).click()
        given.value.save_as(to)
        return to


@contextmanager
def visiting(browser: Browser, address: str, *, offline: bool = False) -> Iterator[Visit]:
    """A visit with an empty profile and nothing open."""
    context = browser.new_context(offline=offline, viewport={"width": 1400, "height": 1000})
    yield Visit(context.new_page(), address)
    context.close()
