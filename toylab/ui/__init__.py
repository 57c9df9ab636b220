"""The page: Panel around, HoloViews once, Bokeh per picture. Nothing here may import torch.

`Lab`, the page in a notebook, is resolved when it is first used: the served app has no need of it.
"""

import importlib

__all__ = ["Lab"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"toylab.ui has no {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module("toylab.ui.notebook"), name)
