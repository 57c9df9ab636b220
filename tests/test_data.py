"""Data: every card against the numbers of the papers, and minibatches as pure functions."""

import hashlib
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import make_swiss_roll

from tests.helpers import setup64, small
from toylab import cards, data
from toylab.batches import Draws, Spec
from toylab.data import Finite, Normal, Parts, Uniform, clusters, source
from toylab.randomness import Keys
from toylab.schedules import jumps, linear
from toylab.trainer import train

N = 100_000


def sampled(name, side="real", n=N, seed=0, **numbers):
    return source(name, side, **numbers).sample(n, Keys(seed, "test")).astype(np.float64)


def by_mode(points, centres):
    """(index of the nearest centre, the points minus it)."""
    label = ((points[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
    return label, points - centres[label]


def assert_std(values, std):
    """The spread of n normal numbers, within 5 standard errors."""
    assert abs(values.std() / std - 1) < 5 / math.sqrt(2 * values.size)
    assert abs(values.mean()) < 5 * std / math.sqrt(values.size)


def assert_shares(label, weights):
    """Chi-square of the counts."""
    counts = np.bincount(label, minlength=len(weights))
    assert stats.chisquare(counts, np.asarray(weights) * len(label)).pvalue > 1e-4


def turn(k, n):
    angle = 2 * np.pi * np.arange(k) / n
    return np.stack([np.cos(angle), np.sin(angle)], 1)


# name: centres and std as in experiments' scripts (WGAN-GP, Thanh-Tung, Numerics of GANs).
MODES = {
    "8gaussians": (2 / 1.414 * turn(8, 8), 0.02 / 1.414),
    "8gaussians-x10": (10 / 1.414 * turn(8, 8), 0.02 / 1.414),
    "ring": (turn(8, 8), 0.01),
    "25gaussians": (
        np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3)]) * 2 / 2.828,
        0.05 / 2.828,
    ),
}


@pytest.mark.parametrize("name", MODES)
def test_clusters_on_rings_and_grids(name):
    centres, std = MODES[name]
    label, rest = by_mode(sampled(name), centres)
    assert_shares(label, np.full(len(centres), 1 / len(centres)))
    for axis in (0, 1):
        assert_std(rest[:, axis], std)
    assert stats.kstest(rest[:20_000].ravel() / std, "norm").pvalue > 1e-4
    found = clusters(name)
    np.testing.assert_allclose(found.centres, centres, atol=1e-12)
    np.testing.assert_allclose(found.std, std, rtol=1e-12)
    np.testing.assert_allclose(found.weights, 1 / len(centres))
    far = np.linalg.norm(centres, axis=1).max()
    assert found.radius == pytest.approx(far)


def test_eight_gaussians_numbers():
    """Radius and std are both divided by 1.414; ten times wider moves the centres only."""
    near, wide = cards.load("8gaussians").numbers, cards.load("8gaussians-x10").numbers
    assert near["size"].default == pytest.approx(1.41443, abs=5e-6)
    assert near["spread"].default == pytest.approx(0.014144, abs=5e-7)
    assert wide["size"].default == pytest.approx(7.0721, abs=5e-5)
    assert wide["spread"].default == near["spread"].default


ROTH = [
    (0.4309, 1.4309, 0.0774),
    (1.1534, 0.9950, -0.1253),
    (1.4421, 0.2446, 0.2011),
    (1.0796, -0.2552, 0.8109),
    (0.3390, -0.1281, 1.2448),
    (-0.2222, 0.5302, 1.1761),
    (-0.1813, 1.2240, 0.6565),
]


def test_roth_s_seven_gaussians_in_space():
    """The means in order to four decimals, every point on the plane, spread only in the plane."""
    found = clusters("roth3d")
    np.testing.assert_allclose(found.centres, ROTH, atol=5.1e-5)
    np.testing.assert_allclose(found.std, 0.01)
    assert found.radius == pytest.approx(1.0)
    points = sampled("roth3d")
    edges = found.centres - found.centres.mean(0)
    normal = np.cross(edges[0], edges[1])
    normal /= np.linalg.norm(normal)
    np.testing.assert_allclose(np.abs((points - found.centres.mean(0)) @ normal), 0, atol=5e-7)
    np.testing.assert_allclose(found.centres.mean(0), [3**-0.5] * 3, atol=1e-12)
    label, rest = by_mode(points, found.centres)
    assert_shares(label, np.full(7, 1 / 7))
    across = edges[0] / np.linalg.norm(edges[0])
    for axis in (across, np.cross(normal, across)):
        assert_std(rest @ axis, 0.01)


