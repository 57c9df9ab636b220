"""Export: the generator of a run's moving average as two plain files, without what trained it.

    generator.safetensors   every weight by its number, and every normalisation's statistics
    generator.json          what network they belong to, and where they come from

Nothing in them can run. `loaded` gives back the function from latents to images, in this package;
elsewhere the tensors stand in the order of the layers.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import torch

from toylab import files
from toylab.image import config, grids
from toylab.image.checkpoint import CheckpointError
from toylab.image.moments import holding
from toylab.image.networks import FAMILIES
from toylab.image.pixels import SCALINGS
from toylab.image.precision import arranged
from toylab.image.scoring import versions
from toylab.makings import LATENTS
from toylab.networks import Network
from toylab.randomness import Keys

FORMAT = "toylab-generator-1"


def write(run, folder):
    """Writes both files of a run (folder, config, setup, state); returns their paths."""
    from safetensors.torch import save

    source, made, setup, state = run
    network, vector = setup.networks.generator, state.average
    tensors = {
        f"weight.{number:03d}": part.clone()
        for number, part in enumerate(network.layout.unpack(vector))
    }
    for number, moments in enumerate(grids.statistics(setup, vector)):
        for name, tensor in zip(("mean", "variance"), moments, strict=True):
            tensors[f"norm.{number:03d}.{name}"] = tensor
    content = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
    about = {
        "format": FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        "config": config.dump(made),
        "shape": list(setup.sources[0].shape),
        "run": source.name,
        "step": state.step,
        "data": made.settings.data,
        "norms": f"statistics of {grids.CALIBRATION} fakes",
        "versions": versions(),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "generator.safetensors", folder / "generator.json"
    files.write(paths[0], content)
    files.write(paths[1], json.dumps(about, indent=1).encode() + b"\n")
    return paths


class Generator(NamedTuple):
    """An exported generator: `network` with its statistics held, its `vector`, its latent law."""

    network: Network
    vector: torch.Tensor
    latent: object
    scaling: str

    def images(self, n, seed=0, lines=False):
        """uint8 (n, channels, height, width): what ``sample`` makes of the run, image by image."""
        keys = Keys(seed, "sample")
        points = grids.on_lines(self.latent, n, keys) if lines else self.latent.sample(n, keys)
        points = torch.from_numpy(points).to(self.vector)
        with torch.no_grad():
            parts = [self.network.apply(self.vector, x).value for x in points.split(grids.CHUNK)]
        return SCALINGS[self.scaling].pixels(torch.cat(parts).numpy())


def loaded(folder):
    """The `Generator` in a folder; raises `CheckpointError` where it is none, or not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    folder = Path(folder)
    try:
        about = json.loads((folder / "generator.json").read_text())
        content = (folder / "generator.safetensors").read_bytes()
        if about["format"] != FORMAT:
            raise CheckpointError(f"{folder}: is not of form {FORMAT}")
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise CheckpointError(f"{folder}: damaged: its sha256 is not the one in its JSON")
        tensors = load(content)
        return _built(about, tensors)
    except CheckpointError:
        raise
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: holds no exported generator ({error})") from error


def _built(about, tensors):
    """The `Generator` of a JSON and its tensors, whose shapes must be the network's."""
    made = config.build(about["run"], config.parse(about["config"], about["run"]))
    e, settings = made.experiment, made.settings
    network = FAMILIES[settings.network].build(tuple(about["shape"]), e, settings).generator
    network = arranged(network, settings, "cpu")
    parts = [tensors[name] for name in sorted(tensors) if name.startswith("weight.")]
    shapes = [tuple(part.shape) for part in parts]
    if shapes != list(network.layout.shapes):
        raise CheckpointError(f"its tensors {shapes} are not those of {settings.network}")
    held = sorted(name.removesuffix(".mean") for name in tensors if name.endswith(".mean"))
    moments = [(tensors[f"{name}.mean"], tensors[f"{name}.variance"]) for name in held]
    vector = torch.zeros(network.size, dtype=parts[0].dtype)
    for place, part in zip(network.layout.unpack(vector), parts, strict=True):
        place.copy_(part)
    return Generator(
        holding(network, moments), vector, LATENTS[e.latent_law](e.latent), settings.scaling
    )
