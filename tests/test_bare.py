"""What every page of the server has in common must cost no other page anything."""

import gc
import weakref

import holoviews as hv
import panel as pn
from bokeh.document import Document
from bokeh.models import CDSView, GlyphRenderer, Selection
from panel.io.state import set_curdoc

from toylab.ui import bare, figures
from toylab.ui.arena import _finished
from toylab.ui.lab import Lab


def test_a_page_does_not_follow_whether_the_server_is_busy_with_another():
    page, told = bare.page("title", pn.pane.Str("text")), []
    page.param.watch(told.append, "busy")
    pn.state._add_busy_event("somebody's")
    try:
        assert pn.state.busy and not page.busy and told == []
    finally:
        pn.state._remove_busy_event("somebody's")


def test_a_page_that_is_gone_is_not_remembered_by_the_server():
    """Panel's state outlives every page, so whatever a page leaves there stays for ever."""
    kept = [weakref.ref(bare.page("title", pn.pane.Str("text"))) for _ in range(3)]
    gc.collect()
    assert [page() for page in kept] == [None, None, None]


def test_a_browser_has_nothing_to_tell_of_a_figure_s_tools():
    hv.extension("bokeh")
    figure, _ = figures.copy("a figure for a test", _finished)
    assert figure.toolbar.active_drag is None and figure.toolbar.active_scroll is None


def test_the_lab_has_few_models_for_every_message_costs_a_look_at_each():
    """Both ways: Bokeh makes a list of all models for what it sends and for what it hears."""
    hv.extension("bokeh")
    doc = Document()
    with set_curdoc(doc):
        Lab(doc, {}).view().server_doc(doc)
    models = list(doc.models)
    assert len(models) < 230
    sources = {model.data_source for model in models if isinstance(model, GlyphRenderer)}
    views = [model for model in models if isinstance(model, CDSView)]
    assert len(views) == len(sources), "renderers of one source share its view"
    assert sum(isinstance(model, Selection) for model in models) < 12, "nothing is ever selected"