def test_the_rotation_is_rodrigues_on_rows():
    """R of the seed script; rows times R, and R is a rotation."""
    found = data.rotation((1, -1, 0), math.pi / 4)
    expected = [[0.8536, -0.1464, -0.5], [-0.1464, 0.8536, -0.5], [0.5, 0.5, 0.7071]]
    np.testing.assert_allclose(found, expected, atol=5e-5)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(found) == pytest.approx(1)


def test_swiss_roll_is_sklearn_s():
    """The same law on both coordinates, on the radius, and along slanted lines."""
    ours = sampled("swissroll", n=20_000)
    theirs = make_swiss_roll(20_000, noise=0.25, random_state=1)[0][:, [0, 2]] / 7.5
    views = [lambda p: p[:, 0], lambda p: p[:, 1], lambda p: np.hypot(*p.T)]
    views += [lambda p: p @ [0.6, 0.8], lambda p: np.arctan2(p[:, 1], p[:, 0])]
    for view in views:
        assert stats.ks_2samp(view(ours), view(theirs)).pvalue > 1e-3
    still = sampled("swissroll", n=2000, spread=0.0)
    t = np.hypot(*still.T) * 7.5
    np.testing.assert_allclose(still * 7.5, np.stack([t * np.cos(t), t * np.sin(t)], 1), atol=1e-4)
    assert_std((ours - sampled("swissroll", n=20_000, spread=0.0))[:, 0], 0.25 / 7.5)


def test_two_gaussians():
    """A hundred points drawn once, whatever the run's seed; the law behind them as printed."""
    for side, mean, covariance in (
        ("real", (0.4, 0.9), [[1, 0.5], [0.5, 1]]),
        ("fake", (1.3, 1.2), [[1, 0.7], [0.7, 1]]),
    ):
        kept = source("two-gaussians", side)
        assert isinstance(kept, Finite) and kept.points.shape == (100, 2)
        assert np.array_equal(kept.points, source("two-gaussians", side).points)
        fields = cards.load("two-gaussians").resolved(side)
        law = data.FAMILIES["mixture"](fields, None, side).sample(N, Keys(0, "law"))
        np.testing.assert_allclose(law.mean(0), mean, atol=5 / math.sqrt(N))
        np.testing.assert_allclose(np.cov(law.T), covariance, atol=8 / math.sqrt(N))
        white = np.linalg.solve(np.linalg.cholesky(covariance), (kept.points - mean).T)
        assert stats.kstest(white.ravel(), "norm").pvalue > 1e-3
    assert not np.array_equal(*(source("two-gaussians", s).points for s in ("real", "fake")))


def test_twenty_five_gaussians_is_a_set_in_fixed_order():
    """100,000 points, 4000 a mode, shuffled once; batches are consecutive and wrap around."""
    made = source("25gaussians")
    assert made.points.shape == (100_000, 2)
    label, _ = by_mode(made.points.astype(np.float64), MODES["25gaussians"][0])
    assert (np.bincount(label) == 4000).all()
    agree = (label[:-1] == label[1:]).mean()  # shuffled: so do 1/25 of all neighbours
    assert abs(agree - 0.04) < 5 * math.sqrt(0.04 * 0.96 / 100_000)
    draws = setup64(small(data="25gaussians", batch=256, critic_steps=1)).draws
    for step in (0, 1, 63, 64, 390, 391):
        at = np.arange(step * 256, (step + 1) * 256) % 100_000
        assert np.array_equal(draws(step)[0].real.numpy(), made.points[at])


