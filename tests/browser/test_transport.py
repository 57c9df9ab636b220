"""The transport as a hand meets it: play, steps, slow motion, the past, stops, undo, keys."""

import base64
import io
import random

import numpy as np
from PIL import Image

from tests.browser.pages import aim, counter, heard, paused, settled, state, step, tap, until, words

PHASES = ["sample", "score", "loss", "penalty", "push", "move"]


def phase(page):
    shown = state(page)["phase"]
    return shown["at"], shown["step"]


def phased(page, at, of):
    until(
        page,
        f"(() => {{ const p = window.toylab.state().phase; return p && p.at === '{at}' &&"
        f" p.step === {of} }})()",
    )


def fakes(page):
    return page.evaluate("Array.from(window.toylab.picture().fake.x)")


def covered(page):
    """How many pixels of the arena something is painted over."""
    address = page.locator("canvas.overlay").evaluate("(canvas) => canvas.toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return (np.asarray(image)[..., 3] > 0).sum()


def settings(page):
    return dict(state(page)["share"]["settings"])


def steps_menu(page, count):
    page.locator("#toylab-step-more").click()
    page.locator(f"#toylab-steps-menu [data-count='{count}']").click()


def test_a_second_press_on_what_still_says_pause_does_not_play_again(lab):
    """A press means what its button shows, however late the first one shows."""
    page = lab("?play=0")
    for playing in (True, False):
        page.locator("#toylab-toggle").evaluate("(button) => { button.click(); button.click() }")
        heard(page)
        assert state(page)["playing"] is playing


def test_one_step_in_six_phases(lab):
    page = lab("?play=0&pace=1")
    until(page, "window.toylab.picture().anatomy !== undefined")
    for name in PHASES[:-1]:
        page.keyboard.press(".")
        phased(page, name, 0)
        assert page.locator(f"#toylab-phase-{name}").get_attribute("aria-current") == "step"
        assert page.locator(".phases p").inner_text() != ""
    settled(page)
    assert step(page) == 0  # whatever was shown, nothing was taken
    page.keyboard.press(".")
    until(page, "window.toylab.step === 1")
    assert page.locator(".phases p").inner_text() == "Step 1 is done."
    settled(page)
    assert page.evaluate("window.toylab.drawn") == [0, 1]


def test_what_the_move_showed_is_what_the_step_did(lab):
    """The glide ends where the same latents are after the step: the anatomy is the step's own."""
    page = lab("?play=0&pace=1&batch=512")
    until(page, "window.toylab.picture().anatomy !== undefined")
    page.locator("#toylab-phase-push").click()
    phased(page, "push", 0)
    shown = page.evaluate("Object.keys(window.toylab.picture().anatomy)")
    assert {"from_x", "tip_x", "to_x", "real_score", "point_x"} <= set(shown)
    move = page.evaluate(
        "(() => { const {from_x, from_y, to_x, to_y} = window.toylab.picture().anatomy;"
        " return from_x.map((x, k) => Math.hypot(to_x[k] - x, to_y[k] - from_y[k]))"
        ".reduce((a, b) => a + b) / from_x.length })()"
    )
    before = fakes(page), page.evaluate("Array.from(window.toylab.picture().fake.y)")
    page.locator("#toylab-phase-move").click()
    until(page, "window.toylab.step === 1")
    after = fakes(page), page.evaluate("Array.from(window.toylab.picture().fake.y)")
    ways = [
        ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        for x0, y0, x1, y1 in zip(*before, *after, strict=True)
    ]
    assert 0.7 < move / (sum(ways) / len(ways)) < 1.4  # other latents, the same step


def test_slow_motion_plays_every_step_once_and_pauses_between_phases(lab):
    page = lab("?pace=1")
    until(page, "window.toylab.step >= 2")
    until(page, "window.toylab.state().phase.at === 'loss'")
    page.keyboard.press(" ")
    until(page, "!window.toylab.state().playing")
    stood = phase(page)
    paused(page)
    # A busy machine may hear of the pause in the move, at whose end the step was taken.
    done = stood[0] == "move" and step(page) == stood[1] + 1
    assert phase(page) == stood and step(page) == counter(page) == stood[1] + done
    page.keyboard.press(" ")
    until(page, f"window.toylab.step >= {stood[1] + 2}")
    drawn = page.evaluate("window.toylab.drawn")
    assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))
    page.locator("#toylab-pace").focus()
    page.keyboard.press("End")  # and out of it again, while it plays
    until(page, "window.toylab.state().phase === null")
    until(page, f"window.toylab.step > {stood[1] + 12}")


def test_what_a_step_lacks_says_so(lab):
    page = lab("?play=0&pace=1&penalty=none")
    until(page, "window.toylab.picture().anatomy !== undefined")
    pill = page.locator("#toylab-phase-penalty")
    assert pill.get_attribute("aria-disabled") == "true"
    assert pill.get_attribute("title") == "This game has no penalty."
    pill.dispatch_event("click")
    page.locator("#toylab-phase-loss").click()
    phased(page, "loss", 0)
    page.keyboard.press(".")
    phased(page, "push", 0)


