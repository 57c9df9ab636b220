"""The arena under a hand: menus, probes, single fakes, latents, the window, while it trains."""

import random

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import SIZES, WAIT, differ, picture, settled, state, step, until


def arena(page):
    return page.evaluate("window.toylab.arena()")


def words(page):
    return page.evaluate("window.toylab.words()")


def corner(page):
    box = page.locator("#toylab-arena").bounding_box()
    return box["x"], box["y"], box["width"]


def place(page, across, down):
    """A place of the arena in CSS pixels, from its shares of width and height."""
    x, y, side = corner(page)
    return x + across * side, y + down * side


def take(page, button, name):
    """Opens a menu of the legend and takes the line of that name."""
    page.locator(button).click()
    line = page.locator(f".choices [data-name='{name}']")
    line.click()
    return line


@pytest.fixture
def playing(lab):
    def opened(address="", size=(1280, 720)):
        page = lab(address, size)
        until(page, "window.toylab.step > 5")
        return page

    return opened


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
        shown = page.locator("#toylab-bar .ends > span").all_inner_texts()
        assert shown == (ends or words(page)["bar"])
        assert page.locator("#toylab-layer-surface small").inner_text() == meaning
    assert "flash" in page.locator("#toylab-bar").get_attribute("class")
    take(page, "#toylab-bar", "levels")
    until(page, "window.toylab.state().levels === true")
    page.locator("#toylab-toggle").click()
    settled(page)
    length = "window.toylab.figure().document.get_model_by_name('source-levels').get_length() ?? 0"
    whole = page.evaluate(length)
    take(page, "#toylab-bar", "levels")
    until(page, "window.toylab.state().levels === false")
    page.mouse.move(1, 1)
    settled(page)
    assert page.evaluate(length) == 0 < whole


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


def test_arrows_show_their_quantity_and_their_scale_in_every_mode(lab):
    page = lab("?play=0")
    page.keyboard.press("5")
    until(page, "window.toylab.state().shown.includes('field')")
    settled(page)
    seen = picture(page)
    for button, name in (
        ("#toylab-scale-force", "D"), ("#toylab-scale-field", "log D"),
        ("#toylab-scale-force", "log D"), ("#toylab-scale-field", "D"),
    ):  # fmt: skip
        before = words(page)["references"]
        take(page, button, name)
        layer = button.rpartition("-")[2]
        until(page, f"window.toylab.state().quantities.{layer} === '{name}'")
        settled(page)
        assert words(page)["references"] != before or differ(picture(page), seen)
    for mode in ("true", "direction", "log"):
        take(page, "#toylab-scale-field", mode)
        until(page, f"window.toylab.state().arrows.find((a) => a[3])[0] === '{mode}'")
        settled(page)
        page.mouse.move(1, 1)
        now = picture(page)
        assert differ(now, seen), mode
        seen = now
        printed = page.locator("#toylab-scale-force .ref span").all_inner_texts()
        assert all(any(sign.isdigit() for sign in text) for text in printed)
        assert mode != "direction" or [text[0] for text in printed] == [">", "<"]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_probes_follow_the_run_and_never_leave_the_arena(playing, size):
    page = playing("?pace=20", size)
    places = [(0.01, 0.01), (0.99, 0.5), (0.02, 0.98), (0.6, 0.75)]
    for count, at in enumerate(places, start=1):
        page.mouse.click(*place(page, *at))
        until(page, f"window.toylab.arena().probes.length === {min(count, 3)}")
    until(page, "window.toylab.arena().probes.map((p) => p.letter).sort().join('') === 'abc'")
    x, y, side = corner(page)
    for letter in "abc":
        card = page.locator(f"#toylab-probe-{letter}")
        box = card.bounding_box()
        assert x <= box["x"] and box["x"] + box["width"] <= x + side
        assert y <= box["y"] and box["y"] + box["height"] <= y + side
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
    for _ in range(60):
        page.keyboard.press(".")
        settled(page)
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
    for _ in range(5):
        page.keyboard.press(".")
    settled(page)
    assert arena(page)["extent"] == fitted
    page.get_by_role("button", name="Back to the data’s window").click()
    until(page, f"window.toylab.arena().extent.join() === '{','.join(map(str, home))}'")
    settled(page)
    inside = [
        home[0] <= x <= home[1] and home[2] <= y <= home[3]
        for x, y in zip(*fakes(page), strict=True)
    ]
    assert inside.count(False) == words(page)["outside"]


