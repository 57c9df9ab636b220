"""Presets: each builds, and carries its paper's numbers."""

import json
import math

import pytest

from tests.image_runs import refused
from toylab.image import config, data
from toylab.image.__main__ import main
from toylab.image.networks import FAMILIES
from toylab.schedules import evaluate, parse

ROTH = {
    "objective": "non-saturating",
    "penalty": "roth",
    "rule": "adam",
    "rate_critic": 2e-4,
    "rate_generator": 2e-4,
    "beta1": 0.5,
    "beta2": 0.999,
    "batch": 64,
    "critic_steps": 1,
    "features": 64,
}
ROTH_64 = {**ROTH, "latent": 128, "first": "critic", "size": 64}
ROTH_32 = {
    **ROTH,
    "latent": 100,
    "latent_law": "uniform",
    "penalty_weight": 0.1,
    "steps": 39062,
    "data": "cifar10",
    "stages": 4,
    "initialisation": "dcgan",
}
NOISE = {**ROTH_32, "penalty": "none", "network": "dcgan", "noise_copies": 4}
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
    "features": 128,
    "initialisation": "wgan-gp",
}
WGANGP_CNN = {
    **WGANGP,
    "rate_critic": 1e-4,
    "rate_generator": 1e-4,
    "beta1": 0.0,
    "network": "wgangp-cnn",
}
WGANGP_RESNET = {
    **WGANGP,
    "rate_critic": parse("linear(0.0002, 0, 100000)"),
    "rate_generator": parse("linear(0.0002, 0, 100000)"),
    "beta1": 0.0,
    "batch_generator": 128,
    "scaling": "dequantised",
    "network": "wgangp-resnet",
}
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
    "features": 512,
    "generator_depth": 2,
    "critic_depth": 2,
    "initialisation": "uniform",
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
    "network": "mescheder-resnet",
    "features": 64,
    "initialisation": "uniform",
}
R1_SAME = {**R1, "penalty": "r1", "rate_critic": 1e-4}
IMAGENET = {"rule": "adam", "beta1": 0.0, "beta2": 0.99, "batch": 128, "data": "imagenet"}
BY_ADAM = {"optimizer": "alternating", "rule": "adam", "beta1": 0.5, "beta2": 0.999}
ICR = {
    "network": "icr-cifar",
    "rate_critic": 1e-4,
    "rate_generator": 1e-4,
    "batch": 64,
    "latent": 128,
    "steps": 468000,
    "initialisation": "icr",
    "penalty": "none",
    "acgd_beta": 0.99,
    "acgd_epsilon": 1e-5,
    "solver_tolerance": 1e-5,
    "features": 64,
    "data": "cifar10",
}
PAPERS = {  # preset: what its paper, or its authors' code, says
    **{
        f"roth-{net}-{where}": {
            **ROTH_64,
            "network": name,
            "initialisation": law,
            "penalty_weight": parse(f"exponential(2, 0.02, {steps})"),
            "steps": steps,
            "data": where_data,
            "crop": crop,
        }
        for net, name, law in (
            ("dcgan", "dcgan", "dcgan-uniform"),
            ("nonorm", "dcgan-nonorm", "dcgan-uniform"),
            ("tanh", "dcgan-tanh", "dcgan-uniform"),
            ("resnet", "resnet", "wgan-gp"),
        )
        for where, where_data, steps, crop in (
            ("celeba", "celeba", 10**5, 178),
            ("lsun", "lsun-bedroom", 2 * 10**5, 256),
        )
    },
    "roth-dcgan-cifar10": {**ROTH_32, "network": "dcgan"},
    "roth-nonorm-cifar10": {**ROTH_32, "network": "dcgan-nonorm"},
    "roth-tanh-cifar10": {**ROTH_32, "network": "dcgan-tanh"},
    "roth-resnet-cifar10": {
        **ROTH_32,
        "network": "resnet",
        "stages": 3,
        "initialisation": "wgan-gp",
    },
    "roth-none-cifar10": {**ROTH_32, "network": "dcgan", "penalty": "none"},
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
        "decay": 0.99,
        "epsilon": 1e-8,
        "critic_steps": 5,
        "batch": 64,
        "latent": 100,
        "network": "dcgan",
        "features": 64,
        "kernel": 4,
        "initialisation": "dcgan",
        "data": "lsun-bedroom",
        "crop": 256,
        "size": 64,
    },
    "wgangp-cnn-cifar10": {**WGANGP_CNN, "steps": 200000},
    "wgangp-resnet-cifar10": {**WGANGP_RESNET, "steps": 100000},
    "ctgan-1000-cifar10": {**WGANGP_CNN, **CT, "beta1": 0.5, "images": 1000, "steps": 50000},
    "ctgan-full-cifar10": {**WGANGP_RESNET, **CT, "images": 0, "steps": 100000},
    **{
        f"zerogp-mnist-{kind}{tail}": {**ZEROGP, "penalty": penalty, "beta1": beta1, "beta2": beta2}
        for kind, penalty in (
            ("none", "none"),
            ("real", "0-gp-sample"),
            ("one", "1-gp-probability"),
            ("zero", "0-gp"),
        )
        for tail, beta1, beta2 in (("", 0.5, 0.9), ("-beta0.9", 0.9, 0.99))
    },
    "zerogp-imagenet": {
        **R1,
        "penalty": "0-gp-logit",
        "rate_critic": 3e-4,
        **IMAGENET,
        "size": 128,
        "steps": 10**6,
    },
    "r1-celeba": {**R1_SAME, "batch": 64, "data": "celeba"},
    "r1-lsun": {**R1_SAME, "batch": 64, "data": "lsun-bedroom"},
    "r1-imagenet": {**R1_SAME, **IMAGENET, "size": 128},
    "r1-cifar10": {**R1_SAME, "batch": 64},
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
        "rule": "adam",
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
        **BY_ADAM,
    },
    "acgd-adam-dropout-cifar10": {
        **ICR,
        "objective": "non-saturating",
        "penalty": "none",
        "critic_dropout": 0.5,
        **BY_ADAM,
    },
    "acgd-adam-l2-cifar10": {
        **ICR,
        "objective": "non-saturating",
        "penalty": "l2",
        "penalty_weight": 2e-4,
        **BY_ADAM,
    },
    "acgd-adam-sn-cifar10": {
        **ICR,
        "constraint": "spectral-norm",
        "penalty": "none",
        **BY_ADAM,
    },
    "acgd-adam-wgan-cifar10": {
        **ICR,
        "objective": "wasserstein",
        "penalty": "none",
        **BY_ADAM,
    },
}
HERE = ("digits", "fashion", "faces")
CADENCE = {"log_every", "sample_every", "save_every"}  # which no result hangs on


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