def test_one_player_alone_and_steps_at_once(lab):
    page = lab("?play=0")
    heard(page)  # the first picture may be the one in the file, from before there was an engine
    until(page, "window.toylab.painted > 1")
    at = fakes(page)
    page.keyboard.press("d")
    until(page, "window.toylab.step === 1")
    assert fakes(page) == at  # the critic moved, the generator did not
    page.locator("#toylab-only-generator").click()
    until(page, "window.toylab.step === 2")
    assert fakes(page) != at
    steps_menu(page, 10)
    until(page, "window.toylab.step === 12")
    page.locator("#toylab-step-more").click()
    count = page.locator("#toylab-steps-menu input")
    count.fill("7")
    count.press("Enter")
    until(page, "window.toylab.step === 19")
    settled(page)
    assert step(page) == counter(page) == 19


def test_a_ghost_of_the_last_step_and_of_no_other(lab):
    page = lab("?play=0&pace=5")
    settled(page)
    rings = covered(page)
    page.keyboard.press(".")
    until(page, "window.toylab.step === 1")
    settled(page)
    assert covered(page) > rings + 400
    steps_menu(page, 10)
    until(page, "window.toylab.step === 11")
    settled(page)
    assert abs(covered(page) - rings) < 300  # a ring may have opened or closed


def test_a_fast_run_that_is_paused_leaves_no_ghosts_until_a_hand_steps(lab):
    page = lab("?pace=0")
    until(page, "window.toylab.step > 40")
    assert not words(page)["watched"]
    page.keyboard.press(" ")
    paused(page)
    assert not words(page)["watched"]
    still, at = covered(page), step(page)
    page.keyboard.press(".")
    until(page, f"window.toylab.step === {at + 1} && window.toylab.words().watched")
    settled(page)
    assert covered(page) > still + 100


def test_the_past_stands_still_while_the_run_goes_on(lab):
    page = lab("?play=0")
    settled(page)
    for _ in range(4):
        at = step(page)
        page.keyboard.press(".")
        until(page, f"window.toylab.step === {at + 1}")
    page.keyboard.press(",")
    until(page, "window.toylab.step === 3 && window.toylab.words().recorded")
    assert page.locator("#toylab-arena").get_attribute("data-recorded") == "true"
    assert page.locator("#toylab-caption").inner_text().startswith("step 3 · recorded")
    page.keyboard.press(",")
    until(page, "window.toylab.step === 2")
    page.keyboard.press(".")
    until(page, "window.toylab.step === 3 && window.toylab.words().recorded")
    page.keyboard.press(".")
    until(page, "window.toylab.step === 4 && !window.toylab.words().recorded")
    page.keyboard.press(" ")
    until(page, "window.toylab.step > 30")
    page.evaluate("window.toylab.recall(2)")
    until(page, "window.toylab.step === 2 && window.toylab.words().recorded")
    page.wait_for_timeout(1500)
    assert step(page) == counter(page) == 2 and state(page)["playing"]
    page.locator("#toylab-live").click()
    until(page, "window.toylab.step > 40 && !window.toylab.words().recorded")


def test_it_stops_where_it_was_told_to(lab):
    page = lab("?play=0")
    page.locator(".says", has_text="can it find all eight?").wait_for()
    assert page.locator("#toylab-toggle").bounding_box()["width"] == 64
    page.locator("#toylab-stops").click()
    page.locator("[name=step-number]").fill("40")
    page.keyboard.press("Tab")
    until(page, "window.toylab.state().stops.step === 40")
    page.keyboard.press("Escape")
    page.locator("#toylab-toggle").click()
    until(page, "window.toylab.step === 40 && !window.toylab.state().playing")
    settled(page)
    assert step(page) == counter(page) == 40
    assert page.locator(".says").inner_text() == "Step 40, as you asked."
    assert page.locator("#toylab-toggle").bounding_box()["width"] == 44


def test_the_opening_ends_by_itself_and_says_what_to_try(lab):
    page = lab("?fakes=perfect")  # all clusters are found from the first step on
    until(page, "window.toylab.state().chips.length === 2")
    paused(page)
    at, penalty = step(page), settings(page)["Penalty"]
    assert not state(page)["playing"] and 300 <= at < 4000
    assert "All clusters are found" in page.locator(".says").inner_text()
    page.locator("#toylab-try-critic").click()
    until(page, f"window.toylab.step > {at + 20}")
    assert settings(page)["Critic steps"] == "5" and settings(page)["Rate, critic"] == "3e−3"
    page.locator("#toylab-put-back").click()
    until(page, f"window.toylab.step === {at} && window.toylab.state().chips.length === 2")
    assert settings(page)["Critic steps"] == "1" and not state(page)["playing"]
    page.locator("#toylab-try-penalty").click()
    until(page, f"window.toylab.step > {at}")
    assert settings(page)["Penalty"] != penalty
    page.keyboard.press("[")  # any other act, and nothing is offered any more
    until(page, "window.toylab.state().tried === null")
    assert state(page)["chips"] == [] and settings(page)["Penalty"] != penalty


