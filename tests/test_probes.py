"""Probes against finite differences, brute force and figures whose answer is known."""

import numpy as np
import pytest
import torch

from tests.helpers import objective
from toylab import cards, probes
from toylab.data import clusters, source
from toylab.networks import mlp
from toylab.objectives import OBJECTIVES
from toylab.probes import Window
from toylab.randomness import Keys

PLANE = Window(np.zeros(2), np.eye(2), 2.0)
LIKE = torch.zeros(0, dtype=torch.float64)


def critic_of(dimension, seed=0):
    network = mlp((dimension,), None, width=9, depth=2, activation="tanh")
    vector = torch.from_numpy(network.init(Keys(seed, "probe").rng())).double()
    return lambda x: network.apply(3 * vector, x).value


def tilted():
    view = probes.window(cards.load("roth3d"))
    return Window(view.origin, view.axes, view.half)


@pytest.mark.parametrize("view", [PLANE, tilted()], ids=["plane", "space"])
def test_surface_is_the_critic_at_the_cells_centres_row_0_at_the_bottom(view):
    critic = critic_of(len(view.origin))
    drawn = probes.surface(critic, probes.places(view, 6, LIKE))
    side = 2 * view.half / 6
    for row, column in ((0, 0), (0, 5), (4, 1)):
        place = [-view.half + (column + 0.5) * side, -view.half + (row + 0.5) * side]
        x = torch.tensor(view.lifted([place]).astype(np.float32)).double()
        assert drawn[row, column] == pytest.approx(critic(x).item(), rel=1e-5)


@pytest.mark.parametrize("view", [PLANE, tilted()], ids=["plane", "space"])
def test_field_is_the_slope_within_the_window(view):
    critic, h = critic_of(len(view.origin)), 1e-4
    places = probes.places(view, 5, LIKE)
    for x, y, dx, dy in probes.arrows(view, places, probes.slopes(critic, places)[1])[::7]:
        for axis, slope in (((h, 0), dx), ((0, h), dy)):
            ends = view.lifted([[x + axis[0], y + axis[1]], [x - axis[0], y - axis[1]]])
            up, down = critic(torch.from_numpy(ends)).tolist()
            assert (up - down) / (2 * h) == pytest.approx(slope, abs=1e-3)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_force_is_minus_the_slope_of_each_fakes_own_loss(name):
    """−∂ℓ_G/∂x of the generator's loss of one sample, against finite differences."""
    row, critic, h = objective(name), critic_of(2), 1e-5
    latents = torch.from_numpy(Keys(1, "latents").rng().standard_normal((7, 2)))
    reals = critic(torch.from_numpy(Keys(2, "reals").rng().standard_normal((7, 2))))
    places = 0.5 * latents
    drawn = probes.push(critic, row, places, reals).numpy()

    def loss(number, x):
        """What all fakes pay when one of them is at x, beside the reals in any turn."""
        logits = critic(torch.cat([places[:number], x, places[number + 1 :]]))
        if not row.needs_real:
            return row.generator(None, logits).sum().item()
        beside = torch.cat([reals, reals])
        turns = [row.generator(beside[k : k + 7], logits).sum().item() for k in range(7)]
        return sum(turns) / 7

    for number, (place, arrow) in enumerate(zip(places.numpy(), drawn, strict=True)):
        for axis in (0, 1):
            step = np.zeros(2)
            step[axis] = h
            up, down = (loss(number, torch.from_numpy((place + s * step)[None])) for s in (1, -1))
            assert -(up - down) / (2 * h) == pytest.approx(arrow[axis], abs=2e-4)


def brute_density(points, view, n, covariance):
    cells = view.lattice(n)
    inverse = np.linalg.inv(covariance)
    off = cells[:, None] - points[None]
    values = np.exp(-0.5 * np.einsum("pqi,ij,pqj->pq", off, inverse, off)).mean(1)
    return (values / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))).reshape(n, n)


def test_density_is_the_full_kernel_sum_also_at_the_border():
    rng = Keys(3, "density").rng()
    points = np.concatenate(
        [rng.normal((-1.9, 0.3), 0.2, (200, 2)), rng.normal(0.8, 0.3, (200, 2))]
    )
    drawn, h = probes.density(points, PLANE, n=64)
    wanted = brute_density(points, PLANE, 64, h * h * np.eye(2))
    assert h == pytest.approx(0.2)
    assert abs(drawn - wanted).max() < 0.01 * wanted.max()


def test_scotts_rule_uses_the_whole_covariance():
    """Two clusters on a diagonal: a separable kernel would be off by most of the peak."""
    rng = Keys(4, "density").rng()
    points = np.concatenate([rng.normal(-0.9, 0.25, (300, 2)), rng.normal(0.9, 0.25, (300, 2))])
    drawn, _ = probes.density(points, PLANE, n=96, bandwidth="scott")
    covariance = np.cov(points.T) * len(points) ** (-1 / 3)
    wanted = brute_density(points, PLANE, 96, covariance)
    assert abs(drawn - wanted).max() < 0.02 * wanted.max()


