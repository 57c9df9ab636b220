"""Native code: an artefact as a function of tensors, by whoever has not built it.

Nothing here traces or compiles, and nothing that could is imported, so that an artefact is loaded
in milliseconds.
"""

import functools
import os
import tempfile

import torch

from toylab import artefacts

HELD = 32  # artefacts that stay loaded


@torch.library.custom_op("toylab::onednn", mutates_args=())
def onednn(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a (m, k) @ b (k, n) by oneDNN, which on some processors is twice as fast as MKL."""
    return torch.ops.mkldnn._linear_pointwise(a, b.mT, None, "none", [], "")


@onednn.register_fake
def _(a, b):
    return a.new_empty(a.shape[0], b.shape[1])


@functools.lru_cache(HELD)
def load(path):
    """The artefact as a function of the list of tensors that it reads.

    What torch offers for this imports its compiler, which takes a second, to do no more than this.
    What the loader unpacks it leaves lying where temporary files go: here that is a folder which is
    removed once the code is in memory.
    """
    single_threaded, runners, device = True, 1, -1
    usual = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix=artefacts.BUILDING, dir=artefacts.folder()) as scratch:
        os.environ["TMPDIR"] = scratch
        try:
            loader = torch._C._aoti.AOTIModelPackageLoader(
                str(path), "model", single_threaded, runners, device
            )
        finally:
            del os.environ["TMPDIR"]
            if usual is not None:
                os.environ["TMPDIR"] = usual
    return loader.boxed_run


def runner(boxed, reads, plan):
    """run(all the step's tensors) -> all its results.

    reads -- places among the step's tensors of those that the artefact reads
    plan  -- where each of the step's results comes from: ("input" or "output", place)
    """

    def run(tensors):
        made = boxed([tensors[place] for place in reads])
        return [made[at] if kind == "output" else tensors[at] for kind, at in plan]

    return run


def keep(key, name, reads, plan):
    """Notes that the artefact of that name belongs to the step of that key."""
    artefacts.note(key, {"name": name, "reads": reads, "plan": plan})


def kept(key):
    """The step of that key as `runner` gives it, or None where its artefact is not there."""
    told = artefacts.noted(key)
    path = told and artefacts.find(told["name"])
    return path and runner(load(path), told["reads"], told["plan"])
