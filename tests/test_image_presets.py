"""Presets: each builds, and carries its paper's numbers."""

import math

import pytest

from tests.image_runs import refused
from toylab.image import config, data
from toylab.image.networks import FAMILIES
from toylab.schedules import evaluate

ROTH = {
    "objective": "non-saturating",
    "penalty": "roth",
    "rule": "adam",
    "rate_critic": 2e-4,
    "rate_generator": 2e-4,
    "beta1": 0.5,
    "batch": 64,
    "critic_steps": 1,
}
ROTH_64 = {**ROTH, "latent": 128, "first": "generator", "size": 64}
ROTH_32 = {**ROTH, "latent": 100, "latent_law": "uniform", "penalty_weight": 0.1, "steps": 39062}
NOISE = {**ROTH_32, "penalty": "none", "noise_copies": 4}
WGANGP = {
    "objective": "wasserstein",
    "penalty": "1-gp",
    "penalty_weight": 10,
    "rule": "adam",
    "beta2": 0.9,
    "critic_steps": 5,
    "batch": 64,
    "latent": 128,
    "data": "cifar10",
}
WGANGP_CNN = {**WGANGP, "rate_critic": 1e-4, "beta1": 0.5, "network": "wgangp-cnn", "features": 128}
WGANGP_RESNET = {**WGANGP, "beta1": 0.0, "batch_generator": 128, "scaling": "dequantised"}
CT = {"penalty_2": "ct", "penalty_2_weight": 2, "margin": 0, "critic_dropout": 0.5}
ZEROGP = {
    "objective": "non-saturating",
    "network": "zerogp-mlp",
    "penalty_weight": 100,
    "rule": "adam",
    "rate_critic": 3e-4,
    "rate_generator": 3e-4,
    "critic_steps": 5,
    "batch": 128,
    "latent": 50,
    "data": "mnist",
    "scaling": "standardised",
    "steps": 20000,
}
R1 = {
    "objective": "non-saturating",
    "rule": "rmsprop",
    "rate_generator": 1e-4,
    "decay": 0.99,
    "penalty_weight": 10,
    "latent": 256,
    "average": 0.999,
    "flips": True,
    "scaling": "dequantised",
    "critic_norm": "none",
}
ICR = {
    "network": "icr-cifar",
    "rate_critic": 1e-4,
    "rate_generator": 1e-4,
    "batch": 64,
    "latent": 128,
    "steps": 468000,
    "initialisation": "icr",
    "penalty": "none",
}
PAPERS = {  # preset: what its paper, or its authors' code, says
    **{
        f"roth-{net}-{where}": {**ROTH_64, "network": name, "steps": steps, "data": where_data}
        for net, name in (
            ("dcgan", "dcgan"),
            ("nonorm", "dcgan-nonorm"),
            ("tanh", "dcgan-tanh"),
            ("resnet", "resnet"),
        )
        for where, where_data, steps in (
            ("celeba", "celeba", 10**5),
            ("lsun", "lsun-bedroom", 2 * 10**5),
        )
    },
    "roth-dcgan-cifar10": {**ROTH_32, "network": "dcgan", "features": 64, "stages": 4},
    "roth-nonorm-cifar10": {**ROTH_32, "network": "dcgan-nonorm"},
    "roth-tanh-cifar10": {**ROTH_32, "network": "dcgan-tanh"},
    "roth-resnet-cifar10": {**ROTH_32, "network": "resnet"},
    "roth-none-cifar10": {**ROTH_32, "penalty": "none"},
    **{
        f"roth-noise-{v}-cifar10": {**NOISE, "noise": math.sqrt(float(v))}
        for v in ("0.01", "0.1", "1.0")
    },
    "wgan": {
        "objective": "wasserstein",
        "penalty": "none",
        "constraint": "clip",
        "clip": 0.01,
        "rule": "rmsprop",
        "rate_critic": 5e-5,
        "rate_generator": 5e-5,
        "critic_steps": 5,
        "batch": 64,
        "latent": 100,
    },
    "wgangp-cnn-cifar10": {**WGANGP_CNN, "steps": 200000},
    "wgangp-resnet-cifar10": {**WGANGP_RESNET, "network": "wgangp-resnet", "steps": 100000},
    "ctgan-1000-cifar10": {**WGANGP_CNN, **CT, "images": 1000, "steps": 50000},
    "ctgan-full-cifar10": {**WGANGP_RESNET, **CT, "images": 0, "steps": 100000},
    **{
        f"zerogp-mnist-{kind}{tail}": {**ZEROGP, "penalty": penalty, "beta1": beta1, "beta2": beta2}
        for kind, penalty in (
            ("none", "none"),
            ("real", "0-gp-sample"),
            ("one", "1-gp"),
            ("zero", "0-gp"),
        )
        for tail, beta1, beta2 in (("", 0.5, 0.9), ("-beta0.9", 0.9, 0.99))
    },
    "zerogp-imagenet": {
        **R1,
        "penalty": "0-gp-logit",
        "rate_critic": 3e-4,
        "batch": 128,
        "size": 128,
    },
    "r1-celeba": {**R1, "penalty": "r1-code", "rate_critic": 1e-4, "batch": 64},
    "r1-lsun": {**R1, "penalty": "r1-code", "batch": 64, "data": "lsun-bedroom"},
    "r1-imagenet": {**R1, "penalty": "r1-code", "batch": 128, "size": 128},
    "r1-cifar10": {**R1, "penalty": "r1-code", "size": 0},
    "acgd-wgan-cifar10": {
        **ICR,
        "objective": "wasserstein",
        "optimizer": "acgd",
        "penalty": "none",
    },
    "acgd-js-cifar10": {**ICR, "objective": "minimax", "optimizer": "acgd", "penalty": "none"},
    "acgd-adam-gp-cifar10": {
        **ICR,
        "objective": "wasserstein",
        "optimizer": "alternating",
        "penalty": "1-gp",
        "penalty_weight": 10,
        "beta1": 0.5,
        "beta2": 0.99,
        "critic_steps": 5,
    },
    "acgd-adam-js-cifar10": {
        **ICR,
        "objective": "non-saturating",
        "penalty": "none",
        "rule": "adam",
    },
    "acgd-adam-sn-cifar10": {
        **ICR,
        "constraint": "spectral-norm",
        "penalty": "none",
        "rule": "adam",
    },
    "acgd-adam-wgan-cifar10": {
        **ICR,
        "objective": "wasserstein",
        "penalty": "none",
        "rule": "adam",
    },
}
HERE = ("digits", "fashion", "faces")


