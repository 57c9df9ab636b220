"""Every layout gives the same images, and each its own parts."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.image_layouts import (
    COLOUR,
    GREY,
    WRITERS,
    cifar,
    encoded,
    idx,
    idx_gz,
    opened,
    packed,
    written,
    zipped,
)
from tests.image_runs import refused
from toylab.image import config, data
from toylab.image.__main__ import main
from toylab.image.layouts import FORMATS
from toylab.randomness import Keys


def test_every_layout_is_written():
    assert {layout for layout, *_ in WRITERS.values()} == set(FORMATS)


@pytest.mark.parametrize("what", WRITERS)
def test_the_same_images_come_back_from_every_layout(what, short):
    """Byte for byte, in order; and then every batch is that of an array in memory."""
    address, images, _ = written(what, short)
    found = opened(address)
    assert found.pixels.dtype == np.uint8 and np.array_equal(found.pixels, images)
    reference = data.Images(images, "dequantised", flips=True)
    batch = opened(address, scaling="dequantised", flips=True).sample(23, Keys(3, "x", 2, 46))
    assert np.array_equal(batch, reference.sample(23, Keys(3, "x", 2, 46)))
    assert found.fingerprint == data.Images(images).fingerprint


# Parts and places


def test_parts_kept_apart_are_found_or_refused(short, capsys):
    address, images, _ = written("npz", short)
    test = data.opened(config.Settings(data=address), "test")
    assert np.array_equal(test.pixels, images[:1])
    (short / "z").mkdir()
    zipped(short / "z", COLOUR)
    told = refused(capsys, "data", "info", "zip:z/images.zip", "--split", "test")
    assert "has no test part" in told
    assert "has 10" in refused(capsys, "data", "info", address, "--images", "11")
    assert np.array_equal(opened(address, images=4).pixels, images[:4])


ONE_PART = ("idx", "folder", "zip", "lmdb", "parquet", "npy", "csv", "packed")


@pytest.mark.parametrize("what", ONE_PART)
def test_images_to_train_with_are_never_called_a_test_part(what, short, capsys):
    address, _, _ = written(what, short)
    assert "has no test part" in refused(capsys, "data", "info", address, "--split", "test")


def test_a_file_is_a_test_part_where_its_name_says_so(short, capsys):
    """One file of MNIST's, one of CIFAR-10's; and folders that lack theirs."""
    idx(short, GREY).rename("t10k-images-idx3-ubyte")
    cifar(short, COLOUR)
    (short / "data_batch_1.bin").rename("test_batch.bin")
    for address, images in (
        ("idx:t10k-images-idx3-ubyte", GREY),
        ("cifar:test_batch.bin", COLOUR[:5]),
    ):
        test = data.opened(config.Settings(data=address), "test")
        assert np.array_equal(test.pixels, images)
    (short / "none").mkdir()
    (short / "data_batch_2.bin").rename("none/data_batch_2.bin")
    for address in ("cifar:none/data_batch_2.bin", "cifar:none", "idx:none"):
        assert "has no test part" in refused(capsys, "data", "info", address, "--split", "test")


def test_an_npz_has_the_part_that_a_key_names(short, capsys):
    np.savez(short / "a.npz", images=GREY, test_images=GREY[:3])
    np.savez(short / "b.npz", images=GREY, x=GREY)
    assert np.array_equal(data.opened(config.Settings(data="npz:a.npz"), "test").pixels, GREY[:3])
    assert np.array_equal(opened("npz:a.npz").pixels, GREY)
    assert "has no test part" in refused(capsys, "data", "info", "npz:b.npz", "--split", "test")


def test_few_images_to_train_with_leave_the_test_part_whole(short, capsys):
    """A setting of the run; whoever asks for a few of the part itself gets them."""
    np.savez(short / "a.npz", x_train=GREY, x_test=GREY[:7])
    settings = config.Settings(data="npz:a.npz", images=3)
    assert [len(data.opened(settings, split)) for split in ("train", "test")] == [3, 7]
    words = ["data", "info", "npz:a.npz", "--split", "test", "--images", "2"]
    assert main(words) == 0 and "2 images" in capsys.readouterr().out


def zip_of_names(folder, *names):
    """The images of `GREY` under these names, then what a Mac puts beside them."""
    with zipfile.ZipFile(folder / "mac.zip", "w") as held:
        for name, image in zip(names, GREY, strict=False):
            held.writestr(name, encoded(image))
        for name in ("__MACOSX/photos/._a.png", "__MACOSX/b.png", "photos/.c.png"):
            held.writestr(name, b"no image")
        for name in ("album.png/", "./", "."):
            held.writestr(name, b"")
    return "zip:mac.zip"


def test_a_zip_made_on_a_mac_has_the_images_that_it_shows(short, capsys):
    address = zip_of_names(short, "album.png/b.png", "photos/a.png")
    assert np.array_equal(opened(address).pixels, GREY[:2])
    assert main(["data", "check", address]) == 0
    assert "holds no images" in refused(capsys, "data", "check", zip_of_names(short))


def test_a_row_is_more_than_a_label(short, capsys):
    (short / "a.csv").write_text("1\n2\n")
    assert "a square image and a label" in refused(capsys, "data", "info", "csv:a.csv")


def test_a_pack_at_home_is_checked_there(short, monkeypatch, capsys):
    packed(short, GREY)
    monkeypatch.setenv("HOME", str(short.resolve()))
    assert main(["data", "check", "packed:~/p"]) == 0


def test_a_named_set_is_read_from_the_folder_of_sets(short, monkeypatch):
    """Before any other place; a folder of faces without the picture that is no face."""
    monkeypatch.setenv("TOYLAB_DATA", str(short.resolve()))
    (short / "fashion-mnist").mkdir()
    idx_gz(short / "fashion-mnist", GREY)
    assert np.array_equal(opened("fashion-mnist").pixels, GREY)
    (short / "orl-faces" / "s1").mkdir(parents=True)
    (short / "orl-faces" / "s1" / "1.pgm").write_bytes(encoded(GREY[0], "PPM"))
    (short / "orl-faces" / "target.jpg").write_bytes(encoded(COLOUR[0], "JPEG"))
    assert np.array_equal(opened("orl-faces").pixels, GREY[:1])
    with pytest.raises(data.DataError, match="cifar10: not found in .* data download cifar10"):
        opened("cifar10")


def test_fashion_mnist_is_found_where_debian_s_package_puts_it(short, monkeypatch):
    """All 70,000: in both parts, with the mean that they are known for."""
    if not Path("/usr/share/datasets/fashion-mnist").is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    monkeypatch.setenv("TOYLAB_DATA", str(short))
    train = opened("fashion-mnist")
    test = data.opened(config.Settings(data="fashion-mnist"), "test")
    assert train.pixels.shape == (60000, 1, 28, 28) and test.pixels.shape == (10000, 1, 28, 28)
    assert abs(train.pixels.mean() - 72.94) < 0.005