def test_a_collapsed_generator_draws_a_spike_of_mass_one():
    points = np.full((500, 2), 0.31)
    for bandwidth in (None, "scott", 0.0):
        drawn, h = probes.density(points, PLANE, n=64, bandwidth=bandwidth)
        assert drawn.sum() * (4 / 64) ** 2 == pytest.approx(1, abs=1e-3)
        row, column = np.unravel_index(drawn.argmax(), drawn.shape)
        assert PLANE.lattice(64).reshape(64, 64, 2)[row, column] == pytest.approx(
            [0.31] * 2, abs=0.07
        )
        assert h >= 4 / 64 - 1e-12


def test_mass_beyond_the_window_is_lost_and_does_not_come_back():
    points = np.array([[2.6, 0.0], [-7.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    drawn, _ = probes.density(points, PLANE, n=64, bandwidth=0.1)
    assert drawn.sum() * (4 / 64) ** 2 == pytest.approx(0.5, abs=1e-3)


def test_a_window_off_the_origin_draws_the_same_picture_moved_there():
    here = Window(np.array([5.0, -3.0]), np.eye(2), 2.0, np.array([5.0, -3.0]))
    rng, critic = Keys(6, "moved").rng(), critic_of(2)
    points = rng.normal(0, 0.5, (300, 2))
    one, _ = probes.density(points, PLANE, n=48)
    two, _ = probes.density(points + here.origin, here, n=48)
    assert two == pytest.approx(one, abs=1e-5)
    (line,) = probes.lines(one, [one.max() / 2], PLANE)
    assert probes.lines(two, [one.max() / 2], here)[0] == pytest.approx(
        line + here.origin, abs=1e-4, nan_ok=True
    )
    moved = torch.from_numpy(here.origin)
    there = probes.surface(lambda x: critic(x - moved), probes.places(here, 8, LIKE))
    assert there == pytest.approx(probes.surface(critic, probes.places(PLANE, 8, LIKE)), abs=1e-4)


def test_levels_hold_the_share_of_mass_that_they_name():
    rng = Keys(5, "levels").rng()
    values, _ = probes.density(rng.normal(0, 0.5, (2000, 2)), PLANE, n=96)
    for share, level in zip((0.5, 0.9), probes.levels_of_mass(values, (0.5, 0.9)), strict=True):
        assert values[values >= level].sum() / values.sum() == pytest.approx(share, abs=0.01)


def test_a_level_line_of_a_cone_is_its_circle_and_pieces_are_parted():
    x, y = PLANE.lattice(128).reshape(128, 128, 2).transpose(2, 0, 1)
    (line,) = probes.lines(np.hypot(x, y).astype(np.float32), [1.3], PLANE)
    assert np.hypot(*line[~np.isnan(line[:, 0])].T) == pytest.approx(1.3, abs=2e-3)
    apart = np.minimum(np.hypot(x - 1, y), np.hypot(x + 1, y))
    for line, level in zip(probes.lines(apart, [0.4, 0.2], PLANE), (0.4, 0.2), strict=True):
        assert np.isnan(line[:, 0]).sum() == 1
        along = line[~np.isnan(line[:, 0])]
        assert np.hypot(abs(along[:, 0]) - 1, along[:, 1]) == pytest.approx(level, abs=4e-3)
    assert len(probes.lines(np.ones((9, 9), np.float32), [0.5], PLANE)[0]) == 0


def test_warp_grid_of_a_linear_generator_is_the_lattice_it_maps():
    turn = torch.tensor([[0.0, 1.0], [-2.0, 0.0]], dtype=torch.float64)
    grid = probes.warp(lambda z: z @ turn, 2, PLANE, LIKE, count=3, detail=5, reach=1.0)
    parts = np.split(grid, np.flatnonzero(np.isnan(grid[:, 0])))
    parts = [part[~np.isnan(part[:, 0])] for part in parts if len(part) > 1]
    assert len(parts) == 6
    back = np.concatenate(parts) @ np.linalg.inv(turn.numpy())
    on_line = np.isclose(back[..., None], [-1, 0, 1], atol=1e-5).any(-1)
    assert on_line.any(1).all() and abs(back).max() == pytest.approx(1, abs=1e-5)
    one = probes.warp(lambda z: torch.cat([z, z * z], 1), 1, PLANE, LIKE, detail=9)
    one = one[~np.isnan(one[:, 0])]
    assert one[:, 1] == pytest.approx(one[:, 0] ** 2, abs=1e-5) and len(one) == 9


@pytest.mark.parametrize("name", cards.names())
def test_every_cards_window_shows_all_of_it_in_true_lengths(name):
    card = cards.load(name)
    view = probes.window(card)
    assert view.axes @ view.axes.T == pytest.approx(np.eye(2), abs=1e-12)
    points = source(card).sample(4000, Keys(9, "look")).astype(float)
    flat = view.flat(points)
    assert view.holds(flat).all(), "a real point lies outside the window"
    assert card.embed or flat == pytest.approx(points), "the axes are not the data's own"
    assert view.lifted(flat) == pytest.approx(points, abs=1e-5), "the plane is not the data's plane"
    found = clusters(card)
    if found is not None:
        assert view.holds(view.flat(found.centres)).all()


@pytest.mark.parametrize("name", probes.QUANTITIES)
def test_slopes_of_every_quantity_against_finite_differences(name):
    critic, of, h = critic_of(2), probes.QUANTITIES[name], 1e-5
    by_hand = {
        "logit": lambda t: t,
        "D": lambda t: 1 / (1 + np.exp(-t)),
        "log D": lambda t: -np.log1p(np.exp(-t)),
    }[name]

    def at(x):
        return by_hand(critic(torch.from_numpy(x[None])).item())

    points = Keys(7, "quantities").rng().standard_normal((6, 2))
    logits, slopes = probes.slopes(critic, torch.from_numpy(points), of)
    steepness, (_, plain) = probes.rate(of, logits), probes.slopes(critic, torch.from_numpy(points))
    for i, x in enumerate(points):
        assert logits[i].item() == pytest.approx(critic(torch.from_numpy(x[None])).item())
        for slope in (slopes[i], steepness[i] * plain[i]):
            for axis in (0, 1):
                step = h * np.eye(2)[axis]
                found = (at(x + step) - at(x - step)) / (2 * h)
                assert slope[axis].item() == pytest.approx(found, abs=2e-4)


def test_paths_climb_a_hill_from_all_sides_and_stay_on_a_plain():
    top = torch.tensor([0.5, -0.25], dtype=torch.float64)
    start = torch.tensor([[2.0, 0.0], [-1.0, 1.0]], dtype=torch.float64)
    for name in ("non-saturating", "minimax", "wasserstein"):
        way = probes.paths(lambda x: -((x - top) ** 2).sum(-1), objective(name), start, 0.1, 40)
        assert np.linalg.norm(np.diff(way, axis=0), axis=-1) == pytest.approx(np.full((40, 2), 0.1))
        assert way[0] == pytest.approx(start.numpy())
        assert np.linalg.norm(way[-1] - top.numpy(), axis=1).max() < 0.11
    # Least squares wants φ = 1, not more: it goes down where the critic says more.
    way = probes.paths(lambda x: 1 + x[:, 0], objective("least-squares"), start[:1], 0.1, 5)
    assert way[-1, 0] == pytest.approx([1.5, 0.0])
    flat = probes.paths(lambda x: 0 * x.sum(-1), objective("hinge"), start, 0.1, 3)
    assert (flat == start.numpy()).all()


def test_a_window_around_another_place_keeps_the_coordinates():
    for view in (PLANE, tilted(), probes.window(cards.load("lines"))):
        seen = view.around((0.4, -0.7), 0.5)
        assert seen.extent == pytest.approx([-0.1, 0.9, -1.2, -0.2])
        places = np.array([[0.4, -0.7], [2.0, 3.0]])
        assert seen.lifted(places) == pytest.approx(view.lifted(places))
        assert seen.flat(view.lifted(places)) == pytest.approx(places)
        assert seen.holds(places).tolist() == [True, False]
        assert seen.lattice(2) == pytest.approx(
            np.array([[0.15, -0.95], [0.65, -0.95], [0.15, -0.45], [0.65, -0.45]])
        )


def test_fit_holds_all_reals_and_99_of_100_fakes_in_round_numbers():
    rng = Keys(8, "fit").rng()
    real = rng.uniform(-1, 1, (200, 2))
    fakes = rng.normal((6.0, -3.0), 0.5, (500, 2))
    fakes[:4] = [[900, 1], [-900, 3], [np.nan, 0], [np.inf, 0]]
    x, y, half = probes.fit(real, fakes)
    view = PLANE.around((x, y), half)
    assert view.holds(real).all() and view.holds(fakes).sum() >= 493
    assert half < 6 and f"{half:.2g}" == str(half).removesuffix(".0")
    alone = probes.fit(real, np.full((3, 2), np.nan))
    assert PLANE.around(alone[:2], alone[2]).holds(real).all() and alone[2] < 1.3


def test_density_of_weighted_points_and_lines_that_end_where_nothing_is_known():
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    drawn, _ = probes.density(points, PLANE, n=64, bandwidth=0.2, weights=[2.0, 0.5])
    halves = drawn[:, :32].sum(), drawn[:, 32:].sum()
    assert np.array(halves) * (4 / 64) ** 2 == pytest.approx([1.0, 0.25], abs=1e-3)
    x = PLANE.lattice(64)[:, 0].reshape(64, 64)
    values = np.where(PLANE.lattice(64)[:, 1].reshape(64, 64) > 0, x, np.nan)
    (line,) = probes.lines(values, [0.5], PLANE)
    assert line[:, 0] == pytest.approx(np.full(len(line), 0.5), abs=1e-6)
    assert 0 < line[:, 1].min() < 0.1 and line[:, 1].max() > 1.9
    assert len(probes.lines(np.full((8, 8), np.nan), [0.5], PLANE)[0]) == 0
