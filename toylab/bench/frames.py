"""frames: what one picture costs the engine, by network and layers."""

import torch

from toylab.bench.measure import alone
from toylab.bench.steps import experiment
from toylab.engine.protocol import LAYERS, encode
from toylab.frames import Pictures
from toylab.trainer import Setup, train

SETS = {
    "default layers": ("fake", "surface", "force"),
    "with arrows and density": ("fake", "surface", "field", "force", "density"),
    "all layers": LAYERS,
}


def rows(quick=False):
    """Rows of this suite, one after the other."""
    torch.set_num_threads(1)
    for size in ("64x2x64",) if quick else ("64x2x64", "128x3x256"):
        setup = Setup(experiment(size, "0-gp"))
        pictures = Pictures(setup)
        *_, state = train(setup.experiment, steps=200, setup=setup)
        for words, layers in SETS.items():
            for exact in (False, True):
                made = [pictures.frame(state, layers, exact) for _ in range(10 if quick else 40)]
                how = "exact 128²" if exact else "64² drawn as 128²"
                case = f"{size} {words}, {how}"
                seconds = [1e3 * frame.scalars["seconds"] for frame in made]
                yield alone("frames", case, seconds, "ms of engine CPU")
        arrays = made[-1].arrays
        shades = {"surface": (255 * arrays["surface"]).astype("uint8")}  # as the engine sends it
        kilobytes = len(encode(made[-1].scalars, arrays | shades)) / 1e3
        yield alone("frames", f"{size} all layers, on the pipe", [kilobytes], "kB")
