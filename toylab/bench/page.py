"""page: the served lab in a headless Chromium: pictures a second, server time, click to effect."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from toylab.bench.measure import alone

APP = Path(__file__).resolve().parents[2] / "apps" / "lab.py"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Milliseconds from a click on Step to the picture of that step, measured inside the page.
CLICK = """button => new Promise(done => {
  const painted = window.toylab.painted, began = performance.now()
  button.click()
  const look = () => window.toylab.painted > painted
    ? done(performance.now() - began) : requestAnimationFrame(look)
  look()
})"""


def chromium():
    """The path of a Chromium on the PATH, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None  # Playwright's own, where there is one


class Served:
    """`panel serve apps/lab.py` on a free port of 127.0.0.1, as long as the block lasts."""

    def __enter__(self):
        if not APP.exists():
            raise RuntimeError(f"the page is measured in a checkout; there is no {APP.name} here")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "panel", "serve", str(APP), "--port", str(port)]
        self.process = subprocess.Popen(
            [*command, "--address", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.url = f"http://127.0.0.1:{port}/lab"
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("the server did not answer within a minute")

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(20)


def rows(quick=False):
    """Rows of this suite, one after the other."""
    from playwright.sync_api import Error, sync_playwright

    seconds, clicks = (4, 7) if quick else (10, 25)
    with Served() as served, sync_playwright() as playwright:
        server = psutil.Process(served.process.pid)
        try:
            browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        except Error as error:
            raise RuntimeError(f"no Chromium: {error.message.splitlines()[0]}") from error
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{served.url}?play=1")
        page.wait_for_function("window.toylab && window.toylab.painted > 20", timeout=60_000)
        page.wait_for_timeout(3000)
        rates, costs = [], []
        for _ in range(3):
            painted, used = page.evaluate("window.toylab.painted"), _cpu(server)
            began = time.monotonic()
            page.wait_for_timeout(1000 * seconds)
            count = page.evaluate("window.toylab.painted") - painted
            rates.append(count / (time.monotonic() - began))
            costs.append(1e3 * (_cpu(server) - used) / max(count, 1))
        yield alone("page", "1280×720, training as fast as it can", rates, "pictures/s")
        yield alone("page", "the same, web server", costs, "ms CPU/picture")
        page.keyboard.press("Space")
        page.wait_for_timeout(1000)
        button = page.locator("#toylab-step-once").element_handle()
        waits = [page.evaluate(CLICK, button) for _ in range(clicks)]
        yield alone("page", "click on Step to its picture", waits, "ms")
        browser.close()


def _cpu(process):
    used = process.cpu_times()
    return used.user + used.system
