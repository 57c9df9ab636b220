"""Frames: what is drawn is the state, and a picture does not breathe."""

import json
import math

import numpy as np
import pytest
import torch

from toylab import metrics, probes, space
from toylab.data import law
from toylab.engine.protocol import LAYERS
from toylab.experiment import Experiment
from toylab.frames import MEASURED, Pictures, latents, real_points, real_space
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.randomness import Keys
from toylab.trainer import Setup, losses, train

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
    row, networks = setup.judged(state), setup.networks
    fakes = networks.generator.apply(state.players.generator, pictures.shown).value
    on_real = networks.critic.apply(state.players.critic, pictures.real).value
    on_fake = networks.critic.apply(state.players.critic, fakes).value
    assert told.scalars["loss_critic"] == pytest.approx(row.critic(on_real, on_fake).mean().item())
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


def test_the_coarse_lines_of_the_density_lie_beside_the_exact_ones():
    setup, state = run(200)
    pictures = Pictures(setup)
    cell = 2 * pictures.view.half / 64
    exact, coarse = (pictures.frame(state, ("density",), exact=e).arrays for e in (True, False))
    for name in ("density_half", "density_most"):
        # Between two of the exact line's points, in small steps; pieces are parted by NaN.
        at = np.linspace(0, 1, 20)[:, None, None]
        along = (exact[name][:-1] + at * np.diff(exact[name], axis=0)).reshape(-1, 2)
        along = along[np.isfinite(along).all(1)]
        far = [np.linalg.norm(along - point, axis=1).min() for point in coarse[name]]
        assert np.nanmedian(far) < 0.1 * cell and np.nanmax(far) < cell, name
        assert len(coarse[name]) < 0.7 * len(exact[name]), "fewer cells were evaluated"


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
    wanted |= {"slopes": set(), "wasserstein": set(), "histogram": {"histogram"}, "space": set()}
    for layer, arrays in wanted.items():
        made = pictures.frame(state, (layer,)).arrays
        assert set(made) == arrays and all(a.dtype == np.float32 for a in made.values())


def test_real_points_are_the_cards_and_a_small_set_is_shown_whole():
    setup, _ = run(1, data="two-gaussians", fakes="fixed")
    shown = real_points(setup, Pictures(setup).view)
    whole = setup.sources[0].points
    assert len(shown) == 100
    assert sorted(map(tuple, shown.round(4))) == sorted(map(tuple, whole.astype("f4").round(4)))


# ------------------------------------------------------------------ what a page may choose


@pytest.mark.parametrize("objective", ["non-saturating", "wasserstein", "least-squares"])
def test_the_surface_is_the_quantity_that_was_chosen(objective):
    setup, state = run(objective=objective, penalty="r1")
    pictures = Pictures(setup)
    cells = torch.from_numpy(pictures.view.lattice(128).astype(np.float32))
    with torch.no_grad():
        logits = setup.networks.critic.apply(state.players.critic, cells).value
    logits = logits.numpy().reshape(128, 128)
    for chosen in ("probability", "logit", "raw"):
        assert pictures.look({"surface": chosen})["surface"] == chosen
        told = pictures.frame(state, ("surface",), now=0.0)
        kind = chosen if setup.objective.probability or chosen != "probability" else "raw"
        limits = told.scalars["surface_low"], told.scalars["surface_high"]
        assert told.scalars["surface_kind"] == kind
        assert limits == {"probability": (0, 1), "logit": (-4, 4), "raw": (-4, 4)}[kind]
        values = logits - told.scalars["threshold"]
        if kind == "probability":
            values = 1 / (1 + np.exp(-values))
        assert told.arrays["surface"] == pytest.approx(values, abs=2e-5)


