"""What every page of the server has in common must cost no other page anything."""

import gc
import weakref

import holoviews as hv
import panel as pn

from toylab.ui import bare, figures
from toylab.ui.arena import _finished


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
