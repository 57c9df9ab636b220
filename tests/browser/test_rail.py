"""The rail as a reader uses it: cards, one cursor, changes, health, and how all is measured."""

import re

import pytest

from tests.browser.pages import WAIT, comes, settled, slide, state, tap, until

SLOTS = "Object.values(window.toylab.charts().slots)"


def steps(page, count):
    """So many single steps, each with its picture."""
    for _ in range(count):
        at = page.evaluate("window.toylab.step")
        page.keyboard.press(".")
        until(page, f"window.toylab.step === {at + 1}")


def value(page, card):
    return page.locator(f"#toylab-chart-{card} output").inner_text()


def over(page, card, share):
    """Puts the mouse over a card's chart, at that share of its steps."""
    plot = page.locator(f"#toylab-chart-{card} .over")
    box = plot.bounding_box()
    place = {"x": 30 + share * (box["width"] - 38), "y": box["height"] / 2}
    plot.hover(position=place)
    return plot, place


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900)], ids=["1280x720", "1440x900"])
def test_cards_and_health_fit_without_scroll(lab, size):
    page = lab("?play=0", size)
    steps(page, 1)
    expected = ["clusters", "losses", "says", "slopes"][: 3 if size[1] == 720 else 4]
    until(page, f"window.toylab.state().rail.shown.length === {len(expected)}")
    assert state(page)["rail"]["shown"] == expected
    until(page, f"{SLOTS}.length === {len(expected)}")
    rail = page.locator(".rail")
    comes(page, lambda: rail.evaluate("e => e.scrollHeight <= e.clientHeight"))  # laid out anew
    bottom = page.locator(".health").bounding_box()
    assert bottom["y"] + bottom["height"] <= size[1]
    for card in expected:
        box = page.locator(f"#toylab-chart-{card} .plot").bounding_box()
        assert box["height"] >= 70
    for drawn in page.evaluate(SLOTS):
        assert len(drawn["ticks"]) in (2, 3)


def test_until_a_hand_chooses_there_are_as_many_cards_as_fit(lab, page):
    lab("?play=0", (1280, 720))
    settled(page)
    for size, count in (((1440, 900), 4), ((1280, 720), 3), ((1440, 900), 4)):
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        until(page, f"window.toylab.state().rail.shown.length === {count}")
    page.locator("#toylab-chart-losses").hover()
    page.locator("#toylab-chart-losses .remove").click()
    until(page, "window.toylab.state().rail.shown.join() === 'clusters,says,slopes'")
    page.set_viewport_size({"width": 1280, "height": 720})
    settled(page)
    assert state(page)["rail"]["shown"] == ["clusters", "says", "slopes"]


def test_cards_come_and_go_and_are_remembered(lab, page):
    lab("?play=0")
    settled(page)
    page.locator(".add").click()
    for name in ("wasserstein", "says"):
        page.locator(f"#toylab-card-{name}").click()
    until(page, "window.toylab.state().rail.shown.join() === 'clusters,losses,wasserstein'")
    page.locator("#toylab-card-histogram").click()
    until(page, "window.toylab.state().rail.shown.length === 4")
    full = page.locator("#toylab-card-slopes")
    assert full.get_attribute("aria-disabled") == "true" and "remove one" in full.inner_text()
    # What a new card measures comes at once, of a page that stands still.
    until(page, f"{SLOTS}.some((slot) => slot.card === 'wasserstein' && slot.floor.length)")
    until(page, f"{SLOTS}.some((slot) => slot.card === 'histogram' && slot.raw.x.length === 82)")
    assert re.fullmatch(r"\d+(\.\d+)?", value(page, "wasserstein"))
    page.keyboard.press("Escape")
    page.locator("#toylab-chart-losses").hover()
    page.locator("#toylab-chart-losses .remove").click()
    until(page, "window.toylab.state().rail.shown.length === 3")
    page.reload()
    until(page, "window.toylab && window.toylab.painted > 0")
    until(page, "window.toylab.state().rail.shown.join() === 'clusters,wasserstein,histogram'")


def test_only_what_is_shown_is_measured(lab, page):
    lab("?play=0&cards=slopes")
    steps(page, 2)
    words = page.evaluate("window.toylab.words().values")
    assert words["slopes"][0] > 0 and words["wasserstein"] == [None]
    assert page.locator(".rail .card:visible").count() == 1


def test_data_without_clusters_say_so(lab, page):
    lab("?play=0&data=swissroll")
    settled(page)
    shown = state(page)["rail"]
    assert shown["shown"] == ["wasserstein", "losses", "says"]
    assert shown["off"] == {"clusters": "these data have no clusters"}


