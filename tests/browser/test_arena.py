"""The arena's menus, keys and rings, in odd orders, while it trains."""

import random
from functools import partial

import pytest

from tests.browser.pages import (
    BEAT,
    arena,
    changes,
    comes,
    differ,
    draw,
    paused,
    picture,
    place,
    settled,
    state,
    step,
    take,
    tap,
    until,
    words,
)


def test_the_colours_show_what_the_menu_says_while_it_trains(playing):
    page = playing("?pace=30")
    for name, ends, meaning in (
        ("logit", ["−4 fake", "0", "real 4"], "its score φ, ±4"),
        ("optimal", ["0 fake", "½", "real 1"], "the best one, h = 0.23"),
        ("raw", None, "its score φ"),
        ("difference", ["−1", "0", "1"], "D − D*, h = 0.23"),
        ("probability", ["0 fake", "½", "real 1"], "how real a place looks"),
    ):
        take(page, "#toylab-bar", name)
        until(page, f"window.toylab.words().meaning === '{meaning}'")
        shown, told = page.locator("#toylab-bar .ends").evaluate(  # at once: the next picture may
            "ends => [[...ends.children].map((end) => end.textContent), window.toylab.words().bar]"
        )  # have another scale
        assert shown == (ends or told)
        assert page.locator("#toylab-layer-surface small").inner_text() == meaning
    assert "flash" in page.locator("#toylab-bar").get_attribute("class")
    take(page, "#toylab-bar", "levels")
    until(page, "window.toylab.state().levels === true")
    page.locator("#toylab-toggle").click()
    paused(page)
    length = "window.toylab.figure().document.get_model_by_name('source-levels').get_length() ?? 0"
    whole = page.evaluate(length)
    take(page, "#toylab-bar", "levels")
    until(page, "window.toylab.state().levels === false")
    until(page, f"({length}) === 0")
    assert whole > 0


def test_what_cannot_be_shown_says_why(lab):
    page = lab("?play=0&objective=hinge")
    settled(page)
    page.locator("#toylab-bar").click()
    for name in ("probability", "difference", "levels"):
        line = page.locator(f".choices [data-name='{name}']")
        assert line.get_attribute("aria-disabled") == "true"
        assert "has no probability" in line.inner_text()
        line.click(force=True)
        assert page.locator(".choices").count() == 1, "nothing happens, and the reason stays"
    page.keyboard.press("Escape")
    assert page.locator(".choices").count() == 0
    assert page.locator("#toylab-bar .ends").inner_text().split() == [
        "−4",
        "fake",
        "0",
        "real",
        "4",
    ]


def test_the_colour_bar_s_ends_never_touch_its_middle(lab):
    """Where its score is centred, and of whatever size, the middle goes rather than the ends."""
    page = lab("?play=0&objective=wasserstein")
    settled(page)
    ends = page.locator("#toylab-bar .ends")
    low, middle, high = (ends.locator("span").nth(k) for k in range(3))
    assert low.inner_text().endswith("fake") and high.inner_text().startswith("real")
    assert middle.text_content() == "centred"
    middle.wait_for(state="hidden")  # it is measured again when its letters have come
    assert ends.evaluate("all => all.scrollWidth <= all.clientWidth")
    gap = high.bounding_box()["x"] - low.bounding_box()["x"] - low.bounding_box()["width"]
    assert gap >= 6


def test_however_often_layers_are_switched_at_rest_the_next_steps_are_shown(lab):
    page = lab("?play=0")
    for key in "1122334455667711223344":
        page.keyboard.press(key)
        page.wait_for_timeout(60)  # each one asks for a picture of its own
    for count in range(1, 9):
        page.locator("#toylab-step-once").click()
        until(page, f"window.toylab.step === {count}")


def redrawn(page, references, before):
    return words(page)["references"] != references or differ(picture(page), before)


