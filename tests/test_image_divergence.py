"""Runs that explode are located, ended or taken up again; the best and some others are kept."""

import json
import os
import re
import signal
import time

import pytest
import torch

from tests.helpers import assert_same
from tests.image_runs import TINY, reached, refused
from toylab.image import checkpoint, config, divergence, run, scoring
from toylab.image.__main__ import main
from toylab.schedules import exponential, jumps, linear
from toylab.trainer import losses

HIGH = {  # (rate, penalty's weight, limit of a loss): what goes first
    (0.2, 100, "1e6"): ["critic loss", "penalty"],
    (0.2, 100, "0"): ["penalty", "critic gradient"],
    (0.3, 30, "0"): ["generator step", "average step"],
}


def rows(folder, name="events.jsonl"):
    return [json.loads(row) for row in (folder / name).read_text().splitlines()]


def told(folder, event):
    """[(step, …)] of the events of one kind, without time."""
    return [row for row in rows(folder, "events.jsonl") if row["event"] == event]


def ended(tmp_path, *words, code=0):
    """The directory of a tiny run that ends with this code."""
    words = [*TINY, "log_every=5", "sample_every=100", "save_every=4", *words]
    assert main(["train", "digits-smoke", *words, "--out", str(tmp_path)]) == code
    return tmp_path / "00000-digits-smoke"


@pytest.mark.parametrize("rate, weight, limit", HIGH)
def test_the_message_names_the_step_and_the_term_where_it_began(
    rate, weight, limit, tmp_path, capsys
):
    """The step is that of a walk on which every state is looked at; rows come every 5 steps."""
    words = ["rule=sgd", f"rate_critic={rate}", f"rate_generator={rate}", f"loss_limit={limit}"]
    folder = ended(tmp_path, *words, f"penalty_weight={weight}", "steps=40", code=3)
    said, first = capsys.readouterr().err, None
    _, made, setup, _ = run.opened(folder / "checkpoints" / "step-00000000.ckpt")
    for state in run.walk(made, setup, setup.start(), 40):
        sizes = [abs(value) for value in losses(setup, state).values()]
        if not all(size < (float(limit) or float("inf")) for size in sizes):
            first = state.step
            break
    assert first and first % 5, "between two rows"
    terms = HIGH[rate, weight, limit]
    assert f"at step {first} " in said and ", ".join(terms) in said
    assert f"last good checkpoint is {folder}/checkpoints/step-0000000" in said
    (event,) = told(folder, "diverged")
    assert (event["step"], event["terms"]) == (first, terms)


def poisoned(monkeypatch, at, times):
    """The first so many walks end in a state that is not finite at this step."""
    real, walks = run.walk, []

    def walk(made, setup, state, steps):
        walks.append(state.step)
        bad = len(walks) % 2 and len(walks) // 2 < times  # every second one looks where it began
        for later in real(made, setup, state, steps):
            if bad and later.step == at:
                later = later._replace(average=later.average * float("nan"))
            yield later

    monkeypatch.setattr(run, "walk", walk)
    return walks


def test_a_run_goes_back_with_half_the_rates_and_other_minibatches(tmp_path, monkeypatch, capsys):
    """From the last saved state, as by hand; and resumed it is the same run."""
    with monkeypatch.context() as patch:
        poisoned(patch, at=10, times=1)
        words = ["rate_critic=linear(0.004, 0, 20)", "seed=5", "--on-divergence", "rollback"]
        folder = ended(tmp_path, *words, "steps=14")
    (gone,), (back,) = told(folder, "diverged"), told(folder, "rolled back")
    assert (gone["step"], gone["terms"], back["step"]) == (10, ["average step"], 8)
    assert (back["seed"], back["rate_critic"]) == (6, "linear(0.002, 0, 20)")
    said = capsys.readouterr().err
    assert "step 10: average step not finite" in said
    assert "back to step 8 with rate_critic=linear(0.002, 0, 20), rate_generator=0.0015" in said
    assert [row["step"] for row in rows(folder, "metrics.jsonl")] == [5, 10, 14]

    base = [*TINY, "save_every=4", "rate_critic=linear(0.004, 0, 20)", "seed=5"]
    made = config.load("digits-smoke", config.overrides(base))
    setup = run.prepare(made)
    *_, state = run.walk(made, setup, setup.start(), 8)
    changed = {"rate_critic": linear(0.002, 0, 20), "rate_generator": 1.5e-3, "seed": 6}
    calmer = config.load("digits-smoke", {**config.overrides(base), **changed})
    *_, state = run.walk(calmer, run.prepare(calmer), state, 6)
    assert_same(reached(folder), state)
    assert main(["train", "--resume", str(folder), "steps=17"]) == 0
    *_, state = run.walk(calmer, run.prepare(calmer), state, 3)
    assert_same(reached(folder), state)


