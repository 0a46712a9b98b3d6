"""Chromium without a screen, driven as a reader would: pointer, keys and a narrow screen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "chromium.chromedriver")


@contextmanager
def start(profile: Path) -> Iterator[Browser]:
    """One browser with a profile of its own; the test is skipped where there is none."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    service = next(filter(None, map(shutil.which, DRIVERS)), None)
    if binary is None or service is None:
        pytest.skip("no Chromium with its driver here (Debian: chromium, chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(service))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What the tests do with it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, file: Path, *, width: int = 1000, scheme: str = "light") -> None:
        """Load a page at a width in CSS pixels, with a colour scheme."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.command("Emulation.setEmulatedMedia", {"features": [feature]})
        self.forget()
        self.driver.get(file.as_uri())

    def command(self, name: str, arguments: dict[str, Any]) -> Any:
        """One of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.find(selector)]

    def click(self, selector: str) -> None:
        (element,) = self.find(selector)
        element.click()

    def press(self, selector: str, key: str) -> None:
        """A key, on an element that has the focus."""
        (element,) = self.find(selector)
        element.send_keys(key)

    def hover(self, selector: str, x: float, y: float) -> None:
        """Move the pointer to a place in an element, given in shares of its size."""
        box = self.run(
            "const found = document.querySelector(arguments[0]);"
            "found.scrollIntoView({block: 'center'});"
            "return found.getBoundingClientRect().toJSON()",
            selector,
        )
        at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        self.command("Input.dispatchMouseEvent", {"type": "mouseMoved", **at})

    def console(self) -> list[str]:
        """What the page has logged since it was opened: errors, warnings, refused loads."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that the page has asked for since it was opened."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def forget(self) -> None:
        """What was logged so far."""
        self.console()
        self.requests()
