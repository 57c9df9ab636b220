"""The drawer without a browser: the address of a run, lines of controls, what goes with what."""

import json
import math
from html import escape
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toylab.experiment import Experiment
from toylab.schema import schema
from toylab.ui import address, drawer, kernel, phrases, places, possible
from toylab.ui.beat import Beat
from toylab.ui.controls import Controls
from toylab.ui.index import index
from toylab.ui.settings import ladder, usual

SCHEMA = json.loads(json.dumps(schema()))
FIELDS = {field["name"]: field for field in SCHEMA["fields"]}
CARDS = {card["name"]: card for card in SCHEMA["cards"]}
WEIGHT = FIELDS["penalty_weight"]


def query(text):
    return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))


def valid(field):
    """Any value that a field may have, as the engine tells it."""
    if field["type"] == "choice":
        return st.sampled_from([choice["value"] for choice in field["choices"]])
    low, high = field["least"], field["most"]
    if field["type"] == "integer":
        return st.integers(low, high)
    numbers = st.floats(low, high, allow_nan=False)
    if field["kind"] != "live":
        return numbers
    plain = st.integers(math.ceil(low), math.floor(high))
    lines = st.tuples(plain, plain, st.integers(1, 10_000)).map(
        lambda t: "linear({}, {}, {})".format(*t)
    )
    return numbers | lines if math.ceil(low) <= math.floor(high) else numbers


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({}, optional={name: valid(f) for name, f in FIELDS.items()}))
def test_an_address_gives_back_the_settings_that_it_was_written_of(chosen):
    read, complaints = address.read(SCHEMA, query(address.write(SCHEMA, chosen)))
    assert complaints == []
    common = usual(SCHEMA, chosen.get("data"))
    common["data"] = Experiment().data
    assert read == {name: value for name, value in chosen.items() if value != common[name]}


def test_the_usual_run_has_an_empty_address():
    for name in CARDS:
        told = address.write(SCHEMA, Experiment(data=name).settings())
        assert told == ("" if name == Experiment().data else f"data={name}")


HOSTILE = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["nan", "inf", "-inf", "1e999", "9" * 5000, "-0", "<b>x</b>", "[1,2]", "{}", "null", "١٢"]
    ),
    st.text(alphabet="()0123456789.,@ae-x ", max_size=30).map(lambda text: f"linear({text})"),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(FIELDS)) | st.text(max_size=60), HOSTILE, max_size=5))
def test_no_text_breaks_the_reading_of_an_address(told):
    read, complaints = address.read(SCHEMA, told)
    Experiment(**{name: value for name, value in read.items() if not isinstance(value, str)})
    unread = [name for name in told if name not in read and name not in address.ALSO]
    assert bool(complaints) == bool(unread) and len(complaints) <= address.SEVERAL + 1
    for text in complaints:
        assert len(text) < 300 and text.isprintable()


def test_a_wrong_field_is_named_with_what_is_used_and_what_is_known():
    _, (text,) = address.read(SCHEMA, {"penalty": "r3"})
    assert (
        text
        == "penalty=r3 is unknown; using 0-gp. Known: r2, r1, none, 0-gp, 0-gp-logit, 0-gp-sample …"
    )
    _, (text,) = address.read(SCHEMA, {"batch": "many", "data": "ring"})
    assert text == "batch=many is not a whole number; using 512."
    _, (text,) = address.read(SCHEMA, {"rate_critic": "nan"})
    assert text == "rate_critic=nan is not between 0.0 and 10.0; using 1e−3."
    _, (text,) = address.read(SCHEMA, {"penalti": "r1"})
    assert text.startswith("penalti is no setting; left out. Known: penalty,")


WAITING = []  # what controls will do when the hand is calm


def controls(**chosen):
    """Controls with some settings, and what they say was changed by hand."""
    said = []
    made = Controls(SCHEMA, Beat(), said.append, WAITING.append)
    made.accept(Experiment(**chosen).settings())
    return made, said


