"""The monitor in a browser, served as a user does, beside a run that trains."""

import json
import re
import shutil
import signal
import subprocess

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import served
from tests.browser.pages import WAIT, until
from tests.browser.test_access import grave
from tests.image_runs import TINY, line
from tests.monitored import event, made, row, score
from toylab.ui import theme

TRAIN = ["train", "digits-smoke", *TINY, "steps=1000000", "log_every=5", "sample_every=50"]
EVENTS = [event("started", 0), event("best", 80, fid=2.0), event("finished", 80)]
HOSTILE = [
    row(4),
    row(8, critic=float("nan")),
    {"step": 12, "critic": "<img src=x onerror=alert(1)>"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs: one that has ended, one with what is no number, and one that trains."""
    runs = tmp_path_factory.mktemp("monitor") / "runs"
    scores = [score(40), score(80, fid=2.0)]
    rows = [row(step, penalty=1 / step) for step in range(2, 81, 2)]
    made(
        runs / "00000-ended",
        rows,
        steps=80,
        grids=range(0, 81, 20),
        scores=scores,
        events=EVENTS,
        ended="finished",
    )
    strange = [event("<b>bold</b>", 3)]
    made(
        runs / "00001-strange",
        HOSTILE,
        penalty="<b>none</b>",
        grids=[4],
        events=strange,
        ended="failed",
    )
    return runs


@pytest.fixture(scope="module")
def trainer(folder):
    with open(folder.parent / "trained.txt", "w") as told:
        process = subprocess.Popen(**line(*TRAIN, "--out", folder), stdout=told, stderr=told)
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def server(folder, trainer):
    log = folder.parent / "log.txt"
    command = ["-m", "panel", "serve", "apps/monitor.py", "--args", str(folder), "nowhere"]
    with served(log, *command, app="monitor") as running:
        yield running


@pytest.fixture
def monitor(page, server, heard):
    """Opens the monitor in a theme and waits for its charts and grids."""

    def opened(scheme="light", size=(1280, 720), address=""):
        page.set_default_timeout(WAIT)
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(server.url + address)
        page.locator(".card h2", has_text="Critic loss").wait_for()
        page.locator(".sheet img[src]").first.wait_for()
        return page

    yield opened
    page.goto("about:blank")


def card(page, name):
    return page.locator(".run", has_text=name)


def drawn(page):
    """{run's place: x of its line} of the first chart."""
    return page.evaluate(
        "() => { const f = Bokeh.documents[0].get_model_by_name('curve-0');"
        " return f.renderers[0].data_source.data.xs.map((x) => Array.from(x)) }"
    )


def choose(page, axis, end):
    """Presses an axis, and waits until the charts end there."""
    page.get_by_role("button", name=axis, exact=True).click()
    until(
        page,
        f"Math.abs(Bokeh.documents[0].get_model_by_name('curve-0').x_range.end - {end}) < .01",
    )


def test_a_run_is_followed_while_it_trains(monitor, trainer, folder):
    page = monitor()
    run = card(page, "digits-smoke")
    run.locator(".state[data-state=running]").wait_for()
    slider = page.get_by_label("Step of the sample grids")
    live = page.get_by_role("button", name="newest")
    first, most = drawn(page)[0][-1], int(slider.get_attribute("max"))
    shown = page.locator(".sheet", has_text="digits-smoke")
    page.wait_for_function(
        "(first) => Bokeh.documents[0].get_model_by_name('curve-0').renderers[0].data_source.data"
        ".xs[0].at(-1) > first", arg=first,
    )  # fmt: skip
    for side in ("naturalWidth", "width"):
        expect(shown.locator("img")).to_have_js_property(side, 272, timeout=WAIT)
    expect(shown.locator("img")).to_have_css("image-rendering", "pixelated")

    slider.focus()
    slider.press("Home")
    shown.get_by_text("step 0", exact=True).wait_for()
    assert live.get_attribute("aria-pressed") == "false"
    height = page.locator(".charts").bounding_box()["y"]
    page.wait_for_function(
        "([slider, most]) => Number(slider.max) > most + 1", arg=[slider.element_handle(), most]
    )
    assert page.locator(".where").inner_text() == "step 0", "what comes does not move a hand's step"
    assert shown.get_by_text("step 0", exact=True).is_visible()
    ended = page.locator(".sheet", has_text="00000-ended")
    for _ in range(3):  # 4, 20, 40: the steps of all runs
        slider.press("ArrowRight")
    assert page.locator(".where").inner_text() == "step 40"
    ended.get_by_text("step 40", exact=True).wait_for()
    assert page.locator(".charts").bounding_box()["y"] == height, "nothing moves while it changes"
    live.click()
    assert page.locator(".where").inner_text().startswith("newest")

    page.locator(".over").first.click(position={"x": 150, "y": 50})
    assert live.get_attribute("aria-pressed") == "false", "a chart is a slider too"
    page.get_by_role("button", name="real images").click()
    page.locator(".sheet", has_text="real images").first.wait_for()
    beside = "(sheets) => sheets.map((sheet) => sheet.getBoundingClientRect().top)"
    tops = page.locator(".sheet").evaluate_all(beside)
    assert 4 <= len(tops) <= 6 and len(set(tops)) == 1, "as many as fit stand in one row"

    trainer.send_signal(signal.SIGTERM)
    run.locator(".state[data-state=stopped]").wait_for()
    made(folder / "00009-new", [row(2), row(4)], penalty="r1", owner=True)
    card(page, "00009-new").wait_for()
    page.locator(".settings", has_text="r1").wait_for()
    shutil.rmtree(folder / "00009-new")
    card(page, "00009-new").wait_for(state="detached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read_and_what_is_wrong_is_said(monitor, server, scheme):
    page = monitor(scheme)
    assert (
        "nowhere cannot be read: No such file or directory" in page.locator(".trouble").inner_text()
    )
    assert "toylab monitor: nowhere cannot be read" in server.log.read_text()
    strange = card(page, "00001-strange")
    strange.get_by_text("step 3 · <b>bold</b>").first.wait_for()
    strange.locator("summary", has_text="remarks").click()
    said = strange.inner_text()
    assert "critic that is not finite" in said and "text for critic" in said and "failed" in said
    assert page.locator(".settings").get_by_text("<b>none</b>").is_visible(), "words, not markup"
    ended = card(page, "00000-ended")
    ended.get_by_text("step 80 · best FID 2").first.click()
    width = "swatch => swatch.getBoundingClientRect().width"
    shown = ended.locator(".swatch").evaluate(width)
    ended.locator(".pick").click()
    ended.locator(".pick[aria-pressed=false]").wait_for()
    assert ended.locator(".swatch").evaluate(width) == shown, "hidden, its mark stays as large"
    ended.locator(".pick").click()
    ended.locator(".pick[aria-pressed=true]").wait_for()  # with its sheet, which moves the charts
    told = [re.compile(f"^.+ · {each}$") for each in ("step 0 · began", "step 80 · best FID 2",
                                                      "step 80 · finished")]  # fmt: skip
    expect(ended.locator("li:visible")).to_have_text(told, timeout=WAIT)
    background = page.locator(".overview").evaluate("n => getComputedStyle(n).backgroundColor")
    shade = theme.TOKENS["page"][scheme == "dark"]
    assert background == f"rgb({', '.join(str(int(shade[i : i + 2], 16)) for i in (1, 3, 5))})"
    page.locator(".over").nth(2).hover(position={"x": 200, "y": 60})
    page.locator(".tip .value").first.wait_for()
    assert grave(page) == []
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        until(page, "document.scrollingElement.scrollWidth <= innerWidth")  # once laid out anew
    assert grave(page) == []


def test_a_tab_that_nobody_sees_asks_for_nothing(monitor, folder):
    """Rows that come while it is hidden are shown when it is seen again."""
    page = monitor(address="?shown=00000-ended")
    page.locator(".pick[aria-pressed=true]").nth(1).wait_for(state="detached")
    assert len(drawn(page)) == 1
    hide = (
        "(value) => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }"
    )
    page.evaluate(hide, True)
    # The server hears one thing after the other: what it answers now it says to a hidden tab.
    for axis, end in (("kimg", 5.12), ("Step", 80)):
        choose(page, axis, end)
    with open(folder / "00000-ended" / "metrics.jsonl", "a") as file:
        file.write(json.dumps(row(90)) + "\n")
    page.wait_for_timeout(7000)  # longer than any wait between two looks
    assert drawn(page)[0][-1] == 80
    page.evaluate(hide, False)
    page.wait_for_function(
        "Bokeh.documents[0].get_model_by_name('curve-0').renderers[0].data_source.data.xs[0].at(-1)"
        " === 90"
    )
    for axis, end in (("kimg", 5.76), ("Time", 22.5)):
        choose(page, axis, end)
