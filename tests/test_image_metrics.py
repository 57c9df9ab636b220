"""Scores: against closed forms, scipy, and the definitions written out in loops."""

import hashlib
import sys
import types

import numpy as np
import pytest
import torch

from toylab.image import classifier, confusion, features, metrics
from toylab.image.checkpoint import CheckpointError
from toylab.image.data import DataError
from toylab.image.features import Features, extractor
from toylab.image.neighbours import density_and_coverage, precision_and_recall


def cloud(n, d, seed=0, shift=0.0, scale=1.0):
    """(n, d) normal points."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(shift + scale * rng.standard_normal((n, d)))


def seen(points, standard=True):
    return Features(points, points, standard)


# FID, KID, IS


def test_fid_is_scipy_s():
    import scipy.linalg

    real, fake = cloud(300, 6), cloud(200, 6, 1, 0.4, 1.3) @ cloud(6, 6, 2)
    m, n = real.mean(0).numpy(), fake.mean(0).numpy()
    a, b = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    wanted = ((m - n) ** 2).sum() + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    assert metrics.scores(seen(real), seen(fake), ["fid"])["fid"] == pytest.approx(wanted, 1e-9)


def test_fid_of_laws_with_equal_axes():
    """Σ (μ − μ′)² + (σ − σ′)² where the covariances share their axes, here exactly."""
    base = cloud(500, 3)
    base = (base - base.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(base.T.cov())).T
    real = seen(base * torch.tensor([1.0, 2.0, 3.0]) + 1)
    fake = seen(base * torch.tensor([2.0, 2.0, 0.5]) + torch.tensor([1.0, 3.0, 1.0]))
    assert metrics.scores(real, fake, ["fid"])["fid"] == pytest.approx(4 + 1 + 6.25, 1e-9)
    assert abs(metrics.scores(real, real, ["fid"])["fid"]) < 1e-6


@pytest.mark.parametrize("standard", [True, False])
def test_kid_is_the_unbiased_distance_of_kernel_means(standard):
    real, fake = cloud(40, 5, 0, 3, 2), cloud(40, 5, 1, 3.5, 2)
    x, y = real, fake
    if not standard:
        x, y = ((p - real.mean()) / real.std() for p in (real, fake))

    def k(a, b):
        return (float(a @ b) / 5 + 1) ** 3

    n = len(x)
    within = [
        sum(k(p[i], p[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
        for p in (x, y)
    ]
    across = sum(k(a, b) for a in x for b in y) / n**2
    found = metrics.scores(seen(real, standard), seen(fake, standard), ["kid"])
    assert found["kid"] == pytest.approx(sum(within) - 2 * across, 1e-8)
    assert found["kid_std"] == pytest.approx(0, abs=1e-9)  # every subset is the whole


def test_the_inception_score_counts_sure_labels(monkeypatch):
    labels = torch.arange(400) % 4
    sure = 60.0 * torch.nn.functional.one_hot(labels, 4).double()
    found = metrics.scores(seen(sure), seen(sure), ["is"])
    assert 3.8 < found["is"] <= 4.0 + 1e-9  # ten parts hold the labels a little unevenly
    same = metrics.scores(seen(sure), seen(sure[:1].repeat(400, 1)), ["is"])
    assert same["is"] == pytest.approx(1.0)
    logits = cloud(30, 4)
    p = torch.softmax(logits, 1).numpy()
    wanted = np.exp((p * np.log(p / p.mean(0))).sum(1).mean())
    monkeypatch.setattr(metrics, "SPLITS", 1)
    found = metrics.scores(seen(logits), seen(logits), ["is"])
    assert found["is"] == pytest.approx(wanted, 1e-9)


def test_classes_are_counted_against_those_of_the_reals():
    """Reals: 40, 40, 20 of three classes and none of a fourth. Fakes: 90, 3, 3 and 4 of them."""

    def labelled(*counts):
        labels = torch.cat([torch.full((n,), k) for k, n in enumerate(counts)])
        # A likeliest label counts whole, however unsure.
        return seen(0.01 * torch.nn.functional.one_hot(labels, 4).double())

    real = labelled(40, 40, 20, 0)
    found = metrics.scores(real, labelled(90, 3, 3, 4), ["classes"])
    # 3 of 100 are less than a tenth of 40, more than one of 20; the fourth has no share to reach.
    assert found["classes"] == 3
    p = np.array([0.9, 0.03, 0.03, 0.04])
    assert found["entropy"] == pytest.approx(-(p * np.log(p)).sum())
    # Half as many fakes, all of one class: nothing but that.
    assert metrics.scores(real, labelled(50, 0, 0, 0), ["classes"]) == {
        "classes": 1,
        "entropy": 0.0,
    }


def test_scores_are_the_same_every_time_and_disturb_nobody(monkeypatch):
    monkeypatch.setattr(metrics, "KID_SIZE", 100)
    real, fake = seen(cloud(1500, 4)), seen(cloud(1500, 4, 1))
    torch.manual_seed(5)
    first = metrics.scores(real, fake, ["kid", "is"])
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(3))
    assert metrics.scores(real, fake, ["kid", "is"]) == first
    assert metrics.scores(real, fake, ["kid"], seed=1)["kid"] != first["kid"]


# Neighbours


def by_hand(real, fake, k):
    """Precision, recall, density and coverage as sums over all pairs."""

    def reach(points):
        apart = [[np.linalg.norm(a - b) for b in points] for a in points]
        return [sorted(row)[k] for row in apart]  # the 0-th is the point itself

    def inside(point, centres, radii):
        pairs = zip(centres, radii, strict=True)
        return [np.linalg.norm(point - c) <= r for c, r in pairs]

    balls, others = reach(real), reach(fake)
    hits = np.array([inside(y, real, balls) for y in fake])
    back = np.array([inside(x, fake, others) for x in real])
    return {
        "precision": hits.any(1).mean(),
        "recall": back.any(1).mean(),
        "density": hits.sum() / (k * len(fake)),
        "coverage": hits.any(0).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0, 9.0])
def test_neighbours_are_those_of_the_definitions(k, shift, monkeypatch):
    from toylab.image import neighbours

    monkeypatch.setattr(neighbours, "CHUNK", 7)  # blocks that do not divide anything
    real, fake = cloud(40, 3), cloud(31, 3, 1, shift, 0.7)
    found = precision_and_recall(real, fake, k) | density_and_coverage(real, fake, k)
    assert found == pytest.approx(by_hand(real.numpy(), fake.numpy(), k))
    if shift == 9:
        assert set(found.values()) == {0.0}


def test_neighbours_of_points_on_a_line():
    """Reals 0, 1, 2, 10, k = 1: balls of radius 1, 1, 1, 8. Fakes 2.5, 2.6 have balls of 0.1."""
    real, fake = torch.tensor([[0.0], [1], [2], [10]]), torch.tensor([[2.5], [2.6]])
    assert precision_and_recall(real, fake, 1) == {"precision": 1.0, "recall": 0.0}
    # Each fake lies in the balls of 2 and of 10.
    assert density_and_coverage(real, fake, 1) == {"density": 2.0, "coverage": 0.5}
    with pytest.raises(ValueError, match="needs more than 3 images, got 2"):
        precision_and_recall(real, fake)


def test_a_collapsed_generator_keeps_precision_and_loses_recall():
    real, fake = cloud(300, 2), cloud(300, 2, 1, 0.0, 0.02)
    found = precision_and_recall(real, fake) | density_and_coverage(real, fake)
    assert found["precision"] > 0.99 and found["recall"] < 0.05 and found["coverage"] < 0.1


@pytest.mark.parametrize("name", metrics.METRICS)
def test_every_metric_knows_the_better_of_two(name):
    row, real = metrics.METRICS[name], seen(cloud(400, 4))
    near, far = (seen(cloud(400, 4, 1, shift, 1 / (1 + shift))) for shift in (0.0, 2.0))
    good, bad = (metrics.scores(real, fake, [name]) for fake in (near, far))
    key = next(iter(good))
    assert (good[key] < bad[key]) == (row.better == "lower"), (good, bad)


# Classifier and extractors


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return np.rint(found.images * 255 / 16).astype(np.uint8)[:, None], found.target


@pytest.fixture(scope="module")
def learnt(digits):
    return classifier.trained(*digits)


def test_the_classifier_knows_digits(digits, learnt):
    images, labels = digits
    assert learnt.accuracy > 0.93 and learnt.trained == 1437
    hidden, logits = learnt.look(images)
    assert hidden.shape == (1797, 128) and (hidden >= 0).all()
    held = np.arange(1797) % 5 == 0
    assert (logits.argmax(1) == labels)[held].mean() == pytest.approx(learnt.accuracy)


def test_the_classifier_is_scikit_learn_s(digits, monkeypatch):
    """The same logits as its own prediction, from the numbers alone."""
    from sklearn.neural_network import MLPClassifier

    made = {}

    class Kept(MLPClassifier):
        def fit(self, *given):
            made["it"] = self
            return super().fit(*given)

    monkeypatch.setattr("sklearn.neural_network.MLPClassifier", Kept)
    images, labels = digits[0][:300], digits[1][:300]
    found = classifier.trained(images, labels)
    _, logits = found.look(images)
    chances = np.exp(logits - logits.max(1, keepdims=True))
    rows = images.reshape(300, -1).astype(np.float32) / 255
    wanted = made["it"].predict_proba(rows)
    np.testing.assert_allclose(chances / chances.sum(1, keepdims=True), wanted, atol=1e-5)


def test_what_judges_the_classifier_did_not_train_it(digits, monkeypatch):
    """Other labels on every fifth image: the same numbers, and none of them is right any more."""
    monkeypatch.setattr(classifier, "EPOCHS", 4)
    images, labels = digits[0][:300], digits[1][:300]
    held = np.arange(300) % 5 == 0
    one = classifier.trained(images, labels)
    other = classifier.trained(images, np.where(held, 10 + labels, labels))
    for mine, its in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert one.accuracy > 0.5 and other.accuracy == 0 and one.trained == other.trained == 240


def test_a_classifier_refuses_what_it_cannot_learn_or_see(digits, learnt):
    images, labels = digits[0][:60], digits[1][:60]
    for wrong, words in (
        ((images, labels[:9]), "60 images have 9 labels"),
        ((images, np.zeros(60)), "at least two kinds"),
    ):
        with pytest.raises(DataError, match=words):
            classifier.trained(*wrong)
    with pytest.raises(DataError, match=r"\(1, 8, 8\), got \(1, 4, 16\)"):
        learnt.look(images.reshape(60, 1, 4, 16))


def test_a_kept_classifier_is_the_same(digits, learnt, tmp_path):
    path = tmp_path / "classifier.safetensors"
    classifier.save(path, learnt)
    one, other = learnt.look(digits[0][:50]), classifier.load(path).look(digits[0][:50])
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    # Trained anew on the same images it is the same file.
    classifier.save(tmp_path / "again", classifier.trained(*digits))
    assert path.read_bytes() == (tmp_path / "again").read_bytes()
    for content in (path.read_bytes()[:-9], b"", b"\x80\x02}q\x00."):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(CheckpointError, match="is no classifier"):
            classifier.load(tmp_path / "bad")


def test_the_extractor_says_what_it_is(digits, tmp_path, monkeypatch):
    asked = []

    def labelled():
        asked.append(1)
        return digits

    monkeypatch.setattr(classifier, "EPOCHS", 4)
    found = extractor("classifier", labelled, tmp_path)
    kept = tmp_path / "classifier.safetensors"
    assert found.sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert found.about["accuracy"] > 0.9 and found.resizer == "none"
    again = extractor("classifier", labelled, tmp_path)
    named = extractor(f"classifier:{kept}", labelled, tmp_path / "elsewhere")
    assert asked == [1] and found.sha256 == again.sha256 == named.sha256
    one = found.of(digits[0][:250])
    wanted = classifier.load(kept).look(digits[0][:250])
    np.testing.assert_allclose(one.features, wanted[0], atol=1e-4)
    assert len(one) == 250 and not one.standard
    with pytest.raises(DataError, match="trained on images"):
        found.of(np.zeros((3, 3, 8, 8), np.uint8))
    with pytest.raises(DataError, match="there is no such file"):
        extractor("classifier:nowhere", labelled, tmp_path)
    with pytest.raises(DataError, match="did you mean 'classifier'"):
        extractor("clasifier", labelled, tmp_path)


def test_scores_tell_real_from_early_from_noise(digits, learnt):
    """Order of distances: other digits < digits with noise < noise alone."""
    images, rng = digits[0], np.random.default_rng(0)
    look = features.Extractor("", "", "", learnt.look, {}).of
    half, rest = look(images[::2]), images[1::2]
    blurred = np.clip(rest + rng.normal(0, 60, rest.shape), 0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, rest.shape, np.uint8)
    for name in ("fid", "kid"):
        found = [metrics.scores(half, look(x), [name])[name] for x in (rest, blurred, noise)]
        assert found == sorted(found) and found[2] > 10 * max(found[0], 1e-3), (name, found)
    found = [metrics.scores(half, look(x), ["dc"])["coverage"] for x in (rest, blurred, noise)]
    assert found == sorted(found, reverse=True) and found[0] > 0.8 and found[2] < 0.1, found


def test_inception_asks_for_its_weights(tmp_path, monkeypatch):
    monkeypatch.delenv("TOYLAB_INCEPTION", raising=False)
    with pytest.raises(DataError, match=r"inception:PATH or \$TOYLAB_INCEPTION"):
        extractor("inception", None, tmp_path)
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.ones(2)}, path)
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(DataError, match=r"pip install 'toylab\[inception\]'"):
        extractor(f"inception:{path}", None, tmp_path)


class Stood(torch.nn.Module):
    """In torch-fidelity's place: reads its file as torch-fidelity does."""

    def __init__(self, name, wanted, feature_extractor_weights_path):
        super().__init__()
        assert wanted == ["2048", "logits_unbiased"]
        kept = torch.load(feature_extractor_weights_path, weights_only=False)
        self.register_buffer("weight", kept["weight"])

    def forward(self, x):
        assert x.dtype == torch.uint8 and x.shape[1] == 3
        rows = x.double().mean((2, 3))
        return rows * self.weight, -rows


