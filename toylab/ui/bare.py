"""A page of one component and nothing else: none of the bars that Panel would put round it."""

import panel_material_ui as pmui
import param
from panel.util import edit_readonly

from toylab.ui import theme


def page(title, component):
    """The Panel page to serve, in the project's colours."""
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
