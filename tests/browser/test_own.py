"""A user's own file on the page: `make lab WITH=mine.py`, saved again, broken, mended."""

import pytest

from tests.browser.conftest import served
from tests.browser.pages import WAIT, state, step, until

MINE = '''
import toylab


def gentle(critic, real, fake, batch):
    """Keeps scores small.

    Equation: E φ(x)²
    """
    return critic(real, "real").value.square()


toylab.PENALTIES["gentle"] = gentle
'''


@pytest.fixture
def own(tmp_path, page):
    """The page of a lab that was started with a file of one's own, and that file."""
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    with served(tmp_path / "log.txt", "-m", "toylab.lab", "--with", str(file)) as server:
        page.goto(f"{server.url}?play=1&penalty=gentle")
        until(page, "window.toylab && window.toylab.step > 20")
        yield page, file
        page.goto("about:blank")


def test_a_file_that_is_saved_is_reloaded_on_a_click_and_its_errors_are_told(own):
    page, file = own
    menu = page.locator(".toylab-penalty [role=combobox]")
    menu.filter(has_text="gentle · mine.py").wait_for(timeout=WAIT)
    notices, reload = page.locator(".notices"), page.get_by_role("button", name="Reload mine.py")

    file.write_text(MINE.replace("square()", "abs()"))
    reload.wait_for(timeout=WAIT)
    at = step(page)
    reload.click()
    reload.wait_for(state="detached", timeout=WAIT)
    until(page, f"window.toylab.step > {at + 20}")  # the same run goes on
    assert state(page)["notices"] == []
    assert "gentle" in menu.inner_text()

    file.write_text(MINE + "def (:")
    reload.click(timeout=WAIT)
    notices.get_by_text("line 14").wait_for(timeout=WAIT)
    at = step(page)
    until(page, f"window.toylab.step > {at + 20}")  # with what it had

    file.write_text(MINE.replace(".square()", ".square() + 1 / 0"))
    reload.click(timeout=WAIT)
    notices.get_by_text("division by zero").wait_for(timeout=WAIT)
    until(page, "!window.toylab.state().playing")

    file.write_text(MINE)
    reload.click(timeout=WAIT)
    page.locator("#toylab-reset").click()
    until(page, "window.toylab.step === 0")
    page.locator("#toylab-toggle").click()
    until(page, "window.toylab.step > 20")
