"""idle: what the served lab costs while nothing trains and no picture is owed."""

import time

import psutil

from toylab.bench.measure import alone
from toylab.bench.page import QUIET, Served, chromium

SECONDS = 20.0


def rows(quick=False):
    """Rows of this suite, one after the other."""
    from playwright.sync_api import Error, sync_playwright

    seconds = 5.0 if quick else SECONDS
    with Served() as served, sync_playwright() as playwright:
        yield from _rest(served, "no page yet", seconds)
        try:
            browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        except Error as error:
            raise RuntimeError(f"no Chromium: {error.message.splitlines()[0]}") from error
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{served.url}?play=1")
        page.wait_for_function("window.toylab && window.toylab.painted > 20", timeout=60_000)
        page.keyboard.press("Space")
        page.wait_for_timeout(8000)  # what is still owed comes, and is acknowledged
        yield from _rest(served, "one paused page", seconds)
        browser.close()
        time.sleep(40)  # until Bokeh has let go of its session
        yield from _rest(served, "the page closed", seconds)


def _rest(served, case, seconds):
    """Processor time and wake-ups of the server and of its engine, as the system counts them."""
    server = psutil.Process(served.process.pid)
    family = {"web server": server}
    for child in server.children(recursive=True):
        if "toylab.engine.worker" in child.cmdline():
            family["engine"] = child
    before = {name: _used(each) for name, each in family.items()}
    time.sleep(seconds)
    for name, each in family.items():
        used, woken = (now - was for now, was in zip(_used(each), before[name], strict=True))
        yield alone("idle", f"{case}, {name}", [100 * used / seconds], "% of a core")
        yield alone("idle", f"{case}, {name} wakes up", [woken / seconds], "times/s")


def _used(process):
    """(processor seconds in ticks of 0.01 s, how often its main thread has waited)."""
    times = process.cpu_times()
    return times.user + times.system, process.num_ctx_switches().voluntary
