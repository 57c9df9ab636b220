"""What a lane tells its page about its run, as (header, arrays) of `toylab.engine.protocol`."""

import numpy as np
import torch

from toylab import probes, space
from toylab.engine.protocol import finite
from toylab.engine.reading import writable, written_log
from toylab.engine.run import replayed
from toylab.experiment import Experiment
from toylab.frames import MEASURED, latents, real_points, real_space
from toylab.layers import shades
from toylab.metrics import radii
from toylab.randomness import Keys
from toylab.script import script
from toylab.states import flatten
from toylab.trainer import Setup


def opened(lane):
    """Everything that a page must know of a run that is new to it."""
    run, networks = lane.run, lane.run.setup.networks
    header = {
        "say": "opened",
        **changes(lane),
        "look": run.pictures.chosen.told(),
        "stops": lane.stops.rules,
        "data": data(run),
        "sizes": {"generator": networks.generator.count, "critic": networks.critic.count},
        "playing": lane.playing,
        "pace": lane.pace.steps,
    }
    return header, data_arrays(run)


def changes(lane):
    """The settings that hold, the log that led to them, and what can be taken or brought back."""
    return {
        "settings": writable(lane.run.settings),
        "changes": written_log(lane.run.log),
        "undo": bool(lane.history.done),
        "redo": bool(lane.history.undone),
        "step": lane.run.state.step,
    }


def words(past, changes):
    """`Penalty weight λ 1 → 10 at step 980`."""
    made = [
        f"{Experiment.param[name].label} {_text(past.settings.get(name))} → {_text(value)}"
        for name, value in changes.items()
    ]
    return f"{', '.join(made)} at step {past.state.step:,}"


def _text(value):
    """A setting in a sentence."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def data(run):
    """What the page shows of the data: title, clusters and window, in window coordinates."""
    card, view, clusters = run.experiment.card, run.pictures.view, run.pictures.clusters
    centres = [] if clusters is None else view.flat(clusters.centres).round(5).tolist()
    return {
        "name": card.name,
        "title": card.title,
        "dimension": card.dimension,
        "centres": centres,
        "radii": [] if clusters is None else radii(clusters).round(5).tolist(),
        "numbers": run.setup.numbers,
        "window": {"extent": view.extent},
        "space": space.about(card, view, **run.setup.numbers),
    }


def data_arrays(run):
    """The real points, the latents of the shown fakes, and what lies in space."""
    setup, view = run.setup, run.pictures.view
    arrays = {"real": real_points(setup, view), "latent": latents(run.pictures)}
    in_space = real_space(setup, view)
    return arrays if in_space is None else {**arrays, "real3": in_space}


def frame(run, state, layers, fast, recorded, **more):
    """A picture of any state of the run; `fast` allows a coarser one. `more` goes with it."""
    made = run.pictures.frame(state, layers, exact=not fast, recorded=recorded)
    scalars = {
        name: finite(value) if isinstance(value, float) else value
        for name, value in made.scalars.items()
    }
    header = {"say": "frame", "step": state.step, "layers": list(layers), "recorded": recorded}
    header |= more
    return {**header, "scalars": scalars}, {**made.arrays, **_shades(made)}


def _shades(made):
    """The surface as the 256 shades in which it is drawn: a quarter of the bytes."""
    if "surface" not in made.arrays:
        return {}
    limits = made.scalars["surface_low"], made.scalars["surface_high"]
    return {"surface": shades(made.arrays["surface"], *limits)}


def kept(lane):
    """Everything from which this run can go on in another process, bit for bit."""
    run = lane.run
    header = {
        "say": "kept",
        "settings": writable(run.settings),
        "first": writable(run.first),
        "changes": written_log(run.log),
        "routes": run.routes,
        "look": run.pictures.chosen.told(),
        "stops": lane.stops.rules,
        "playing": lane.playing,
        "pace": lane.pace.steps,
        "pending": [list(turn) for turn in lane.turns],
        "back": lane.back,
        "step": run.state.step,
    }
    arrays = {name: tensor.numpy() for name, tensor in flatten(run.state).items()}
    return header, {name: array.astype(_dtype(array)) for name, array in arrays.items()}


def exported(run, own=None, state=None):
    """The run as a script, and as many points as the numbers on the page are measured with.

    own -- the user's file that the script must run first, where the run uses its rows
    state -- a recorded one; then everything is as it was at its step
    """
    log, settings, setup = run.log, run.settings, run.setup
    if state is None:
        state = run.upcoming
    else:
        log = [entry for entry in log if entry[0] < state.step]
        settings = replayed(run.first, log)
        setup = Setup(Experiment(**settings))
    measured = run.pictures.measured
    generator, _ = probes.effective(setup, state)
    real = setup.sources[0]
    count = min(MEASURED, len(getattr(real, "points", range(MEASURED))))
    with torch.no_grad():
        fakes = generator(measured)
    header = {
        "say": "exported",
        "script": script(run.first, log, state.step, own, run.routes),
        "settings": writable(settings),
        "changes": written_log(log),
        "step": state.step,
    }
    arrays = {
        "real": real.sample(count, Keys(run.experiment.seed, "export")),
        "fake": fakes.numpy(),
        "latent": measured.numpy(),
    }
    return header, {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def _dtype(array):
    """Steps and counts travel as int32, numbers as float32, which is what the engine trains in."""
    return "int32" if array.dtype.kind == "i" else "float32"
