"""Wherever the bytes lie and whoever decodes them, it is one set."""

import itertools

import numpy as np
import pytest
from PIL import Image

from tests.image_layouts import COLOUR, encoded, opened, written
from tests.image_runs import refused
from toylab.image import config, data
from toylab.image.layouts import common
from toylab.image.pixels import DataError
from toylab.image.sources import Ahead, Resident
from toylab.randomness import Keys


def test_a_set_in_memory_on_a_device_and_in_a_file_are_one(short, monkeypatch):
    """The map with its worker gives what the array gives, whatever is asked for in which order."""
    address, images, _ = written("packed", short)
    whole = opened(address)
    assert isinstance(whole, data.Images) and not isinstance(whole.pixels, np.memmap)
    monkeypatch.setattr(data, "budget", lambda: 1000)
    ahead = opened(address)
    assert isinstance(ahead, Ahead) and isinstance(ahead.images.pixels, np.memmap)
    assert ahead.fingerprint == whole.fingerprint
    held = Resident(whole, "cpu")
    asked = [(4, Keys(0, "a", b, 4 * b)) for b in (0, 1, 2, 7, 8)]
    asked += [(3, Keys(0, "b", 0, 0)), (4, Keys(0, "a", 9, 36)), (5, Keys(1, "b", 1, 3))]
    for n, keys in asked:
        reference = whole.sample(n, keys)
        assert np.array_equal(ahead.sample(n, keys), reference)
        assert np.array_equal(held.sample(n, keys).numpy(), reference)
    assert ahead.foreseen == 4  # blocks 1, 2, 8, 9 of a


def test_too_many_images_for_the_memory_are_to_be_packed(short, monkeypatch, capsys):
    address, _, _ = written("folder", short)
    monkeypatch.setattr(common, "budget", lambda: 1000)
    assert "data pack" in refused(capsys, "data", "info", address)


# Threads that decode


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_images_come_in_order_and_with_the_first_error_whoever_decodes(threads):
    """The same images and the same first error, also where later ones are ready sooner."""
    import threading

    released = threading.Event()

    def slow(number):
        if number == 0 and threads > 1:
            assert released.wait(60)  # the others are done before it
        if number == 3:
            released.set()
        if number in (7, 8):
            raise DataError(f"image {number}")
        return number**2

    assert [*common.in_order(slow, range(6), threads)] == [n**2 for n in range(6)]
    seen = []
    with pytest.raises(DataError, match="image 7"):
        seen += [0]
        for found in common.in_order(slow, range(10), threads):
            seen.append(found)
    assert seen == [0, *(n**2 for n in range(7))]

    def source():
        yield from range(9)
        raise DataError("the archive broke off")

    with pytest.raises(DataError, match="image 7"):
        [*common.in_order(slow, source(), threads)]
    with pytest.raises(DataError, match="broke off"):
        [*common.in_order(lambda number: number, source(), threads)]


def test_no_more_is_decoded_than_is_asked_for_soon():
    """Of a set without end a few images are taken ahead, and none after the last one wanted."""
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield number

    found = common.in_order(lambda number: number, endless(), 3)
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    found.close()
    assert len(taken) <= 5 + common.AHEAD * 3 + 1


@pytest.mark.parametrize("threads", [1, 4])
def test_many_threads_read_the_same_bits_and_name_the_broken_file(threads, tmp_path, monkeypatch):
    """Forty JPEGs resized to 24 pixels; with two of them cut short the first by name is told."""
    monkeypatch.setattr(common, "workers", lambda: threads)
    photos = [np.roll(COLOUR[n % 10], n, 2) for n in range(40)]
    for number, photo in enumerate(photos):
        (tmp_path / f"{number:02d}.jpg").write_bytes(encoded(photo, "JPEG", quality=90))
    settings = config.Settings(data=f"folder:{tmp_path}", size=24)
    found = data.opened(settings).pixels
    for number in (0, 13, 39):
        with Image.open(tmp_path / f"{number:02d}.jpg") as image:
            wanted = image.convert("RGB").resize((24, 24), Image.Resampling.BILINEAR)
        assert np.array_equal(found[number], np.asarray(wanted).transpose(2, 0, 1))
    for number in (30, 12):
        path = tmp_path / f"{number:02d}.jpg"
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"12\.jpg: not a whole image"):
        data.opened(settings)
