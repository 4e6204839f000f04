"""A visitor of the dashboard: a browser's window of its own, and all that went wrong or out of the house in it."""

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
"""A worker is the last to get a busy machine's cores."""


class Visit:
    """What a reader does on a page, in a reader's words."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self._faults: list[str] = []
        self._requests: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._faults.append(str(error)))
        page.on("request", lambda request: self._requests.append(request.url))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._faults.append(f"{message.text} {message.location.get('url', '')}")

    def faults(self) -> list[str]:
        """What the console reported as an error, and what was asked of any other host."""
        strangers = sorted(self.hosts() - {urlsplit(self.address).netloc})
        return self._faults + [f"a request to {host}" for host in strangers]

    def hosts(self) -> set[str]:
        """Every host that was asked for something."""
        return {urlsplit(url).netloc for url in self._requests if urlsplit(url).scheme not in ("data", "blob", "file")}

    def open(self, address: str = "") -> None:
        """Go there; by default to the first page."""
        self.page.goto(address or self.address)

    def go_to(self, title: str) -> None:
        """A page, by its link at the top."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=title).click()

    def settle(self) -> None:
        """Until the server has nothing more to say."""
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")

    def upload(self, name: str, content: bytes) -> None:
        """Put a file into the panel; returns once it was taken or refused."""
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        self.page.locator("input[type=file]").first.set_input_files(files=[file])
        taken = self.page.get_by_role("button", name=name, pressed=True)
        taken.or_(self.page.get_by_role("alert")).first.wait_for()

    def remove_network(self, name: str) -> None:
        """Take it out of the panel."""
        line = self.page.locator(f"li[title='{name}']")
        line.get_by_role("button").click()
        line.wait_for(state="detached")

    def add_network(self, name: str) -> None:
        """Search for it in the panel and take it."""
        search = self.page.get_by_role("combobox", name="Add a network")
        search.click()
        search.fill(name)
        self.page.get_by_role("option", name=name).first.click()
        self.page.locator(f"li[title='{name}']").wait_for()

    def set_number(self, label: str, value: str) -> None:
        """Type a number into the form."""
        self.page.get_by_role("spinbutton", name=label, exact=True).fill(value)
        self.page.keyboard.press("Enter")
        self.settle()

    def open_grid(self, link: str, cells: int) -> None:
        """The grid at this link, with all its cells done and drawn."""
        self.open(link)
        self.page.get_by_text(f"{cells} of {cells} done").wait_for()
        self.page.locator(".grid .cell img").nth(cells - 1).wait_for()

    def keep_in(self, gallery: str) -> None:
        """Save the open grid to a gallery, and go there."""
        self.page.get_by_role("button", name="Save").click()
        self.page.get_by_role("combobox", name="Gallery").fill(gallery)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name="Save to gallery").click()
        self.page.get_by_text(f"Kept in {gallery}").wait_for()
        self.page.keyboard.press("Escape")
        self.go_to("Galleries")
        self.page.get_by_role("link", name=gallery).click()

    def cell_pictures(self) -> list[str]:
        """The address of each cell's picture."""
        return self.page.locator(".grid .cell img").evaluate_all("all => all.map((one) => one.getAttribute('src'))")

    def click_into(self, what: str, *, x: float, y: float) -> None:
        """Click at a place of what is shown, shares of its width and height, once the page has said what is there."""
        shown = self.page.locator(what).first
        shown.scroll_into_view_if_needed()
        box = shown.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.page.locator(".hoverlayer .hovertext").wait_for()
        self.page.mouse.down()
        self.page.mouse.up()

    def asked(self, name: str) -> str:
        """What the address says under this name."""
        return parse_qs(urlsplit(self.page.url).query)[name][0]

    def download(self, button: str, to: Path) -> Path:
        """Press, and wait for the file."""
        with self.page.expect_download() as given:
            self.page.get_by_role("button", name=button).click()
        given.value.save_as(to)
        return to


@contextmanager
def visiting(browser: Browser, address: str, *, offline: bool = False) -> Iterator[Visit]:
    """A visitor who has never been here, and has nothing open yet."""
    context = browser.new_context(offline=offline, viewport={"width": 1400, "height": 1000})
    yield Visit(context.new_page(), address)
    context.close()
