"""The digits run from end to end: 300 steps through the command line, and how its samples look."""

import json
from typing import NamedTuple

import numpy as np

from tests.image_runs import shell
from toylab.image import grids, run


class Looks(NamedTuple):
    """How far images are digits: the share that a classifier of the real ones is sure of, how many
    of the ten it is sure of in at least 2 % of them, and the mean distance to the nearest real."""

    sure: float
    classes: int
    distance: float


def judge():
    """images (n, 1, 8, 8) -> Looks, by logistic regression on the 1,797 real digits."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    points, labels = load_digits(return_X_y=True)
    points = points / 8 - 1
    classifier = LogisticRegression(C=0.3, max_iter=2000).fit(points, labels)

    def looks(images):
        rows = images.reshape(len(images), -1).astype(np.float64)
        chances = classifier.predict_proba(rows)
        sure = chances.max(1) > 0.9
        counts = np.bincount(chances.argmax(1)[sure], minlength=10)
        squares = (rows**2).sum(1)[:, None] - 2 * rows @ points.T + (points**2).sum(1)
        nearest = np.sqrt(squares.min(1).clip(0))
        return Looks(sure.mean(), int((counts >= 0.02 * len(rows)).sum()), nearest.mean())

    return looks, points.reshape(-1, 1, 8, 8)


def like_digits(looks):
    """Seeds 0, 1, 2 gave sure 0.48, 0.48, 0.50 · 10 classes each · distance 2.53, 2.51, 2.49."""
    return looks.sure > 0.38 and looks.classes >= 8 and looks.distance < 2.8


def test_300_steps_make_digits(tmp_path):
    """Samples of the trained average look like digits; the start, noise, digits with each pixel
    taken from another image, and one digit repeated do not."""
    told = shell("train", "digits-smoke", "device=cpu", folder=tmp_path)
    assert "step 300/300" in told
    folder, settings, setup, state = run.opened(tmp_path / "runs" / "00000-digits-smoke")
    looks, real = judge()
    made = looks(grids.fakes(setup, state.average, 1000, seed=1))
    begun = looks(grids.fakes(setup, setup.start().average, 1000, seed=1))
    assert like_digits(made), made
    assert begun.distance > 2 * made.distance and not like_digits(begun)

    rng = np.random.default_rng(0)
    assert like_digits(looks(real)._replace(distance=0))
    mixed = rng.permuted(real, axis=0)  # every pixel's own law, and nothing else
    for other in (mixed, rng.uniform(-1, 1, real.shape), real[:1].repeat(1000, 0)):
        assert not like_digits(looks(other)), looks(other)

    rows = [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(10, 301, 10))
    assert rows[-1]["images"] == 300 * 64
    # Roth's γ falls from 2 to 0.2; the critic ends near its optimum against equals, 2 log 2.
    assert np.isclose(rows[-1]["penalty_weight"], 0.2)
    assert abs(rows[-1]["critic"] - 2 * np.log(2)) < 0.25
    grids_made = sorted(path.name for path in (folder / "samples").glob("*.png"))
    assert grids_made == [f"fakes{step:08d}.png" for step in range(0, 301, 50)]
