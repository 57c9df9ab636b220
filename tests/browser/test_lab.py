"""The page as someone at its desk meets it: every test opens the served lab in a real browser."""

import contextlib
import json
import re

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.pages import (
    SIZES,
    WAIT,
    changes,
    choose,
    comes,
    counter,
    dressed,
    paused,
    picture,
    returns,
    settled,
    slide,
    state,
    step,
    tap,
    until,
)
from toylab.ui import theme


def test_it_opens_playing_without_a_click(lab):
    page = lab()
    until(page, "window.toylab.step > 20")
    assert state(page)["playing"]
    assert "clusters of real data" in page.locator("#toylab-caption").inner_text()


def test_pause_is_exact(lab):
    page = lab("?play=1")
    until(page, "window.toylab.step > 10")
    page.locator("#toylab-toggle").click()
    paused(page)
    stood = step(page)
    assert counter(page) == stood
    page.wait_for_timeout(500)
    assert step(page) == stood
    assert page.locator("#toylab-arena").get_attribute("data-step") == str(stood)
    page.keyboard.press(".")
    until(page, f"window.toylab.step === {stood + 1}")
    settled(page)
    assert step(page) == counter(page) == stood + 1


def test_play_goes_on_from_where_it_stood(lab):
    page = lab("?play=0")
    settled(page)
    assert step(page) == 0 and not state(page)["playing"]
    page.keyboard.press(" ")
    until(page, "window.toylab.step > 5")
    drawn = page.evaluate("window.toylab.drawn")
    assert drawn[0] == 0 and drawn == sorted(drawn)


def test_at_slow_pace_every_step_is_drawn_exactly_once(lab):
    page = lab("?pace=5")
    until(page, "window.toylab.drawn.length >= 12")
    drawn = page.evaluate("window.toylab.drawn")
    assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))


def test_every_layer_is_a_switch(lab):
    page = lab("?play=0")
    settled(page)  # while the engine starts, only the last ten presses are kept
    for _ in range(20):
        page.keyboard.press(".")
    until(page, "window.toylab.step === 20")
    settled(page)
    for key, name in enumerate(
        ("real", "fake", "surface", "force", "field", "density", "grid"), start=1
    ):
        row = page.locator(f"#toylab-layer-{name}")
        was, before = row.get_attribute("aria-checked"), picture(page)
        tap(page, str(key))
        page.wait_for_function(
            f"window.toylab.state().layers.includes('{name}') === {json.dumps(was != 'true')}"
        )
        assert row.get_attribute("aria-checked") != was
        changes(page, before)
        row.click()
        page.mouse.move(1, 1)
        page.wait_for_function(
            f"window.toylab.state().layers.includes('{name}') === {json.dumps(was == 'true')}"
        )
        settled(page)
        returns(page, before)
    assert step(page) == 20


def test_keys_belong_to_the_control_that_has_the_focus(lab):
    page = lab("?play=0")
    settled(page)
    shown = state(page)["layers"]
    page.locator(".toylab-rate_critic input[type=range]").focus()
    page.keyboard.press("1")
    page.keyboard.press(".")
    settled(page)
    assert state(page)["layers"] == shown and step(page) == 0


def test_a_live_number_acts_and_marks_the_charts(lab):
    page = lab("?play=1")
    until(page, "window.toylab.step > 10")
    at = step(page)
    slide(page, "penalty_weight", ["ArrowRight"] * 3)
    until(page, "window.toylab.marks().length > 0")
    mark = page.evaluate("window.toylab.marks()")[0]
    assert mark[0] >= at and "Penalty weight" in mark[1]
    until(page, f"window.toylab.step > {at + 10}")
    assert state(page)["staged"] is None


