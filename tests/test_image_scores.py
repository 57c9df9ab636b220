"""evaluate, crosstest, export and sample on tiny runs: what is written, and against hand-made
critics and direct counts."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tests.image_runs import refused, trained
from toylab.games import Players
from toylab.image import classifier, config, crosstest, export, grids, run, scoring
from toylab.image.__main__ import main
from toylab.image.checkpoint import CheckpointError
from toylab.image.confusion import auc
from toylab.image.crosstest import Asked
from toylab.image.pixels import DataError
from toylab.image.sets import chosen, labelled, whole_set
from toylab.networks import Network, Output
from toylab.randomness import Keys


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of 6 steps, with other seeds and penalties."""
    out = tmp_path_factory.mktemp("runs")
    return trained(out, "steps=6"), trained(out, "steps=6", "seed=1", "penalty=none")


@pytest.fixture
def folder(runs, tmp_path):
    """A copy of the first run, free to be written into."""
    return Path(shutil.copytree(runs[0], tmp_path / runs[0].name))


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(classifier, "EPOCHS", 1)


def told(capsys, *words):
    """What a command with --json says."""
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


# evaluate


def test_a_score_says_what_it_hangs_on(folder, capsys):
    found = told(capsys, "evaluate", folder, "--n", 300, "--seed", 4, "--baseline")
    kept = folder / "eval" / "step-00000006-classifier-seed4.json"
    assert found.pop("file") == str(kept)
    assert json.loads(kept.read_text()) == found
    file = folder / "eval" / "classifier.safetensors"
    assert found["extractor"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found["extractor"]["name"] == "classifier" and found["extractor"]["resizer"] == "none"
    env = json.loads((folder / "env.json").read_text())
    assert found["real"] == {
        "data": "digits",
        "split": "train",
        "n": 300,
        "of": 1797,
        "sha256": env["data"],
    }
    assert (found["step"], found["seed"], found["run_seed"], found["fake"]) == (6, 4, 0, {"n": 300})
    assert found["weights"] == "average" and "held" in found["norms"]
    assert found["versions"]["torch"] == torch.__version__
    assert {"toylab", "torchmetrics", "scikit-learn", "numpy"} <= set(found["versions"])
    names = {"fid", "kid", "is", "precision", "recall", "density", "coverage"}
    assert names <= set(found["scores"])
    # After 6 steps fakes are nothing like digits, and other digits are.
    assert found["scores"]["fid"] > 5 * found["baseline"]["fid"]
    assert found["scores"]["recall"] < found["baseline"]["recall"]
    # Other reals than those that they are compared with.
    assert found["baseline"]["fid"] > 1e-3 and found["baseline"]["precision"] < 1
    again = told(capsys, "evaluate", folder, "--n", 300, "--seed", 4, "--baseline")
    assert again["scores"] == found["scores"] and again["baseline"] == found["baseline"]


def test_the_scored_images_are_the_run_s_own(folder, monkeypatch):
    """With the fakes replaced by the very real images that are looked at, FID is 0."""
    opened = run.opened(folder)
    wanted = scoring.Wanted(("fid", "pr"), n=200)
    real = whole_set(opened[1].settings)
    order = scoring.Keys(0, "evaluate/real").rng().permutation(1797)[:200]

    def copied(setup, vector, n, seed=0, purpose=""):
        assert (n, seed, purpose) == (200, 0, "evaluate")
        assert vector is opened[3].average
        return real.points[order]

    monkeypatch.setattr(grids, "fakes", copied)
    found = scoring.score(opened, wanted)["scores"]
    assert abs(found["fid"]) < 1e-4 and found["precision"] == found["recall"] == 1


def folder_of(path, images):
    """A folder of these grey images as PNG files."""
    path.mkdir()
    for number, (image,) in enumerate(images):
        Image.fromarray(image).save(path / f"{number:04d}.png")
    return path


def test_images_from_elsewhere_are_scored_against_a_set(tmp_path, capsys, monkeypatch):
    """The very real images that are looked at have FID 0, noise is far from them."""
    order = scoring.Keys(0, "evaluate/real").rng().permutation(1797)[:200]
    images = chosen(whole_set(config.Settings()), order)
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    asked = ("--data", "digits", "--n", 200, "--metrics", "fid,pr")
    same = told(capsys, "evaluate", folder_of(tmp_path / "same", images), *asked)
    assert abs(same["scores"]["fid"]) < 1e-4
    assert same["scores"]["precision"] == same["scores"]["recall"] == 1
    assert same["source"]["of"] == same["fake"]["n"] == 200
    assert same["file"] == str(tmp_path / "same-eval" / "classifier-seed0.json")
    monkeypatch.chdir(tmp_path / "same")
    assert told(capsys, "evaluate", ".", *asked) == same
    other = told(capsys, "evaluate", f"folder:{folder_of(tmp_path / 'noise', noise)}", *asked)
    assert other["scores"]["fid"] > 10 and other["scores"]["recall"] < 0.1


def test_images_that_cannot_be_compared_are_refused(tmp_path, capsys):
    large = folder_of(tmp_path / "large", np.zeros((60, 1, 9, 9), np.uint8))
    assert "1×9×9 and 1×8×8" in refused(capsys, "evaluate", large, "--data", "digits")
    few = folder_of(tmp_path / "few", np.zeros((49, 1, 8, 8), np.uint8))
    assert "50 are needed" in refused(capsys, "evaluate", few, "--data", "digits")
    assert "is not there" in refused(capsys, "evaluate", tmp_path / "no", "--data", "digits")
    assert "did you mean" in refused(capsys, "evaluate", few, "--data", "digit")
    assert "--data SET" in refused(capsys, "evaluate", few)
    assert "--data SET" not in refused(capsys, "evaluate", tmp_path / "no")


def test_the_player_s_images_are_others(folder, capsys):
    rows = [
        told(capsys, "evaluate", folder, "--n", 100, "--metrics", "fid", "--weights", weights)
        for weights in scoring.WEIGHTS
    ]
    assert rows[0]["scores"] != rows[1]["scores"]
    assert rows[1]["file"].endswith("classifier-seed0-player.json")


WRONG = {
    "evaluate RUN --metrics fid,fod": "metric 'fod' is unknown",
    "evaluate RUN --n 3": "--n must be at least 50",
    "evaluate RUN --features clasifier": "did you mean 'classifier'",
    "evaluate RUN --features classifier:nowhere": "no such file",
    "evaluate RUN --features inception": "inception:PATH",
    "evaluate RUN --split test": "has no test part",
    "evaluate nowhere": "neither a run directory nor",
    "crosstest RUN": "takes two runs or more, got 1",
    "crosstest RUN RUN --n 1": "--n must be at least 2",
    "export nowhere": "neither a run directory nor",
    "sample RUN --n 0": "--n must be at least 1",
    "sample RUN --n 99999999999999": "out of memory: a smaller batch",
    "sample RUN --out x.gif": "must end in .png or .npz",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said_in_one_line(words, runs, capsys, monkeypatch):
    monkeypatch.delenv("TOYLAB_INCEPTION", raising=False)
    named = [str(runs[0]) if word == "RUN" else word for word in words.split()]
    assert WRONG[words] in refused(capsys, *named)


# Sets and labels


def test_labels_come_with_their_images(tmp_path):
    """IDX, CIFAR-10's records and rows of text: image i is of the kind i % 7."""
    kinds = np.arange(40) % 7
    images = (
        np.zeros((40, 1, 6, 6), np.uint8) + (10 * kinds + 3).astype(np.uint8)[:, None, None, None]
    )
    head = (40).to_bytes(4, "big")
    six = (6).to_bytes(4, "big")
    idx = tmp_path / "train-images-idx3-ubyte"
    idx.write_bytes(b"\0\0\x08\x03" + head + six + six + images.tobytes())
    beside = tmp_path / "train-labels-idx1-ubyte"
    beside.write_bytes(b"\0\0\x08\x01" + head + kinds.astype(np.uint8).tobytes())
    rows = np.concatenate([images.reshape(40, -1), kinds[:, None]], 1)
    np.savetxt(tmp_path / "rows.csv", rows, "%d", ",")
    wide = np.zeros((40, 3073), np.uint8)
    wide[:, 0], wide[:, 1:] = kinds, images[:, 0, :1, 0]
    (tmp_path / "data_batch_1.bin").write_bytes(wide.tobytes())
    for address in (f"idx:{idx}", f"csv:{tmp_path}/rows.csv", f"cifar:{tmp_path}/data_batch_1.bin"):
        found, labels = labelled(config.Settings(data=address), 30)
        assert len(found) == len(labels) == 30
        assert np.array_equal(labels, kinds[:30])
        assert np.array_equal(found[:, 0, 0, 0], images[:30, 0, 0, 0])
    for spoilt in (beside.read_bytes()[:-1], beside.read_bytes() + b"x", b""):
        beside.write_bytes(spoilt)
        with pytest.raises(DataError, match="not an IDX file of 40 labels"):
            labelled(config.Settings(data=f"idx:{idx}"), 30)
    beside.unlink()
    with pytest.raises(DataError, match="no file of labels"):
        labelled(config.Settings(data=f"idx:{idx}"), 30)
    np.savez(tmp_path / "named.npz", x_train=images, y_train=kinds[:, None])
    table = pa.table({"image": [png(image) for image in images], "label": kinds})
    pq.write_table(table, tmp_path / "a.parquet")
    for place, (image, kind) in enumerate(zip(images, kinds, strict=True)):
        (tmp_path / "kinds" / f"is {kind}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "kinds" / f"is {kind}" / f"{place:02d}.png").write_bytes(png(image))
    for address in (f"npz:{tmp_path}/named.npz", f"parquet:{tmp_path}/a.parquet"):
        packed = f"{tmp_path}/{address[:3]}"
        assert main(["data", "pack", address, packed, "--images", "35"]) == 0
        for each in (address, f"packed:{packed}"):
            found, labels = labelled(config.Settings(data=each), 30)
            assert np.array_equal(labels, kinds[:30])
            assert np.array_equal(found[:, 0, 0, 0], images[:30, 0, 0, 0])
    found, labels = labelled(config.Settings(data=f"folder:{tmp_path}/kinds"), 30)
    assert [f"is {value // 10}" for value in found[:, 0, 0, 0]] == list(labels)
    np.save(tmp_path / "par" / "labels.npy", kinds[:9])
    with pytest.raises(DataError, match="not 35 labels"):
        labelled(config.Settings(data=f"packed:{tmp_path}/par"), 30)
    np.savez(tmp_path / "short.npz", images=images, labels=kinds[:9])
    with pytest.raises(DataError, match="not one of 40 labels"):
        labelled(config.Settings(data=f"npz:{tmp_path}/short.npz"), 30)
    np.savez(tmp_path / "bare.npz", images=images)
    with pytest.raises(DataError, match="has no labels"):
        labelled(config.Settings(data=f"npz:{tmp_path}/bare.npz"), 30)


def test_each_set_has_a_classifier_of_its_own(tmp_path, capsys):
    """Images judged by digits and by their negatives: the second does not use the first's."""
    settings = config.build("x", {}).settings
    every, kinds = chosen(whole_set(settings), np.arange(1797)), labelled(settings, 1797)[1]
    np.savez(tmp_path / "negatives.npz", images=255 - every, labels=kinds)
    folder_of(tmp_path / "pics", every[:200])
    asked = ("evaluate", tmp_path / "pics", "--n", 100, "--metrics", "fid")
    shas = [
        told(capsys, *asked, "--data", data)["extractor"]["sha256"]
        for data in ("digits", f"npz:{tmp_path}/negatives.npz", "digits")
    ]
    assert shas[0] == shas[2] != shas[1]
    np.savez(tmp_path / "bare.npz", images=every)
    assert "has no labels" in refused(capsys, *asked, "--data", f"npz:{tmp_path}/bare.npz")


def test_of_two_kinds_both_are_classes():
    images = np.zeros((60, 1, 4, 4), np.uint8)
    images[30:] = 200
    found = classifier.trained(images, np.arange(60) // 30)
    logits = found.look(images)[1]
    assert logits.shape == (60, 2) and np.array_equal(logits.argmax(1), np.arange(60) // 30)


def test_an_address_or_a_seed_that_cannot_be_is_refused(folder, tmp_path, capsys):
    assert "foo" in refused(capsys, "evaluate", "foo:bar", "--data", "digits")
    assert "2³¹" in refused(capsys, "evaluate", folder, "--seed", 10**22)
    words = ("train", "digits-smoke", "average_kimg=1e6", "--out", tmp_path)
    assert "average_kimg=1000000.0" in refused(capsys, *words)


def test_an_export_of_few_bits_makes_the_same_images(tmp_path, capsys):
    run_ = trained(tmp_path, "steps=2", "precision=bfloat16")
    _, _, setup, state = run.opened(run_)
    wanted = grids.shown(setup, grids.fakes(setup, state.average, 40, seed=3))
    capsys.readouterr()
    told(capsys, "export", run_, "--out", tmp_path / "out")
    assert np.array_equal(export.loaded(tmp_path / "out").images(40, 3), wanted)


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image[0]).save(buffer, "PNG")
    return buffer.getvalue()


def test_digits_as_bytes_are_full_ones():
    from sklearn.datasets import load_digits

    settings = config.Settings(data="digits")
    found, labels = labelled(settings, 100)
    assert np.array_equal(labels, load_digits().target[:100])
    assert np.array_equal(found[:, 0], np.rint(load_digits().images[:100] * 255 / 16))
    places = [5, 2, 99]
    assert np.array_equal(chosen(whole_set(settings), places), found[places])


# crosstest


def hand_made(function):
    """A critic that says function(x) (B,) of images (B, 1, 8, 8)."""
    return Network(
        0, None, lambda vector, x, masks=None: Output(function(x), x.flatten(1)), (1, 8, 8)
    )


def with_critic(one, function):
    folder, made, setup, state = run.opened(one)
    setup.networks = Players(setup.networks.generator, hand_made(function))
    return folder, made, setup, state


def bright(x):
    return x.mean((1, 2, 3)) + 0.6


def speckled(x):
    return x[:, 0, 0, 0] * x[:, 0, 3, 3]


def test_a_cross_test_is_a_count(runs):
    """Hand-made critics: every number of the matrix counted directly."""
    critics = (bright, speckled)
    opened = [with_critic(one, f) for one, f in zip(runs, critics, strict=True)]
    asked = Asked(n=400, seed=2, resamples=20)
    found = crosstest.crosstest(opened, asked)
    assert found["real"]["split"] == "train" and found["real"]["n"] == 400
    keys = crosstest.Keys(2, "crosstest/real")
    real = torch.as_tensor(whole_set(opened[0][1].settings).sample(400, keys))
    for i, critic in enumerate(critics):
        for j, (_, _, setup, state) in enumerate(opened):
            made = grids.fakes(setup, state.players.generator, 400, 2, "crosstest")
            x, y = critic(real).numpy(), critic(torch.from_numpy(made)).numpy()
            cell = found["rows"][i][j]
            assert cell["fp"] == pytest.approx((y > 0).mean())
            assert cell["fn"] == pytest.approx((x <= 0).mean())
            assert cell["auc"] == pytest.approx(auc(x, y))
            low, high = cell["auc_interval"]
            assert low <= cell["auc"] <= high
        assert "above 0, where" in found["thresholds"][i]["rule"]
    turned = crosstest.crosstest(opened[::-1], asked)
    assert [row[::-1] for row in turned["rows"][::-1]] == found["rows"]


def test_a_critic_that_knows_nothing_has_half(runs):
    opened = [with_critic(one, lambda x: 0 * x.sum((1, 2, 3)) - 1.0) for one in runs]
    for row in crosstest.crosstest(opened, Asked(n=60, resamples=5))["rows"]:
        for cell in row:
            assert (cell["fp"], cell["fn"], cell["auc"]) == (0.0, 1.0, 0.5)


def test_a_critic_without_a_threshold_gets_the_middle(tmp_path):
    one, other = (
        trained(tmp_path, "steps=2", "objective=wasserstein", "penalty=1-gp", f"seed={seed}")
        for seed in (0, 1)
    )
    opened = [with_critic(path, bright) for path in (one, other)]
    found = crosstest.crosstest(opened, Asked(n=500, resamples=5))
    source = whole_set(opened[0][1].settings)
    keys = crosstest.Keys(0, "crosstest/real")
    for (_, _, setup, state), row in zip(opened, found["thresholds"], strict=True):
        others = torch.as_tensor(source.sample(1797, keys))[500 : 500 + crosstest.HELD]
        made = grids.fakes(setup, state.players.generator, len(others), 0, "crosstest/own")
        wanted = (bright(others).mean() + bright(torch.from_numpy(made)).mean()) / 2
        assert row["value"] == pytest.approx(wanted.item(), abs=1e-5)
        assert "middle of its means" in row["rule"]


def test_statistics_of_the_batch_are_another_critic(runs, capsys, tmp_path):
    """A batch of one kind tells its kind: other numbers than with statistics held."""
    held, batch = (
        told(
            capsys,
            *("crosstest", *runs, "--n", 200, "--resamples", 5, "--norms", norms),
            *("--out", tmp_path / f"{norms}.json"),
        )
        for norms in crosstest.NORMS
    )
    assert (held["norms"], batch["norms"]) == ("held", "batch")
    assert held["rows"][0][0]["auc"] != batch["rows"][0][0]["auc"]
    kept = json.loads((tmp_path / "held.json").read_text())
    assert kept == {name: value for name, value in held.items() if name != "file"}
    assert held["fake"] == {"n": 200} and held["weights"] == "player"


def test_what_hangs_on_something_else_is_not_written_over(folder, runs, capsys):
    """A score of more images; a cross-test with other norms."""
    first = told(capsys, "evaluate", folder, "--n", 100, "--metrics", "fid")["file"]
    assert told(capsys, "evaluate", folder, "--n", 100, "--metrics", "fid")["file"] == first
    more = told(capsys, "evaluate", folder, "--n", 120, "--metrics", "fid")["file"]
    assert more == first.replace(".json", ".2.json")
    assert json.loads(Path(first).read_text())["fake"]["n"] == 100
    how = "crosstest", folder, runs[1], "--n", 50, "--resamples", 5
    held, batch = (told(capsys, *how, "--norms", norms)["file"] for norms in crosstest.NORMS)
    assert batch == held.replace(".json", ".2.json")
    assert told(capsys, *how, "--norms", "held")["file"] == held


def test_runs_on_other_images_are_not_tested_together(runs, tmp_path, capsys):
    fewer = trained(tmp_path, "steps=1", "images=900")
    assert "trained on other images" in refused(capsys, "crosstest", runs[0], fewer)
    small = trained(tmp_path / "small", "steps=1", "size=4", "stages=1")
    assert "images (1, 4, 4), but" in refused(capsys, "crosstest", runs[0], small)


# export and sample


def test_an_export_makes_the_same_images(folder, tmp_path, capsys):
    files = told(capsys, "export", folder)["files"]
    kept = folder / "export" / "step-00000006"
    assert files == [str(kept / f"generator.{kind}") for kind in ("safetensors", "json")]
    _, _, setup, state = run.opened(folder)
    wanted = grids.shown(setup, grids.fakes(setup, state.average, 300, seed=3))
    moved = tmp_path / "elsewhere"
    shutil.move(kept, moved)
    shutil.rmtree(folder)  # nothing of the run is needed
    made = export.loaded(moved)
    assert np.array_equal(made.images(300, seed=3), wanted)
    assert main(["sample", str(moved), "--n", "300", "--seed", "3", "--out", f"{moved}/x.npz"]) == 0
    with np.load(moved / "x.npz", allow_pickle=False) as held:
        assert np.array_equal(held["images"], wanted)


def test_a_run_is_sampled_and_exported_without_its_images(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (90, 1, 8, 8), np.uint8))
    run_ = trained(tmp_path / "runs", f"data=npz:{tmp_path}/a.npy", "steps=2")
    capsys.readouterr()
    with_them = told(capsys, "sample", run_, "--n", 5, "--out", tmp_path / "with.npz")
    (tmp_path / "a.npy").unlink()
    without = told(capsys, "sample", run_, "--n", 5, "--out", tmp_path / "without.npz")
    one, other = (np.load(found["file"])["images"] for found in (with_them, without))
    assert np.array_equal(one, other)
    told(capsys, "export", run_, "--out", tmp_path / "out")
    assert np.array_equal(export.loaded(tmp_path / "out").images(5, 0), one)
    env = json.loads((run_ / "env.json").read_text())
    (run_ / "env.json").write_text(json.dumps({**env, "data": "other"}))
    assert "other" in refused(capsys, "sample", run_), "the checkpoint knows its images"
    del env["shape"]
    (run_ / "env.json").write_text(json.dumps(env))
    assert "is not there" in refused(capsys, "sample", run_)


def test_a_score_while_training_opens_no_images_again(tmp_path, monkeypatch):
    """The set is opened once by the run, and its labels once for the classifier."""
    from toylab.image import data

    opened = []
    plain = data.opened
    monkeypatch.setattr(data, "opened", lambda *how: opened.append(how) or plain(*how))
    folder = trained(tmp_path, "steps=6", "eval_every=2", "eval_images=100")
    assert len(list((folder / "eval").glob("step-*.json"))) == 3 and len(opened) == 1


def test_lines_go_from_one_latent_to_another(folder, tmp_path, capsys):
    """Eight in rows of three: ends are the images of the same seed, the middle is that of the mean,
    and an export's are the run's."""
    _, _, setup, state = run.opened(folder)
    law, keys = setup.sources[1], Keys(5, "sample")
    ends = law.sample(6, keys)
    points = grids.on_lines(law, 8, keys)
    np.testing.assert_allclose(points[[0, 2, 3, 5, 6]], ends[:5], atol=1e-7)
    np.testing.assert_allclose(points[[1, 4, 7]], (ends[::2] + ends[1::2]) / 2, atol=1e-7)
    words = ["--n", "8", "--seed", "5", "--lines", "--out", f"{tmp_path}/x.npz"]
    assert main(["sample", str(folder), *words]) == 0
    with np.load(tmp_path / "x.npz", allow_pickle=False) as held:
        found = held["images"]
    singles = grids.shown(setup, grids.fakes(setup, state.average, 5, seed=5))
    assert np.abs(found[[0, 2, 3, 5, 6]].astype(int) - singles).max() <= 1
    assert np.abs(found[1].astype(int) - found[0]).max() > 1
    capsys.readouterr()
    files = told(capsys, "export", folder, "--out", tmp_path / "out")["files"]
    assert len(files) == 2
    assert np.array_equal(export.loaded(tmp_path / "out").images(8, 5, lines=True), found)
    assert main(["sample", str(folder), "--lines"]) == 0
    assert (folder / "samples" / "seed0-lines.png").is_file()


def test_an_export_holds_the_average_and_its_statistics(folder):
    from safetensors.torch import load_file

    opened = run.opened(folder)
    _, _, setup, state = opened
    tensors = load_file(export.write(opened, folder / "out")[0])
    parts = setup.networks.generator.layout.unpack(state.average)
    for number, part in enumerate(parts):
        assert torch.equal(tensors[f"weight.{number:03d}"], part)
    statistics = grids.statistics(setup, state.average)
    assert len(statistics) == 2  # both normalisations of two stages
    for number, (mean, variance) in enumerate(statistics):
        assert torch.equal(tensors[f"norm.{number:03d}.mean"], mean)
        assert torch.equal(tensors[f"norm.{number:03d}.variance"], variance)
    assert len(tensors) == len(parts) + 4


def test_a_spoilt_export_is_refused(folder):
    weights, about = export.write(run.opened(folder), folder / "out")
    whole, text = weights.read_bytes(), about.read_text()

    def said(content=whole, words=text):
        weights.write_bytes(content)
        about.write_text(words)
        with pytest.raises(CheckpointError) as caught:
            export.loaded(folder / "out")
        return str(caught.value)

    assert "sha256" in said(whole[:-8])
    assert "not of form" in said(words=text.replace(export.FORMAT, "other"))
    assert "no exported generator" in said(words=text[:-20])
    assert "no exported generator" in said(words="{}")
    wider = text.replace("features = 4", "features = 5")
    assert wider != text and "are not those of dcgan" in said(words=wider)
    told = json.loads(text)
    told["sha256"] = hashlib.sha256(b"\x80\x02.").hexdigest()
    assert "no exported generator" in said(b"\x80\x02.", json.dumps(told))
