"""Takes the pictures of the README's tour: six moments of the lab, every size, light and dark.

``python docs/tour.py FOLDER [moment …]`` serves the lab and opens it in a headless Chromium, as
``python -m toylab.bench page`` does. A file is named after its moment, size and theme.
"""

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from toylab.bench.browser import QUIET, chromium
from toylab.bench.page import Served

SIZES = ((1280, 720), (1440, 900), (390, 844))
THEMES = ("light", "dark")
PUSH = "push"  # the phase in which arrows grow
WAIT = 300_000  # milliseconds for the longest of the runs
COLLAPSE = "penalty=none&objective=minimax&critic_steps=5&rate_critic=3e-3&batch=128"
ROTH = "data=roth3d&penalty=roth&penalty_weight=0.01&batch=128"


def reach(page, step):
    page.wait_for_function(f"window.toylab && window.toylab.step >= {step}", timeout=WAIT)


def pause(page):
    if page.evaluate("window.toylab.state().playing"):
        page.locator("#toylab-toggle").click()
    page.wait_for_function("!window.toylab.state().playing")
    page.wait_for_timeout(1500)


def opened(page, url):
    page.goto(f"{url}?play=0")
    page.wait_for_function("window.toylab && window.toylab.painted > 0", timeout=WAIT)


def healthy(page, url):
    page.goto(f"{url}?pace=0")
    reach(page, 2500)
    pause(page)


def collapsed(page, url):
    page.goto(f"{url}?pace=0&{COLLAPSE}")
    reach(page, 800)
    page.locator(".toylab-objective [role=combobox]").click()
    page.get_by_role("menuitem", name="Non-saturating", exact=True).click()
    reach(page, 1700)
    pause(page)


def slow(page, url):
    page.goto(f"{url}?pace=0")
    reach(page, 700)
    pause(page)
    while not page.evaluate("window.toylab.state().phase"):
        page.keyboard.press("[")
        page.wait_for_timeout(500)
    while page.evaluate("window.toylab.state().phase?.at") != PUSH:
        page.keyboard.press(".")
        page.wait_for_timeout(1500)


def space(page, url):
    page.goto(f"{url}?pace=0&{ROTH}")
    reach(page, 1500)
    pause(page)


def layers(page, url):
    page.goto(f"{url}?pace=0")
    reach(page, 1000)
    for key in "567":
        page.keyboard.press(key)
    reach(page, 1400)
    pause(page)


MOMENTS = {"open": opened, "healthy": healthy, "collapsed": collapsed, "slow": slow,
           "space": space, "layers": layers}  # fmt: skip


def take(folder, chosen):
    """All pictures of the chosen moments; 256 colours are enough for the page."""
    with Served() as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        for moment in chosen:
            page = browser.new_page(viewport=dict(zip(("width", "height"), SIZES[0], strict=True)))
            MOMENTS[moment](page, served.url)
            for size in SIZES:
                page.set_viewport_size({"width": size[0], "height": size[1]})
                for theme in THEMES:
                    page.emulate_media(color_scheme=theme)
                    page.wait_for_timeout(2500)
                    file = folder / f"{moment}-{size[0]}-{theme}.png"
                    page.screenshot(path=file)
                    Image.open(file).convert("RGB").quantize(256, kmeans=2).save(
                        file, optimize=True
                    )
                    print(file, file.stat().st_size // 1000, "kB", flush=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    there = Path(sys.argv[1] if len(sys.argv) > 1 else "tour")
    there.mkdir(parents=True, exist_ok=True)
    take(there, sys.argv[2:] or MOMENTS)
