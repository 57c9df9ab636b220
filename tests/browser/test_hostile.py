"""Addresses that somebody else wrote, and controls pressed in odd orders: the page goes on."""

import urllib.parse

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.browser.pages import heard, state, step, until

# Ten of each with every run of the tests, fifty with `make test-all`.
TIMES = pytest.mark.parametrize("times", [10, pytest.param(50, marks=pytest.mark.long)])
ALIKE = settings(
    deadline=None,
    database=None,
    derandomize=True,  # the same everywhere
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FIELDS = (
    *("data", "objective", "penalty", "rule", "optimizer", "seed", "batch", "latent", "noise"),
    *("rate_critic", "penalty_weight", "critic_width", "generator_depth", "spread", "members"),
    *("play", "pace", "theme", "layers", "fakes", "moves", "constraint", "clip", "average"),
)
HOSTILE = st.one_of(
    st.sampled_from(
        [
            *("", "nan", "inf", "-inf", "1e999", "-1", "0", "99999999999999999999", "1e-300"),
            *("<script>alert(1)</script>", "../../etc/passwd", "/tmp/a.toml", "null", "true"),
            *("{}", "[1,2]", "linear(0,1,10)", "linear(", "exponential(1,0,-5)", "\u0000", "%00"),
            *("25gaussians", "roth3d", "hinge", "roth", "wasserstein", "cgd", "sgd", "r1"),
            "9" * 3000,
            "é" * 50,
            "__class__",
            "constant(nan)",
        ]
    ),
    st.text(max_size=30),
    st.floats().map(str),
    st.integers().map(str),
)
ADDRESSES = st.dictionaries(
    st.one_of(st.sampled_from(FIELDS), st.text(min_size=1, max_size=12)), HOSTILE, max_size=5
)
KEYS = [*" .,[]dgftz/?sr1234567", "Escape", "Enter", "Tab", "Control+z", "Control+Shift+z"]
BUTTONS = ["#toylab-toggle", "#toylab-step-once", "#toylab-reset", "#toylab-seed"]
HANDS = st.lists(
    st.one_of(
        st.tuples(st.just("key"), st.sampled_from(KEYS)),
        st.tuples(st.just("button"), st.sampled_from(BUTTONS)),
        st.tuples(st.just("layer"), st.sampled_from(["real", "fake", "surface", "force", "grid"])),
        st.tuples(st.just("pace"), st.integers(0, 100)),
        st.tuples(st.just("slider"), st.sampled_from(["penalty_weight", "rate_critic", "noise"])),
        st.tuples(st.just("tap"), st.tuples(st.integers(0, 99), st.integers(0, 99))),
        st.tuples(st.just("menu"), st.sampled_from(["objective", "penalty", "optimizer"])),
    ),
    min_size=3,
    max_size=8,
)


def once(page):
    """One step, by a key: between the two halves of a click a busy machine opens the menu."""
    page.locator("#toylab-step-once").press("Enter")
    until(page, "window.toylab.step === 1 || window.toylab.state().phase != null")


def works(page):
    """The page obeys: a paused run takes one step, whatever happened before."""
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement && document.activeElement.blur()")
    page.locator("#toylab-reset").click()  # a hand: from now on nothing stops by itself
    heard(page)
    if state(page)["playing"]:
        page.locator("#toylab-toggle").click()
        until(page, "!window.toylab.state().playing")
    page.locator("#toylab-reset").click()
    until(page, "window.toylab.step === 0")
    once(page)


@TIMES
def test_hostile_addresses_end_in_a_working_page(page, heard, lab_url, times):
    @settings(ALIKE, max_examples=times)
    @given(ADDRESSES)
    def visit(query):
        page.goto(f"{lab_url}?{urllib.parse.urlencode({**query, 'play': '0'}, errors='replace')}")
        until(page, "window.toylab && window.toylab.painted > 0")
        assert step(page) == 0
        once(page)

    visit()


@TIMES
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_random_hands_end_in_a_working_page(lab, page, theme, times):
    page.emulate_media(color_scheme=theme)
    lab()

    def press(kind, what):
        if kind == "key":
            page.keyboard.press("Space" if what == " " else what)
        elif kind == "button":
            page.locator(what).click(force=True)
        elif kind == "layer":
            page.locator(f"#toylab-layer-{what}").click(force=True)
        elif kind == "pace":
            page.locator("#toylab-pace").fill(str(what), force=True)
        elif kind == "slider":
            # At once: an answer may take the slider away, with what it belongs to.
            slider = page.locator(f".toylab-{what} input[type=range]")
            slider.evaluate_all("(found) => found[0]?.focus()")
            page.keyboard.press("ArrowRight")
        elif kind == "tap":
            box = page.locator("#toylab-arena").bounding_box()
            place = [low + part / 100 * box[side] for low, part, side in zip(
                (box["x"], box["y"]), what, ("width", "height"), strict=True)]  # fmt: skip
            page.mouse.click(*place)
        else:
            page.locator(f".toylab-{what} [role=combobox]").click(force=True)
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")

    @settings(ALIKE, max_examples=times // 2)  # once in each theme
    @given(HANDS)
    def play(hands):
        for kind, what in hands:
            press(kind, what)
        works(page)

    play()
