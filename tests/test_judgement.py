"""Numbers about critics that are written down, so that every number is known."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from toylab import closed_forms, judgement


def plane(x):
    return 3 * x[:, 0] - 4 * x[:, 1]


def bowl(x):
    return x.square().sum(-1) / 2


def points(n=500, seed=0):
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))


def test_slopes_of_a_plane_and_of_a_bowl():
    flat = judgement.steepness(plane, points())
    assert flat == pytest.approx((5, 0, 5, 5, 5), abs=1e-5) and flat.dispersion < 1e-6
    x = points()
    lengths = x.norm(dim=1).double().numpy()
    found = judgement.steepness(bowl, x)
    assert found.mean == pytest.approx(lengths.mean(), rel=1e-6)
    assert found.std == pytest.approx(lengths.std(), rel=1e-5)
    assert found.most == pytest.approx(lengths.max(), rel=1e-6)
    assert found.least == pytest.approx(lengths.min(), rel=1e-6)
    assert found.dispersion == pytest.approx(lengths.std() / lengths.mean(), rel=1e-5)


def test_slopes_of_log_d_are_those_of_the_logit_times_how_unsure_it_is():
    """∇ log σ(φ) = σ(−φ) ∇φ."""
    x = points()
    expected = 5 * torch.sigmoid(-plane(x)).double()
    found = judgement.steepness(plane, x, "log D")
    assert found.mean == pytest.approx(expected.mean().item(), rel=1e-5)
    assert found.dispersion > 0.5
    assert math.isnan(judgement.steepness(lambda x: 0 * x[:, 0], x).dispersion)


def test_distance_from_the_best_counts_where_the_data_are():
    best, said = np.array([0.5, 0.5, 1.0]), np.array([0.5, 0.7, 0.0])
    assert judgement.from_best(said, best, [3, 1, 0]) == pytest.approx(0.01)
    assert judgement.from_best(said, best, [1, 1, 2]) == pytest.approx((0.04 + 2) / 4)


def test_verdicts_are_the_log_loss_and_the_share_that_is_right():
    real, fake = points(), points(seed=1) - 0.3
    found = judgement.verdicts(plane, real, fake)
    logits = torch.cat([plane(real), plane(fake)]).double()
    labels = np.repeat([1, 0], 500)
    assert found.loss == pytest.approx(2 * log_loss(labels, torch.sigmoid(logits)), rel=1e-9)
    assert found.accuracy == ((logits > 0).numpy() == labels).mean()
    undecided = judgement.verdicts(lambda x: 0 * x[:, 0], real, fake)
    assert undecided.loss == pytest.approx(2 * math.log(2))
    assert judgement.told_jsd(undecided.loss) == pytest.approx(0, abs=1e-7)


def test_the_best_critic_of_two_gaussians_tells_their_divergence():
    real, fake = points(200_000), points(200_000, 1)
    fake[:, 0] += 2

    def best(x):
        return 2 - 2 * x[:, 0]

    told = judgement.told_jsd(judgement.verdicts(best, real, fake).loss)
    assert told == pytest.approx(closed_forms.jensen_shannon(2)[0], abs=3e-3)
    one = tuple(part[:100] for part in (real, fake))
    gap = judgement.overfitting(best, one, (real, fake))
    assert gap == judgement.verdicts(best, real, fake).loss - judgement.verdicts(best, *one).loss
    assert judgement.overfitting(best, one, one) == 0
