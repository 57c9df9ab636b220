"""Scores of generated images: rows of one table over features of real and generated ones.

FID, KID and the inception score are torchmetrics', over features that were computed once.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.image.neighbours import density_and_coverage, precision_and_recall
from toylab.tables import Table

KID_SUBSETS, KID_SIZE = 20, 1000
SPLITS = 10  # of the inception score
SEEN = 0.1  # of a class' share among the reals, from which the fakes are said to have it
ALONE = {"sync_on_compute": False}  # one process has all images: it waits for no other


class Given(torch.nn.Module):
    """Stands where torchmetrics expects an extractor: its images are features already."""

    def __init__(self, count):
        super().__init__()
        self.num_features = count

    def forward(self, features):
        """The features themselves."""
        return features


class Metric(NamedTuple):
    """One row: `function(real, fake) -> {name: number}` of two `Features`.

    better -- "lower" or "higher"
    """

    function: Callable
    better: str
    doc: str
    source: str


def scores(real, fake, names, seed=0):
    """{name: number} of the metrics with these names, of two `Features`; the same every time."""
    found = {}
    for name in names:
        # Whatever draws subsets does it with a generator of its own.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*buffer.*")  # its features are here anyway
            torch.manual_seed(seed)
            found |= METRICS[name].function(real, fake)
    return found


def frechet(real, fake):
    """|μ − μ′|² + tr(Σ + Σ′ − 2(ΣΣ′)^½) of both sets' features."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=Given(real.features.shape[1]), **ALONE)
    # In doubles: the number is what is left of much larger ones.
    metric.update(real.features.double(), real=True)
    metric.update(fake.features.double(), real=False)
    return {"fid": metric.compute().item()}


def kernel(real, fake):
    """The squared distance of kernel means, (xᵀy/d + 1)³, unbiased; mean and std over subsets.

    The kernel's constants were chosen for the size of Inception's features. Others are shifted and
    scaled, all numbers alike, to mean 0 and standard deviation 1 of the real ones.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    centre, scale = (0.0, 1.0) if real.standard else (real.features.mean(), real.features.std())
    size = min(KID_SIZE, len(real), len(fake))
    metric = KernelInceptionDistance(
        feature=Given(real.features.shape[1]), subsets=KID_SUBSETS, subset_size=size, **ALONE
    )
    metric.update(((real.features - centre) / scale).double(), real=True)
    metric.update(((fake.features - centre) / scale).double(), real=False)
    mean, std = metric.compute()
    return {"kid": mean.item(), "kid_std": std.item()}


def inception(real, fake):
    """exp E KL(p(label | image) ‖ p(label)), mean and std over parts."""
    from torchmetrics.image.inception import InceptionScore

    splits = min(SPLITS, len(fake))
    metric = InceptionScore(feature=Given(fake.logits.shape[1]), splits=splits, **ALONE)
    metric.update(fake.logits.double())
    mean, std = metric.compute()
    return {"is": mean.item(), "is_std": std.item()}


def classes(real, fake):
    """{classes, entropy}: of the labels that the classifier thinks likeliest, one an image.

    With q_k and p_k the shares of class k among reals and fakes: classes = #{k: p_k ≥ q_k/10,
    p_k > 0}, entropy = −Σ p_k ln p_k in nats. A generator that collapsed has few classes; noise
    may have many, so look at precision too. Coarser than the mode count of Metz et al. 2017,
    https://arxiv.org/abs/1611.02163
    """
    many = real.logits.shape[1]
    q, p = (
        torch.bincount(one.logits.argmax(1), minlength=many).double() / len(one)
        for one in (real, fake)
    )
    return {
        "classes": int(((p >= SEEN * q) & (p > 0)).sum()),
        "entropy": torch.special.entr(p).sum().item(),
    }


METRICS = Table(
    "metric",
    {
        "fid": Metric(
            frechet,
            "lower",
            "Distance of two normal laws fitted to the features.",
            "Heusel et al. 2017, https://arxiv.org/abs/1706.08500",
        ),
        "kid": Metric(
            kernel,
            "lower",
            "Distance of kernel means, unbiased whatever the number of images.",
            "Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401 (features standardised)",
        ),
        "is": Metric(
            inception,
            "higher",
            "How sure the labels are and how many: real images are not looked at.",
            "Salimans et al. 2016, https://arxiv.org/abs/1606.03498",
        ),
        "classes": Metric(
            classes,
            "higher",
            "How many classes the fakes have, and how evenly: the entropy of their labels.",
            "after Metz et al. 2017, https://arxiv.org/abs/1611.02163",
        ),
        "pr": Metric(
            lambda real, fake: precision_and_recall(real.features, fake.features),
            "higher",
            "Share of fakes among the reals, of reals among the fakes; k = 3.",
            "Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991",
        ),
        "dc": Metric(
            lambda real, fake: density_and_coverage(real.features, fake.features),
            "higher",
            "How densely fakes lie among the reals, and how many reals are reached; k = 5.",
            "Naeem et al. 2020, https://arxiv.org/abs/2002.09797",
        ),
    },
)
