"""Image runs: they walk with the core, resume bit for bit, and say in one line what is wrong."""

import ast
import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.helpers import assert_same
from tests.image_runs import PACKAGE, TINY, line, reached, refused, shell, trained
from toylab.data import source
from toylab.experiment import Experiment
from toylab.image import config, grids, run
from toylab.image.__main__ import main
from toylab.image.data import DATA, DataError, Known, digits, opened
from toylab.states import flatten
from toylab.trainer import train


class AsImages:
    """A 2-D source whose points are 1×1×2 images."""

    shape = (1, 1, 2)

    def __init__(self, plane):
        self.plane = plane

    def sample(self, n, keys):
        return self.plane.sample(n, keys).reshape(n, 1, 1, 2)


GAMES = {
    "roth": 'penalty = "roth"\npenalty_weight = "exponential(2, 0.02, 20)"',
    "noisy 1-gp": 'penalty = "1-gp"\nobjective = "wasserstein"\nnoise = 0.1\ncritic_steps = 2',
}
TOY = """
[experiment]
batch = 16
latent = 2
generator_width = 8
critic_width = 8
critic_dropout = 0.1
average = 0.9
seed = 3
{game}
[network]
network = "mlp"
[data]
data = "plane"
[run]
steps = 24
precision = "float64"
"""


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_images_walk_the_toy_s_trajectory(game, tmp_path, monkeypatch):
    """A 2-D source as 1×1×2 images through the command line, and the lab's own training of it."""
    plane = Known((1, 1, 2), lambda split: AsImages(source("8gaussians")), "")
    monkeypatch.setitem(DATA, "plane", plane)
    monkeypatch.setattr(grids, "save", lambda path, images: None)  # 1×1×2: nothing to look at
    preset = tmp_path / "plane.toml"
    preset.write_text(TOY.format(game=game))
    assert main(["train", str(preset), "--out", str(tmp_path)]) == 0
    images = reached(tmp_path / "00000-plane")

    shared = config.read(preset)
    toy = {name: shared[name] for name in config.EXPERIMENT if name in shared}
    states = list(train(Experiment(data="8gaussians", **toy), steps=24, dtype=torch.float64))
    assert_same(images, states[-1])
    assert (states[-1].players.critic - states[0].players.critic).abs().max() > 1e-3


def test_image_code_trains_nothing_itself():
    """No derivative, no rule, and one loop over the core's states in the whole package."""
    words = r"autograd|backward|requires_grad|create_graph|torch\.optim|\.grad\b|\.step\(|zero_grad"
    loops = 0
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(words, text), path
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        loops += sum(ast.unparse(call.func) == "train" for call in calls)
    assert loops == 1


# Resuming


def test_a_resumed_run_is_the_straight_one_bit_for_bit(tmp_path):
    """30 steps, and 17 then 13: players, Adam's memory, average, and every row of metrics."""
    straight = trained(tmp_path, "steps=30", "log_every=3")
    parted = trained(tmp_path, "steps=17", "log_every=3")
    assert reached(parted).step == 17
    assert main(["train", "--resume", str(parted), "steps=30"]) == 0
    one, other = reached(straight), reached(parted)
    assert {"memory.0.1", "memory.1.2", "average", "players.1"} <= set(flatten(one))
    assert_same(one, other)
    assert not torch.equal(one.average, one.players.generator)

    def rows(folder):
        found = [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]
        clocks = dict.fromkeys(("images_per_second", "seconds"))
        return {row["step"]: row | clocks for row in found}

    straight_rows, parted_rows = rows(straight), rows(parted)
    assert list(straight_rows) == [*range(3, 31, 3)]
    assert parted_rows.pop(17) and parted_rows == straight_rows
    image = "samples/fakes00000030.png"
    assert (straight / image).read_bytes() == (parted / image).read_bytes()


def test_rows_after_the_checkpoint_are_not_written_twice(tmp_path):
    """A killed run has rows that its checkpoint does not know, and the last may be half a row."""
    folder = trained(tmp_path, "steps=6", "log_every=1", "save_every=4")
    whole = (folder / "metrics.jsonl").read_text()
    rubbish = b"\xff[1]\n" + whole.splitlines()[0][:9].encode()
    (folder / "metrics.jsonl").write_bytes(whole.encode() + rubbish)
    older = folder / "checkpoints" / "step-00000004.ckpt"
    assert main(["train", "--resume", str(older)]) == 0
    steps = [json.loads(r)["step"] for r in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_sigterm_saves_and_the_run_goes_on_as_if_nothing_had_been(tmp_path):
    words = ["train", "digits-smoke", *TINY, "steps=100000", "log_every=1"]
    process = subprocess.Popen(**line(*words), cwd=tmp_path, stdout=subprocess.PIPE)
    told = [process.stdout.readline() for _ in range(4)]  # the run, and three steps
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=120)[0]
    assert process.returncode == 75, (told, rest)
    folder = tmp_path / "runs" / "00000-digits-smoke"
    assert f"--resume {folder.relative_to(tmp_path)}" in rest
    stopped = reached(folder).step
    assert 3 <= stopped < 100000
    shell("train", "--resume", folder, f"steps={stopped + 5}", folder=tmp_path)
    straight = trained(tmp_path / "straight", f"steps={stopped + 5}")
    assert_same(reached(folder), reached(straight))


def test_a_finished_run_says_so(tmp_path, capsys):
    folder = trained(tmp_path, "steps=2")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main(["train", "--resume", str(folder)]) == 0
    assert "is finished: 2 of 2 steps" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert "is at step 2 already" in refused(capsys, "train", "--resume", folder, "steps=1")
    assert "only steps, log_every" in refused(capsys, "train", "--resume", folder, "batch=9")


