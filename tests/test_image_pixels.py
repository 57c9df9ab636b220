"""What becomes of an image until it is a batch's."""

import numpy as np
import pytest
from PIL import Image

from tests.image_layouts import COLOUR, opened, written
from toylab.image import data
from toylab.image.pixels import SCALINGS
from toylab.randomness import Keys


def test_crops_and_sizes_are_pillow_s_own(short):
    address, images, _ = written("folder", short)
    cropped = opened(address, crop=20).pixels
    assert np.array_equal(cropped, images[:, :, 6:26, 6:26])
    smaller = opened(address, crop=20, size=10, channels="grey").pixels
    picture = Image.fromarray(images[4].transpose(1, 2, 0)).convert("L").crop((6, 6, 26, 26))
    assert np.array_equal(smaller[4, 0], np.asarray(picture.resize((10, 10), Image.BILINEAR)))
    wide = opened("folder:.", crop=0, size=16).pixels
    assert wide.shape == (10, 3, 16, 16)


def test_celeba_s_crop_takes_the_middle_of_a_tall_image(short):
    """178×218 with crop=108: columns 35…142, rows 55…162, as DCGAN's code cuts them."""
    rows, columns = np.mgrid[:218, :178]
    picture = np.stack([rows, columns, rows], -1).astype(np.uint8)
    Image.fromarray(picture).save("a.png")
    found = opened("folder:.", crop=108).pixels[0]
    assert found.shape == (3, 108, 108)
    assert found[0, 0, 0] == 55 and found[1, 0, 0] == 35 and found[0, -1, 0] == 162


def test_scalings_are_the_papers(short):
    address, images, _ = written("npz", short)
    plain = opened(address).points
    np.testing.assert_allclose(plain, images / 127.5 - 1, atol=1e-6)
    own = opened(address, scaling="standardised")
    np.testing.assert_allclose(own.points, (images / 255 - 0.1307) / 0.3081, atol=1e-5)
    keys = Keys(0, "x", 0, 0)
    noisy = opened(address, scaling="dequantised").sample(10, keys)
    bytes_ = opened(address).sample(10, keys)
    low = 2 * (np.rint((bytes_ + 1) * 127.5) / 256 - 0.5)
    extra = (noisy - low) * 128
    assert extra.min() > -1e-4 and extra.max() < 1 + 1e-4
    assert abs(extra.mean() - 0.5) < 0.02 and abs(extra.var() - 1 / 12) < 0.005


@pytest.mark.parametrize("scaling", SCALINGS)
def test_numbers_are_shown_as_the_bytes_they_came_from(scaling):
    images = data.Images(COLOUR, scaling)
    assert np.array_equal(images.to_bytes(images.points), COLOUR)
    numbers = images.sample(10, Keys(1, "x"))
    plain = data.Images(COLOUR)
    bytes_ = plain.to_bytes(plain.sample(10, Keys(1, "x"))).astype(int)
    off = np.abs(images.to_bytes(numbers) - bytes_).max()
    assert off <= (scaling == "dequantised")


def test_half_of_the_images_are_mirrored_anew_each_time():
    images = data.Images(COLOUR, flips=True)
    plain = data.Images(COLOUR)
    counts, mixed = np.zeros(10), 0
    for block in range(200):
        keys = Keys(0, "x", block, 10 * block)
        batch, same = images.sample(10, keys), plain.sample(10, keys)
        mirrored = (batch == same[..., ::-1]).all((1, 2, 3))
        assert (mirrored | (batch == same).all((1, 2, 3))).all()
        counts += mirrored
        mixed += 0 < mirrored.sum() < 10
    assert (np.abs(counts - 100) < 30).all()  # 200 coins each: 4 σ are 28
    assert mixed > 190  # a coin an image: ten agree once in 512 batches
