"""The gallery: every figure's thumbnail; a tap shows its picture, claim, checks and verdict.

Only files are read here: what the figures are and how they are made is on another floor.
"""

import base64
import sys
from pathlib import Path

import panel as pn
import param
from panel.custom import JSComponent

from toylab.figures import results
from toylab.ui import bare, theme
from toylab.ui.assets import script, style
from toylab.ui.visitors import refusal


def beside(arguments=None):
    """Whether this server also serves the lab, so that a figure can be opened in it.

    arguments -- the server's; while a script is served `sys.argv` is that script's own
    """
    arguments = sys.orig_argv if arguments is None else arguments
    return any(Path(argument).name == "lab.py" for argument in arguments)


def card(name, told):
    """What a thumbnail's card says, from a verdict."""
    held = sum(check["holds"] for check in told["checks"])
    return {
        "name": name,
        "title": told["title"],
        "paper": told["paper"],
        "verdict": told["verdict"],
        "checks": f"{held} of {len(told['checks'])} checks hold",
    }


def link(path):
    """A picture's content as an address of its own."""
    kinds = {".png": "image/png", ".svg": "image/svg+xml"}
    held = base64.b64encode(path.read_bytes()).decode()
    return f"data:{kinds[path.suffix]};base64,{held}"


class Gallery(JSComponent):
    """The page. `dark` and `chosen` come from the browser, pictures go there when asked for."""

    css = param.String(theme.stylesheet())
    cards = param.List()
    thumbnails = param.Dict({})
    lab = param.Boolean(doc="whether the lab is served beside it")
    dark = param.Boolean(None, allow_None=True)
    chosen = param.String("", doc="name of the figure that is open")
    shown = param.Dict({}, doc="verdict and pictures of the open figure")
    _esm = "\n".join(script(f"{name}.js") for name in ("pulse", "gallery"))
    _stylesheets = [style("gallery.css")]

    def __init__(self, where=None, **params):
        self.where = Path(where or results.folder())
        self.told = results.verdicts(self.where)
        cards = [card(name, told) for name, told in self.told.items()]
        super().__init__(cards=cards, **params)

    def picture(self, name, small=False):
        """The file of a figure's picture in the page's colours."""
        return self.where / f"{name}{'-small' if small else ''}{'-dark' if self.dark else ''}.png"

    @param.depends("dark", watch=True)
    def _painted(self):
        self.thumbnails = {name: link(self.picture(name, small=True)) for name in self.told}
        self._opened()

    @param.depends("chosen", watch=True)
    def _opened(self):
        if self.chosen not in self.told:
            self.shown = {}
            return
        self.shown = {
            **self.told[self.chosen],
            "picture": link(self.picture(self.chosen)),
            "svg": link(self.where / f"{self.chosen}.svg"),
        }


def gallery():
    """The page of this session, ready to be served."""
    if told := refusal(pn.state.curdoc.session_context.request):
        return pn.pane.Str(told)
    return bare.page("toylab figures", Gallery(lab=beside(), sizing_mode="stretch_both", margin=0))
