"""Image sources: arrays of images in [−1, 1], walked like any finite set of the core.

A row of `DATA` is a function without arguments that gives a source: `.shape` (channels, height,
width) and `.sample(n, keys)`. Whatever a data set needs beyond numpy is imported inside its row.
"""

import numpy as np

from toylab.data import Finite
from toylab.tables import Table


class DataError(ValueError):
    """Images that cannot be had; the text says what to do."""


def digits():
    """The 1,797 handwritten digits of scikit-learn, 1×8×8, grey values 0…16 scaled to [−1, 1].

    Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49 (its test part), inside the package.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "the digits come with scikit-learn, which is not installed: "
            "pip install 'toylab[image]' (or scikit-learn alone)"
        ) from error
    return Finite(np.asarray(load_digits().images, np.float32)[:, None] / 8 - 1)


DATA = Table("data set", {"digits": digits})