def test_one_cursor_reads_all_cards(lab, page):
    lab("?play=0")
    steps(page, 12)
    newest = {card: value(page, card) for card in ("losses", "says")}
    over(page, "losses", 0.0)
    first = page.evaluate(f"{SLOTS}.map((slot) => [slot.raw.first[0], slot.raw.second[0]])")
    critic, generator = first[1]
    assert value(page, "losses") == f"D {critic:.2f} · G {generator:.2f}"
    assert value(page, "says") == f"{first[2][0]:.2f} · {first[2][1]:.2f}"
    assert page.locator("#toylab-chart-losses .tip").inner_text() == "step 0"
    assert page.locator(".hair:visible").count() == 3
    page.mouse.move(600, 300)
    assert {card: value(page, card) for card in newest} == newest
    assert page.locator(".hair:visible").count() == 0


def test_a_chart_takes_the_page_to_its_step_and_new_steps_leave_it_there(lab, page):
    lab("?pace=20")
    until(page, "window.toylab.step > 30")
    plot, place = over(page, "says", 0.3)
    plot.click(position=place)
    until(page, "window.toylab.state().recalled !== null")
    until(page, "window.toylab.words().recorded")
    settled(page)
    stood = page.evaluate("window.toylab.step")
    assert stood == state(page)["recalled"] < state(page)["now"]
    page.mouse.move(600, 300)
    grown = state(page)["now"]
    until(page, f"window.toylab.charts().slots[1].x[1] > {grown + 10}")
    assert page.evaluate("window.toylab.step") == stood
    assert page.locator(".stand:visible").count() == 3
    losses = page.evaluate("window.toylab.words().values.losses")
    assert value(page, "losses") == f"D {losses[0]:.2f} · G {losses[1]:.2f}"
    page.get_by_role("button", name="LIVE").click()
    until(page, "window.toylab.state().recalled === null && !window.toylab.words().recorded")
    assert page.locator(".stand:visible").count() == 0


def test_a_mark_tells_old_and_new_and_undo_takes_it_back(lab, page):
    lab("?play=0")
    steps(page, 6)
    slide(page, "penalty_weight", ["ArrowRight"])
    until(page, "window.toylab.marks().length === 1")
    steps(page, 4)
    ((at, text),) = page.evaluate("window.toylab.marks()")
    assert at == 6 and re.fullmatch(r"Penalty weight λ 1\.0 → \S+ at 6", text)
    over(page, "clusters", 6 / 20)
    assert page.locator("#toylab-chart-clusters .tip").inner_text() == text
    page.mouse.move(600, 300)
    page.keyboard.press("Control+z")
    until(page, "window.toylab.marks().length === 0 && window.toylab.step === 6")
    until(page, f"{SLOTS}.every((slot) => slot.raw.x.at(-1) === 6)")
    page.get_by_role("button", name="Bring it back").click()
    until(page, "window.toylab.marks().length === 1 && window.toylab.step === 10")
    until(page, f"{SLOTS}.every((slot) => slot.raw.x.at(-1) === 10)")


def test_health_says_why_and_since_when(lab, page):
    lab("?pace=50")
    until(page, "window.toylab.step > 60")
    page.keyboard.press(" ")  # a run that trains on may get well before its line is pressed
    until(page, "!window.toylab.state().playing")
    tap(page, "4")
    until(page, "!window.toylab.state().layers.includes('force')")
    line = page.locator("#toylab-health-clusters")
    assert line.get_attribute("aria-expanded") == "false"
    assert line.get_attribute("data-level") in ("warn", "bad")
    assert line.locator(".spoken").inner_text().strip() in ("warning:", "bad:")
    line.click()
    until(page, "window.toylab.state().layers.includes('force')")
    until(page, "window.toylab.state().recalled !== null")
    reason = page.locator("#toylab-reason-clusters")
    assert reason.is_visible() and "Since step" in reason.inner_text()
    page.locator("#toylab-health-saturated").click()
    assert not reason.is_visible()
    assert page.locator("#toylab-reason-saturated").is_visible()


def test_every_card_says_how_it_is_measured(lab, page):
    lab("?play=0")
    settled(page)
    for card in ("clusters", "losses", "says"):
        about = page.locator(f"#toylab-chart-{card} .measured")
        assert not about.is_visible()
        page.locator(f"#toylab-chart-{card}").hover()
        page.locator(f"#toylab-chart-{card} .about").click(timeout=WAIT)
        text = about.inner_text()
        assert "Noise" in text and re.search(r"4,096|500", text)
        page.locator(f"#toylab-chart-{card} .about").click()