def test_what_panel_brings_before_the_beat_is_not_taken_back():
    WAITING.clear()
    made, said = controls(objective="minimax")
    made.open()
    menu = made.widgets["objective"]
    menu.value = "hinge"  # as Panel brings it; the beat's own word is still on its way
    assert menu.value == "hinge" and said == [] and len(WAITING) == 1
    made.take("objective", "Hinge")
    assert said == [{"objective": "hinge"}]
    made.hands.clear()
    WAITING.pop()()
    assert menu.value == "hinge"
    menu.value = "minimax"  # and nothing comes by the beat
    WAITING.pop()()
    assert menu.value == "hinge" and len(said) == 1


def test_every_field_stands_in_exactly_one_line():
    for card in CARDS:
        made, _ = controls(data=card)
        lacking = made.lacking()
        lines = [
            line
            for group in SCHEMA["groups"]
            for line in places.lines(FIELDS, group["name"], lacking)
        ]
        found = [name for line in lines for name in line]
        assert sorted(found) == sorted([*FIELDS, "kernel", "lock", "players", "wide"])


def test_a_guest_comes_beside_its_choice_and_waits_in_advanced_without_it():
    for name in places.GUESTS:
        field = FIELDS[name]
        made, _ = controls()
        assert made.home(name) == "advanced"
        made, _ = controls(**{other: values[0] for other, values in field["needs"].items()})
        assert made.home(name) == field["group"] != "advanced"


def test_a_field_that_nobody_placed_comes_last_in_its_group():
    fields = {**FIELDS, "strange": {"group": "game"}}
    assert places.lines(fields, "game")[-1] == ["strange"]


def test_closed_sections_have_no_widgets():
    made, _ = controls()
    made.open()
    assert {FIELDS[name]["group"] for name in made.widgets if name in FIELDS} == {
        "data",
        "game",
        "training",
    }
    made.show("generator_width")
    assert "generator_width" in made.widgets and not made.sections["networks"].collapsed


def test_a_slider_has_the_stops_of_its_range_and_the_value_between_two():
    made, said = controls(rate_critic=3.3e-4)
    made.open()
    stops = made.stops["rate_critic"]
    assert 3.3e-4 in stops and min(stops) == 1e-5 and max(stops) == 0.1
    made.widen(True)
    stops = made.stops["rate_critic"]
    assert min(stops) == 0.0 and max(stops) == 10.0 and 1e-5 in stops
    made.take("rate_critic", stops.index(1e-5))
    assert said == [{"rate_critic": 1e-5}]


def test_the_lock_keeps_the_ratio_of_the_rates_whichever_is_moved():
    made, said = controls(rate_critic=1e-3, rate_generator=2e-4)
    made.open()
    made.lock()
    made.set({"rate_critic": 5e-3})
    assert said == [{"rate_critic": 5e-3, "rate_generator": 1e-3}]
    made.set({"rate_generator": 1e-4})
    assert said[1] == {"rate_generator": 1e-4, "rate_critic": 5e-4}
    made.lock()
    made.set({"rate_generator": 1e-2})
    assert said[2] == {"rate_generator": 1e-2}


def test_a_double_click_gives_the_default_of_these_data():
    made, said = controls(data="ring", spread=0.2)
    made.open()
    made.default("spread")
    assert said == [{"spread": 0.01}]
    made.default("spread")
    assert len(said) == 1


def test_hostile_values_of_a_hand_change_nothing():
    made, said = controls()
    made.open()
    for name, raw in (
        ("penalty", "r3"),
        ("nonsense", 1),
        ("penalty_weight", "heavy"),
        ("rate_critic", -5),
        ("seed", 10**30),
        ("data", ["ring"]),
    ):
        made.take(name, raw)
    assert said == [{"rate_critic": 1e-5}]  # a notch below the first is the first


