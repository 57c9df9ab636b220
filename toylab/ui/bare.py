"""A page of one component and nothing else: none of the bars that Panel would put round it."""

import panel as pn
import panel_material_ui as pmui
import param
from bokeh.themes import Theme
from panel.util import edit_readonly

from toylab.ui import theme

# Whose looks are the page's own. Of what a document's theme names the widgets' theme keeps its
# hands off; else it gives them its colours too, and when a page opens in the dark it does so late:
# light again over what the server had made dark, then dark once more.
OURS = Theme(json={"attrs": {"Figure": {}, "Axis": {}, "Grid": {}}})


def page(title, component):
    """The Panel page to serve, in the project's colours."""
    if pn.state.curdoc:
        pn.state.curdoc.theme = OURS
    made = pmui.Page(
        title=title, main=[component], theme_toggle=False, busy_indicator=None,
        theme_config=theme.material(), sx={
            "& .header": {"display": "none"},
            "& .main .MuiToolbar-root": {"display": "none"},
        },
    )  # fmt: skip
    # It follows whether the server is busy, with anybody's page, and each time looks through all of
    # its models: two seconds of every opening, and more with every visitor. Only another reference
    # makes it let go of the server's; a mere value would leave the page known to the server for
    # ever, with all that is on it.
    with edit_readonly(made):
        made.busy = param.rx(False)
    return made
