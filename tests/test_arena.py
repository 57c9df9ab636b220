"""The arena's tables and words: draw order, alphas, arrows, the colour bar, what is asked for."""

from types import SimpleNamespace

import holoviews as hv
import numpy as np
import pytest

from toylab.engine.protocol import LOOK
from toylab.ui import look, marks
from toylab.ui.arrows import MODES, PUSH, arrows, lengths, references
from toylab.ui.legend import HEAVY, NAMES, PATIENT, Layers

ORDER = [  # bottom to top, as the design has it
    *("surface", "half", "levels", "slope", "slope_head", "grid", "most", "core", "real"),
    *("push_halo", "push", "push_head", "fake", "ring_halo", "missing", "found", "trail"),
    *("chosen", "pointed", "lasso", "probe", "edge", "tick"),
]


def test_the_order_of_the_marks_is_the_design_s():
    assert [row.name for row in marks.MARKS] == ORDER
    assert [row.name for row in marks.FIGURE] == ORDER[:13], "the canvas lies over the figure"
    levels = [row["level"] for row in marks.over().values()]
    assert levels == sorted(levels) and list(marks.over()) == ORDER[13:]


@pytest.mark.parametrize("crowd", [False, True], ids=["few", "crowd"])
def test_the_alpha_budget(crowd):
    """One opaque raster at most, lines of a family never above 0.9, thinner marks in a crowd."""
    rasters = [row for row in marks.MARKS if row.kind == "image"]
    assert [row.name for row in rasters] == ["surface"]
    for row in marks.FIGURE:
        made = marks.looks(row, crowd)
        assert {prop for prop in made if prop.endswith("alpha")}, f"{row.name} cannot be dimmed"
        if row.kind in ("line", "segment"):
            assert made["line_alpha"] <= 0.9
        few = marks.looks(row, False)
        for prop, value in made.items():
            if prop != "line_dash":
                assert value <= few[prop], "a crowd makes marks thinner, never thicker"
    for row in marks.over().values():
        assert row["alpha"] <= (1.0 if "size" in row else 0.9)