def test_a_run_goes_back_further_each_time_and_not_for_ever(tmp_path, monkeypatch):
    """To step 8, then 4; the third time it ends. Step 8 was saved again before that."""
    poisoned(monkeypatch, at=10, times=9)
    words = ["--on-divergence", "rollback", "rollbacks=2", "steps=14", "save_every=4"]
    folder = ended(tmp_path, *words, code=3)
    assert [row["step"] for row in told(folder, "rolled back")] == [8, 4]
    assert len(told(folder, "diverged")) == 3
    assert reached(folder).step == 8 and run.opened(folder)[1].experiment.seed == 2


def test_a_schedule_is_scaled_at_every_step():
    for value in (linear(1, 3, 10), exponential(2, 0.02, 10), jumps(1, (4, 7.0))):
        half = divergence.scaled(value, 0.5)
        for step in range(12):
            assert half(step) == pytest.approx(value(step) / 2, rel=1e-12)
    assert divergence.scaled(3e-4, 0.5) == 1.5e-4


class Scores(list):
    """FIDs that a run gets, one a score, in place of real ones; `features` gave them."""

    features = "0"


@pytest.fixture
def scores(monkeypatch):
    """The `Scores` of runs in this test."""
    given = Scores()

    def score(opened, wanted):
        found = {"scores": {"fid": given.pop(0), "is": 1.0}, "step": opened[3].step}
        found |= {"weights": "average", "seed": 0, "real": {"split": "train"}}
        return {**found, "extractor": {"name": "none", "sha256": given.features}}

    monkeypatch.setattr(scoring, "ready", lambda folder, config: None)
    monkeypatch.setattr(scoring, "score", score)
    return given


def kept(folder):
    """The steps of the checkpoints that are there."""
    return [int(path.stem[5:]) for path in sorted((folder / "checkpoints").glob("step-*.ckpt"))]


def test_the_best_checkpoint_and_every_nth_stay(scores, tmp_path, capsys):
    """Scored at 3, 6, 9, …: best at 6, where nothing is saved otherwise; 8 divides 0 and 8."""
    scores += [5.0, 3.0, 4.0, 3.5, 9.0]
    folder = ended(tmp_path, "steps=15", "eval_every=3", "keep_every=8")
    assert kept(folder) == [0, 6, 8, 12, 15]
    best = json.loads((folder / "checkpoints" / "best.json").read_text())
    assert best["file"] == "step-00000006.ckpt" and (best["step"], best["fid"]) == (6, 3.0)
    assert [row["fid"] for row in told(folder, "best")] == [5.0, 3.0]
    pointer = folder / "checkpoints" / "best.json"
    assert main(["sample", str(pointer), "--n", "4", "--out", str(tmp_path / "best.png")]) == 0
    assert "of step 6" in capsys.readouterr().out
    # Taken up before the best: what is to come may be another.
    older = folder / "checkpoints" / "step-00000006.ckpt"
    checkpoint.save(folder / "checkpoints", run.opened(older)[3]._replace(step=4), "")
    assert kept(folder) == [0, 4] and not pointer.exists()
    assert "has no best checkpoint" in refused(capsys, "sample", pointer)
    for rubbish in ("{", "[1]", '{"file": 3, "step": 4, "fid": 1}', '{"file": "a", "step": "x"}'):
        pointer.write_text(rubbish)
        assert checkpoint.best(pointer.parent) is None