PARTS = SCHEMA["parts"]
PENALTIES = {row["value"]: row for row in FIELDS["penalty"]["choices"]}


def menus(penalty):
    return kernel.menus(PARTS, FIELDS["penalty"]["choices"], penalty)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_each_option_of_the_three_menus_changes_that_part_alone(penalty):
    """Whatever holds, every combination of the three can be had, one choice after the other."""
    now, names = PENALTIES[penalty], [part["name"] for part in PARTS]
    for menu in menus(penalty):
        assert menu["value"] == now.get(menu["axis"], "")
        assert [o["value"] for o in menu["options"]] == [
            choice["value"]
            for part in PARTS
            if part["name"] == menu["axis"]
            for choice in part["choices"]
        ]
        for option in menu["options"]:
            row = PENALTIES[option["penalty"]]
            if not now.get("where"):  # no price on slopes: the first that has it
                assert row["listed"] and row[menu["axis"]] == option["value"]
                continue
            wanted = {name: now[name] for name in names} | {menu["axis"]: option["value"]}
            assert {name: row[name] for name in names} == wanted
            if option["value"] == menu["value"]:
                assert option["penalty"] == penalty
            else:
                assert row["needs"] == "", "Roth's weights are nothing that the three say"


def test_points_of_a_user_s_own_offer_what_there_is():
    """A row of their own at places that no other row has: the menus list those that exist."""
    own = {**PENALTIES["r1"], "value": "mine", "where": "corners", "factor": 1.0}
    parts = [{**part, "choices": [*part["choices"]]} for part in PARTS]
    parts[0]["choices"].append({"value": "corners", "label": "corners"})
    choices = [*FIELDS["penalty"]["choices"], own]
    where, pull, of = kernel.menus(parts, choices, "mine")
    assert {o["value"]: o["penalty"] for o in where["options"]}["real"] == "r1"
    assert [o["penalty"] for o in (*pull["options"], *of["options"])] == ["mine", "mine"]
    assert "corners" not in [o["value"] for o in kernel.menus(parts, choices, "1-gp")[0]["options"]]


def test_three_choices_that_a_paper_has_named_are_shown_by_that_name():
    where, pull, of = menus("0-gp")
    assert {o["value"]: o["penalty"] for o in where["options"]} == {
        "real": "0-gp-sample",
        "fake": "0-gp-sample-fake",
        "both": "0-gp-sample-both",
        "between": "0-gp",
        "around": "0-gp-around-probability",
        "beside": "0-gp-beside-probability",
    }
    assert {o["value"]: o["penalty"] for o in of["options"]}["logit"] == "0-gp-logit"
    assert {o["value"]: o["penalty"] for o in menus("r1")[0]["options"]}["fake"] == "r2"
    assert {o["value"]: o["penalty"] for o in menus("0-gp-logit")[1]["options"]} == {
        "0": "0-gp-logit",
        "1": "1-gp",
        "≤1": "lp",
    }
    assert {o["value"]: o["penalty"] for o in menus("1-gp-around-probability")[2]["options"]} == {
        "logit": "dragan",
        "probability": "1-gp-around-probability",
    }


@pytest.mark.parametrize("slot", ["penalty", "penalty_2"])
def test_a_menu_lists_a_custom_combination_while_it_is_chosen_and_says_its_equation(slot):
    made, _ = controls()
    made.open()
    made.unfold("advanced")
    usual_groups = made.widgets[slot].groups
    assert "Custom" not in usual_groups
    made.accept({slot: "lp-real-logit"}, force=True)
    widget = made.widgets[slot]
    assert widget.groups == usual_groups | {"Custom": {"Custom: real, ≤1, logit": "lp-real-logit"}}
    assert widget.value == "lp-real-logit"
    assert "λ E max(0, |∇φ(x)| − 1)²" in made.notes[slot].object
    made.accept({slot: "1-gp-both-probability"}, force=True)
    assert list(widget.groups["Custom"].values()) == ["1-gp-both-probability"]
    made.accept({slot: "r1"}, force=True)
    assert widget.groups == usual_groups and widget.value == "r1" and slot not in made.notes


