"""page: the served lab in a headless Chromium: pictures a second, server time, click to effect."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from toylab.bench.browser import QUIET, Visitor, chromium
from toylab.bench.lab import Run
from toylab.bench.measure import alone
from toylab.engine import client

APP = Path(__file__).resolve().parents[2] / "apps" / "lab.py"
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
COUNTS = "[window.toylab.painted, window.toylab.step]"


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

    asyncio.run(_headless(0.1))  # from here on its native code lies ready
    with Served() as served:
        with sync_playwright() as playwright:
            try:
                browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
            except Error as error:
                raise RuntimeError(f"no Chromium: {error.message.splitlines()[0]}") from error
            yield _opening(browser, served.url, 2 if quick else 5)
            yield from _handled(browser, served.url, quick)
            browser.close()
        yield from _watched(served, 4 if quick else 10, 1 if quick else 5)


def _handled(browser, url, quick):
    """What is on the wire, and how soon the page does what a hand wants."""
    clicks = 7 if quick else 25
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    traffic = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: traffic.append(
        len(frame if isinstance(frame, (bytes, str)) else frame["payload"]))))  # fmt: skip
    page.goto(f"{url}?play=1&{RUN}")
    page.wait_for_function("window.toylab && window.toylab.painted > 20", timeout=60_000)
    sizes = []
    for _ in range(3):
        painted, bytes_ = page.evaluate("window.toylab.painted"), sum(traffic)
        page.wait_for_timeout(4000)
        count = page.evaluate("window.toylab.painted") - painted
        sizes.append((sum(traffic) - bytes_) / 1e3 / max(count, 1))
    yield alone("page", "1280×720, training as fast as it can, on the wire", sizes, "kB/picture")
    page.keyboard.press("Space")
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
    page.close()


def _watched(served, seconds, rounds):
    """A visitor's page, and in turn with it the same run that nobody watches."""
    server = psutil.Process(served.process.pid)
    rates, costs, shares, alone_ = [], [], [], []
    with Visitor(f"{served.url}?play=1&{RUN}") as visitor:
        visitor.wait(
            "window.toylab?.painted > 20 && window.toylab.state().speed.label == 'compiled'"
        )
        time.sleep(4)
        for _ in range(rounds):
            painted, step = visitor.ask(COUNTS)
            used, began = _cpu(server), time.monotonic()
            time.sleep(seconds)
            used, passed = _cpu(server) - used, time.monotonic() - began
            count, steps = (now - was for now, was in
                            zip(visitor.ask(COUNTS), (painted, step), strict=True))  # fmt: skip
            visitor.toggle()
            headless = asyncio.run(_headless(seconds))
            visitor.toggle()
            time.sleep(1)
            rates.append(count / passed)
            costs.append(1e3 * used / max(count, 1))
            shares.append(steps / passed / headless)
            alone_.append(headless)
    yield alone("page", "1280×720, training as fast as it can", rates, "pictures/s")
    yield alone("page", "the same, web server", costs, "ms CPU/picture")
    yield alone("page", "training speed while watched / headless", shares, "×")
    with _busy():
        beside = asyncio.run(_headless(seconds))
    share = [beside / headless for headless in alone_]
    yield alone("page", "headless beside a busy core / headless", share, "×")


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
    """Steps a second of the same run, compiled as the page's is, that nobody watches."""
    engine = await client.engine()
    run = Run(engine, "auto")
    await run.compiled()
    counts = []
    for wait in (seconds, 0):
        counts.append((await run.step(), time.monotonic()))
        await asyncio.sleep(wait)
    engine.close()
    (first, began), (last, ended) = counts
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
