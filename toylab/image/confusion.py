"""Confusion: how a critic's logits of real and generated images differ, with their intervals."""

from typing import NamedTuple

import numpy as np

LEVEL = 0.95  # of the intervals
RESAMPLES = 1000


class Confusion(NamedTuple):
    """What one critic makes of one generator; each interval is (low, high) at `LEVEL`.

    fp  -- share of fakes called real: logit above the threshold (type I)
    fn  -- share of reals called fake: logit not above it
    auc -- chance that a real image has the larger logit of a pair, ½ for equal ones
    """

    fp: float
    fn: float
    auc: float
    fp_interval: tuple
    fn_interval: tuple
    auc_interval: tuple


class _Order:
    """Where each fake's logit stands among the sorted real ones; any weights can be put on both."""

    def __init__(self, real, fake):
        self.real, self.fake = np.sort(real), np.asarray(fake)
        self.below = np.searchsorted(self.real, self.fake, "left")
        self.upto = np.searchsorted(self.real, self.fake, "right")

    def auc(self, real_weights, fake_weights):
        """Σ w_i w_j (1[x_i > y_j] + ½ 1[x_i = y_j]) over all weights; of sorted reals."""
        total = np.concatenate([[0], np.cumsum(real_weights)])
        ahead = total[-1] - (total[self.upto] + total[self.below]) / 2
        return float((fake_weights * ahead).sum() / (total[-1] * fake_weights.sum()))

    def rates(self, threshold, real_weights, fake_weights):
        """(fp, fn) at a threshold."""
        fp = (fake_weights * (self.fake > threshold)).sum() / fake_weights.sum()
        fn = (real_weights * (self.real <= threshold)).sum() / real_weights.sum()
        return float(fp), float(fn)


def auc(real, fake):
    """P(x > y) + ½ P(x = y) over all pairs: the area under the ROC curve of two sets of logits."""
    order = _Order(real, fake)
    return order.auc(np.ones(len(order.real)), np.ones(len(order.fake)))


def confusion(real, fake, threshold, seed=0, resamples=RESAMPLES):
    """The `Confusion` of logits (n,), (m,) at a threshold.

    Percentile bootstrap: reals and fakes are each drawn anew with replacement, `resamples` times.
    Efron 1979, https://doi.org/10.1214/aos/1176344552
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if not (len(real) and len(fake) and np.isfinite(real).all() and np.isfinite(fake).all()):
        raise ValueError("logits must be finite, at least one real and one fake")
    order, rng = _Order(real, fake), np.random.default_rng(seed)
    ones = np.ones(len(real)), np.ones(len(fake))
    values = (*order.rates(threshold, *ones), order.auc(*ones))
    drawn = np.empty((resamples, 3))
    for row in drawn:
        weights = tuple(rng.multinomial(len(one), one / len(one)) for one in ones)
        row[:2], row[2] = order.rates(threshold, *weights), order.auc(*weights)
    edges = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Confusion(*values, *(tuple(map(float, column)) for column in edges.T))