# Sampling


def test_a_sample_does_not_depend_on_how_many_are_made(tmp_path):
    folder, _, setup, state = run.opened(trained(tmp_path, "steps=5"))
    many = grids.fakes(setup, state.average, 300, seed=4)
    np.testing.assert_allclose(grids.fakes(setup, state.average, 3, seed=4), many[:3], atol=1e-5)
    assert np.abs(grids.fakes(setup, state.average, 3, seed=5) - many[:3]).max() > 1e-2
    assert np.abs(grids.fakes(setup, state.players.generator, 3, seed=4) - many[:3]).max() > 1e-4


def test_sample_writes_the_grid_that_the_run_shows(tmp_path):
    from PIL import Image

    folder = trained(tmp_path, "steps=5")
    shell("sample", folder, "--n", 64, "--seed", 0, "--out", "grid.png", folder=tmp_path)
    seen = np.asarray(Image.open(tmp_path / "grid.png"))
    assert np.array_equal(seen, np.asarray(Image.open(folder / "samples/fakes00000005.png")))
    # Tile (1, 2) is image 10, each pixel four by four, within a frame of one pixel.
    _, _, setup, state = run.opened(folder)
    image = grids.fakes(setup, state.average, 64)[10, 0]
    tile = seen[34:68, 68:102][1:-1, 1:-1]
    assert np.array_equal(tile, tile[::4, ::4].repeat(4, 0).repeat(4, 1))
    assert np.abs(tile[::4, ::4] / 127.5 - 1 - image).max() <= 0.5 / 127.5 + 1e-6


def test_digits_are_scikit_learn_s():
    from sklearn.datasets import load_digits

    images = opened(config.Settings(data="digits")).points
    assert images.shape == (1797, 1, 8, 8)
    assert np.array_equal((images[:, 0] + 1) * 8, load_digits().images)
    assert images.min() == -1 and images.max() == 1


@pytest.mark.parametrize(
    "module, remedy", [("sklearn.datasets", "scikit-learn"), ("PIL", "Pillow")]
)
def test_what_is_not_installed_is_named_with_the_remedy(module, remedy, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=rf"{remedy}.*pip install 'toylab\[image\]'"):
        digits()
        grids.save(tmp_path / "x.png", np.zeros((1, 1, 8, 8), np.uint8))


# Settings


def test_a_run_s_configuration_reads_back_as_itself(tmp_path):
    words = ["penalty_weight=jumps(1, 0.1@7)", "rate_critic=1e-05", "beta1=0", "steps=3"]
    made = config.load("digits-smoke", config.overrides([*TINY, *words]))
    (tmp_path / "config.toml").write_text(config.dump(made))
    again = config.build("digits-smoke", config.read(tmp_path / "config.toml"))
    assert again.experiment.settings() == made.experiment.settings()
    for name in config.OWN:
        assert getattr(again.settings, name) == getattr(made.settings, name)
    assert again.experiment.penalty_weight(7) == 0.1 and again.experiment.rate_critic == 1e-5


WRONG = {
    "digit-smoke": "did you mean 'digits-smoke'?",
    "digits-smoke penalty_wieght=3": "did you mean 'penalty_weight'?",
    "digits-smoke penalty=rot": "did you mean 'roth'?",
    "digits-smoke data=digit": "did you mean 'digits'?",
    "digits-smoke batch=many": "batch must be a whole number, got 'many'",
    "digits-smoke beta1=2": "beta1 must be a number from",
    "digits-smoke rate_critic=linear(1,2)": "neither a number nor a schedule",
    "digits-smoke critic_width=8": "critic_width means nothing to network=dcgan",
    "digits-smoke members=8": "setting 'members' is unknown",
    "digits-smoke objective=hinge": "needs an objective with a probability",
    "digits-smoke stages=5": "halves an image 5 times, which 8×8 does not allow",
    "digits-smoke steps": "write name=value",
    "steps=3": "name a preset first (known: acgd-",
    "--resume nowhere": "nowhere is neither a run directory nor a checkpoint",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said_in_one_line(words, tmp_path, capsys):
    assert WRONG[words] in refused(capsys, "train", *words.split(), "--out", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "text", ["[game]\npenalty = 1", "[run]\nstep = 1", "[run]\nsteps = 0.5", "steps ="]
)
def test_a_wrong_preset_is_named_with_what_is_wrong(text, tmp_path, capsys):
    preset = tmp_path / "mine.toml"
    preset.write_text(text)
    told = refused(capsys, "train", preset, "--out", tmp_path / "runs")
    assert str(preset) in told or "steps must be a whole number" in told


def test_a_diverged_run_ends_with_code_3_and_names_the_last_good_checkpoint(tmp_path, capsys):
    words = ["rule=sgd", "rate_critic=10", "rate_generator=10", "penalty_weight=10000"]
    out = ["--out", str(tmp_path)]
    assert main(["train", "digits-smoke", *TINY, *words, *out]) == 3
    told = capsys.readouterr().err
    assert "not finite" in told and "step-00000000.ckpt" in told
    assert reached(tmp_path / "00000-digits-smoke").step == 0


def test_runs_are_numbered_and_presets_listed(tmp_path):
    assert [trained(tmp_path, "steps=1").name for _ in range(2)] == [
        "00000-digits-smoke",
        "00001-digits-smoke",
    ]
    assert "digits-smoke" in shell("presets", folder=tmp_path)