def test_a_best_by_other_features_is_no_measure(scores, tmp_path):
    """Of two extractors' FIDs neither is the smaller, nor an explosion of the other."""
    scores += [3.0, 50.0]
    folder = ended(tmp_path, "steps=4", "eval_every=4", "fid_limit=4")
    scores.features = "1"
    assert main(["train", "--resume", str(folder), "steps=8"]) == 0
    best = checkpoint.best(folder / "checkpoints")
    assert (best["step"], best["fid"], best["extractor"]) == (8, 50.0, "1")


def test_a_fid_beyond_its_limit_ends_a_run_before_that_state(scores, tmp_path, capsys):
    """12 is not beyond four times 3, 12.5 is; going back leaves the bad state out. A resumed run
    may have another limit."""
    scores += [3.0, 12.0, 12.5, 12.5]
    folder = ended(tmp_path, "steps=12", "eval_every=4", "fid_limit=4", code=3)
    told = capsys.readouterr().err
    assert "at step 12 not finite or beyond its limit: fid" in told
    assert "last good checkpoint is" in told and "step-00000008.ckpt" in told
    log = run.Watch(*run.opened(folder)[1:3])
    for step in (4, 8, 12):
        log.save(run.opened(folder)[3]._replace(step=step))
    assert log.back(12).step == 8 and log.back(10).step == 8
    assert main(["train", "--resume", str(folder), "fid_limit=5"]) == 0
    assert reached(folder).step == 12


def test_a_run_that_is_asked_to_stop_does_not_stay_to_be_scored(scores, tmp_path):
    """A score may take longer than the patience of who sent the signal."""
    made = config.load("digits-smoke", config.overrides([*TINY, "steps=9", "eval_every=1"]))
    setup, stop = run.prepare(made), run.Stop()
    folder = run.create(made, setup, tmp_path)
    stop.wanted = True
    assert run.follow(folder, made, setup, stop=stop).step == 1
    assert reached(folder).step == 1 and not (folder / "eval").exists()


def test_a_score_that_is_being_made_is_dropped_when_the_wish_comes(tmp_path, monkeypatch):
    """SIGTERM in the middle of a score that would last long: the next state is saved."""
    made = config.load("digits-smoke", config.overrides([*TINY, "steps=9", "eval_every=2"]))
    setup = run.prepare(made)
    folder = run.create(made, setup, tmp_path)

    def long(opened, wanted):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(300):
            time.sleep(0.01)
        raise AssertionError("it was stayed for")

    monkeypatch.setattr(scoring, "ready", lambda folder, config: None)
    monkeypatch.setattr(scoring, "score", long)
    with run.Stop() as stop:
        assert run.follow(folder, made, setup, stop=stop).step == 3
    assert reached(folder).step == 3 and not (folder / "eval").exists()


def test_nothing_but_a_score_is_broken_off():
    with run.Stop() as stop:
        with stop.dropping():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wanted


def test_only_a_second_ctrl_c_ends_at_once():
    """torchrun passes on a SIGTERM that its processes may have got themselves."""
    with run.Stop() as stop:
        for name in ("SIGUSR1", "SIGHUP", "SIGTERM"):
            os.kill(os.getpid(), getattr(signal, name))
            assert stop.wanted and signal.getsignal(getattr(signal, name)) == stop._ask
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)


