"""A browser as a visitor has it: nothing listens to what it receives while it is measured.

A test tool has every message of the page handed to it, which costs the browser and the machine
more than the page does; here one short question is asked before a measurement and one after it.
"""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from tornado.websocket import websocket_connect

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BARS = 143  # pixels of a window above its page, which a headless one counts too
SPACE = """document.body.dispatchEvent(new KeyboardEvent(
  "keydown", {key: " ", code: "Space", bubbles: true, composed: true}))"""


def chromium():
    """The path of a Chromium on the PATH, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None  # Playwright's own, where there is one


class Visitor:
    """A headless Chromium with one page of 1280×720, as long as the block lasts."""

    def __init__(self, url):
        self.url = url

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [
                *(chromium(), *QUIET, "--headless", "--remote-debugging-port=0"),
                *(f"--user-data-dir={self.folder.name}", f"--window-size=1280,{720 + BARS}"),
                self.url,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.page = self._until(self._found, "no page in this Chromium")
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()

    def _until(self, look, words, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := look():
                return found
            time.sleep(0.2)
        raise RuntimeError(f"{words} within {seconds} seconds")

    def _found(self):
        """The address at which this page answers questions, or None."""
        told = Path(self.folder.name) / "DevToolsActivePort"
        port = told.read_text().split()[0] if told.exists() and told.read_text() else None
        if port is None:
            return None
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page"]
        return pages[0]["webSocketDebuggerUrl"] if pages else None

    def ask(self, expression):
        """The value of a JavaScript expression in the page."""

        async def asked():
            link = await websocket_connect(self.page)
            what = {"expression": expression, "returnByValue": True}
            told = {"id": 1, "method": "Runtime.evaluate", "params": what}
            await link.write_message(json.dumps(told))
            answer = json.loads(await link.read_message())
            link.close()
            return answer["result"]["result"].get("value")

        return asyncio.run(asked())

    def wait(self, expression):
        """Waits until a JavaScript expression holds."""
        self._until(lambda: self.ask(expression), f"{expression} did not hold")

    def toggle(self):
        """Presses Space, which plays or pauses, and waits for the effect."""
        was = json.dumps(self.ask("window.toylab.state().playing"))
        self.ask(SPACE)
        self.wait(f"window.toylab.state().playing !== {was}")
