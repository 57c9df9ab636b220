"""Frames: what is drawn is the state, and a picture does not breathe."""

import numpy as np
import pytest
import torch

from toylab import metrics
from toylab.engine.protocol import LAYERS
from toylab.experiment import Experiment
from toylab.frames import MEASURED, Pictures, real_points
from toylab.objectives import OBJECTIVES
from toylab.trainer import Setup, train

SMALL = {f"{who}_width": 16 for who in ("generator", "critic")}


def run(steps=30, **settings):
    setup = Setup(Experiment(batch=32, **SMALL, **settings))
    *_, state = train(setup.experiment, steps=steps, setup=setup)
    return setup, state


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_numbers_of_a_frame_are_those_of_the_networks(objective):
    setup, state = run(objective=objective, penalty="none")
    pictures = Pictures(setup)
    told = pictures.frame(state, LAYERS)
    row, networks = setup.objective, setup.networks
    fakes = networks.generator.apply(state.players.generator, pictures.shown).value
    on_real = networks.critic.apply(state.players.critic, pictures.real).value
    on_fake = networks.critic.apply(state.players.critic, fakes).value
    assert told.scalars["loss_critic"] == pytest.approx(
        row.critic(on_real, on_fake, {}).mean().item()
    )
    threshold = row.threshold
    if threshold is None:
        threshold = ((on_real.mean() + on_fake.mean()) / 2).item()
    right = ((on_real > threshold).sum() + (on_fake < threshold).sum()).item() / 1000
    assert told.scalars["accuracy"] == pytest.approx(right)
    assert told.arrays["fake"] == pytest.approx(fakes.numpy(), abs=1e-6)
    if row.probability:
        assert told.scalars["says_real"] == pytest.approx(torch.sigmoid(on_real).mean().item())
    many = networks.generator.apply(state.players.generator, pictures.measured).value.numpy()
    radii = metrics.radii(pictures.clusters)
    shares = metrics.near(many, pictures.clusters.centres, radii)
    assert len(many) == MEASURED and told.scalars["share"] == pytest.approx(shares.sum())
    assert told.scalars["modes"] == metrics.found(shares, pictures.clusters).sum()
    assert told.scalars["modes"] == sum(told.scalars["found"]), "two numbers for one thing"


def test_probabilities_are_drawn_from_0_to_1_and_scores_around_the_threshold():
    setup, state = run()
    pictures = Pictures(setup)
    told = pictures.frame(state, ("surface",))
    corner = pictures.view.lattice(128)[:1].astype(np.float32)
    logit = setup.networks.critic.apply(state.players.critic, torch.from_numpy(corner)).value
    assert told.arrays["surface"][0, 0] == pytest.approx(torch.sigmoid(logit).item(), abs=1e-5)
    setup, state = run(objective="wasserstein", penalty="1-gp")
    pictures = Pictures(setup)
    told = pictures.frame(state, ("surface",))
    logit = setup.networks.critic.apply(state.players.critic, torch.from_numpy(corner)).value
    centred = logit.item() - told.scalars["threshold"]
    assert told.arrays["surface"][0, 0] == pytest.approx(centred, abs=1e-5)


def test_the_coarse_surface_is_close_to_the_exact_one():
    setup, state = run(200)
    pictures = Pictures(setup)
    exact = pictures.frame(state, ("surface",), exact=True).arrays["surface"]
    coarse = pictures.frame(state, ("surface",), exact=False).arrays["surface"]
    assert exact.shape == coarse.shape == (128, 128)
    assert abs(exact - coarse).max() < 0.02 * np.ptp(exact)
    shifted = np.roll(exact, 2, axis=1)
    assert abs(exact - coarse).mean() < 0.2 * abs(exact - shifted).mean()


def test_a_fake_is_an_individual_and_a_picture_depends_on_the_state_alone():
    setup, state = run()
    pictures = Pictures(setup)
    first = pictures.frame(state, ("fake",)).arrays["fake"]
    *_, later = train(setup.experiment, state, steps=1, setup=setup)
    moved = pictures.frame(later, ("fake",)).arrays["fake"]
    again = pictures.frame(state, ("fake",)).arrays["fake"]
    assert (first == again).all()
    step = np.linalg.norm(moved - first, axis=1)
    others = np.linalg.norm(np.roll(moved, 1, axis=0) - first, axis=1)
    assert 0 < np.median(step) < 0.2 * np.median(others)


def test_nothing_is_computed_that_no_layer_shows():
    setup, state = run()
    pictures = Pictures(setup)
    assert set(pictures.frame(state, ()).arrays) == set()
    wanted = {"fake": {"fake"}, "surface": {"surface", "half"}, "grid": {"grid"}}
    wanted |= {"density": {"density_half", "density_most"}, "force": {"force"}, "field": {"field"}}
    for layer, arrays in wanted.items():
        made = pictures.frame(state, (layer,)).arrays
        assert set(made) == arrays and all(a.dtype == np.float32 for a in made.values())


def test_real_points_are_the_cards_and_a_small_set_is_shown_whole():
    setup, _ = run(1, data="two-gaussians", fakes="fixed")
    shown = real_points(setup, Pictures(setup).view)
    whole = setup.sources[0].points
    assert len(shown) == 100
    assert sorted(map(tuple, shown.round(4))) == sorted(map(tuple, whole.astype("f4").round(4)))
