"""What a lane answers: changes and their log, data that move, looks, exports."""

import time

import numpy as np
import pytest
import torch

from tests.engine_pages import SMALL, Desk, same
from toylab import metrics
from toylab.data import clusters
from toylab.engine.lane import Lane
from toylab.engine.protocol import SLOW, WANTS
from toylab.experiment import Experiment, difference
from toylab.frames import MEASURED
from toylab.look import CHOICES
from toylab.networks import mlp
from toylab.trainer import Setup


def frame(desk, *layers):
    desk.send(do="want", layers=layers)
    ((header, arrays),) = [said for said in desk.turn() if said[0]["say"] == "frame"]
    return header, arrays


def test_between_two_pictures_of_a_fast_run_there_is_time_for_steps():
    lane = Lane(SMALL)
    before = time.monotonic()

    def shows_a_step(pace):
        lane.play(pace)
        lane.slice(0.0)
        lane.want(["fake"])
        return lane.has_news(before)

    def draw():
        lane.frame()
        lane.drew(0.0, 1)

    lane.play(0)
    lane.want(["fake"])
    draw()
    assert not shows_a_step(0) and lane.has_news(before + 60), "it comes, but a little later"
    draw()
    assert not shows_a_step(SLOW + 1)
    assert before < lane.wakes() < lane.pace.due, "by itself, and before the next step"
    assert shows_a_step(SLOW), "where every step counts it comes at once"
    draw()
    lane.play(0)
    lane.slice(0.0)
    lane.want(["fake"])
    lane.pause()
    assert lane.has_news(before), "and of a paused run too"


def test_a_lane_owes_few_pictures_with_the_newest_layers_and_a_new_run_owes_none():
    desk = Desk()
    desk.open()
    for layers in [["fake"]] * WANTS + [["fake", "surface"]]:
        desk.send(do="want", layers=layers)
    shown = []
    for _ in range(WANTS + 2):
        told = desk.steps(1)
        shown += [header["layers"] for header, _ in told if header["say"] == "frame"]
    assert shown == [["fake", "surface"]] * WANTS
    frame(desk, "fake")
    desk.send(do="want", layers=[])
    assert [header["layers"] for header, _ in desk.turn()] == [], "nothing is new"
    for do in ("reset", "undo", "redo", "restart"):
        desk.send(do="want", layers=["fake"])
        assert desk.lane().wanted
        desk.ask(do=do, changes={})
        assert not desk.lane().wanted, do


def test_a_picture_drawn_again_leaves_the_steps_asked_for():
    desk = Desk()
    desk.open()
    desk.steps(2)
    assert frame(desk, "fake")[0]["step"] == 2
    desk.send(do="want", layers=["fake"])
    assert not desk.turn(), "it was drawn"
    desk.send(do="step", count=3, who="both")
    desk.send(do="redraw")
    assert desk.steps(1) and desk.lane().run.state.step == 6
    desk.send(do="want", layers=["fake"])
    desk.turn()
    desk.send(do="want", layers=["fake"])
    assert not desk.turn()
    desk.send(do="redraw")
    ((header, _),) = desk.turn()
    assert header["say"] == "frame" and header["step"] == 6


def test_a_run_on_other_data_has_their_batch():
    lane = Lane({"data": "ring"})
    assert lane.run.settings["batch"] == 512
    lane.restart({"data": "points"})
    assert lane.run.settings["batch"] == 64


def test_one_player_s_steps_are_told_and_stand_in_the_log_as_two_changes():
    desk = Desk()
    desk.open()
    desk.steps(10)
    before = desk.state()
    (told,) = [h for h, _ in desk.steps(3, "critic") if h["say"] == "changed"]
    assert told["kind"] == "step" and told["made"] == {"moves": "critic"} and told["step"] == 13
    assert told["changes"] == [[10, {"moves": "critic"}], [13, {"moves": "both"}]]
    assert told["settings"]["moves"] == "both"
    after = desk.state()
    assert (after["players.0"] == before["players.0"]).all()
    assert (after["players.1"] != before["players.1"]).any()
    desk.steps(2, "critic")
    assert desk.lane().run.log == ((10, {"moves": "critic"}), (15, {"moves": "both"}))
    desk.steps(1, "generator")
    assert [step for step, _ in desk.lane().run.log] == [10, 15, 16]
    desk.steps(4)
    assert desk.lane().run.state.step == 20 and len(desk.lane().run.log) == 3