def test_ring_is_balanced_in_every_batch():
    draws = setup64(small(data="ring", batch=512, critic_steps=2)).draws
    for step in (0, 1, 70):
        for batch in draws(step)[:2]:
            label, _ = by_mode(batch.real.numpy(), MODES["ring"][0])
            assert (np.bincount(label, minlength=8) == 64).all()
    fresh = setup64(small(data="8gaussians", batch=512)).draws(0)[0].real.numpy()
    assert (np.bincount(by_mode(fresh, MODES["8gaussians"][0])[0]) != 64).any()


def test_segments_arcs_points():
    uniform = stats.uniform()
    real, fake = sampled("segments", n=5000), sampled("segments", "fake", n=5000)
    assert (real[:, 0] == 0).all() and (fake[:, 0] == 1).all()
    assert stats.kstest(real[:, 1] + 0.5, uniform.cdf).pvalue > 1e-3
    for side, radius in (("real", 1.0), ("fake", 0.5)):
        points = sampled("arcs", side, n=5000)
        np.testing.assert_allclose(np.hypot(*points.T), radius, rtol=1e-6)
        angle = np.arctan2(points[:, 1], points[:, 0]) / np.pi
        assert stats.kstest(angle, uniform.cdf).pvalue > 1e-3
    assert (sampled("points", n=10) == 0).all()
    assert (sampled("points", "fake", n=10, theta=-0.5) == [-0.5, 0]).all()


def test_theta_moves_the_fixed_fakes_and_nothing_else():
    """Parallel lines: real (0, U), fakes (θ, U), and a new θ shifts every single fake exactly."""
    one, other = sampled("lines", "fake", n=1000), sampled("lines", "fake", n=1000, theta=0.25)
    assert (one[:, 0] == 1.0).all() and (other[:, 0] == 0.25).all()
    assert np.array_equal(one[:, 1], other[:, 1])
    assert stats.kstest(one[:, 1], stats.uniform().cdf).pvalue > 1e-3
    assert (sampled("lines", n=1000)[:, 0] == 0).all()


def test_theta_is_live():
    """The latents of fixed fakes at a step, under a schedule and when changed by hand."""
    experiment = small(data="lines", fakes="fixed", theta=linear(1, 0, 10))
    setup = setup64(experiment)
    seen = []
    for state in train(experiment, steps=12, setup=setup):
        fakes = setup.draws(state.step - 1)[-1].latent
        assert (fakes[:, 0] == fakes[0, 0]).all()
        seen.append(round(fakes[0, 0].item(), 6))
    assert seen == pytest.approx([1 - min(k / 10, 1) for k in range(12)], abs=1e-6)
    experiment = small(data="lines", fakes="fixed")
    setup = setup64(experiment)
    before = setup.draws(5)[-1].latent
    experiment.theta = -0.5
    setup, _ = setup.followed(setup.start())
    after = setup.draws(5)[-1].latent
    assert (after[:, 0] == -0.5).all() and torch.equal(after[:, 1], before[:, 1])


def test_weights_are_respected_and_sides_are_their_own():
    weights = [0.1, 0.6, 0.3]
    made = Parts([[0, 0], [5, 0], [0, 5]], 0.01 * np.eye(2)[None].repeat(3, 0), weights)
    label, _ = by_mode(made.sample(N, Keys(0, "w")).astype(float), made.centres)
    assert_shares(label, weights)
    card = cards.check(
        "mine",
        {
            "real": {"family": "mixture", "means": [[0, 0], [3, 0]], "std": [0.1, 0.4]},
            "fake": {"family": "points", "points": [[1, 1], [2, 2]], "weights": [0.2, 0.8]},
        },
    )
    label, rest = by_mode(
        source(card).sample(N, Keys(1, "w")).astype(float), clusters(card).centres
    )
    assert_std(rest[label == 0], 0.1)
    assert_std(rest[label == 1][:, 1], 0.4)
    assert_shares((source(card, "fake").sample(N, Keys(2, "w"))[:, 0] > 1.5) * 1, [0.2, 0.8])
    assert clusters("swissroll") is None
    with pytest.raises(cards.CardError, match=r"card 'ring', field fake: missing; describe"):
        source("ring", "fake")


