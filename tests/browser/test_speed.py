"""The speed chip as a user sees it: plain, then compiled, while the run trains."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import served
from tests.browser.pages import WAIT, step, until
from tests.engine_pages import SMALL


@pytest.fixture(scope="session")
def lab_url(built, tmp_path_factory):
    """A server that builds native code, with one structure in its cache."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    settings = {"XDG_CACHE_HOME": str(built), "TOYLAB_BACKEND": ""}
    with served(log, "-m", "panel", "serve", "apps/lab.py", **settings) as running:
        yield running.url


def test_the_chip_goes_from_plain_to_compiled_while_it_trains(lab):
    page = lab(f"?play=0&{urlencode(SMALL)}")
    chip = page.locator("#toylab-speed")
    expect(chip).to_have_text("plain", timeout=WAIT)
    page.locator("#toylab-toggle").click()
    expect(chip).to_have_text("compiled", timeout=WAIT)
    at = step(page)
    until(page, f"window.toylab.step > {at + 100}")
    expect(chip).to_have_attribute("title", re.compile("native code, the same"), timeout=WAIT)


def test_an_address_keeps_it_plain(lab):
    page = lab(f"?backend=plain&pace=0&{urlencode(SMALL)}")
    chip = page.locator("#toylab-speed")
    page.wait_for_timeout(5000)  # where it may be compiled, that is found out in the first second
    until(page, "window.toylab.step > 300")
    expect(chip).to_have_text("plain", timeout=WAIT)
    assert "bit for bit" in chip.get_attribute("title")
    assert "backend=plain" in page.evaluate("window.toylab.state().share.address")
