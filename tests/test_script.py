"""The exported script gives the page's state bit for bit: run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine_pages import Desk, same
from toylab.experiment import Experiment
from toylab.optimizers import OPTIMIZERS
from toylab.schedules import linear
from toylab.script import script

ROOT = Path(__file__).resolve().parents[1]
SAVE = """
import sys, numpy
from toylab.states import flatten
numpy.savez(sys.argv[1], **{name: tensor.numpy() for name, tensor in flatten(state).items()})
"""


def knobs(desk):
    """Numbers, schedules, and a number that goes back to what it was."""
    desk.open(seed=3, rate_critic="exponential(0.002, 0.0001, 50)")
    desk.steps(13)
    desk.send(do="knob", changes={"penalty_weight": 0.3, "beta1": 0.9})
    desk.steps(20)
    desk.send(do="knob", changes={"noise": "linear(0.5, 0, 60)", "spread": 0.1})
    desk.steps(40)
    desk.send(do="knob", changes={"noise": 0.0})
    desk.steps(7)


def swaps(desk):
    """Names, data and rules; some changed there and back at one step."""
    desk.open(penalty="none", average=0.9)
    desk.send(do="swap", changes={"objective": "hinge"})
    desk.steps(11)
    desk.send(do="swap", changes={"rule": "momentum", "critic_steps": 3})
    desk.send(do="swap", changes={"rule": "adam"})
    desk.send(do="knob", changes={"spread": 0.05})
    desk.steps(9)
    desk.send(do="swap", changes={"data": "25gaussians"})
    desk.steps(70)
    desk.send(do="knob", changes={"spread": 0.05})
    desk.send(do="swap", changes={"data": "swissroll", "rule": "rmsprop"})
    desk.steps(5)
    desk.send(do="swap", changes={"constraint": "clip", "optimizer": "extragradient"})
    desk.steps(5)


def one_player(desk):
    desk.open(optimizer="simultaneous", rule="momentum")
    desk.steps(4)
    for _ in range(3):
        desk.steps(1, "critic")
    desk.steps(5, "generator")
    desk.send(do="swap", changes={"moves": "critic"})
    desk.steps(3)
    desk.steps(2, "generator")
    desk.steps(2)


def optimizers(desk):
    """One after the other, with what each remembers and the numbers that it reads."""
    desk.open(optimizer="past", rule="optimistic-adam", batch_generator=40)
    desk.steps(3)
    for name in OPTIMIZERS:
        desk.send(do="swap", changes={"optimizer": name, "solver_steps": 4, "unroll": 2})
        desk.steps(2)
    desk.send(do="knob", changes={"acgd_beta": 0.9, "solver_tolerance": 1e-3})
    desk.steps(3)


def undone(desk):
    """What was taken back is not in the script; what was brought back is."""
    desk.open(data="lines", fakes="fixed", theta=0.5)
    desk.steps(10)
    desk.send(do="knob", changes={"theta": 0.25})
    desk.steps(10)
    desk.send(do="swap", changes={"penalty": "r1"})
    desk.steps(10)
    desk.send(do="undo")
    desk.send(do="undo")
    desk.send(do="redo")
    desk.steps(8)


def restarted(desk):
    desk.open(latent=3)
    desk.steps(30)
    desk.send(do="swap", changes={"rule": "sgd"})
    desk.send(do="restart", changes={"data": "roth3d", "generator_depth": 1, "penalty": "roth"})
    desk.steps(12)
    desk.send(do="reset", seed=9)
    desk.steps(6)
    desk.send(do="knob", changes={"average": 0.5})
    desk.steps(6)


def changed_last(desk):
    """The state shown is that of the last step: a change since then has not acted yet."""
    desk.open(fakes="perfect", data="two-gaussians")
    desk.steps(12)
    desk.send(do="swap", changes={"rule": "sgd", "data": "8gaussians"})


def at_the_start(desk):
    desk.open(seed=5)
    desk.send(do="swap", changes={"rule": "sgd"})


RUNS = [knobs, swaps, one_player, optimizers, undone, restarted, changed_last, at_the_start]


@pytest.mark.parametrize("drive", RUNS, ids=lambda drive: drive.__name__)
def test_the_script_gives_the_state_of_the_page_bit_for_bit(drive, tmp_path):
    desk = Desk()
    drive(desk)
    told, _ = desk.ask(do="export")
    lines = told["script"].splitlines()
    assert len(lines) <= 15 and told["step"] == desk.lane().run.state.step
    (tmp_path / "run.py").write_text(told["script"] + SAVE)
    command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "state.npz")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{told['step']} ")
    assert same(dict(np.load(tmp_path / "state.npz")), desk.state())


def test_a_recorded_moment_is_exported_as_it_was():
    """Whatever was changed since, the data too: as if exported when it was the newest."""
    desk = Desk()
    desk.open(seed=2, average=0.5)
    desk.steps(5)
    desk.send(do="knob", changes={"penalty_weight": 0.3})
    desk.steps(6)
    before, arrays = desk.ask(do="export")
    desk.send(do="swap", changes={"data": "25gaussians", "rule": "sgd", "constraint": "spectral"})
    desk.steps(4)
    newest, moved = desk.ask(do="export")
    again, same_arrays = desk.ask(do="export", step=11)
    assert again == before and same(same_arrays, arrays)
    assert newest["step"] == 15 and not same(moved, arrays)


def test_only_what_differs_from_the_defaults_is_named():
    text = script(Experiment().settings(), (), 7)
    assert "Experiment(data='8gaussians')" in text and "steps=7" in text
    text = script(
        Experiment(data="ring", batch=512, seed=0, noise=linear(1, 0, 5)).settings(), (), 7
    )
    assert "Experiment(data='ring', noise=schedules.parse('linear(1, 0, 5)'))" in text


NUMBERS = st.floats(1e-9, 1.0)
CHANGES = st.dictionaries(
    st.sampled_from(["noise", "penalty_weight", "rate_critic", "epsilon"]), NUMBERS, min_size=1
) | st.dictionaries(st.just("rule"), st.sampled_from(["sgd", "adam"]), min_size=1)


@given(st.lists(CHANGES, max_size=80))
@settings(max_examples=60)
def test_however_much_was_changed_it_has_at_most_15_lines_and_says_all(changes):
    log = tuple((step, change) for step, change in enumerate(changes))
    text = script(Experiment().settings(), log, 100)
    lines = text.splitlines()
    assert len(lines) <= 15
    found = {}
    exec("\n".join(line for line in lines if line.startswith((" " * 11, "changes"))), found)
    assert tuple(found["changes"]) == log


def test_what_took_the_steps_stands_among_the_changes():
    log, routes = ((3, {"noise": 0.1}),), ((2, "auto"), (3, "plain"), (9, "auto"))
    text = script(Experiment().settings(), log, 9, routes=routes)
    found = {}
    exec(next(line for line in text.splitlines() if line.startswith("changes")), found)
    told = [(2, {"backend": "auto"}), (3, {"noise": 0.1, "backend": "plain"})]
    assert found["changes"] == told and "where it is built anew" in text
    assert "built anew" not in script(Experiment().settings(), log, 2, routes=routes)


def test_changes_from_the_shown_step_on_are_left_out():
    text = script(Experiment().settings(), ((3, {"noise": 0.1}), (7, {"noise": 0.2})), 7)
    assert "0.1" in text and "0.2" not in text