@pytest.mark.parametrize("size, batch", [(10, 3), (10, 10), (7, 20), (64, 8)])
def test_an_epoch_visits_every_point_once(size, batch):
    """Across batches, blocks and epochs, in a new order every epoch."""
    points = np.arange(2.0 * size).reshape(size, 2)
    spec = Spec("critic", 1, batch, real=True, mix=False, noise=False)
    draws = Draws([spec], (Finite(points), Normal(2)), 3, torch.float64)
    steps = -(-5 * size // batch) + 70
    walked = np.concatenate([draws(step)[0].real.numpy()[:, 0] / 2 for step in range(steps)])
    epochs = walked[: len(walked) // size * size].reshape(-1, size).astype(int)
    assert len(epochs) >= 5
    assert (np.sort(epochs, 1) == np.arange(size)).all()
    assert len({tuple(epoch) for epoch in epochs}) > min(len(epochs), 5) - 2
    other = Draws([spec], (Finite(points), Normal(2)), 4, torch.float64)(0)[0].real
    assert not torch.equal(other, draws(0)[0].real)


def test_every_finite_card_is_walked_whole():
    for name in cards.names():
        card = cards.load(name)
        if card.sampling == "finite":
            made = source(name)
            walked = made.sample(card.size, Keys(5, "walk"))
            order = np.lexsort(walked.T), np.lexsort(made.points.T)
            assert np.array_equal(walked[order[0]], made.points[order[1]])


def test_latents():
    normal = Normal(3).sample(N, Keys(0, "z"))
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-3 and normal.shape == (N, 3)
    uniform = Uniform(3).sample(N, Keys(0, "z"))
    assert stats.kstest((uniform.ravel() + 1) / 2, stats.uniform().cdf).pvalue > 1e-3


# Minibatches


def everything(**settings):
    """A setup whose minibatches hold every kind of randomness."""
    settings = {
        "penalty": "0-gp",
        "penalty_2": "dragan",
        "noise": 0.1,
        "critic_dropout": 0.3,
        "critic_steps": 2,
    } | settings
    return setup64(small(**settings))


def arrays(batch):
    """{purpose: tensor} of one minibatch."""
    found = {"real": batch.real, "latent": batch.latent, "mix": batch.mix}
    found |= {"around": batch.around}
    found |= {"noise/real": batch.noise[0], "noise/fake": batch.noise[1]}
    for role, layers in batch.masks.items():
        found |= {f"mask/{role}/{i}": layer for i, layer in enumerate(layers)}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def same(one, other):
    one, other = arrays(one), arrays(other)
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("copies", [1, 2, 4, 8])
def test_noise_to_signal_ratio(copies):
    """Roth et al. 2017, section 5.4: 64/NSR points, each with NSR noises; the critic sees 64."""
    asked = {"batch": 64, "noise": 0.1, "noise_copies": copies, "critic_dropout": 0.0}
    for batch in everything(**asked).draws(3):
        for points in (batch.latent, *([] if batch.real is None else [batch.real])):
            groups = points.view(64 // copies, copies, -1)
            assert (groups == groups[:, :1]).all()
            assert len(groups[:, 0].unique(dim=0)) == 64 // copies
        for noise in batch.noise:
            assert len(noise.unique(dim=0)) == len(noise) == 64
    odd = everything(**asked | {"batch": 10, "noise_copies": 4}).draws(0)[0].real
    assert odd.shape[0] == 10 and len(odd.unique(dim=0)) == 3, "the last point has fewer"


def test_a_finite_set_goes_on_by_the_points_that_were_really_drawn():
    """With 4 copies an epoch takes four times as many minibatches: nothing is left out."""
    draws = setup64(small(data="two-gaussians", batch=40, noise=0.1, noise_copies=4)).draws
    seen = torch.cat([draws(step)[0].real for step in range(10)])
    assert len(seen.unique(dim=0)) == 100


@pytest.mark.parametrize("optimizer", ["alternating", "extragradient"])
def test_a_step_s_batches_do_not_depend_on_what_was_drawn_before(optimizer):
    asked = everything(optimizer=optimizer).draws
    order = [0, 1, 63, 64, 200, 64, 3, 0]
    kept = {step: asked(step) for step in order}
    for step in order:
        alone = everything(optimizer=optimizer).draws(step)
        again = asked(step)
        assert len(alone) == len(kept[step]) == (3 if optimizer == "alternating" else 2)
        for a, b, c in zip(alone, kept[step], again, strict=True):
            assert same(a, b) and same(a, c)


def test_streams_of_different_purposes_differ():
    """Nothing is drawn twice: between purposes, players, turns, steps, blocks and seeds."""
    seen = {}
    for seed in (0, 1):
        draws = everything(seed=seed, batch=16).draws
        for step in (0, 1, 63, 64):
            for turn_, batch in enumerate(draws(step)):
                for purpose, tensor in arrays(batch).items():
                    place = (seed, step, turn_, purpose)
                    digest = hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
                    assert digest not in seen, (place, seen[digest])
                    seen[digest] = place
    assert len(seen) > 150


def test_streams_are_independent_in_law():
    """Every purpose has its law, and no two are correlated."""
    draws = everything(batch=4096, data="8gaussians").draws
    found = arrays(draws(0)[0])
    for name in ("latent", "around", "noise/real", "noise/fake"):
        assert stats.kstest(found[name].numpy().ravel(), "norm").pvalue > 1e-3
    mix = found["mix"].numpy().ravel()
    assert stats.kstest(mix, stats.uniform().cdf).pvalue > 1e-3 and found["mix"].shape == (4096, 1)
    for name, mask in found.items():
        if name.startswith("mask"):
            assert set(mask.unique().tolist()) == {0.0, 1 / (1 - 0.3)}
            share = (mask > 0).double().mean().item()
            assert abs(share - 0.7) < 5 * math.sqrt(0.21 / mask.numel())
    columns = np.stack([tensor.numpy()[:, 0] for tensor in found.values()])
    off = np.corrcoef(columns) - np.eye(len(columns))
    assert abs(off).max() < 5 / math.sqrt(4096)
    lag = np.corrcoef(columns[:, 1:], columns[:, :-1])[: len(columns), len(columns) :]
    assert abs(lag).max() < 5 / math.sqrt(4096)


def test_only_what_is_asked_for_is_drawn_and_it_does_not_move_the_rest():
    """Noise, masks or a penalty leave the real points and latents of a run what they were."""
    plain, full = setup64(small(penalty="none", critic_steps=2)).draws(3), everything().draws(3)
    for a, b in zip(plain, full, strict=True):
        assert a.mix is None and a.noise is None and a.masks is None
        assert torch.equal(a.latent, b.latent)
        assert (a.real is None) == (b.real is None)
        assert a.real is None or torch.equal(a.real, b.real)
    assert plain[-1].real is None and full[-1].mix is None  # the generator's turn


def test_ensemble_member_sees_the_single_run_s_batches():
    whole = everything(members=3, seed=5).draws(70)
    for e in range(3):
        for a, b in zip(everything(seed=5 + e).draws(70), whole, strict=True):
            a, b = arrays(a), arrays(b)
            assert all(torch.equal(a[name], b[name][e]) for name in a)


def test_keys():
    """Philox with a 128-bit hash of (seed, purpose, block): the same numbers everywhere."""
    expected = hashlib.blake2b(b"7/critic/real/2", digest_size=16).digest()
    bits = np.random.Philox(key=np.frombuffer(expected, np.uint64))
    key = Keys(7, "critic/real", 2)
    assert key.rng().random() == np.random.Generator(bits).random()
    assert key._replace(start=9).rng().random() == key.rng().random()
    assert Keys(0, "golden").rng().integers(0, 2**32, 3).tolist() == GOLDEN


GOLDEN = [3496656466, 3502802253, 1728695637]


def test_a_number_of_the_data_is_live():
    """Spread changed by hand at a step is the schedule that jumps there."""
    experiment = small(data="8gaussians")
    by_hand = [
        s.players
        for s in train(experiment, steps=9, changes=[(4, {"spread": 0.2})], dtype=torch.float64)
    ]
    start = cards.load("8gaussians").numbers["spread"].default
    scheduled = small(data="8gaussians", spread=jumps(start, (4, 0.2)))
    by_plan = [s.players for s in train(scheduled, steps=9, dtype=torch.float64)]
    for a, b in zip(by_hand, by_plan, strict=True):
        assert torch.equal(a.critic, b.critic) and torch.equal(a.generator, b.generator)
    unchanged = [s.players for s in train(small(data="8gaussians"), steps=9, dtype=torch.float64)]
    assert torch.equal(unchanged[3].critic, by_hand[3].critic)
    assert not torch.equal(unchanged[4].critic, by_hand[4].critic)


@pytest.mark.parametrize("name", cards.names())
def test_a_perfect_generator_draws_new_points_of_the_real_law(name):
    """Kolmogorov-Smirnov in four directions; and not one point of the card's own set."""
    law = data.law(name)
    fresh, again = (law.sample(20_000, Keys(0, purpose)) for purpose in ("one", "two"))
    if cards.load(name).sampling == "finite":
        own = {tuple(point) for point in source(name).points}
        assert not own & {tuple(point) for point in fresh}
        assert len({tuple(point) for point in fresh}) == 20_000
    if name == "two-gaussians":  # a hundred points are too few to stand for their law
        wanted = np.random.default_rng(0).multivariate_normal(
            [0.4, 0.9], [[1, 0.5], [0.5, 1]], 20_000
        )
    else:
        wanted = sampled(name, n=20_000)
    for angle in (0.0, 0.5, 1.2, 2.0):
        along = np.resize([math.cos(angle), math.sin(angle), 0.3], fresh.shape[1])
        for points in (fresh, again):
            assert stats.ks_2samp(points @ along, wanted @ along).pvalue > 1e-4
    assert law.shape == source(name).shape


@pytest.mark.parametrize("name", ["ring", "25gaussians", "8gaussians"])
def test_perfect_fakes_know_nothing_of_the_reals_beside_them(name):
    """Chi-square of (cluster of real i, cluster of fake i): also where batches are balanced."""
    setup = setup64(small(data=name, fakes="perfect", batch=2000))
    real, fake = [], []
    for step in range(4):
        batch = setup.draws(step)[0]
        real.append(batch.real.numpy())
        fake.append(batch.latent.numpy())
    centres = clusters(name).centres
    one, _ = by_mode(np.concatenate(real), centres)
    other, _ = by_mode(np.concatenate(fake), centres)
    table = np.zeros((len(centres), len(centres)))
    np.add.at(table, (one, other), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-4
    assert not {tuple(p) for p in real[0]} & {tuple(p) for p in fake[0]}


def test_of_a_file_nothing_is_known_but_its_points(tmp_path):
    points = np.arange(14.0).reshape(7, 2)
    np.savetxt(tmp_path / "few.csv", points, delimiter=",")
    card = '[real]\nfamily = "file"\npath = "few.csv"\n'
    (tmp_path / "few.toml").write_text(card)
    law = data.law(str(tmp_path / "few.toml"))
    drawn = law.sample(7000, Keys(3, "test"))
    index = (drawn[:, 0] / 2).astype(int)
    assert (drawn == points[index]).all()
    assert_shares(index, np.full(7, 1 / 7))
    assert abs(np.corrcoef(index[1:], index[:-1])[0, 1]) < 0.06, "drawn one by one, not in turn"


def test_a_perfect_generator_trains_only_the_critic():
    """The generator has no numbers; the critic learns to say nothing of a draw."""
    experiment = small(data="ring", fakes="perfect", penalty="none", batch=64)
    start = setup64(experiment).start()
    assert start.players.generator.numel() == 0
    *_, state = train(experiment, steps=400, dtype=torch.float64)
    judge = setup64(experiment).networks.critic.apply
    there = torch.from_numpy(sampled("ring", n=4000))
    says = torch.sigmoid(judge(state.players.critic, there).value)
    assert abs(says.mean() - 0.5) < 0.02 and says.std() < 0.1