def test_a_touch_cancels_the_automatic_stop_and_a_second_visit_waits(lab):
    page = lab()
    until(page, "window.toylab.state().stops.step === 4000")
    tap(page, "5")
    until(page, "window.toylab.state().stops.step === null")
    assert state(page)["playing"]
    page.reload()
    until(page, "window.toylab && window.toylab.painted > 0")
    until(page, "window.toylab.state().invite")  # the browser says that somebody was here
    settled(page)
    assert step(page) == 0 and not state(page)["playing"]


def test_reduced_motion_waits_for_play(lab, page):
    page.emulate_media(reduced_motion="reduce")
    lab()
    until(page, "window.toylab.state().invite")  # the browser says that nothing is to move
    settled(page)
    assert step(page) == 0
    page.keyboard.press(" ")
    until(page, "window.toylab.step > 3")


def test_undo_takes_back_the_change_and_the_steps_after_it(lab):
    page = lab("?play=0")
    settled(page)
    page.keyboard.press(".")
    until(page, "window.toylab.step === 1")
    slider = page.locator(".toylab-penalty_weight input[type=range]")
    before = settings(page)["Penalty weight λ"]
    slider.focus()
    slider.press("ArrowRight")
    until(page, "window.toylab.state().undo")
    changed = settings(page)["Penalty weight λ"]
    assert changed != before
    page.evaluate("document.activeElement.blur()")
    steps_menu(page, 10)
    until(page, "window.toylab.step === 11")
    slider.focus()
    page.keyboard.press("Control+z")  # a slider has no text of its own to take back
    until(page, "window.toylab.step === 1 && !window.toylab.state().undo")
    assert settings(page)["Penalty weight λ"] == before
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(",")
    page.locator("#toylab-live").click()  # what is told of the undo covers no button
    until(page, "window.toylab.state().recalled === null && window.toylab.step === 1")
    page.get_by_role("button", name="Bring it back").click()
    until(page, "window.toylab.step === 11")
    assert settings(page)["Penalty weight λ"] == changed
    assert page.locator(".notice.kept").count() == 0
    page.locator("#toylab-undo").click()
    until(page, "window.toylab.step === 1")
    page.evaluate(
        "for (const _ of 'ab') { document.body.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Z', ctrlKey: true, shiftKey: true, bubbles: true})) }"
    )
    until(page, "window.toylab.step === 11")
    page.keyboard.press(".")
    until(page, "window.toylab.step === 12")
    assert state(page)["notices"] == [], "once too often is no fault"


def test_single_keys_can_be_switched_off(lab):
    page = lab("?play=0")
    settled(page)
    page.keyboard.press("?")
    sheet = page.locator("#toylab-keys-sheet")
    assert "Play or pause" in sheet.inner_text() and "Real data" in sheet.inner_text()
    page.keyboard.press(".")  # belongs to nobody while the sheet is open
    sheet.locator("input").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press(".")
    settled(page)
    assert step(page) == 0
    page.locator("#toylab-keys").click()
    sheet.locator("input").check()
    page.keyboard.press("Escape")
    page.keyboard.press(".")
    until(page, "window.toylab.step === 1")


KEYS = [" ", ".", ",", "d", "g", "[", "[", "]", "]", "4", "5", "Control+z", "Control+Shift+z"]
BUTTONS = ["reset", "seed", "toggle", "step-once", "only-critic", "only-generator", "undo"]
BUTTONS += [f"phase-{name}" for name in PHASES] + ["earlier", "later", "live"]


def test_odd_orders_end_in_a_page_that_works(lab):
    page, dice = lab("?pace=2"), random.Random(7)
    for _ in range(60):
        if dice.random() < 0.5:
            page.keyboard.press(dice.choice(KEYS))
        else:
            aim(page, f"#toylab-{dice.choice(BUTTONS)}")
            page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(dice.choice([0, 30, 200]))
    page.keyboard.press("Escape")  # a press that a busy machine drew out has opened a menu
    heard(page)  # whatever was pressed: what is shown from now on is what holds
    aim(page, "#toylab-live")  # which goes by itself where the newest moment is reached
    until(page, "window.toylab.state().recalled === null")
    page.locator("#toylab-pace").focus()
    page.keyboard.press("End")
    page.evaluate("document.activeElement.blur()")
    until(page, "window.toylab.state().phase === null")
    if not state(page)["playing"]:  # and then paused, which ends a step that is still in its move
        page.locator("#toylab-toggle").click()
        until(page, "window.toylab.state().playing")
    page.locator("#toylab-toggle").click()
    paused(page)
    at = step(page)
    assert counter(page) == at == page.evaluate("window.toylab.words().step")
    page.keyboard.press(".")
    until(page, f"window.toylab.step === {at + 1}")
    page.keyboard.press(" ")
    until(page, f"window.toylab.step > {at + 10}")
    assert [notice["text"] for notice in state(page)["notices"] if notice["kind"] == "bad"] == []
