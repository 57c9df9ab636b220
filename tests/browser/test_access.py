"""Nobody is shut out: axe-core finds nothing serious, in any theme, at any size."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import SIZES, settled, until

GRAVE = ("serious", "critical")


def grave(page):
    """What axe-core finds serious or critical: rule, impact and up to three places."""
    return [
        (row["id"], row["impact"], [node["target"] for node in row["nodes"]][:3])
        for row in Axe().run(page).response["violations"]
        if row["impact"] in GRAVE
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_grave(lab, page, theme):
    page.emulate_media(color_scheme=theme)
    lab("?play=0&pace=1")
    page.locator(".toylab-objective [role=combobox]").wait_for()
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        found[width] = grave(page)
    page.set_viewport_size(dict(zip(("width", "height"), SIZES[0], strict=True)))
    page.keyboard.press("p")
    page.keyboard.press("5")
    until(page, "window.toylab.arena().probes.length === 1")
    page.locator("#toylab-bar").click()
    found["a probe and a menu"] = grave(page)
    assert {place: told for place, told in found.items() if told} == {}