def test_the_best_critic_is_drawn_between_the_data_and_the_measured_fakes():
    setup, state = run(60)
    pictures = Pictures(setup)
    plain = pictures.frame(state, ("surface",))
    assert "optimal_h" not in plain.scalars
    pictures.look({"optimal": "optimal"})
    best = pictures.frame(state, ("surface",))
    h, view = best.scalars["optimal_h"], pictures.view
    assert h == pytest.approx(0.05 * 2 * view.half) and best.scalars["optimal_known"] == "exact"
    made = setup.networks.generator.apply(state.players.generator, pictures.measured).value.numpy()
    there, places = pictures.clusters, view.lattice(128)
    kernels = np.exp(-0.5 * ((places[:, None] - there.centres) ** 2).sum(-1) / (h**2 + 0.014144**2))
    real = kernels.mean(1) / (2 * np.pi * (h**2 + 0.014144**2))
    fake = probes.density(made, view, 128, h)[0].ravel()
    sure = real + fake > 0.02
    expected = real / (real + fake + 1e-12)
    assert best.arrays["surface"].ravel()[sure] == pytest.approx(expected[sure], abs=1e-3)
    kinds = [made.scalars["surface_kind"] for made in (plain, best)]
    assert kinds == ["probability", "optimal"]
    pictures.look({"optimal": "difference"})
    apart = pictures.frame(state, ("surface",))
    assert (apart.scalars["surface_low"], apart.scalars["surface_high"]) == (-1, 1)
    difference = plain.arrays["surface"] - best.arrays["surface"]
    assert apart.arrays["surface"] == pytest.approx(difference, abs=1e-5)
    assert apart.arrays["half"] == pytest.approx(plain.arrays["half"], nan_ok=True)
    # The line D* = 1/2 lies where both densities are equal, and nowhere far from both.
    line = best.arrays["half"][np.isfinite(best.arrays["half"][:, 0])]
    near = ((line[:, None] - places) ** 2).sum(-1).argmin(1)
    assert len(line) > 20 and (np.abs(expected[near] - 0.5) < 0.25).all()
    assert (real + fake)[near].min() > 1e-4


def test_more_level_lines_lie_where_the_critic_says_so_and_only_where_they_are_wanted():
    setup, state = run(steps=300, penalty="none", moves="critic")
    pictures = Pictures(setup)
    assert "levels" not in pictures.frame(state, ("surface",)).arrays
    pictures.look({"levels": True})
    line = pictures.frame(state, ("surface",)).arrays["levels"]
    line = torch.from_numpy(line[np.isfinite(line[:, 0])])
    with torch.no_grad():
        says = torch.sigmoid(setup.networks.critic.apply(state.players.critic, line).value)
        everywhere = torch.from_numpy(pictures.view.lattice(128).astype(np.float32))
        whole = torch.sigmoid(setup.networks.critic.apply(state.players.critic, everywhere).value)
    apart = (says[:, None] - torch.tensor([0.1, 0.25, 0.75, 0.9])).abs()
    assert len(line) > 20 and apart.min(1).values.max() < 0.02
    inside = [p for p in (0.1, 0.25, 0.75, 0.9) if whole.min() < p < whole.max()]
    assert sorted({(0.1, 0.25, 0.75, 0.9)[k] for k in apart.argmin(1)}) == inside
    pictures.look({"optimal": "optimal"})
    best = pictures.frame(state, ("surface",))
    line = best.arrays["levels"][np.isfinite(best.arrays["levels"][:, 0])]
    near = ((line[:, None] - pictures.view.lattice(128)) ** 2).sum(-1).argmin(1)
    said = best.arrays["surface"].ravel()[near]
    assert len(line) > 20
    assert np.abs(said[:, None] - [0.1, 0.25, 0.75, 0.9]).min(1).mean() < 0.1
    other, state = run(objective="hinge", penalty="r1")
    pictures = Pictures(other)
    pictures.look({"levels": True})
    assert "levels" not in pictures.frame(state, ("surface",)).arrays, "it has no D"


def test_a_score_without_a_probability_does_not_differ_from_the_best_critic():
    setup, state = run(objective="wasserstein", penalty="1-gp")
    pictures = Pictures(setup)
    pictures.look({"optimal": "difference"})
    assert pictures.frame(state, ("surface",)).scalars["surface_kind"] == "raw"
    pictures.look({"optimal": "optimal"})
    assert pictures.frame(state, ("surface",)).scalars["surface_kind"] == "optimal"


