"""Precision and layout: the same game in fewer bits, within what those bits allow."""

import numpy as np
import pytest
import torch

from tests.helpers import assert_near, normal
from tests.image_runs import TINY, reached, refused, trained
from toylab.batches import Batch
from toylab.constraints import CONSTRAINTS
from toylab.experiment import Experiment
from toylab.games import Players, gan, gradients
from toylab.image import config, grids, run
from toylab.image.config import Settings
from toylab.image.moments import measured
from toylab.image.networks import FAMILIES
from toylab.image.precision import arranged, forgetting
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES

FAMILY = pytest.mark.parametrize("name", ["dcgan", "wgangp-cnn", "resnet", "wgangp-resnet"])


def made(name, **settings):
    """(Players of networks, Players of vectors) in float32, arranged as settings say."""
    chosen = Settings(network=name, features=8, **settings)
    networks = FAMILIES[name].build((3, 16, 16), Experiment(latent=5), chosen)
    vectors = (0.1 * normal(network.size, seed=3).float() for network in networks)
    return Players(*(arranged(n, chosen, "cpu") for n in networks)), Players(*vectors)


def game(name, penalty="1-gp", **settings):
    networks, players = made(name, **settings)
    batch = Batch(
        normal(8, 3, 16, 16, seed=4).float().tanh(),
        normal(8, 5, seed=5).float(),
        torch.rand(8, 1, 1, 1, generator=torch.Generator().manual_seed(0)),
    )
    rows = [("penalty_weight", PENALTIES[penalty].function)]
    knobs = {"penalty_weight": torch.ones(1)}
    objective = OBJECTIVES["non-saturating"]
    return gan(networks, objective, rows, CONSTRAINTS["none"], batch, knobs), players


def apart(one, other):
    return ((one - other).norm() / other.norm()).item()


@FAMILY
def test_bfloat16_is_float32_to_its_eight_bits(name):
    """Values and gradients are near, and not the same: the products did lose bits."""
    plain, players = made(name)
    quick, _ = made(name, precision="bfloat16")
    for network, other, vector, shape in zip(
        plain, quick, players, [(5,), (3, 16, 16)], strict=True
    ):
        x = normal(8, *shape, seed=6).float()
        one, two = network.apply(vector, x), other.apply(vector, x)
        assert two.value.dtype == two.hidden.dtype == torch.float32
        assert 1e-5 < apart(two.value, one.value) < 0.05
    full, quick = (game(name, precision=p)[0] for p in ("float32", "bfloat16"))
    for player, found, wanted in zip(
        Players._fields, gradients(quick, players), gradients(full, players), strict=True
    ):
        assert found.dtype == torch.float32
        assert 1e-4 < apart(found, wanted) < 0.2, player


@FAMILY
def test_penalties_keep_float32_unless_told_otherwise(name):
    """What a penalty is told by the critic: float32's numbers, or those of the loss."""

    def priced(**settings):
        networks, players = made(name, **settings)
        real = normal(8, 3, 16, 16, seed=4).float().tanh()
        batch = Batch(real, normal(8, 5, seed=5).float(), torch.full((8, 1, 1, 1), 0.25))
        critic = networks.critic
        seen = []

        def penalty(judge, real, fake, batch, objective, knobs):
            seen.append(judge(real).value.detach())
            return PENALTIES["r1"].function(judge, real, fake, batch, objective, knobs)

        one = gan(
            networks,
            OBJECTIVES["non-saturating"],
            [("w", penalty)],
            CONSTRAINTS["none"],
            batch,
            {"w": torch.ones(1)},
        )
        one.critic(players)
        return seen[0], critic.apply(players.critic, real).value

    exact, _ = priced()
    careful, quick = priced(precision="bfloat16")
    same, _ = priced(precision="bfloat16", penalty_precision="same")
    assert torch.equal(careful, exact)
    assert torch.equal(same, quick) and not torch.equal(same, exact)


@FAMILY
def test_channels_last_changes_no_number(name):
    plain, players = game(name, "roth" if name == "dcgan" else "1-gp")
    last, _ = game(name, "roth" if name == "dcgan" else "1-gp", channels_last=True)
    for found, wanted in zip(gradients(last, players), gradients(plain, players), strict=True):
        assert apart(found, wanted) < 1e-5
    networks, _ = made(name, channels_last=True)
    image = networks.generator.apply(players.generator, normal(4, 5).float()).value
    assert image.is_contiguous(memory_format=torch.channels_last)


