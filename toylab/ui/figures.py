"""Figures are composed by HoloViews once a process; every page gets a copy of its own.

Composing takes HoloViews some 0.1 s for a chart and 0.3 s for the arena; reading the finished
models back takes a tenth of it.
"""

import itertools
import json
import re

import holoviews as hv
from bokeh.core.serialization import Deserializer, Serializer
from bokeh.models import (
    AllIndices,
    AllLabels,
    Axis,
    GlyphRenderer,
    Legend,
    LinearScale,
    Selection,
    UnionRenderers,
)

_PATTERNS = {}  # name -> the finished figure as Bokeh's own JSON
_COPIES = itertools.count(1)


def plotted(overlay):
    """(figure, handles of each element, in order) of an overlay, drawn on the canvas."""
    renderer = hv.renderer("bokeh")
    renderer.webgl = False  # under software GL four times slower than the canvas
    plot = renderer.get_plot(overlay)
    # None of them, instead of "auto": the browser would answer what it chose, and with each answer
    # Bokeh looks through all models of the page.
    plot.state.toolbar.update(active_drag=None, active_scroll=None)
    return plot.state, [sub.handles for sub in plot.subplots.values()]


def lean(figure):
    """The figure without models that say nothing, as it is before anybody copies it.

    Every message of a page costs Bokeh a look at each of the page's models, in both directions, so
    what has no state of its own here (nothing is selected, filtered or left out) stands once.
    """
    union, every, labels, nothing = UnionRenderers(), AllIndices(), AllLabels(), Selection()
    views = {}  # of a source; renderers of one source leave out the same rows
    for renderer in figure.select(GlyphRenderer):
        source = renderer.data_source
        renderer.view = views.setdefault(source, renderer.view)
        renderer.view.filter = every
        source.selection_policy = union
        source.set_from_json("selected", nothing)  # read-only to everybody else
    for axis in figure.select(Axis):
        axis.major_label_policy = labels
    figure.title = None
    figure.x_scale = figure.y_scale = LinearScale()  # each direction clones it
    if not any(axis.visible for axis in figure.select(Axis)):
        figure.update(left=[], below=[], center=[])
    figure.center = [each for each in figure.center if not isinstance(each, Legend)]
    return figure


def copy(name, compose):
    """(figure, {name: model}) of a pattern that `compose()` made when it was first asked for."""
    if name not in _PATTERNS:
        made = Serializer(deferred=False).encode(lean(compose()))
        _PATTERNS[name] = json.dumps(made)
    # Models carry their ids into the copy; two copies on one page must not share them.
    prefix = f"copy{next(_COPIES)}-"
    text = re.sub(r'("id": ?")', rf"\g<1>{prefix}", _PATTERNS[name])
    figure = Deserializer([]).decode(json.loads(text))
    return figure, {model.name: model for model in figure.references() if model.name}