def test_arrows_show_the_slope_of_what_was_chosen():
    setup, state = run()
    pictures = Pictures(setup)
    generator, critic = probes.effective(setup, state)
    drawn = {}
    for force, field in (("loss", "logit"), ("D", "D"), ("logit", "logit"), ("log D", "log D")):
        pictures.look({"force": force, "field": field})
        made = pictures.frame(state, ("force", "field"), now=0.0)
        drawn[force] = made
        assert made.arrays["force"].shape == (84, 4) and made.arrays["field"].shape == (289, 4)
        longest = np.percentile(np.hypot(*made.arrays["force"][:, 2:].T), 95)
        assert longest <= made.scalars["force_scale"] <= 2.5 * longest, "each has its own scale"
    logits, slope = probes.slopes(critic, generator(pictures.shown[:84]))
    D = torch.sigmoid(logits)[:, None]
    for force, factor in {"loss": 1 - D, "D": D * (1 - D), "logit": 1, "log D": 1 - D}.items():
        expected = (factor * slope).numpy()
        assert drawn[force].arrays["force"][:, 2:] == pytest.approx(expected, abs=1e-5)
    places = torch.from_numpy(pictures.view.lattice(17).astype(np.float32))
    logits, slope = probes.slopes(critic, places)
    D = torch.sigmoid(logits)[:, None]
    for field, factor in {"D": D * (1 - D), "logit": 1, "log D": 1 - D}.items():
        assert drawn[field].arrays["field"][:, 2:] == pytest.approx((factor * slope), abs=1e-5)


@pytest.mark.parametrize("optimizer", [n for n, row in OPTIMIZERS.items() if row.zero_sum])
@pytest.mark.parametrize("objective", ["non-saturating", "hinge", "pearson", "relativistic"])
def test_a_zero_sum_generator_is_pushed_up_the_critic_s_loss(optimizer, objective):
    """Its own loss is not asked for: neither the push nor the number of its loss may be of it."""
    setup, state = run(5, objective=objective, optimizer=optimizer, penalty="none")
    pictures = Pictures(setup)
    made = pictures.frame(state, ("force",), now=0.0)
    generator, critic = probes.effective(setup, state)
    x = generator(pictures.shown[:84]).detach().requires_grad_()
    row, on_real = OBJECTIVES[objective], critic(pictures.real)
    logits = critic(x)
    turns = (
        [on_real.roll(-k)[:84] for k in range(len(on_real))] if row.needs_real else [on_real[:84]]
    )
    pays = sum(row.critic(reals, logits, {}).sum() for reals in turns) / len(turns)
    (expected,) = torch.autograd.grad(pays, x)
    own = row.generator(on_real[:84], logits, {}).mean().item()
    assert made.arrays["force"][:, 2:] == pytest.approx(expected.numpy(), abs=1e-5)
    assert made.scalars["loss_generator"] == -made.scalars["loss_critic"]
    assert made.scalars["loss_generator"] != pytest.approx(own, abs=1e-3)
    told = losses(setup, state)
    assert told["generator"] == -told["critic"]
    critic_pays, generator_pays = setup.judged(state).optimum
    assert generator_pays == -critic_pays


def test_places_that_are_watched_say_what_both_players_are_there():
    setup, state = run(60)
    pictures = Pictures(setup)
    assert pictures.frame(state, ()).scalars["probes"] == []
    places = [[1.2, 0.1], [-0.4, 0.9], [900.0, 0.0]]
    pictures.look({"probes": places})
    told = pictures.frame(state, ()).scalars["probes"]
    _, critic = probes.effective(setup, state)
    logits, slope = probes.slopes(critic, torch.tensor(places))
    h = 0.1 * pictures.view.half
    for i, found in enumerate(told):
        assert [found["x"], found["y"]] == places[i]
        assert found["logit"] == pytest.approx(logits[i].item(), rel=1e-5)
        assert found["D"] == pytest.approx(torch.sigmoid(logits[i]).item(), rel=1e-5)
        assert found["slope"] == pytest.approx(slope[i].norm().item(), rel=1e-5)
        off = ((pictures.crowd.points - places[i]) ** 2).sum(1)
        kernel = np.exp(-0.5 * off / h**2).mean() / (2 * np.pi * h**2)
        assert found["p_fake"] == pytest.approx(kernel, rel=1e-6, abs=1e-12)
    assert told[0]["p_data"] == pytest.approx(pictures.truth.at(np.array(places[:1]), h)[0])
    assert told[2]["p_data"] == told[2]["p_fake"] == 0
    setup, state = run(objective="hinge", penalty="none")
    pictures = Pictures(setup)
    pictures.look({"probes": places})
    assert [found["D"] for found in pictures.frame(state, ()).scalars["probes"]] == [None] * 3