@pytest.mark.parametrize("name", PAPERS)
def test_what_is_not_its_paper_s_a_preset_calls_a_choice_of_its_own(name):
    """Every setting that it or what it extends has stands above, or is declared; none for nothing.
    What is declared may stand above too: for a name, or a default."""
    path = config.presets()[name]
    said, own = set(config.read(path)) - CADENCE, config.choices(path)
    assert said - set(PAPERS[name]) <= own <= said


def test_a_preset_is_shown_with_what_every_setting_means(tmp_path, capsys):
    """Doc, and names or bounds; what is shown is a preset itself, of the same run."""
    assert main(["presets", "fashion-roth"]) == 0
    shown = capsys.readouterr().out
    (tmp_path / "shown.toml").write_text(shown)
    one, other = config.load("fashion-roth"), config.load(tmp_path / "shown.toml")
    assert config.dump(one) == config.dump(other)
    lines = {line.split(" = ")[0]: line for line in shown.splitlines() if " = " in line}
    for name, words in {
        "batch": "Small batches make noisy pushes. 1 to 65536.",
        "device": "One of: auto, cpu, cuda.",
        "loss_limit": "At least 0.",
        "flips": "Mirror every image with probability ½, anew each time.",
    }.items():
        assert lines[name].endswith(words)
    assert all(f", {name}" in lines["penalty"] for name in ("0-gp", "roth", "dragan"))


def test_choices_are_told_and_go_where_a_setting_is_said_anew(tmp_path, capsys):
    assert main(["presets", "r1-cifar10"]) == 0
    title, line, *rest = capsys.readouterr().out.splitlines()
    assert title.startswith("# R1 of Mescheder et al. 2018") and rest[0] == "[experiment]"
    assert line == config.CHOICE + "crop, data, size, steps."
    assert main(["presets", "zerogp-imagenet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["choices"] == ["crop"]
    mine = tmp_path / "mine.toml"
    mine.write_text('# Mine.\nextends = "r1-celeba"\n[run]\nsteps = 5\n')
    assert config.choices(mine) == {"crop", "size"}
    mine.write_text(f"# Mine.\n{config.CHOICE}stepps.\n[run]\nsteps = 5\n")
    assert "did you mean 'steps'" in refused(capsys, "presets", mine)


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


def test_any_path_can_be_read_back(tmp_path):
    """Also one with characters that TOML has no place for."""
    strange = "".join(map(chr, (*range(1, 32), 127))) + '"\\\\u0041ü'
    made = config.load("digits-smoke", {"data": f"folder:{strange}"})
    (tmp_path / "back.toml").write_text(config.dump(made), encoding="utf-8")
    assert config.load(tmp_path / "back.toml").settings.data == made.settings.data


@pytest.mark.parametrize(
    "text, words",
    {
        'extends = ["a"]': "extends ['a']",
        "extends = {a = 1}": "extends {'a': 1}",
        '[network]\nnetwork = ["dcgan"]': "network ['dcgan'] is unknown",
    }.items(),
)
def test_what_is_no_name_is_refused_in_one_line(text, words, tmp_path, capsys):
    (tmp_path / "mine.toml").write_text(text)
    assert words in refused(capsys, "train", tmp_path / "mine.toml")


def test_a_circle_of_presets_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.toml").write_text('extends = "b"')
    (tmp_path / "b.toml").write_text('extends = "a"')
    monkeypatch.setattr(config, "PRESETS", tmp_path)
    assert "extends" in refused(capsys, "train", "a")
