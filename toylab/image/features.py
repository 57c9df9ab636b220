"""Feature extractors: what a score looks at in place of pixels, by name or NAME:PATH.

    classifier           a perceptron trained on the data set itself, kept beside the scores
    classifier:PATH      one that was kept
    inception[:PATH]     the Inception of FID papers, with weights of the user's own

An extractor takes bytes and gives features and the logits of its classes. Its sha256 is that of its
numbers: two scores can be compared where it is the same.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from toylab.image import classifier, data, download
from toylab.image.data import DataError
from toylab.tables import Table, nearest

CHUNK = 100  # images at a time
HALF_THERE = ("torchvision", "torch_fidelity")  # packages, once importing them has failed


class Features(NamedTuple):
    """features (n, d) and logits (n, classes) of n images, as float32 tensors.

    standard -- whether they are of the size that KID's kernel was chosen for, that of Inception's
    """

    features: torch.Tensor
    logits: torch.Tensor
    standard: bool = False

    def __len__(self):
        return len(self.features)


class Extractor(NamedTuple):
    """`look(images)` -> (features, logits) of uint8 (n, channels, height, width), as arrays.

    about -- what else is written beside a score that it gave: {name: plain value}
    """

    name: str
    sha256: str
    resizer: str
    look: Callable
    about: dict
    standard: bool = False

    def of(self, images):
        """The `Features` of uint8 images."""
        found = [self.look(images[n : n + CHUNK]) for n in range(0, len(images), CHUNK)]
        parts = (np.concatenate(part) for part in zip(*found, strict=True))
        parts = [torch.as_tensor(part, dtype=torch.float32) for part in parts]
        return Features(*parts, standard=self.standard)


class Kind(NamedTuple):
    """One row: `build(path, labelled, folder, of) -> Extractor`.

    path     -- what stood behind the colon, or ""
    labelled -- () -> (uint8 images, labels) of the run's training images
    folder   -- where what was trained may be kept
    of       -- what set those images are of, in words
    """

    build: Callable
    doc: str


def hashed(path):
    """The sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def extractor(named, labelled, folder, of="") -> Extractor:
    """The extractor of a name or NAME:PATH; raises `DataError`."""
    name, _, path = named.partition(":")
    if name not in EXTRACTORS:
        raise DataError(f"features {named!r} are unknown; {nearest(name, EXTRACTORS)}")
    return EXTRACTORS[name].build(path, labelled, Path(folder), of)


def _classifier(path, labelled, folder, of):
    kept = Path(path) if path else folder / "classifier.safetensors"
    if path and not kept.is_file():
        raise DataError(f"classifier:{path}: there is no such file")
    found = classifier.load(kept) if kept.is_file() else None
    if found is None or not path and found.of != of:  # one of another set would say little of this
        kept.parent.mkdir(parents=True, exist_ok=True)
        classifier.save(kept, classifier.trained(*labelled(), of=of))
        found = classifier.load(kept)
    about = {"accuracy": found.accuracy, "trained_on": found.trained}
    return Extractor("classifier", hashed(kept), "none", found.look, about)


INCEPTION = "TOYLAB_INCEPTION"  # the environment variable that may hold the weights' path
WEIGHTS = "pt_inception-2015-12-05, the weights that torch-fidelity and pytorch-fid publish"


def _imported():
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    return FeatureExtractorInceptionV3


def _torch_fidelity():
    """torch-fidelity's Inception. It imports torchvision, of which it needs no operator.

    Beside a torch for processors alone pip's torchvision lacks two that it looks for as it is
    imported: they are declared then, so that it can be.
    """
    try:
        return _imported()
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] in HALF_THERE]:
        del sys.modules[name]
    _declared("nms", "qnms")
    return _imported()


@cache
def _declared(*names):
    """A library of operators of torchvision's by name alone; they last as long as it does."""
    library = torch.library.Library("torchvision", "DEF")
    for name in names:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def _inception(path, labelled, folder, of) -> Extractor:
    (fetched,) = download.kept("inception", data.root())
    path = path or os.environ.get(INCEPTION, "") or (str(fetched) if fetched.is_file() else "")
    if not path or not Path(path).is_file():
        raise DataError(
            f"inception needs its weights ({WEIGHTS}): no package has them; name the file with "
            f"inception:PATH or ${INCEPTION}, or have it fetched with --download-inception"
            + (f", got {path}" if path else "")
        )
    try:
        built = _torch_fidelity()
    except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises the second
        raise DataError(
            "inception needs torch-fidelity and the torchvision of this torch: "
            f"pip install 'toylab[inception]' ({error})"
        ) from error
    try:
        numbers = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file makes the reader raise
        raise DataError(f"{path}: not a file of weights alone, refused") from error
    with tempfile.TemporaryDirectory() as own:
        # Its reader would unpickle anything: it gets what was read safely, in a file of our own.
        safe = Path(own) / "inception.pth"
        torch.save(numbers, safe)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        network: Any = built(
            "inception-v3-compat",
            ["2048", "logits_unbiased"],
            feature_extractor_weights_path=str(safe),
        ).to(device)

    def look(images):
        colour = images if images.shape[1] == 3 else images.repeat(3, 1)
        with torch.no_grad():
            found = network(torch.from_numpy(np.ascontiguousarray(colour)).to(device))
        return tuple(part.float().cpu().numpy() for part in found)

    resizer = "bilinear to 299×299, as TensorFlow 1 does it"
    about = {}
    with suppress(PackageNotFoundError):  # it may lie there without having been installed
        about["torch-fidelity"] = version("torch-fidelity")
    return Extractor("inception", hashed(path), resizer, look, about, True)


EXTRACTORS = Table(
    "features",
    {
        "classifier": Kind(_classifier, "A perceptron trained on the data set itself."),
        "inception": Kind(_inception, "The Inception of the papers; weights of your own."),
    },
)