def fakes(page):
    return page.evaluate(
        "[Array.from(window.toylab.arena().fake.x), Array.from(window.toylab.arena().fake.y)]"
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
    settled(page)
    assert page.evaluate("window.seen.size") == 2


def test_a_lasso_links_fakes_and_latents_both_ways(lab):
    page = lab("?play=0")
    settled(page)
    assert page.locator("#toylab-inset").is_hidden()
    plain = picture(page)
    page.keyboard.down("Shift")
    draw(page, [place(page, *at) for at in ((0.3, 0.3), (0.5, 0.3), (0.5, 0.7), (0.3, 0.7))])
    page.keyboard.up("Shift")
    until(page, "window.toylab.arena().chosen.length > 0")
    chosen = arena(page)["chosen"]
    x0, x1, y0, y1 = arena(page)["extent"]
    xs, ys = fakes(page)
    share = [((x - x0) / (x1 - x0), (y1 - y) / (y1 - y0)) for x, y in zip(xs, ys, strict=True)]
    expected = {k for k, (x, y) in enumerate(share) if 0.3 < x < 0.5 and 0.3 < y < 0.7}
    assert len(set(chosen) ^ expected) <= 4, "those at the very line may fall either way"
    assert page.locator("#toylab-inset").is_visible()
    assert f"{len(chosen)} chosen" in page.locator("#toylab-inset").inner_text()
    settled(page)
    assert differ(picture(page), plain)

    box = page.locator("#toylab-inset canvas").bounding_box()
    draw(page, [(box["x"] + x, box["y"] + y) for x, y in ((4, 4), (66, 4), (66, 128), (4, 128))])
    until(page, f"window.toylab.arena().chosen.join() !== '{','.join(map(str, chosen))}'")
    left = set(arena(page)["chosen"])
    latent = page.evaluate(
        "Array.from(window.toylab.figure().document.get_model_by_name('latent').data.x)"
    )
    assert left == {k for k, x in enumerate(latent) if x < 0}
    page.keyboard.press("Escape")
    until(page, "window.toylab.arena().chosen.length === 0")
    assert page.locator("#toylab-inset").is_hidden()
    page.mouse.move(1, 1)
    settled(page)
    assert not differ(picture(page), plain)


def draw(page, path):
    page.mouse.move(*path[0])
    page.mouse.down()
    for at in [*path[1:], path[0]]:
        page.mouse.move(*at, steps=6)
    page.mouse.up()


def test_a_fake_under_the_pointer_stands_out_with_its_trail(lab):
    page = lab("?play=0")
    for count in range(1, 9):
        page.keyboard.press(".")
        until(page, f"window.toylab.step === {count}")
        if count == 4:
            settled(page)
            before = arena(page)["trail"]
    settled(page)
    assert arena(page)["trail"] == before + 4
    x0, x1, y0, y1 = arena(page)["extent"]
    xs, ys = fakes(page)
    inside = [k for k in range(84) if x0 < xs[k] < x1 and y0 < ys[k] < y1]
    k = inside[0]
    plain = picture(page)
    page.mouse.move(*place(page, (xs[k] - x0) / (x1 - x0), (y1 - ys[k]) / (y1 - y0)))
    until(page, "window.toylab.arena().pointed >= 0")
    settled(page)
    assert differ(picture(page), plain)
    page.mouse.move(1, 1)
    until(page, "window.toylab.arena().pointed === -1")
    for key, button in (("t", "#toylab-trails"), ("z", "#toylab-latents")):
        page.keyboard.press(key)
        assert page.locator(button).get_attribute("aria-pressed") == "true"
    assert page.locator("#toylab-inset").is_visible()
    settled(page)
    assert differ(picture(page), plain), "trails"
    page.locator("#toylab-trails").click()
    page.locator("#toylab-latents").click()
    page.mouse.move(1, 1)
    settled(page)
    assert page.locator("#toylab-inset").is_hidden() and not differ(picture(page), plain)


def test_latents_come_by_themselves_in_slow_motion(lab):
    page = lab("?pace=1")
    until(page, "window.toylab.state().pace === 1")
    assert page.locator("#toylab-inset").is_visible()


def test_a_key_that_is_held_shows_its_layer_alone_and_a_name_lifts_it(playing):
    page = playing("?pace=30")
    shown = state(page)["shown"]
    page.keyboard.down("7")
    until(page, "window.toylab.state().alone === 'grid'")
    assert state(page)["shown"] == ["grid"] and "grid" not in state(page)["layers"]
    page.keyboard.up("7")
    until(page, "window.toylab.state().alone === null")
    assert state(page)["shown"] == shown
    page.keyboard.press("7")
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
    settled(page)
    assert arena(page)["closed"] == words(page)["found"]


KEYS = ["t", "z", "p", "f", "Escape", *"1234567", " ", "."]
BUTTONS = ["#toylab-trails", "#toylab-latents", "#toylab-lasso", "#toylab-layer-field"]
LINES = [
    ("#toylab-bar", "optimal"), ("#toylab-bar", "raw"), ("#toylab-bar", "levels"),
    ("#toylab-bar", "difference"), ("#toylab-bar", "probability"),
]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
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
    if not state(page)["playing"]:
        page.keyboard.press(" ")
    at = step(page)
    until(page, f"window.toylab.step > {at + 20}")
    assert len(arena(page)["probes"]) <= 3
    assert [notice["text"] for notice in state(page)["notices"]] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_for_a_screen_reader(lab, page, theme):
    page.emulate_media(color_scheme=theme)
    lab("?play=0&pace=1")
    page.keyboard.press("p")
    page.keyboard.press("5")
    until(page, "window.toylab.arena().probes.length === 1")
    page.locator("#toylab-bar").click()
    found = [
        (rule["id"], [node["target"] for node in rule["nodes"]][:3])
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert found == []