def test_blocked_choices_that_the_browser_sends_back_change_nothing():
    """It knows them by their labels; taken for values they would be an error of the server."""
    made, said = controls(objective="hinge")
    made.open()
    menu = made.widgets["penalty"]
    blocked = list(menu.disabled_options)
    assert blocked == ["roth", "roth-f"]
    menu._process_events({"disabled_options": ["Roth (Jensen-Shannon)", "Roth (f-divergence)"]})
    assert menu.disabled_options == blocked and said == []
    menu._process_events({"value": "R1"})
    assert menu.value == "r1"


def test_what_cannot_be_says_why_and_its_link_makes_it_possible():
    for row in SCHEMA["conflicts"]:
        chosen = {**usual(SCHEMA, "8gaussians")}
        chosen |= {name: values[0] for name, values in row["with"].items()}
        why, fix = possible.impossible(SCHEMA, row["field"], chosen)[row["value"]]
        assert why == row["why"]
        mended = possible.impossible(SCHEMA, row["field"], {**chosen, **fix})
        assert (row["value"] in mended) == (not fix)
        chosen[next(iter(row["with"]))] = None
        assert row["value"] not in possible.impossible(SCHEMA, row["field"], chosen)
    for field in FIELDS.values():
        for other, values in field["needs"].items():
            for wrong in FIELDS[other]["choices"]:
                met = {name: allowed[0] for name, allowed in field["needs"].items()}
                told = possible.idle(
                    field, {**usual(SCHEMA, "8gaussians"), **met, other: wrong["value"]}
                )
                assert (told is None) == (wrong["value"] in values)
                if told:
                    why, fix = told
                    assert why and fix[other] in values


def test_odd_combinations_are_told_and_ordinary_ones_are_not():
    ordinary = usual(SCHEMA, "8gaussians")
    assert not [text for name in FIELDS for text in possible.odd(SCHEMA, name, ordinary)]
    light = {**ordinary, "objective": "wasserstein", "penalty": "1-gp", "penalty_weight": 0.1}
    (text,) = possible.odd(SCHEMA, "penalty_weight", light)
    assert text.startswith("λ = 0.1 with slope 1")
    assert not possible.odd(SCHEMA, "penalty_weight", {**light, "penalty_weight": 10.0})
    bare = {**ordinary, "objective": "wasserstein", "penalty": "none"}
    assert possible.odd(SCHEMA, "penalty", bare)
    named = {**ordinary, "moves": "critic"}
    assert possible.odd(SCHEMA, "moves", named)
    slowly = {**light, "penalty_weight": "linear(0.1, 1, 100)"}
    assert not possible.odd(SCHEMA, "penalty_weight", slowly), "a schedule is never odd"


def test_the_half_of_a_paper_is_printed_beside_its_weight():
    for name, row in PENALTIES.items():
        made, _ = controls(penalty=name)
        made.open()
        label = made.widgets["penalty_weight"].label
        assert ("γ/2" in label) == (row.get("factor") == 0.5), name
    for name, half in (("r1", True), ("0-gp", False)):
        made, _ = controls(penalty_2=name)
        made.unfold("advanced")
        assert ("γ/2" in made.widgets["penalty_2_weight"].label) == half


def test_what_waits_reads_as_a_sentence():
    accepted = {"critic_width": 128, "latent": 2}
    staged = {"critic_width": 32, "latent": 8}
    told = phrases.readings.staged(FIELDS, accepted, staged)
    assert told == "2 changes wait: critic width 128 → 32, latent size 2 → 8"


def test_a_consequence_is_what_the_penalty_wants_and_what_is():
    made, _ = controls(penalty="r1")
    slopes = {"slope_real": 1.3, "slope_fake": 5.0}
    assert drawer.consequence(made, slopes) == {"penalty_weight": "slope wanted 0, now 1.3"}
    made, _ = controls(penalty="none")
    assert drawer.consequence(made, slopes) == {}