def test_a_swap_keeps_the_step_and_a_restart_waits(lab):
    page = lab("?play=1")
    until(page, "window.toylab.step > 10")
    page.keyboard.press(" ")
    paused(page)
    at = step(page)
    choose(page, "objective", "Hinge")
    until(page, "window.toylab.marks().length > 0")
    settled(page)
    assert step(page) == at
    page.locator(".toylab-group-networks .MuiCardHeader-root").click()
    slide(page, "generator_width", ["ArrowLeft"])
    until(page, "window.toylab.state().staged !== null")
    assert re.search(r"1 change waits: generator width 128 → \d+", state(page)["staged"])
    assert step(page) == at
    page.get_by_role("button", name="Restart, same seed").click()
    until(page, "window.toylab.step === 0 && window.toylab.state().staged === null")


def test_what_cannot_be_is_disabled_with_the_reason(lab):
    page = lab("?play=0&objective=hinge")
    settled(page)
    page.locator(".toylab-penalty [role=combobox]").click()
    roth = page.get_by_role("menuitem", name="Roth (Jensen-Shannon)")
    expect(roth).to_have_attribute("aria-disabled", "true", timeout=WAIT)
    page.keyboard.press("Escape")
    page.get_by_text("needs an objective with a probability").first.wait_for()


def test_the_address_sets_fields_and_wrong_ones_are_named(lab):
    page = lab("?play=0&objective=hinge&penalty=r3&nonsense=1")
    settled(page)
    assert page.locator(".toylab-objective [role=combobox]").inner_text() == "Hinge"
    notices = page.locator(".notices").inner_text()
    assert "penalty=r3 is unknown" in notices and "using 0-gp" in notices
    assert "nonsense" in notices


def test_reset_is_the_same_run_and_a_new_seed_another(lab):
    page = lab("?play=0")
    settled(page)
    first = picture(page)
    page.keyboard.press(".")
    until(page, "window.toylab.step === 1")
    page.locator("#toylab-reset").click()
    until(page, "window.toylab.step === 0")
    page.mouse.move(1, 1)
    returns(page, first)
    painted = page.evaluate("window.toylab.painted")
    page.locator("#toylab-seed").click()
    until(page, "window.toylab.seed() !== 0")
    until(page, f"window.toylab.painted > {painted}")  # the seed is told before its picture
    page.mouse.move(1, 1)
    changes(page, first)


# Every figure that is seen: its border's colour, and what stands in its canvas's outermost column.
EDGES = """[...window.toylab.figure().document.all_models]
  .filter((model) => model.type === "Figure" && model.visible).map((figure) => {
    const {canvas} = Bokeh.index.find_one(figure).canvas_view.primary
    const edge = canvas.getContext("2d").getImageData(0, canvas.height >> 1, 1, 1).data
    return [figure.border_fill_color, ...edge]
  })"""