def test_requests_for_steps_are_taken_in_their_order():
    """Each exactly so many times, also if all of them come before the first step."""
    desk, straight = Desk(), Desk()
    for each in (desk, straight):
        each.open()
    for count, who in ((2, "critic"), (1, "both"), (3, "generator")):
        desk.send(do="step", count=count, who=who)
        straight.steps(count, who)
    while desk.lane().turns:
        desk.turn()
    assert same(desk.state(), straight.state()) and desk.lane().run.log == straight.lane().run.log
    for _ in range(100):
        desk.send(do="step", count=1)
    assert "too many steps" in desk.refusal(do="step", count=1)


def test_the_log_has_one_entry_a_step_and_only_what_differs():
    desk = Desk()
    desk.open()
    desk.send(do="knob", changes={"noise": 0.5})
    desk.steps(5)
    for changes in ({"noise": 0.1}, {"rate_critic": 0.01}, {"noise": 0.2}, {"rate_critic": 1e-3}):
        told, _ = desk.ask(do="knob", changes=changes)
        assert told["made"] == changes and told["kind"] == "live"
    assert told["changes"] == [[0, {"noise": 0.5}], [5, {"noise": 0.2}]]
    told, _ = desk.ask(do="knob", changes={"noise": "linear(1, 0, 50)"})
    assert told["changes"][-1] == [5, {"noise": "linear(1, 0, 50)"}]
    told, _ = desk.ask(do="knob", changes={"noise": 0.5})
    assert told["changes"] == [[0, {"noise": 0.5}]]


def test_a_difference_leads_from_one_to_the_other():
    """Also between data, whose numbers come along by themselves."""
    one = Experiment(data="8gaussians", spread=0.1, rule="sgd")
    other = Experiment(data="ring", size=2.0, spread=0.01, batch=256)
    made = difference(one.settings(), other.settings())
    assert made == {"data": "ring", "size": 2.0, "rule": "adam"}
    one.param.update(**made)
    assert one.settings() == other.settings()
    assert difference(one.settings(), other.settings()) == {}


def test_other_data_are_told_with_their_points_and_window():
    desk = Desk()
    opened, first = desk.open()
    desk.steps(5)
    before = desk.state()
    desk.ask(do="look", options={"extent": [0, 0, 9], "surface": "logit"})
    told, arrays = desk.ask(do="swap", changes={"data": "25gaussians"})
    assert same(desk.state(), before) and told["data"]["name"] == "25gaussians"
    assert len(told["data"]["centres"]) == 25 and told["settings"]["batch"] == 32
    centres = np.array(told["data"]["centres"])
    off = np.linalg.norm(arrays["real"][:, None] - centres, axis=-1).min(1)
    assert off.max() < 0.1 and not (arrays["real"] == first["real"]).all()
    extent = told["data"]["window"]["extent"]
    assert np.abs(arrays["real"]).max() < extent[1] < 9, "the view is the new data's own"
    assert desk.lane().run.pictures.chosen.surface == "logit", "the look is the page's"
    header, _ = frame(desk, "fake")
    assert header["scalars"]["modes_total"] == 25
    told, _ = desk.ask(do="knob", changes={"noise": 0.1})
    assert "data" not in told


def test_data_that_a_schedule_moves_are_told_as_they_move():
    desk = Desk()
    desk.open(data="lines", fakes="fixed", theta="linear(1, 0, 10)")
    places = []
    for _ in range(11):
        moved = [said for said in desk.steps(1) if said[0]["say"] == "moved"]
        header, arrays = frame(desk, "fake")
        for told, _ in moved:
            places.append(told["data"]["numbers"]["theta"])
            assert told["step"] == header["step"]
        assert np.ptp(arrays["fake"][:, 0]) < 1e-6
    assert places == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    assert arrays["fake"][:, 0] == pytest.approx(0.0, abs=1e-6)


def test_a_look_is_kept_by_the_lane_and_the_picture_drawn_again():
    desk = Desk()
    desk.open()
    desk.steps(3)
    frame(desk, "fake", "surface")
    desk.send(do="want", layers=["fake"])
    assert not desk.turn(), "this step was drawn"
    told, _ = desk.ask(do="look", options={"probes": [[0, 0], [1, 1]], "extent": [1, 0, 2]})
    assert told["look"]["probes"] == [[0, 0], [1, 1]] and told["look"]["force"] == "loss"
    assert told["window"]["extent"] == [-1, 3, -2, 2]
    (again,) = [header for header, _ in desk.turn() if header["say"] == "frame"]
    assert again["step"] == 3 and len(again["scalars"]["probes"]) == 2
    before = desk.lane().run.pictures.chosen
    desk.refusal(do="look", options={"surface": "raw", "force": "nothing"})
    assert desk.lane().run.pictures.chosen == before, "all of it or nothing"
    for message in (dict(do="reset"), dict(do="restart", changes={"latent": 3}), dict(do="undo")):
        told, _ = desk.ask(**message)
        assert told["look"] == before.told()
    assert set(CHOICES) < set(told["look"])