def test_a_lifted_layer_is_full_and_the_rest_a_quarter():
    for row in marks.FIGURE:
        made, plain = marks.looks(row, False, "fake"), marks.looks(row, False)
        for prop in plain:
            if prop.endswith("alpha"):
                assert made[prop] == (1.0 if row.layer == "fake" else 0.25 * plain[prop])
            else:
                assert made[prop] == plain[prop]
    (fake,) = (row for row in marks.FIGURE if row.name == "fake")
    dimmed = marks.looks(fake, False, None, ("fake",))
    assert dimmed["fill_alpha"] == 0.25 * marks.looks(fake, False)["fill_alpha"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("longest", [PUSH, 21.0])
def test_reference_arrows_are_as_long_as_arrows_of_their_value(mode, longest):
    for scale in (0.05, 1.0, 200.0):
        for length, text in references(scale, longest, mode):
            bound = text.split()[0] if mode == "direction" else None
            value = float(text.split()[-1].replace("−", "-"))
            if mode == "direction":
                value *= 1.01 if bound == ">" else 0.99
            shift, _, dot = arrows(np.array([[value, 0.0]]), scale, longest, 0.01, mode)
            drawn = float(np.hypot(*shift[0]) / 0.01)
            assert bool(dot[0]) == (length < 3)
            assert drawn == pytest.approx(0.0 if dot[0] else length, abs=0.06)


def test_true_lengths_are_proportional_and_directions_all_alike():
    norms = np.array([0.0, 0.01, 0.5, 1.0, 3.0])
    assert lengths(norms, 1.0, 30, "true") == pytest.approx(30 * norms)
    assert (lengths(norms, 1.0, 30, "direction")[1:] == 18).all()
    assert lengths(norms, 1.0, 30, "direction")[0] == 0


def surface(kind, low=0.0, high=1.0, **more):
    return {"surface_kind": kind, "surface_low": low, "surface_high": high, **more}


def test_the_colour_bar_says_what_its_ends_and_its_middle_are():
    assert look.bar(surface("probability")) == ["0 fake", "½", "real 1"]
    assert look.bar(surface("optimal")) == ["0 fake", "½", "real 1"]
    assert look.bar(surface("difference", -1.0)) == ["−1", "0", "1"]
    assert look.bar(surface("logit", -4.0, 4.0, threshold=0.0)) == ["−4 fake", "0", "real 4"]
    # Least squares calls 0.5 the middle: colours are φ − ½, the bar's numbers are φ.
    assert look.bar(surface("raw", -2.0, 2.0, threshold=0.5)) == ["−1.5 fake", "0.5", "real 2.5"]
    moving = surface("raw", -8.0, 8.0, threshold=-31.7, centred=True)
    assert look.bar(moving) == ["−8 fake", "centred", "real 8"]
    assert look.meaning(surface("optimal", optimal_h=0.23)) == "the best one, h = 0.23"
    assert look.meaning(surface("difference", optimal_h=0.05)) == "D − D*, h = 0.05"


def test_a_probe_s_card():
    told = {"x": 0.0, "y": 1.0, "D": 0.3123, "logit": -0.8, "slope": 1.234}
    card = look.probed({**told, "p_data": 1e-9, "p_fake": 0.4049})
    assert card["words"] == ["D 0.312", "slope 1.23", "p_data 0", "p_G 0.4"]
    card = look.probed({**told, "D": None, "p_data": None, "p_fake": 12.3})
    assert card["words"] == ["φ −0.8", "slope 1.23", "p_data —", "p_G 12"]


class Page:
    """As much of a page as a part needs: the link remembers what it was told to send."""

    def __init__(self):
        self.sent = []
        self.link = SimpleNamespace(
            send=lambda do, **fields: self.sent.append((do, fields)),
            pump=lambda at_once=False: None,
            slow=False,
            painting=0.05,
        )
        self.run = SimpleNamespace(
            scalars={}, ready=True, data={"centres": [[0.0, 0.0]], "radii": [1.0]}
        )
        self.beat = SimpleNamespace(dark=False, pixels=572)
        self.layers = Layers(self)
        self.said = 0

    def say_state(self):
        self.said += 1


@pytest.fixture
def desk():
    hv.extension("bokeh")
    made = Page()
    made.look = look.Look(made)
    return made


def asked(desk):
    return desk.sent[-1][1]["options"]


def test_probes_are_three_at_most_and_keep_their_letters(desk):
    for place in ([0.0, 0.0], [1.0, 0.0], [2.0, 0.0]):
        desk.look.do_probe({"at": place})
    assert desk.look.letters == ["a", "b", "c"]
    desk.look.do_probe({"letter": "a", "at": None})
    assert asked(desk)["probes"] == [[1.0, 0.0], [2.0, 0.0]] and desk.look.letters == ["b", "c"]
    desk.look.do_probe({"at": [3.0, 0.0]})
    assert desk.look.letters == ["b", "c", "a"]
    desk.look.do_probe({"at": [4.0, 0.0]})  # a fourth: the oldest goes
    assert desk.look.letters == ["c", "a", "b"]
    assert asked(desk)["probes"] == [[2.0, 0.0], [3.0, 0.0], [4.0, 0.0]]
    desk.look.do_probe({"letter": "c", "at": [5.0, 0.0]})
    assert asked(desk)["probes"][0] == [5.0, 0.0]
    desk.look.do_probe({"letter": "z", "at": [9.0, 9.0]})
    assert len(desk.look.letters) == 3


def test_an_answer_that_is_late_does_not_take_back_a_later_tap(desk):
    desk.look.do_probe({"at": [0.0, 0.0]})
    desk.look.do_probe({"at": [1.0, 0.0]})
    window = {"extent": [-1, 1, -1, 1]}
    desk.look.hear_looked({"look": {**LOOK, "probes": [[0.0, 0.0]]}, "window": window}, {})
    assert desk.look.letters == ["a", "b"]
    both = [[0.0, 0.0], [1.0, 0.0]]
    desk.look.hear_looked({"look": {**LOOK, "probes": both}, "window": window}, {})
    row = {"D": 0.5, "logit": 0.0, "slope": 1.0, "p_data": 0.0, "p_fake": 0.0}
    older = {"scalars": {"probes": [{"x": 0.0, "y": 0.0, **row}]}}  # of before the second tap
    (shown,) = desk.look.frame(older, {})["probes"]
    assert shown["letter"] == "a"
    desk.look.do_probe({"letter": "a", "at": None})
    newest = {"scalars": {"probes": [{"x": x, "y": 0.0, **row} for x in (0.0, 1.0)]}}
    (shown,) = desk.look.frame(newest, {})["probes"]
    assert shown["letter"] == "b"


def test_fit_goes_to_the_window_that_was_proposed_and_back(desk):
    desk.look.do_fit({})
    assert desk.sent == [], "nothing is outside: the view stays"
    desk.run.scalars = {"fit": [0.0, 0.0, 5.0]}
    desk.look.do_fit({})
    assert asked(desk) == {"extent": [0.0, 0.0, 5.0]}
    header = {"look": {**LOOK, "extent": [0.0, 0.0, 5.0]}, "window": {"extent": [-5, 5, -5, 5]}}
    desk.look.hear_looked(header, {})
    assert desk.look.state()["view"] == {"extent": (-5, 5, -5, 5), "eased": True, "fitted": True}
    assert not desk.look.frame({"scalars": {"fit": [0.0, 0.0, 5.0]}}, {})["fit"], "it is there"
    desk.look.do_fit({"again": True})
    assert asked(desk) == {"extent": [0.0, 0.0, 5.0]}
    desk.look.do_fit({})
    assert asked(desk) == {"extent": None}


def test_what_cannot_be_chosen_says_why(desk):
    desk.look.frame({"scalars": {"probability": False}}, {})
    menu = {line["name"]: line for line in desk.look.state()["menus"]["surface"]}
    why = "This objective's critic has no probability."
    assert {name for name, line in menu.items() if line["reason"]} == {"probability", "difference"}
    assert menu["probability"]["reason"] == why and desk.look.state()["levels_reason"] == why
    assert menu["raw"]["chosen"], "what is drawn instead"
    assert desk.said == 1
    desk.look.do_look({"menu": "surface", "name": "nonsense"})
    desk.look.do_look({"menu": "nonsense", "name": "raw"})
    assert desk.sent == []
    desk.look.do_look({"menu": "surface", "name": "optimal"})
    desk.look.do_look({"menu": "force", "name": "log D"})
    assert [sent[1]["options"] for sent in desk.sent] == [
        {"optimal": "optimal"},
        {"force": "log D"},
    ]


def test_patient_layers_come_with_every_second_picture_where_painting_is_slow(desk):
    layers = desk.layers
    layers.arena.on = set(NAMES)
    assert layers.wanted() == list(NAMES)
    desk.link.painting = HEAVY + 0.01
    both = [set(layers.wanted()) for _ in range(4)]
    assert both[0] == both[2] == set(NAMES) - set(PATIENT)
    assert both[1] == both[3] == set(NAMES)
    desk.link.slow = True  # every step counts, or the run stands still
    assert layers.wanted() == layers.wanted() == list(NAMES)


def test_a_layer_alone_is_asked_for_and_everything_comes_back(desk):
    layers = desk.layers
    before = set(layers.arena.on)
    layers.do_alone({"name": "grid"})
    assert layers.state()["shown"] == ["grid"] and "grid" in layers.wanted()
    visible = {name for name, glyph in layers.arena.glyphs.items() if glyph.visible}
    assert visible == {"grid"}
    layers.do_alone({"name": "nonsense"})
    layers.do_alone({})
    assert set(layers.state()["shown"]) == before == layers.arena.on
    assert "grid" not in layers.wanted()
    layers.do_lift({"name": "grid"})
    assert layers.state()["lifted"] is None, "what is not shown cannot be lifted"