def test_light_and_dark(lab):
    page = lab("?play=0")
    settled(page)

    def ground():
        return page.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " window.toylab.figure().border_fill_color]"
        )

    def clean():
        """Whether no figure keeps anything of the theme before, to its outermost pixel."""
        edges = page.evaluate(EDGES)
        assert len({colour for colour, *_ in edges}) == 1 and len(edges) > 1
        return all(
            seen[3] and abs(int(colour[k + 1 : k + 3], 16) - seen[k // 2]) < 12
            for colour, *seen in edges
            for k in (0, 2, 4)
        )

    light, seen = ground(), picture(page)
    page.locator("#toylab-theme").click()
    until(page, f"window.toylab.figure().border_fill_color !== {json.dumps(light[1])}")
    dark = ground()
    assert dark[0] != light[0]
    changes(page, seen)
    comes(page, clean)
    page.reload()
    until(page, "window.toylab && window.toylab.painted > 0")
    until(page, f"window.toylab.figure().border_fill_color === {json.dumps(dark[1])}")
    assert ground() == dark
    settled(page)
    page.locator("#toylab-theme").click()
    until(page, f"window.toylab.figure().border_fill_color === {json.dumps(light[1])}")
    comes(page, clean)


# What becomes of the page's words, of the arena's ground and of a chart's words and lines, from the
# page's first moment.
WATCH = """
const find = (root) => root.querySelector("#toylab-layer-real b")
  ?? [...root.querySelectorAll("*")].map((n) => n.shadowRoot && find(n.shadowRoot)).find(Boolean)
let words = null
window.inks = []
setInterval(() => {
  words ??= find(document)
  const ink = words && getComputedStyle(words).color
  if (ink && ink !== window.inks.at(-1)) { window.inks.push(ink) }
}, 1)
setInterval(() => {
  const figure = window.toylab?.figure()
  if (!figure || window.grounds) { return }
  const chart = figure.document.get_model_by_name("figure-0")
  const told = window.grounds = []
  for (const [model, name] of [[figure, "border_fill_color"], [figure, "background_fill_color"],
      [chart.below[0], "major_label_text_color"], [chart.below[0], "major_label_text_font_size"],
      [chart.center[0], "grid_line_color"]]) {
    const say = () => told.push([name, model[name]])
    say()
    model.properties[name].change.connect(say)
  }
}, 1)"""


def test_a_page_that_opens_in_the_dark_becomes_dark_once(lab, page):
    """The theme of the widgets comes later than the page's own, and would be light first."""
    page.add_init_script(WATCH)
    page.emulate_media(color_scheme="dark")
    lab("?play=0")
    settled(page)
    dressed(page, "dark")
    settled(page)
    ink = theme.colour("ink", True)
    channels = ", ".join(str(int(ink[i : i + 2], 16)) for i in (1, 3, 5))
    assert page.evaluate("window.inks") == [f"rgb({channels})"]
    told = {}
    for name, colour in page.evaluate("window.grounds"):
        told.setdefault(name, []).append(colour)
    assert told == {
        "border_fill_color": [theme.colour("panel", dark) for dark in (False, True)],
        "background_fill_color": [theme.colour("panel", dark) for dark in (False, True)],
        "major_label_text_color": [theme.colour("ink2", dark) for dark in (False, True)],
        "major_label_text_font_size": ["11px"],
        "grid_line_color": [theme.colour("line", dark) for dark in (False, True)],
    }


def test_it_follows_the_system_where_nobody_chose(lab, page):
    page.emulate_media(color_scheme="dark")
    lab("?play=0")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    until(page, "Number('0x' + window.toylab.figure().border_fill_color.slice(1)) < 0x404040")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_arena_is_square_and_the_page_fits(lab, size):
    page = lab("?play=0", size)
    settled(page)
    box = page.locator("#toylab-arena").bounding_box()
    assert box["width"] == box["height"]
    frame = page.evaluate("[window.toylab.figure().width, window.toylab.figure().height]")
    assert frame == [box["width"], box["width"]]
    assert box["width"] >= (390 if size[0] == 390 else 570)
    root = page.evaluate(
        "[document.documentElement.scrollWidth - innerWidth,"
        " document.documentElement.scrollHeight - innerHeight]"
    )
    assert root == [0, 0]


def test_a_page_that_is_left_ends_its_run(lab, page, server):
    """Nothing trains any more once the tab has gone: the engine's clock of used time stands."""
    lab("?play=1")
    until(page, "window.toylab.step > 0")
    engines = psutil.Process(server.pid).children(recursive=True)
    assert engines
    page.goto("about:blank")

    def used():
        told = {}
        for engine in engines:
            with contextlib.suppress(psutil.NoSuchProcess):  # one for heavy runs ends with them
                told[engine.pid] = sum(engine.cpu_times()[:2])
        return told

    for _ in range(60):
        before = used()
        page.wait_for_timeout(1000)
        if all(now - before[pid] <= 0.02 for pid, now in used().items()):
            return
    raise AssertionError("the engine still trains for a page that is gone")


@pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="needs /proc")
def test_the_web_process_never_loads_torch(lab, server):
    lab()
    with open(f"/proc/{server.pid}/maps") as maps:
        assert "libtorch" not in maps.read()
