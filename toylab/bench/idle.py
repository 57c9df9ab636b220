"""idle: what the served lab costs while nothing trains and no picture is owed."""

import time

import psutil

from toylab.bench.browser import Visitor
from toylab.bench.measure import alone
from toylab.bench.page import Served

SECONDS = 20.0


def rows(quick=False):
    """Rows of this suite, one after the other."""
    seconds = 5.0 if quick else SECONDS
    with Served() as served:
        time.sleep(15)  # the engine starts with the server
        yield from _rest(served, "no page yet", seconds)
        with Visitor(f"{served.url}?play=1") as visitor:
            visitor.wait("window.toylab?.painted > 20")
            visitor.toggle()
            time.sleep(8)  # what is still owed comes, and is acknowledged
            yield from _rest(served, "one paused page", seconds)
        time.sleep(40)  # until Bokeh has let go of its session
        yield from _rest(served, "that page closed", seconds)


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
