"""toylab: the laboratory where people learn to see what happens inside a GAN.

The public names are resolved when they are first used (PEP 562): importing the package pulls in
neither torch nor panel, so the web process stays small.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Experiment": "experiment",
    "train": "trainer",
    "losses": "trainer",
    "sample": "trainer",
    "clusters": "data",
    "Setup": "trainer",
    "State": "trainer",
    "OBJECTIVES": "objectives",
    "PENALTIES": "penalties",
    "CONSTRAINTS": "constraints",
    "RULES": "rules",
    "OPTIMIZERS": "optimizers",
    "schedules": None,
    "cards": None,
    "metrics": None,
    "probes": None,
    "games": None,
    "own": None,
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"toylab has no {name!r}; it has {', '.join(__all__)}")
    home = _HOMES[name]
    if home is None:
        return importlib.import_module(f"toylab.{name}")
    return getattr(importlib.import_module(f"toylab.{home}"), name)


def __dir__():
    return [*globals(), *__all__]