def test_another_extent_moves_the_window_and_no_point():
    setup, state = run(60)
    pictures = Pictures(setup)
    wide = pictures.frame(state, ("fake", "surface"))
    assert wide.scalars["outside"] == 0 and "fit" not in wide.scalars
    pictures.look({"extent": [0.5, -0.25, 0.5]})
    assert pictures.view.extent == [0, 1, -0.75, 0.25]
    near = pictures.frame(state, ("fake", "surface", "field"))
    assert near.arrays["fake"] == pytest.approx(wide.arrays["fake"], abs=1e-6)
    outside = np.abs(wide.arrays["fake"] - [0.5, -0.25]).max(1) > 0.5
    assert near.scalars["outside"] == outside.sum() > 5
    corner = torch.tensor([[0.5 / 128, -0.75 + 0.5 / 128]])
    D = torch.sigmoid(setup.networks.critic.apply(state.players.critic, corner).value).item()
    assert near.arrays["surface"][0, 0] == pytest.approx(D, abs=1e-5)
    assert np.abs(near.arrays["field"][:, :2] - [0.5, -0.25]).max() < 0.5
    # Fit: the window that the frame proposes holds 99 of 100 fakes and all real points.
    pictures.look({"extent": near.scalars["fit"]})
    fitted = pictures.frame(state, ())
    assert fitted.scalars["outside"] <= 5
    assert pictures.view.holds(real_points(setup, pictures.view)).all()
    pictures.look({"extent": None})
    assert pictures.view is pictures.home


# ------------------------------------------------------------------ further numbers


@pytest.mark.parametrize("data", ["8gaussians", "roth3d"])
def test_slopes_are_the_mean_lengths_of_the_gradient(data):
    setup, state = run(data=data)
    pictures = Pictures(setup)
    told = pictures.frame(state, ("slopes",)).scalars
    generator, critic = probes.effective(setup, state)
    for side, points in (("real", pictures.real), ("fake", generator(pictures.shown))):
        x = points.detach().requires_grad_()
        (slope,) = torch.autograd.grad(critic(x).sum(), x)
        assert told[f"slope_{side}"] == pytest.approx(slope.norm(dim=1).mean().item(), rel=1e-5)


def test_wasserstein_compares_the_measured_fakes_with_fresh_real_points():
    setup, state = run(60)
    pictures = Pictures(setup)
    told = pictures.frame(state, ("wasserstein",)).scalars
    ways = metrics.directions(2)
    made = setup.networks.generator.apply(state.players.generator, pictures.measured).value.numpy()
    real = law("8gaussians").sample(MEASURED, Keys(9, "mine"))
    expected = metrics.wasserstein(metrics.shadows(made, ways), metrics.shadows(real, ways))
    floor = told["wasserstein_floor"]
    assert told["wasserstein"] == pytest.approx(expected, abs=2 * floor)
    assert 0 < floor < 0.05 and told["wasserstein"] > 5 * floor
    *_, later = train(setup.experiment, state, steps=1, setup=setup)
    again = pictures.frame(later, ("wasserstein",)).scalars
    assert again["wasserstein_floor"] == floor, "once a data set"
    assert again["wasserstein"] != told["wasserstein"]


@pytest.mark.parametrize("objective", ["non-saturating", "wasserstein"])
def test_the_histogram_holds_every_shown_point(objective):
    setup, state = run(objective=objective, penalty="r1")
    pictures = Pictures(setup)
    told = pictures.frame(state, ("histogram",), now=0.0)
    generator, critic = probes.effective(setup, state)
    low, high = told.scalars["histogram_low"], told.scalars["histogram_high"]
    assert (low, high) == ((0, 1) if setup.objective.probability else (-4, 4))
    for row, points in zip(
        told.arrays["histogram"], (pictures.real, generator(pictures.shown)), strict=True
    ):
        says = critic(points).detach().numpy() - told.scalars["threshold"]
        says = 1 / (1 + np.exp(-says)) if setup.objective.probability else says
        expected = [
            ((says >= low + i * (high - low) / 40) & (says < low + (i + 1) * (high - low) / 40))
            for i in range(40)
        ]
        assert row == pytest.approx(np.mean(expected, 1), abs=0.0021)
        assert row.sum() == pytest.approx(1)
    pictures.limits["histogram"].value = 0.001
    if not setup.objective.probability:
        tight = pictures.frame(state, ("histogram",), now=0.0).arrays["histogram"]
        assert tight.sum(1) == pytest.approx([1, 1]) and tight[:, [0, -1]].sum() > 1.9


