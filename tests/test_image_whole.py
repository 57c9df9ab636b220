"""Whole runs on real images, as users make them: trained, scored, sampled, cross-tested, kept.

On the digits of scikit-learn always; on Fashion-MNIST where Debian's dataset-fashion-mnist is
installed (apt-get install dataset-fashion-mnist).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.image_runs import shell
from toylab.image import config, data, run, scoring
from toylab.image.pixels import DataError

# 300 steps of the preset fashion-roth end with γ where its 600 do; 4×4 kernels take half the time.
FASHION = ["kernel=4", "penalty_weight=exponential(2, 0.02, 300)", "average=0.98", "steps=300"]
RUNS = {
    "digits": (["digits-smoke"], 800),
    "fashion": (["fashion-roth", *FASHION, "threads=1"], 1000),
}


def there(name):
    """Whether the images can be read."""
    try:
        data.pictures(config.load(name).settings.data)
    except DataError as error:
        pytest.skip(f"{error} (Debian: apt-get install dataset-fashion-mnist)")


def told(*words, folder):
    """What a command with --json says on its line of JSON."""
    lines = shell(*words, "--json", folder=folder).splitlines()
    return json.loads(next(line for line in lines if line.startswith("{")))


@pytest.mark.parametrize("name", RUNS)
def test_from_real_images_to_an_exported_generator(name, tmp_path):
    """DCGAN and Roth's regulariser, 300 steps. Ratio of FIDs, and recall: digits 0.007, 0.006 and
    0.84, 0.87 (seeds 0, 1; 0.91 real against real), Fashion-MNIST 0.15 and 0.55 (0.89; 2,000 of
    either kind)."""
    words, n = RUNS[name]
    there(words[0])
    made = told(
        *("train", *words, "device=cpu", "log_every=100", "sample_every=300", "save_every=150"),
        folder=tmp_path,
    )
    assert made["step"] == 300
    folder = tmp_path / made["run"]
    last = told("evaluate", folder, "--n", n, "--metrics", "fid,pr", "--baseline", folder=tmp_path)
    assert json.loads(Path(last["file"]).read_text())["scores"] == last["scores"]
    assert last["step"] == 300 and last["real"]["n"] == last["fake"]["n"] == n
    assert last["extractor"]["accuracy"] > (0.95 if name == "digits" else 0.83)
    opened = run.opened(folder)
    start = (*opened[:3], opened[2].start())
    first = scoring.score(start, scoring.Wanted(("fid",), n=n))
    assert first["extractor"]["sha256"] == last["extractor"]["sha256"]
    assert last["scores"]["fid"] < 0.35 * first["scores"]["fid"], (first, last)
    assert last["scores"]["fid"] > last["baseline"]["fid"]
    assert last["scores"]["recall"] >= 0.5 * last["baseline"]["recall"], last

    shell("sample", folder, "--n", 50, "--out", "run.npz", folder=tmp_path)
    half = folder / "checkpoints" / "step-00000150.ckpt"
    cross = told("crosstest", folder, half, "--n", 300, "--resamples", 100, folder=tmp_path)
    assert cross["steps"] == [300, 150]
    for row in cross["rows"]:
        for cell in row:
            assert cell["auc_interval"][0] <= cell["auc"] <= cell["auc_interval"][1]
    own, others = cross["rows"][1]
    assert own["auc"] != others["auc"] and own["fn"] == others["fn"]
    split = {"digits": "train", "fashion": "test"}[name]
    assert cross["real"]["split"] == split and cross["real"]["n"] == 300

    shell("export", folder, "--out", "generator", folder=tmp_path)
    shell("sample", "generator", "--n", 50, "--out", "generator.npz", folder=tmp_path)
    images = [
        np.load(tmp_path / f"{kind}.npz", allow_pickle=False)["images"]
        for kind in ("run", "generator")
    ]
    assert np.array_equal(*images) and images[0].std() > 30
