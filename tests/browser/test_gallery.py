"""The figures' page in a browser, served beside the lab as `make lab` does."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import served
from tests.browser.pages import WAIT, until
from tests.browser.test_access import GRAVE
from toylab.figures import results
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.ui import theme

TOLD = results.verdicts()
NAME = "value-surfaces"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The address of the lab, beside which the figures are served."""
    log = tmp_path_factory.mktemp("gallery") / "log.txt"
    with served(log, "-m", "toylab.lab") as server:
        yield server.url


@pytest.fixture
def gallery(page, both, heard):
    """Opens the figures' page in a theme and waits for all thumbnails."""

    def opened(scheme="light", size=(1280, 720)):
        page.set_default_timeout(WAIT)
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(both.replace("/lab", "/figures"))
        page.locator(".tile img[src]").nth(len(TOLD) - 1).wait_for(timeout=WAIT)
        return page

    yield opened
    page.goto("about:blank")


def narrow(page):
    """Whether nothing of the page is wider than the window."""
    return page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def drawn(image):
    """Whether the browser has a picture there."""
    return image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


def grave(page):
    found = Axe().run(page).response["violations"]
    return [(row["id"], row["nodes"][0]["target"]) for row in found if row["impact"] in GRAVE]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_is_there_and_one_opens_with_all_that_is_known_of_it(gallery, scheme):
    page = gallery(scheme)
    tiles = page.locator(".tile")
    names = [tile.get_attribute("data-name") for tile in tiles.all()]
    assert sorted(names) == sorted(TOLD)
    assert all(drawn(image) for image in tiles.locator("img").all())
    painted = "node => getComputedStyle(node).backgroundColor"
    background = page.locator("main.gallery").evaluate(painted)
    shade = theme.TOKENS["page"][scheme == "dark"]
    assert background == f"rgb({', '.join(str(int(shade[i : i + 2], 16)) for i in (1, 3, 5))})"
    assert narrow(page) and grave(page) == []

    page.locator(f".tile[data-name={NAME}]").click()
    dialog, told = page.get_by_role("dialog"), TOLD[NAME]
    dialog.get_by_role("heading", name=told["title"]).wait_for(timeout=WAIT)
    assert drawn(dialog.locator("img"))
    said = dialog.inner_text()
    for words in (told["claim"], told["paper"], *(check["says"] for check in told["checks"])):
        assert words in said
    assert told["verdict"] in dialog.locator(".verdict").inner_text()
    assert told["lab"].replace("=", " ").replace("&", ", ") in said
    assert narrow(page) and grave(page) == []
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden", timeout=WAIT)
    until(page, "!location.search.includes('figure=')")  # the dialog says later that it is closed


def test_a_figure_s_settings_open_in_the_lab(gallery):
    """From an address of its own, on a small screen."""
    page = gallery(size=(390, 844))
    page.goto(f"{page.url}?figure={NAME}")
    opens = page.get_by_role("dialog").get_by_role("link", name="Open in the lab")
    opens.wait_for(timeout=WAIT)
    assert narrow(page)
    opens.click()
    until(page, "window.toylab && window.toylab.painted > 0")
    for field, table, value in (
        ("objective", OBJECTIVES, "wasserstein"),
        ("penalty", PENALTIES, "1-gp"),
    ):
        shown = page.locator(f".toylab-{field} [role=combobox]").filter(has_text=table[value].label)
        shown.wait_for(state="attached", timeout=WAIT)
        assert f"{field}={value}" in TOLD[NAME]["lab"]
