"""The window under a hand: probes that follow the run, fitting, moving by nothing else."""

import pytest

from tests.browser.pages import (
    SIZES,
    WAIT,
    arena,
    corner,
    place,
    settled,
    state,
    step,
    until,
    words,
)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_probes_follow_the_run_and_never_leave_the_arena(playing, size):
    page = playing("?pace=20", size)
    places = [(0.01, 0.01), (0.99, 0.5), (0.02, 0.98), (0.6, 0.75)]
    for count, at in enumerate(places, start=1):
        page.mouse.click(*place(page, *at))
        until(page, f"window.toylab.arena().probes.length === {min(count, 3)}")
    until(page, "window.toylab.arena().probes.map((p) => p.letter).sort().join('') === 'abc'")
    # The fourth, at the right, has the letter of the first, which was at the left.
    until(page, "window.toylab.arena().probes.find((p) => p.letter === 'a')?.x > 0")
    x, y, side = corner(page)
    for letter in "abc":
        card = page.locator(f"#toylab-probe-{letter}")
        box = card.bounding_box()
        assert x <= box["x"] and box["x"] + box["width"] <= x + side
        assert y <= box["y"] and box["y"] + box["height"] <= y + side
    grown = page.locator("#toylab-probe-b").evaluate(
        "(card) => { card.querySelector('span').textContent = 'slope 123456.789';"
        " return card.getBoundingClientRect().right }"
    )
    assert grown <= x + side, "words that grow leave the card inside, before the next drawing too"
    texts = page.locator("#toylab-probe-c").inner_text()
    assert all(word in texts for word in ("D ", "slope ", "p_data ", "p_G "))
    at = step(page)
    page.wait_for_function(
        "([at, was]) => window.toylab.step > at"
        " && JSON.stringify(window.toylab.arena().probes.map((p) => p.words)) !== was",
        arg=[at, page.evaluate("JSON.stringify(window.toylab.arena().probes.map((p) => p.words))")],
        timeout=WAIT,
    )
    page.locator("#toylab-probe-b button").click()
    until(page, "window.toylab.arena().probes.length === 2")
    assert page.locator("#toylab-probe-b").count() == 0
    page.keyboard.press("p")
    until(page, "window.toylab.arena().probes.length === 3")


def test_a_probe_is_moved_by_hand_and_by_keys(lab):
    page = lab("?play=0")
    settled(page)
    page.keyboard.press("p")
    until(page, "window.toylab.arena().probes.length === 1")
    before = arena(page)["probes"][0]
    page.locator("#toylab-probe-a").focus()
    page.keyboard.press("ArrowRight")
    until(page, "window.toylab.arena().probes[0]?.x > 0")
    moved = arena(page)["probes"][0]
    assert moved["x"] == pytest.approx(before["x"] + 0.092) and moved["y"] == before["y"]
    page.mouse.move(*place(page, 0.52, 0.5))
    page.mouse.down()
    page.mouse.move(*place(page, 0.7, 0.3), steps=4)
    page.mouse.up()
    until(page, "Math.abs(window.toylab.arena().probes[0]?.x - 0.92) < 0.03")
    assert len(arena(page)["probes"]) == 1, "a drag is no tap"
    page.locator("#toylab-probe-a").focus()
    page.keyboard.press("Delete")
    until(page, "window.toylab.arena().probes.length === 0")
    assert step(page) == 0


def outside(page):
    """Steps until some fakes are out of the window."""
    settled(page)
    for _ in range(60):
        at = step(page)
        page.keyboard.press(".")
        until(page, f"window.toylab.step === {at + 1}")
        if words(page)["outside"]:
            return
    raise AssertionError("no fake left the window")


def test_the_window_fits_and_comes_back_and_never_moves_by_itself(lab):
    page = lab("?play=0&seed=3&rate_generator=0.005")
    home = arena(page)["extent"]
    outside(page)
    assert arena(page)["extent"] == home
    assert "outside" in page.locator("#toylab-outside").inner_text()
    page.locator("#toylab-outside button").click()
    until(page, "window.toylab.state().view.fitted")
    fitted = state(page)["view"]["extent"]
    until(page, f"window.toylab.arena().extent.join() === '{','.join(map(str, fitted))}'")
    until(page, "window.toylab.words().outside <= 5")  # a hundredth of the fakes may stay out
    at = step(page)
    for _ in range(5):
        page.keyboard.press(".")
    until(page, f"window.toylab.step === {at + 5}")
    settled(page)
    assert arena(page)["extent"] == fitted
    page.get_by_role("button", name="Back to the data’s window").click()
    until(page, f"window.toylab.arena().extent.join() === '{','.join(map(str, home))}'")
    left, right, bottom, top = home
    until(  # the words of that window come with its first picture
        page,
        "(() => { const {x, y} = window.toylab.picture().fake;"
        f" const out = (x, y) => x < {left} || x > {right} || y < {bottom} || y > {top};"
        " return window.toylab.words().outside === [...x].filter((_, k) => out(x[k], y[k])).length"
        " })()",
    )


def test_where_motion_is_to_be_reduced_the_window_is_there_at_once(lab, page):
    page.emulate_media(reduced_motion="reduce")
    lab("?play=0&seed=3&rate_generator=0.005")
    outside(page)
    page.evaluate(
        "window.seen = new Set(); const look = () => {"
        " window.seen.add(window.toylab.arena().extent.join()); requestAnimationFrame(look) };"
        " look()"
    )
    page.keyboard.press("f")
    until(page, "window.toylab.state().view.fitted")
    until(page, "window.seen.size > 1")
    settled(page)
    assert page.evaluate("window.seen.size") == 2