def test_the_index_has_every_setting_every_row_and_all_data():
    found = index(SCHEMA)
    assert {e["field"] for e in found if e["kind"] == "setting"} >= set(FIELDS)
    named = {name for name, row in PENALTIES.items() if row.get("listed", True)}
    assert {e["value"] for e in found if e["kind"] == "row"} >= named | {"minimax", "adam"}
    assert not {e.get("value") for e in found} & (set(PENALTIES) - named)
    assert {e["value"] for e in found if e["kind"] == "data"} == set(CARDS)
    for entry in found:
        assert entry["also"] if entry["kind"] == "also" else entry["name"] and entry["text"], entry
    for row in SCHEMA["aliases"]:
        assert any(row["text"] in entry["also"] for entry in found), row


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1e-5, 0.1), (0.0, 1e4), (1.0, 4096.0)])
@pytest.mark.parametrize("log", [False, True])
def test_a_ladder_climbs_from_end_to_end(low, high, log, whole):
    low, high = (round(low), math.ceil(high)) if whole else (low, high)
    stops = ladder(low, high, log, whole, finest=1e-2)
    assert stops == sorted(set(stops)) and (stops[0], stops[-1]) == (low, high)
    assert len(stops) <= 250


OWN = {
    "value": "mine",
    "label": "mine",
    "group": "Yours",
    "doc": "Hinged <slope>.",
    "formula": "",
    "source": "mine.py",
    "own": "mine.py",
    "laws": {"held": 5, "total": 6, "broken": {"sign": 'it is "negative"'}},
}


def test_a_row_of_ones_own_has_its_file_and_its_laws_in_every_place():
    fields = [
        {**f, "choices": [*f["choices"], OWN]} if f["name"] == "penalty" else f
        for f in SCHEMA["fields"]
    ]
    told = {**SCHEMA, "fields": fields}
    made = Controls(told, Beat(), lambda changes: None, WAITING.append)
    made.open()
    assert made.widgets["penalty"].groups["Yours"] == {"mine · mine.py": "mine"}
    made.take("penalty", "mine · mine.py")
    assert made.settings.penalty == "mine"
    made.refresh()
    note = made.notes["penalty"].object
    assert "mine.py" in note and "5 of 6 laws hold" in note and '"negative"' not in note
    (entry,) = [e for e in index(told) if e.get("value") == "mine"]
    assert entry["laws"]["held"] == 5 and entry["own"] == "mine.py"


def test_what_does_not_go_with_a_choice_is_counted_and_the_link_takes_that_off():
    """A hint must not ask to switch on what is on, nor fill the drawer under a fitting choice."""
    made, said = controls(objective="minimax", penalty="roth")
    made.open()
    note = made.notes["objective"].object
    without = {
        row["value"]
        for row in SCHEMA["conflicts"]
        if row["field"] == "objective" and "roth" in row["with"].get("penalty", ())
    }
    total = len(FIELDS["objective"]["choices"])
    assert f">{len(without)} of {total} do not go with Roth (Jensen-Shannon). " in note
    assert "Switch it off" in note and "Switch it on" not in note
    assert escape(json.dumps({"do": "fix", "changes": {"penalty": "none"}}), quote=True) in note
    assert note.count("<p") == 1 and "penalty" not in made.notes and said == []
    made, _ = controls(objective="hinge", penalty="none")
    made.open()
    assert "Switch it on" in made.notes["penalty"].object and "objective" not in made.notes


def test_every_section_can_be_filled_and_every_control_shows_what_holds():
    made, said = controls(data="roth3d", penalty="r2", seed=7, critic_width=100)
    for group in made.sections:
        made.fill(group)
    for name in FIELDS:
        assert made.widgets[name].value == getattr(made.settings, name), name
    assert said == []
