"""What a test does with the lab's page, and what it reads of it."""

import io
import time

import numpy as np
from PIL import Image
from playwright.sync_api import expect

WAIT = 60_000  # milliseconds until something must have happened; no test asserts how long it took
BEAT = "window.toylab.figure().document.get_model_by_name('beat')"
SIZES = [(1280, 720), (1440, 900), (390, 844)]


def until(page, condition):
    page.wait_for_function(condition, timeout=WAIT)


def comes(page, ask):
    """Waits until `ask` answers true: what a press changes is drawn after an answer of the server,
    and a picture of it after one of the engine, however late."""
    end = time.monotonic() + WAIT / 1000
    while not ask():
        assert time.monotonic() < end, "what was waited for never came"
        page.wait_for_timeout(100)


def step(page):
    return page.evaluate("window.toylab.step")


def counter(page):
    return int(page.locator("#toylab-step").inner_text().replace(",", ""))


def state(page):
    return page.evaluate("window.toylab.state()")


def heard(page):
    """Waits until the server has heard every press before: it hears one after the other.

    What is sent behind them is more level lines, on or off, which no hand here presses: a state
    that is still to come from an earlier press does not look like its answer.
    """
    on = state(page)["levels"]
    told = "JSON.stringify({do: 'levels', n: performance.now()})"
    page.evaluate(f"() => {{ {BEAT}.command = {told} }}")
    until(page, f"window.toylab.state().levels === {str(not on).lower()}")


def settled(page, quiet=700):
    """Waits until no picture has come for so many milliseconds: a paused page stands still.

    While the engine starts a picture that was kept from before stands there: the run is to come.
    """
    until(
        page,
        "(({seed, layers}) => seed !== null && (!layers.includes('fake')"
        " || window.toylab.picture().fake?.x.length > 0))(window.toylab.state())",
    )
    page.evaluate("window.toylab.before = -1")
    page.wait_for_function(
        "() => { const l = window.toylab, same = l.before === l.painted; l.before = l.painted;"
        " return same }",
        polling=quiet,
        timeout=WAIT,
    )


def dressed(page, scheme):
    """Waits until there are widgets, all in the colours of the theme: each is light at first."""
    page.locator(".toylab-objective [role=combobox]").wait_for(timeout=WAIT)
    other = {"light": "dark", "dark": "light"}[scheme]
    expect(page.locator(f".mui-{other}")).to_have_count(0, timeout=WAIT)


def paused(page):
    """Waits until a pause was heard and its picture stands, however busy the machine is.

    The engine trained until it heard of it; of what stands still it draws one picture more, which
    says that no step is taken. That is the last one, however late a busy machine brings it.
    """
    until(
        page,
        "!window.toylab.state().playing && window.toylab.words().steps_rate === '0 steps/s'"
        " && window.toylab.words().step === window.toylab.step",
    )
    settled(page)


def picture(page):
    image = Image.open(io.BytesIO(page.locator("#toylab-arena").screenshot()))
    return np.asarray(image.convert("RGB"), np.int16)


def differ(one, other):
    """Whether two pictures show different things; antialiased edges alone do not count."""
    return one.shape != other.shape or (abs(one - other).max(-1) > 40).sum() > 20


def changes(page, before):
    """Waits until the arena shows something else than before."""
    comes(page, lambda: differ(picture(page), before))


def returns(page, before):
    """Waits until the arena shows the same as before."""
    comes(page, lambda: not differ(picture(page), before))


def slide(page, name, keys):
    """Moves the slider of a setting by arrow keys, as a hand on the keyboard does."""
    slider = page.locator(f".toylab-{name} input[type=range]")
    slider.focus()
    for key in keys:
        slider.press(key)
    page.evaluate("document.activeElement.blur()")


def tap(page, key):
    """A key that is let go at once: on a busy machine Playwright itself may hold it for so long
    that a layer's key means another thing."""
    page.evaluate(
        "key => ['keydown', 'keyup'].forEach((kind) =>"
        " document.body.dispatchEvent(new KeyboardEvent(kind, {key, bubbles: true})))",
        key,
    )


def choose(page, name, label):
    page.locator(f".toylab-{name} [role=combobox]").click()
    page.get_by_role("menuitem", name=label, exact=True).click()


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


def fakes(page):
    return page.evaluate(
        "[Array.from(window.toylab.arena().fake.x), Array.from(window.toylab.arena().fake.y)]"
    )


def aim(page, selector):
    """Presses where a button is seen, if it is; an answer may take it away before the press lands.

    So it is with a hand, and Playwright's own click would wait for a button that never comes back.
    """
    # By a locator, since the page's own parts are in a shadow tree; this one waits for nothing.
    place = page.locator(selector).evaluate_all(
        "([it]) => { if (!it?.checkVisibility() || it.disabled) { return null }"
        " it.scrollIntoView({block: 'nearest'}); const box = it.getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2] }"
    )
    if place:
        page.mouse.click(*place)


def draw(page, path):
    page.mouse.move(*path[0])
    page.mouse.down()
    for at in [*path[1:], path[0]]:
        page.mouse.move(*at, steps=6)
    page.mouse.up()