def test_in_space_fakes_have_heights_and_the_critic_an_edge():
    setup, state = run(60, data="roth3d")
    pictures = Pictures(setup)
    told = pictures.frame(state, ("space", "fake"))
    generator, critic = probes.effective(setup, state)
    made = generator(pictures.shown).detach().double().numpy()
    normal = space.normal(pictures.view)
    assert told.arrays["fake3"][:, :2] == pytest.approx(told.arrays["fake"], abs=1e-5)
    heights = (made - pictures.view.origin) @ normal
    assert told.arrays["fake3"][:, 2] == pytest.approx(heights, abs=1e-5)
    crowd = generator(pictures.measured).detach().double().numpy()
    mean = np.abs((crowd - pictures.view.origin) @ normal).mean()
    assert told.scalars["off_sheet"] == pytest.approx(mean, rel=1e-5)
    edge = told.arrays["edge"]
    assert edge.dtype == np.uint8 and edge.shape == (48, 144)
    seen = space.scores(critic, pictures.edge, pictures.view, pictures.like)
    assert edge == pytest.approx(255 / (1 + np.exp(-seen)), abs=0.51)
    real = real_space(setup, pictures.view)
    assert real[:, :2] == pytest.approx(real_points(setup, pictures.view), abs=1e-6)
    assert np.abs(real[:, 2]).max() < 1e-6
    assert latents(pictures) == pytest.approx(pictures.shown[:, :2].numpy())
    flat, _ = run(1)
    assert real_space(flat, pictures.view) is None


# ------------------------------------------------------------------ time


def test_the_crowd_is_measured_twice_a_second_while_fast_and_always_when_exact():
    setup, first = run()
    states = list(train(setup.experiment, first, steps=8, setup=setup))
    pictures, seen = Pictures(setup), []
    for number, state in enumerate(states):
        pictures.frame(state, (), exact=False, now=0.25 * number)
        seen.append(pictures.crowd.state.step - first.step)
    assert seen == [1, 1, 1, 4, 4, 4, 7, 7]
    pictures.frame(states[7], (), exact=True, now=0.71)
    assert pictures.crowd.state is states[7]
    assert pictures.health.at(10**6) == pictures.health.at(states[7].step)


def test_a_look_at_the_past_leaves_no_mark():
    """With 14 % of its fair share a cluster stays found only if it was found just before."""
    setup, state = run(1)
    pictures = Pictures(setup)
    fair = iter([1.0, 0.14, 0.14, 0.14])
    measured = pictures.crowd

    def drawn(latents):
        centres = pictures.clusters.centres
        count = int(next(fair) * 512)
        points = np.repeat(centres[:1], 4096, 0)
        points[: 7 * 512] = np.repeat(centres[1:], 512, 0)
        points[-512:] = np.where(np.arange(512)[:, None] < count, centres[0], 99.0)
        return torch.from_numpy(points)

    def found(step, recorded):
        moment = state._replace(step=step)
        measured.measure(moment, drawn, True, 0.0, recorded)
        return bool(measured.found[0])

    assert found(5, False)
    assert not found(3, True), "of itself the past had not found it"
    assert found(6, False), "but the run goes on as if nobody had looked"
    before = pictures.health.at(10**6)
    pictures.frame(state._replace(step=2), (), recorded=True)
    assert pictures.health.at(10**6) == before


@pytest.mark.parametrize("data", ["8gaussians", "roth3d", "swissroll", "two-gaussians"])
@pytest.mark.parametrize("objective", ["non-saturating", "wasserstein"])
def test_a_run_that_is_no_longer_finite_can_still_be_told(data, objective):
    fakes = "fixed" if data == "two-gaussians" else "learned"
    setup, state = run(3, data=data, objective=objective, penalty="r1", fakes=fakes)
    pictures = Pictures(setup)
    pictures.look({"optimal": "optimal", "probes": [[0, 0]], "force": "log D"})
    for value in (math.nan, math.inf):
        players = state.players._replace(critic=state.players.critic * value)
        if fakes == "learned":
            players = players._replace(generator=state.players.generator * value)
        broken = state._replace(players=players, step=state.step + 1)
        made = pictures.frame(broken, LAYERS)
        nested = {n: v for n, v in made.scalars.items() if not isinstance(v, float)}
        json.dumps(nested, allow_nan=False)  # a lane sees to the plain numbers
        for array in made.arrays.values():
            assert array.dtype in (np.float32, np.uint8)
