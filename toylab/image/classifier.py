"""A classifier trained on the data set itself, whose last hidden layer serves as features.

Scores of MNIST-class sets are reported with such a one, because Inception was trained on photos.
It is scikit-learn's perceptron: nothing in `toylab.image` trains by hand, and on small grey images
a perceptron's features are good enough. Kept as a safetensors file, read without pickle.
"""

import json
import warnings
from typing import NamedTuple

import numpy as np

from toylab.image.checkpoint import CheckpointError, write
from toylab.image.data import DataError

HIDDEN = (256, 128)
MOST = 20_000  # images that it is trained with
HELD_OUT = 5  # every fifth image is kept to say how good it is
EPOCHS = 15
FORMAT = "toylab-classifier-1"


class Classifier(NamedTuple):
    """Weights (inputs, outputs) and biases of a perceptron on bytes/255, and what it says of
    images it has not seen: `accuracy`, a share."""

    weights: tuple
    biases: tuple
    shape: tuple  # of an image
    accuracy: float
    trained: int  # images
    of: str = ""  # what set they are of

    def look(self, images):
        """(features (n, HIDDEN[-1]), logits (n, classes)) of uint8 images (n, *shape)."""
        if images.shape[1:] != self.shape:
            raise DataError(
                f"this classifier was trained on images {self.shape}, got {images.shape[1:]}"
            )
        x = images.reshape(len(images), -1).astype(np.float32) / 255
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = np.maximum(x @ weight + bias, 0)
        return x, x @ self.weights[-1] + self.biases[-1]


def trained(images, labels, seed=0, of=""):
    """A `Classifier` of uint8 images (n, c, h, w) and whole labels (n,); the same every time.

    At most `MOST` images are used; every fifth of them is held out to measure its accuracy.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    images, labels = images[:MOST], np.asarray(labels[:MOST])
    if len(images) != len(labels):
        raise DataError(f"{len(images)} images have {len(labels)} labels")
    if len(np.unique(labels)) < 2:
        raise DataError("a classifier needs images of at least two kinds")
    rows = images.reshape(len(images), -1).astype(np.float32) / 255
    held = np.arange(len(rows)) % HELD_OUT == 0
    made = MLPClassifier(
        HIDDEN,
        batch_size=min(128, int((~held).sum())),
        learning_rate_init=2e-3,
        max_iter=EPOCHS if len(rows) > 5000 else 8 * EPOCHS,
        n_iter_no_change=10**6,  # all epochs: when it stops should not hang on rounding
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs, whatever comes
        made.fit(rows[~held], labels[~held])
    weights = [weight.astype(np.float32) for weight in made.coefs_]
    biases = [bias.astype(np.float32) for bias in made.intercepts_]
    if len(biases[-1]) == 1:  # of two kinds it has the second one's logit alone
        weights[-1], biases[-1] = (
            np.concatenate([0 * part, part], -1) for part in (weights[-1], biases[-1])
        )
    return Classifier(
        tuple(weights),
        tuple(biases),
        images.shape[1:],
        float(made.score(rows[held], labels[held])),
        int((~held).sum()),
        of,
    )


def save(path, classifier):
    """Writes it as a safetensors file, with what is no array in the header."""
    from safetensors.numpy import save as packed

    arrays = {f"weight{n}": weight for n, weight in enumerate(classifier.weights)}
    arrays |= {f"bias{n}": bias for n, bias in enumerate(classifier.biases)}
    told = {"accuracy": classifier.accuracy, "trained": classifier.trained}
    told |= {"format": FORMAT, "shape": list(classifier.shape), "of": classifier.of}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write(path, packed(arrays, {"toylab": json.dumps(told)}))


def load(path):
    """The `Classifier` in a file; raises `CheckpointError` on anything else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            told = json.loads((file.metadata() or {})["toylab"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}
        if told["format"] != FORMAT:
            raise KeyError("format")
        layers = range(len(arrays) // 2)
        return Classifier(
            tuple(arrays[f"weight{n}"] for n in layers),
            tuple(arrays[f"bias{n}"] for n in layers),
            tuple(told["shape"]),
            told["accuracy"],
            told["trained"],
            told.get("of", ""),
        )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: is no classifier of form {FORMAT} ({error})") from error