def test_arrows_show_their_quantity_and_their_scale_in_every_mode(lab):
    page = lab("?play=0")
    tap(page, "5")
    until(page, "window.toylab.state().layers.includes('field')")
    until(page, "window.toylab.picture().slope?.x0?.length > 0")
    settled(page)
    for button, name in (
        ("#toylab-scale-force", "D"), ("#toylab-scale-field", "log D"),
        ("#toylab-scale-force", "log D"), ("#toylab-scale-field", "D"),
    ):  # fmt: skip
        before, at = words(page)["references"], picture(page)
        take(page, button, name)
        layer = button.rpartition("-")[2]
        until(page, f"window.toylab.state().quantities.{layer} === '{name}'")
        page.mouse.move(1, 1)
        comes(page, partial(redrawn, page, before, at))
    settled(page)
    seen = picture(page)
    for mode in ("true", "direction", "log"):
        take(page, "#toylab-scale-field", mode)
        until(page, f"window.toylab.state().arrows.find((a) => a[3])[0] === '{mode}'")
        page.mouse.move(1, 1)
        changes(page, seen)
        settled(page)
        seen = picture(page)
        printed = page.locator("#toylab-scale-force .ref span").all_inner_texts()
        assert all(any(sign.isdigit() for sign in text) for text in printed)
        assert mode != "direction" or [text[0] for text in printed] == [">", "<"]


def test_a_key_that_is_held_shows_its_layer_alone_and_a_name_lifts_it(playing):
    page = playing("?pace=30")
    shown = state(page)["shown"]
    page.keyboard.down("7")
    until(page, "window.toylab.state().alone === 'grid'")
    assert state(page)["shown"] == ["grid"] and "grid" not in state(page)["layers"]
    page.keyboard.up("7")
    until(page, "window.toylab.state().alone === null")
    assert state(page)["shown"] == shown
    tap(page, "7")
    until(page, "window.toylab.state().layers.includes('grid')")
    alpha = "window.toylab.figure().renderers.find((r) => r.name === 'glyph-real').glyph.fill_alpha"
    full = page.evaluate(alpha)["value"]
    page.locator("#toylab-caption .fake").hover()
    until(page, "window.toylab.state().lifted === 'fake'")
    assert page.evaluate(alpha)["value"] == pytest.approx(0.25 * full)
    page.mouse.move(1, 1)
    until(page, "window.toylab.state().lifted === null")
    page.locator("#toylab-layer-surface").hover()
    until(page, "window.toylab.state().lifted === 'surface'")
    page.mouse.move(1, 1)
    until(page, "window.toylab.state().lifted === null")
    assert page.evaluate(alpha)["value"] == full


def test_rings_are_closed_where_clusters_are_found(playing):
    page = playing()
    until(page, "window.toylab.words().found.includes(1)")
    page.locator("#toylab-toggle").click()
    paused(page)
    assert arena(page)["closed"] == words(page)["found"]


KEYS = ["t", "z", "p", "f", "Escape", *"1234567", " ", "."]
BUTTONS = ["#toylab-trails", "#toylab-latents", "#toylab-lasso", "#toylab-layer-field"]
LINES = [
    ("#toylab-bar", "optimal"), ("#toylab-bar", "raw"), ("#toylab-bar", "levels"),
    ("#toylab-bar", "difference"), ("#toylab-bar", "probability"),
]  # fmt: skip


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_odd_orders_while_it_trains_end_in_a_working_page(playing, seed):
    page = playing()
    draws = random.Random(seed)
    for _ in range(40):
        kind = draws.choice(["key", "key", "button", "line", "tap", "lasso", "hold"])
        if kind == "key":
            page.keyboard.press(draws.choice(KEYS))
        elif kind == "button":
            page.locator(draws.choice(BUTTONS)).click()
        elif kind == "line":
            take(page, *draws.choice(LINES))
        elif kind == "tap":
            page.mouse.click(*place(page, draws.random(), draws.random()))
        elif kind == "lasso":
            page.keyboard.down("Shift")
            draw(page, [place(page, draws.random(), draws.random()) for _ in range(3)])
            page.keyboard.up("Shift")
        else:
            page.keyboard.press(draws.choice("1234567"), delay=300)
    page.mouse.move(1, 1)
    until(page, "window.toylab.state().alone === null && window.toylab.state().lifted === null")
    # The server hears one press after the other: once it has another pace from here, it has heard
    # all before, and what the page says of playing is so.
    fast = "window.toylab.state().notches - 1"
    page.evaluate(f"() => {{ {BEAT}.command = JSON.stringify({{do: 'pace', at: {fast}}}) }}")
    until(page, f"window.toylab.state().notch === {fast}")
    if not state(page)["playing"]:
        page.locator("#toylab-toggle").click()
    at = step(page)
    until(page, f"window.toylab.step > {at + 20}")
    assert len(arena(page)["probes"]) <= 3
    assert [notice["text"] for notice in state(page)["notices"]] == []
