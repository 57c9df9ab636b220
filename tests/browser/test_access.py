"""Nobody is shut out: axe-core finds nothing serious, in any theme, at any size."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import SIZES, settled

GRAVE = ("serious", "critical")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_axe_finds_nothing_grave(lab, page, size, theme):
    page.emulate_media(color_scheme=theme)
    lab("?play=0", size)
    page.locator(".toylab-objective [role=combobox]").wait_for()
    settled(page)
    found = Axe().run(page).response["violations"]
    told = [
        (row["id"], row["impact"], [node["target"] for node in row["nodes"]][:3])
        for row in found
        if row["impact"] in GRAVE
    ]
    assert told == []
