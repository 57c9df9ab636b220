"""Odd circumstances: a full disk, a broken test part, runs of two precisions, half a set."""

import errno
import json
import os
import stat

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.image_layouts import GREY, encoded, idx
from tests.image_runs import refused, trained
from toylab.image import crosstest, data, run
from toylab.image.__main__ import main
from toylab.image.crosstest import Asked
from toylab.image.layouts import packed
from toylab.image.layouts.common import Pictures
from toylab.image.pixels import DataError, Form

# Packing


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch, capsys):
    """A map of a file that the disk has no room for would end the process with a signal."""

    def full(file, start, size):
        assert size == os.fstat(file).st_size > GREY.nbytes
        raise OSError(errno.ENOSPC, "No space left on device")

    np.save(tmp_path / "a.npy", GREY)
    monkeypatch.setattr(os, "posix_fallocate", full)
    told = refused(capsys, "data", "pack", f"npz:{tmp_path / 'a.npy'}", tmp_path / "p")
    assert "No space left" in told and "images.npy" in told
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]


def test_a_disk_that_reserves_nothing_is_packed_to_all_the_same(tmp_path, monkeypatch):
    def cannot(file, start, size):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    packed.pack(Pictures(len(GREY), array=GREY), Form(), tmp_path / "p")
    packed.check(tmp_path / "p")


def test_two_that_pack_into_one_folder_do_not_meet(tmp_path):
    """The first to end has it, whole and with the usual permissions; the other is told."""
    other = Pictures(len(GREY), array=GREY)

    def interrupted():
        yield "a.png", encoded(GREY[0])
        packed.pack(other, Form(), tmp_path / "p")
        yield "b.png", encoded(GREY[1])

    with pytest.raises(DataError, match="exists already"):
        packed.pack(Pictures(2, encoded=interrupted()), Form(), tmp_path / "p")
    packed.check(tmp_path / "p")
    assert np.array_equal(packed.read(tmp_path / "p", "train").array, GREY)
    (tmp_path / "usual").mkdir()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p", "usual"]
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("p", "usual")}
    assert len(modes) == 1


# doctor


def test_the_doctor_ends_well_whatever_lies_in_the_sets_places(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOYLAB_DATA", str(tmp_path))
    (tmp_path / "lsun-bedroom").mkdir()
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "data_batch_1.bin").symlink_to("nowhere")
    assert main(["doctor", "--json"]) == 0
    sets = json.loads(capsys.readouterr().out)["sets"]
    assert "cannot be read" in sets["lsun-bedroom"] and "data.mdb" in sets["lsun-bedroom"]
    assert "cannot be read" in sets["cifar10"] and "data_batch_1.bin" in sets["cifar10"]


# Cross-tests


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    """A folder as MNIST's with a train and a test part, and two runs on some images of the first.

    The test part is larger than what the runs train with.
    """
    folder = tmp_path_factory.mktemp("parted")
    images = load_digits().images[:200, None].astype(np.uint8) * 15
    for name, part in (("t10k", images[:90]), ("train", images[90:])):
        idx(folder, part).rename(folder / f"{name}-images-idx3-ubyte")
    words = f"data=idx:{folder}", "images=60", "steps=1"
    runs = [trained(folder / "runs", *words, f"seed={seed}") for seed in (0, 1)]
    return folder, runs


def crossed(runs, **asked):
    """What a cross-test of runs tells, with few resamples."""
    return crosstest.crosstest([run.opened(one) for one in runs], Asked(resamples=3, **asked))


def test_all_of_the_test_part_is_judged(parted):
    """However few the runs were trained with."""
    real = crossed(parted[1], n=80)["real"]
    assert (real["split"], real["n"]) == ("test", 80)


@pytest.mark.parametrize("there", (True, False))
def test_a_test_part_that_is_broken_is_not_replaced(there, parted, capsys):
    """Only where there is none the images come from the training part."""
    folder, runs = parted
    part = folder / "t10k-images-idx3-ubyte"
    whole = part.read_bytes()
    try:
        if there:
            part.write_bytes(whole[:-1])
            told = refused(capsys, "crosstest", *runs, "--n", 20, "--resamples", 3)
            assert part.name in told and "holds" in told
        else:
            part.unlink()
            real = crossed(runs, n=20)["real"]
            assert (real["split"], real["n"]) == ("train", 20)
    finally:
        part.write_bytes(whole)


def test_runs_of_two_precisions_are_tested_together(tmp_path):
    """Each critic gets images in its own numbers, whichever run comes first."""
    runs = [
        trained(tmp_path, "steps=1", f"precision={name}", f"seed={seed}")
        for seed, name in enumerate(("float64", "float32"))
    ]
    for norms in crosstest.NORMS:
        found = crossed(runs, n=48, norms=norms)["rows"]
        turned = crossed(runs[::-1], n=48, norms=norms)["rows"]
        for i in (0, 1):
            for j in (0, 1):
                assert turned[1 - i][1 - j]["auc"] == pytest.approx(found[i][j]["auc"], abs=1e-3)


def test_a_cross_test_tells_how_many_it_looked_at(tmp_path):
    """With statistics of the batch only whole batches count, of each critic its own."""
    runs = [trained(tmp_path, "steps=1", f"batch={size}") for size in (8, 64)]
    found = crossed(runs, n=100, norms="batch")
    assert [[(cell["reals"], cell["fakes"]) for cell in row] for row in found["rows"]] == [
        [(96, 96)] * 2,
        [(64, 64)] * 2,
    ]
    assert found["real"]["n"] == found["fake"]["n"] == 64
    cell = found["rows"][1][0]
    assert cell["fp"] * 64 == pytest.approx(round(cell["fp"] * 64))
    held = crossed(runs, n=100)
    assert held["real"]["n"] == held["fake"]["n"] == 100


def test_digits_have_no_test_part_and_are_halved(tmp_path):
    with pytest.raises(DataError, match="no test part"):
        data.pictures("digits", "test")
    runs = [trained(tmp_path, "steps=1", f"seed={seed}") for seed in (0, 1)]
    assert crossed(runs, n=40)["real"]["split"] == "train"