def test_an_export_is_what_the_page_measures():
    """The shares of the exported fakes are those that the frame shows; latents give the fakes."""
    desk = Desk()
    desk.open(data="roth3d", latent=3, noise=0.3)
    desk.steps(60)
    header, _ = frame(desk, "fake")
    told, arrays = desk.ask(do="export")
    assert told["step"] == 60 and told["settings"]["latent"] == 3
    assert {n: a.shape for n, a in arrays.items()} == {
        "real": (4096, 3),
        "fake": (MEASURED, 3),
        "latent": (MEASURED, 3),
    }
    there = clusters("roth3d")
    shares = metrics.near(arrays["fake"], there.centres, metrics.radii(there))
    assert shares == pytest.approx(header["scalars"]["fraction"], abs=6e-5)
    real = metrics.near(arrays["real"], there.centres, metrics.radii(there))
    assert real.sum() > 0.98 and len(np.unique(arrays["real"], axis=0)) == 4096
    small = {"width": 16, "depth": 2, "activation": "leaky-relu", "initialisation": "uniform"}
    vector = desk.lane().run.state.players.generator
    made = mlp((3,), (3,), **small).apply(vector, torch.from_numpy(arrays["latent"].copy())).value
    assert arrays["fake"] == pytest.approx(made.numpy(), abs=1e-6)


def test_a_set_is_exported_whole():
    desk = Desk()
    desk.open(data="two-gaussians", fakes="fixed")
    _, arrays = desk.ask(do="export")
    own = Setup(Experiment(data="two-gaussians")).sources[0].points
    assert sorted(map(tuple, arrays["real"])) == sorted(map(tuple, own))


def test_a_perfect_generator_reads_all_found_from_the_first_picture():
    desk = Desk()
    for data in ("8gaussians", "25gaussians", "ring", "roth3d"):
        desk.open(data=data, fakes="perfect")
        header, _ = frame(desk, "fake")
        assert header["scalars"]["modes"] == header["scalars"]["modes_total"] > 0
        assert header["scalars"]["share"] > 0.98
        (line,) = [row for row in header["scalars"]["health"] if row["name"] == "clusters"]
        assert line["level"] == "ok"


def test_a_recalled_state_leaves_no_mark_on_the_run():
    desk, straight = Desk(), Desk()
    for each in (desk, straight):
        each.open(seed=1)
        each.steps(20)
        frame(each, "fake")
    for step in (0, 7, 20):
        header, _ = desk.ask(do="recall", step=step, layers=["fake", "surface"])
        assert header["recorded"] and not header["playing"]
    for each in (desk, straight):
        each.steps(5)
    one, other = frame(desk, "fake", "surface"), frame(straight, "fake", "surface")
    assert (one[1]["fake"] == other[1]["fake"]).all()
    for told in (one[0]["scalars"], other[0]["scalars"]):
        told["health"] = [line["level"] for line in told["health"]]
        told.pop("seconds")
        told.pop("steps_per_second")
    assert one[0]["scalars"] == other[0]["scalars"]


def test_a_slider_moved_while_playing_acts_at_the_next_step_and_is_logged_there():
    desk = Desk()
    desk.open()
    desk.send(do="play", pace=0)
    for weight in (2.0, 3.0, 4.0):
        desk.turn()
        told, _ = desk.ask(do="knob", changes={"penalty_weight": weight})
        assert told["changes"][-1] == [told["step"], {"penalty_weight": weight}]
    desk.turn()
    desk.send(do="pause")
    log, state = desk.lane().run.log, desk.state()
    assert len(log) == 3
    straight = Desk()
    straight.open()
    for step, changes in log:
        straight.steps(step - straight.lane().run.state.step)
        straight.send(do="knob", changes=changes)
    straight.steps(int(state["step"]) - straight.lane().run.state.step)
    assert same(straight.state(), state)


def test_what_a_page_opens_is_what_it_asked_for():
    desk = Desk()
    told, arrays = desk.ask(
        do="open",
        settings={**SMALL, "seed": 4},
        look={"field": "D"},
        stops={"step": 9},
        playing=True,
        pace=3,
    )
    assert told["look"]["field"] == "D" and told["stops"]["step"] == 9
    assert told["playing"] and told["pace"] == 3 and not told["undo"] and not told["redo"]
    assert told["changes"] == [] and arrays["latent"].shape == (500, 2)
    told, arrays = desk.open(data="roth3d", latent=1)
    assert arrays["latent"].shape == (500, 1) and arrays["real3"].shape == (500, 3)
    assert told["data"]["space"]["ring"]
