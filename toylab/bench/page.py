"""page: the served lab in a headless Chromium: pictures a second, server time, click to effect."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from toylab.bench.measure import alone
from toylab.engine import client

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

# The same for Play, whose effect is another state.
PRESS = """button => new Promise(done => {
  const was = window.toylab.state().playing, began = performance.now()
  button.click()
  const look = () => window.toylab.state().playing !== was
    ? done(performance.now() - began) : requestAnimationFrame(look)
  look()
})"""

# When the document was ready, and when the page had painted its first picture.
FIRST = """
document.addEventListener("DOMContentLoaded", () => { window.documentReady = performance.now() })
const look = () => {
  if (window.toylab?.painted > 0) { window.firstPicture = performance.now() }
  else { requestAnimationFrame(look) }
}
look()
"""
RUN = "pace=0"  # no rise of the pace


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
        yield _opening(browser, served.url, 2 if quick else 5)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        traffic = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: traffic.append(
            len(frame if isinstance(frame, (bytes, str)) else frame["payload"]))))  # fmt: skip
        page.goto(f"{served.url}?play=1&{RUN}")
        page.wait_for_function("window.toylab && window.toylab.painted > 20", timeout=60_000)
        page.wait_for_timeout(4000)
        rates, costs, sizes, paces = [], [], [], []
        for _ in range(3):
            painted, used, bytes_ = (
                page.evaluate("window.toylab.painted"),
                _cpu(server),
                sum(traffic),
            )
            began, step = time.monotonic(), page.evaluate("window.toylab.step")
            page.wait_for_timeout(1000 * seconds)
            passed = time.monotonic() - began
            count = page.evaluate("window.toylab.painted") - painted
            rates.append(count / passed)
            paces.append((page.evaluate("window.toylab.step") - step) / passed)
            costs.append(1e3 * (_cpu(server) - used) / max(count, 1))
            sizes.append((sum(traffic) - bytes_) / 1e3 / max(count, 1))
        yield alone("page", "1280×720, training as fast as it can", rates, "pictures/s")
        yield alone("page", "the same, web server", costs, "ms CPU/picture")
        yield alone("page", "the same, on the wire", sizes, "kB/picture")
        page.keyboard.press("Space")
        with ThreadPoolExecutor() as aside:  # Playwright has a loop of its own in this thread
            headless = aside.submit(asyncio.run, _headless(seconds)).result()
            with _busy():
                beside = aside.submit(asyncio.run, _headless(seconds)).result()
        shares = [pace / headless for pace in paces]
        yield alone("page", "training speed while watched / headless", shares, "×")
        yield alone("page", "headless beside a busy core / headless", [beside / headless], "×")
        page.wait_for_timeout(1000)
        button = page.locator("#toylab-step-once").element_handle()
        waits = [page.evaluate(CLICK, button) for _ in range(clicks)]
        yield alone("page", "click on Step to its picture", waits, "ms")
        slow = page.context.new_cdp_session(page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.keyboard.press("Space")
        page.wait_for_timeout(4000)
        toggle = page.locator("#toylab-toggle").element_handle()
        waits = [page.evaluate(PRESS, toggle) for _ in range(clicks // 3)]
        yield alone("page", "4× slower browser, click on Play to its effect", waits, "ms")
        browser.close()


def _opening(browser, url, count):
    """From the moment the document is ready to the first picture of the run, engine warm."""
    waits = []
    for number in range(count + 1):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.add_init_script(FIRST)
        page.goto(url)
        page.wait_for_function("window.firstPicture", timeout=60_000)
        if number:  # the first visit starts the engine
            waits.append(page.evaluate("window.firstPicture - window.documentReady"))
        page.close()
        time.sleep(1.5)
    return alone("page", "document ready to the first picture", waits, "ms")


async def _headless(seconds):
    """Steps a second of the same run that nobody watches."""
    engine = await client.engine()
    heard = asyncio.Queue()
    session = engine.session(lambda header, arrays: heard.put_nowait(header))
    session.send(do="open", settings={}, playing=True, pace=0)
    await asyncio.sleep(1.0)
    counts = []
    for _ in range(2):
        session.send(do="want", layers=[])
        while (header := await heard.get())["say"] != "frame":
            pass
        counts.append((time.monotonic(), header["step"]))
        if len(counts) == 1:
            await asyncio.sleep(seconds)
    engine.close()
    (began, first), (ended, last) = counts
    return (last - first) / (ended - began)


@contextlib.contextmanager
def _busy():
    """Keeps one core busy: what training loses then is the machine's, not the page's."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _cpu(process):
    used = process.cpu_times()
    return used.user + used.system