def test_a_state_is_looked_at_before_it_is_kept(tmp_path, capsys):
    """Rows come every 50 steps, and a loss goes beyond its limit: nothing later is kept."""
    words = ["train", "digits-smoke", *TINY, "steps=60", "log_every=50", "save_every=10"]
    words += ["rate_critic=0.3", "rate_generator=0.3", "loss_limit=1.5", "--out", str(tmp_path)]
    assert main(words) == 3
    (folder,) = tmp_path.iterdir()
    told_ = capsys.readouterr().err
    began = int(re.search(r"at step (\d+) ", told_)[1])
    assert began < 50 and all(step < began for step in kept(folder))
    assert f"step-{kept(folder)[-1]:08d}.ckpt" in told_


def test_a_scored_state_is_one_to_go_back_to(scores, tmp_path, capsys):
    scores += [5.0, 6.0, 7.0]
    words = ["steps=12", "eval_every=5", "save_every=100", "log_every=1", "loss_limit=50"]
    words += ["rate_critic=jumps(0.003,10@6)", "rate_generator=jumps(0.003,10@6)", "rollbacks=1"]
    words = ["train", "digits-smoke", *TINY, *words, "--out", str(tmp_path)]
    assert main([*words, "--on-divergence", "rollback"]) in (0, 3)
    (folder,) = tmp_path.iterdir()
    assert [row["step"] for row in told(folder, "rolled back")] == [5]


def test_a_best_of_fewer_images_is_no_measure(scores, tmp_path):
    scores += [3.0, 9.0]
    folder = ended(tmp_path, "steps=2", "eval_every=2", "eval_images=100")
    words = ["steps=4", "eval_images=50", "fid_limit=2"]
    assert main(["train", "--resume", str(folder), *words]) == 0
    assert checkpoint.best(folder / "checkpoints")["fid"] == 9.0


def test_images_a_second_are_those_of_the_steps_alone(scores, tmp_path, monkeypatch):
    """A score, a grid or a checkpoint that takes a second is not in the rate, but in the time."""
    scores += [5.0, 4.0]
    slow = scoring.score
    monkeypatch.setattr(scoring, "score", lambda *how: time.sleep(1.0) or slow(*how))
    words = ["steps=6", "eval_every=3", "log_every=1", "sample_every=100", "save_every=100"]
    rows = (ended(tmp_path, *words) / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(row) for row in rows]
    assert rows[5]["seconds"] - rows[2]["seconds"] > 1.0
    spent = rows[3]["seconds"] - rows[2]["seconds"]
    rate = rows[3]["images_per_second"]
    assert 8 / rate < spent - 0.9, "8 images a step, and a second's score between"


def test_scores_that_cannot_be_had_are_refused_before_the_first_step(tmp_path, capsys):
    """The photographs have no labels that a classifier could learn."""
    import numpy as np

    np.save(tmp_path / "a.npy", np.zeros((60, 1, 8, 8), np.uint8))
    words = ["train", "digits-smoke", *TINY, f"data=npz:{tmp_path}/a.npy", "eval_every=2"]
    assert "has no labels" in refused(capsys, *words, "--out", tmp_path / "runs")
    (folder,) = (tmp_path / "runs").glob("*")
    assert not (folder / "checkpoints").exists()


def test_every_number_is_watched():
    """A player, the average, a loss, a penalty: not finite, or beyond the limit. A gradient may be
    as long as it likes."""
    from toylab.games import Players
    from toylab.states import State

    one, bad = torch.ones(3), torch.tensor([1.0, float("inf"), 1.0])
    well = State(Players(one, one), (), (), one, 0)
    assert divergence.unwell(well, {"critic": 5.0, "penalty": -7.0}, 8.0) == []
    assert divergence.unwell(well, {"critic": -8.0, "penalty": float("nan")}, 8.0) == [
        *("critic loss", "penalty"),
    ]
    assert divergence.unwell(well, {"critic": 1e30}) == []
    assert divergence.unwell(well, {"generator_gradient": 1e9}, 8.0) == []
    assert divergence.unwell(well, {"critic_gradient": float("inf")}) == ["critic gradient"]
    assert divergence.unwell(well._replace(players=Players(one, bad))) == ["critic step"]
    assert divergence.unwell(well._replace(average=bad)) == ["average step"]