def test_inception_gets_only_weights_that_were_read_safely(tmp_path, monkeypatch):
    module = types.ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Stood
    monkeypatch.setitem(sys.modules, "torch_fidelity", types.ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    path = tmp_path / "weights.pth"
    torch.save({"weight": 2 * torch.ones(3)}, path)
    monkeypatch.setenv("TOYLAB_INCEPTION", str(path))
    found = extractor("inception", None, tmp_path)
    grey = np.full((5, 1, 4, 4), 7, np.uint8)
    assert torch.equal(found.of(grey).features, torch.full((5, 3), 14.0))
    assert found.of(grey).standard
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    import os

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"weight": Trap()}, path)
    with pytest.raises(DataError, match="not a file of weights alone"):
        extractor("inception", None, tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_torchvision_that_lacks_operators_is_imported_with_their_names(monkeypatch):
    """As pip's is beside a torch for processors alone; what else is wrong with it stays wrong."""
    told = ["operator torchvision::nms does not exist", "the wrong version"]

    def imported():
        if told:
            raise RuntimeError(told.pop(0))
        return Stood

    monkeypatch.setattr(features, "_imported", imported)
    with pytest.raises(RuntimeError, match="the wrong version"):
        features._torch_fidelity()
    told.append("operator torchvision::nms does not exist")
    monkeypatch.setitem(sys.modules, "torchvision.half", types.ModuleType("torchvision.half"))
    assert features._torch_fidelity() is Stood
    assert "torchvision.half" not in sys.modules
    for name in ("nms", "qnms"):
        with pytest.raises(NotImplementedError):  # it is declared, and no more
            getattr(torch.ops.torchvision, name)(torch.ones(1, 4), torch.ones(1), 0.5)


# Confusion


@pytest.mark.parametrize("ties", [False, True])
def test_auc_is_scikit_learn_s(ties):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    real, fake = rng.normal(0.5, 1, 300), rng.normal(0, 1, 200)
    if ties:
        real, fake = real.round(), fake.round()
    labels = np.r_[np.ones(300), np.zeros(200)]
    assert confusion.auc(real, fake) == pytest.approx(roc_auc_score(labels, np.r_[real, fake]))


def test_confusion_of_a_few_numbers():
    """Reals 1, 2, 0, fakes −1, 1, 0 at 0: one fake above; one real not above; 7 of 9 pairs."""
    found = confusion.confusion([1.0, 2.0, 0.0], [-1.0, 1.0, 0.0], 0.0)
    assert (found.fp, found.fn) == pytest.approx((1 / 3, 1 / 3))
    # 1: > −1, = 1, > 0 · 2: all three · 0: > −1, = 0
    assert found.auc == pytest.approx((2.5 + 3 + 1.5) / 9)
    with pytest.raises(ValueError, match="must be finite"):
        confusion.confusion([1.0], [np.nan], 0.0)


def test_bootstrap_intervals_hold_the_truth_as_often_as_they_say():
    """AUC of N(1, 1) against N(0, 1) is Φ(1/√2) = 0.7602; FP at 0 is ½, FN Φ(−1) = 0.1587."""
    rng, held = np.random.default_rng(0), np.zeros(3)
    for repeat in range(200):
        found = confusion.confusion(
            rng.normal(1, 1, 120), rng.normal(0, 1, 120), 0.0, repeat, resamples=150
        )
        edges = found.fp_interval, found.fn_interval, found.auc_interval
        held += [
            low <= t <= high for (low, high), t in zip(edges, (0.5, 0.1587, 0.7602), strict=True)
        ]
    # 95 % of 200 is 190 ± 3 (and percentiles of 150 draws are a little narrow).
    assert (held >= 178).all() and (held <= 200).all() and held.sum() < 597, held