def test_statistics_are_found_through_the_wrapping():
    plain, players = made("dcgan")
    quick, _ = made("dcgan", precision="bfloat16", channels_last=True)
    z = normal(64, 5).float()
    one, other = (measured(n.generator, players.generator, [z]) for n in (plain, quick))
    assert len(one) == len(other) == 2
    for wanted, found in zip(one, other, strict=True):
        assert found[0].dtype == found[1].dtype == torch.float32
        assert apart(torch.cat(found), torch.cat(wanted)) < 0.03


def test_a_bfloat16_run_trains_and_samples(tmp_path):
    """Ten steps end near those of float32, from the same start, and the samples too."""
    folders = [
        trained(tmp_path, "steps=10", f"precision={p}") for p in ("float32", "tf32", "bfloat16")
    ]
    full, tf32, quick = (reached(folder) for folder in folders)
    assert torch.equal(full.players.critic, tf32.players.critic)  # on a CPU it is float32
    moved = (full.players.critic - run.opened(folders[0])[2].start().players.critic).norm()
    assert 0 < (quick.players.critic - full.players.critic).norm() < 0.5 * moved
    images = [
        grids.fakes(run.opened(folder)[2], state.average, 20)
        for folder, state in ((folders[0], full), (folders[2], quick))
    ]
    assert 0 < np.abs(images[1] - images[0]).mean() < 0.1


def test_the_average_s_half_life_is_counted_in_images(tmp_path):
    """Half of a jump is left after so many images, whatever a step's number of them."""
    factor = forgetting(64, 2.0)
    assert factor ** (2000 / 64) == pytest.approx(0.5)
    folder = trained(tmp_path, "steps=2", "average_kimg=0.5", "critic_steps=3")
    _, made_config, setup, _ = run.opened(folder)
    # Three critic steps of 8 images are one step's images.
    assert made_config.experiment.average == pytest.approx(0.5 ** (24 / 500))
    assert_near(setup.knobs(0)["average"], torch.tensor([0.5 ** (24 / 500)]), 1e-7)
    text = (folder / "config.toml").read_text()
    assert "average_kimg = 0.5" in text and "\naverage = " not in text
    state = reached(folder)
    assert not torch.equal(state.average, state.players.generator)
    assert config.load("digits-smoke").settings.average_kimg == 0


def test_the_precision_of_products_has_one_answer(monkeypatch):
    """By torch's older and newer names: where they part, its compiler ends in an error."""
    from toylab.image.precision import allow

    told = []
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda on, warn_only: told.append(on)
    )
    for precision, quick in (("float32", False), ("bfloat16", True), ("float64", False)):
        told.clear()
        allow(Settings(precision=precision))
        assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == quick
        for newer in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):
            assert (newer.fp32_precision == "tf32") == quick
        assert torch.get_float32_matmul_precision() == ("high" if quick else "highest")
        assert told == []  # a CPU's operations always come out the same
        allow(Settings(precision=precision, deterministic=quick), "cuda")
        assert told == [quick] and torch.backends.cudnn.benchmark != quick
    allow(Settings())


@pytest.mark.long
def test_a_compiled_run_is_the_plain_one():
    """Roth's penalty on a network with norms, by the whole graph; nothing was left uncompiled."""
    words = ["stages=1", "features=2", "precision=float64", "batch=8", "device=cpu"]
    found = []
    for backend in ("plain", "aot_eager"):
        changed = config.overrides([*words, f"backend={backend}"])
        made_config = config.load("digits-smoke", changed)
        setup = run.prepare(made_config)
        *_, state = run.walk(made_config, setup, setup.start(), 3)
        found.append(state)
    assert setup.compiled.route == "aot_eager" and setup.compiled.compilations > 0
    assert_near(found[1].players.critic, found[0].players.critic, 1e-12)
    assert_near(found[1].average, found[0].average, 1e-12)


def test_what_several_processes_cannot_do_is_refused(tmp_path, monkeypatch, capsys):
    """A compiled step; and fewer GPUs than processes on a machine."""
    monkeypatch.setattr(run, "world", lambda: 2)
    words = ["train", "digits-smoke", *TINY, "--out", tmp_path / "runs"]
    assert "is not compiled; take backend=plain" in refused(capsys, *words, "backend=auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    told = refused(capsys, *words[:2], *TINY[:3], "device=cuda", *words[-2:])
    assert "2 processes on this machine, but 1 GPUs" in told
    assert not (tmp_path / "runs").exists()
