"""A quarter of an hour of random presses: nothing grows, nothing breaks."""

import random
import statistics
import time

import psutil
import pytest

from tests.browser.pages import state, until

MINUTES = 15
EVERY = 20.0  # seconds between two readings
KEYS = [
    *("Space", ".", ",", "[", "]", "d", "g", "f", "t", "z", "/", "?", "r", "s"),
    *"1234567",
    *("Escape", "Tab", "Enter", "ArrowRight", "ArrowLeft", "ArrowDown"),
    *("Control+z", "Control+Shift+z"),
]
PLACES = (  # (left, top, right, bottom) of where to press more often
    (0, 60, 264, 719),
    (0, 4, 900, 48),
    (264, 60, 436, 560),
    (436, 60, 1010, 632),
    (1017, 60, 1279, 719),
    (0, 0, 1279, 719),
)


@pytest.mark.long
def test_a_quarter_of_an_hour_of_random_presses_leaves_memory_flat(lab, page, server, capsys):
    lab()
    heap = page.context.new_cdp_session(page)
    heap.send("HeapProfiler.enable")
    web = psutil.Process(server.pid)

    def megabytes():
        heap.send("HeapProfiler.collectGarbage")
        engine = next(c for c in web.children() if "toylab.engine" in " ".join(c.cmdline()))
        used = heap.send("Runtime.getHeapUsage")["usedSize"]
        return [web.memory_info().rss / 1e6, engine.memory_info().rss / 1e6, used / 1e6]

    chance, began, due, read, pressed = random.Random(0), time.monotonic(), 0.0, [], 0
    while (now := time.monotonic()) - began < 60 * MINUTES:
        if chance.random() < 0.4:
            page.keyboard.press(chance.choice(KEYS))
        else:
            left, top, right, bottom = chance.choice(PLACES)
            page.mouse.click(chance.randint(left, right), chance.randint(top, bottom))
        pressed += 1
        page.wait_for_timeout(chance.choice([0, 20, 50, 200]))
        if now - began > due:
            read.append(megabytes())
            due += EVERY
            if "/lab" not in page.url:  # a link was followed
                page.go_back()
    for key in ("Escape", "Escape"):
        page.keyboard.press(key)
    page.evaluate("document.activeElement && document.activeElement.blur()")
    if state(page)["playing"]:
        page.locator("#toylab-toggle").click()
    page.locator("#toylab-reset").click()
    until(page, "window.toylab.step === 0")

    third = len(read) // 3
    told = []
    for name, column in zip(
        ("web server", "engine", "browser"), zip(*read, strict=True), strict=True
    ):
        before, after = (statistics.median(column[k * third : (k + 1) * third]) for k in (1, 2))
        told.append((name, round(column[0]), round(before), round(after), round(max(column))))
    with capsys.disabled():
        print(
            f"\n{pressed} presses; MB at first, in the second and the last third, at most: {told}"
        )
    for name, _, before, after, _ in told:
        assert after <= 1.1 * before + 10, f"{name} grows: {told}"