def value(configured, name):
    owner = configured.settings if name in config.OWN else configured.experiment
    return getattr(owner, name)


def test_every_experiment_of_the_papers_has_a_preset():
    others = {name for name in config.presets() if not name.startswith(HERE)}
    assert others == set(PAPERS)
    for family in HERE:
        assert sum(name.startswith(family) for name in config.presets()) >= 2


@pytest.mark.parametrize("name", PAPERS)
def test_a_preset_carries_its_paper_s_numbers(name):
    configured = config.load(name)
    assert {key: value(configured, key) for key in PAPERS[name]} == PAPERS[name]


@pytest.mark.parametrize("name, steps", [("celeba", 100000), ("lsun", 200000)])
def test_roth_s_weight_falls_to_a_hundredth_over_the_whole_run(name, steps):
    weight = value(config.load(f"roth-tanh-{name}"), "penalty_weight")
    assert [evaluate(weight, s) for s in (0, steps // 2, steps)] == pytest.approx([2, 0.2, 0.02])


def test_wgan_gp_s_rate_falls_to_nothing():
    rate = value(config.load("ctgan-full-cifar10"), "rate_generator")
    assert [evaluate(rate, s) for s in (0, 25000, 100000)] == pytest.approx([2e-4, 1.5e-4, 0])


@pytest.mark.parametrize("name", config.presets())
def test_a_preset_builds_and_reads_back_as_itself(name, tmp_path):
    """Its networks fit its images, no setting contradicts another, and it has a title."""
    configured = config.load(name)
    shape = data.shape(configured.settings)
    networks = FAMILIES[configured.settings.network].build(
        shape, configured.experiment, configured.settings
    )
    assert networks.critic.shape == shape
    assert networks.generator.shape == (configured.experiment.latent,)
    (tmp_path / f"{name}.toml").write_text(config.dump(configured))
    again = config.load(str(tmp_path / f"{name}.toml"))
    assert again.experiment.settings() == configured.experiment.settings()
    assert config.title(config.presets()[name]).endswith(".")


def test_extending_takes_what_is_not_said(tmp_path, capsys):
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "fashion-roth"\n[experiment]\nbatch = 7\n')
    made, base = config.load(str(mine)), config.load("fashion-roth")
    assert made.experiment.batch == 7 and made.name == "mine"
    assert made.experiment.settings() == {**base.experiment.settings(), "batch": 7}
    mine.write_text('extends = "fashion-rot"')
    assert "did you mean 'fashion-roth'" in refused(capsys, "train", mine)
    mine.write_text("extends = 3")
    assert "extends 3" in refused(capsys, "train", mine)


def test_a_circle_of_presets_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.toml").write_text('extends = "b"')
    (tmp_path / "b.toml").write_text('extends = "a"')
    monkeypatch.setattr(config, "PRESETS", tmp_path)
    assert "extends" in refused(capsys, "train", "a")
