"""The lab: one page, its parts, and who hears what a hand does and what the engine says."""

import asyncio
import itertools
import json

import holoviews as hv
import panel as pn
import param
from panel.custom import Child, Children, JSComponent

from toylab.engine import client
from toylab.ui import bare, legend, marks, measures, theme
from toylab.ui.assets import script, style
from toylab.ui.beat import Beat
from toylab.ui.charts import Charts
from toylab.ui.drawer import Settings
from toylab.ui.first import stored
from toylab.ui.legend import Layers
from toylab.ui.look import Look
from toylab.ui.opening import Opening
from toylab.ui.phases import Phases
from toylab.ui.phrases import past
from toylab.ui.recall import Recall
from toylab.ui.run import Run
from toylab.ui.session import Link
from toylab.ui.share import Share
from toylab.ui.space import Space
from toylab.ui.speed import Speed
from toylab.ui.stops import Stops
from toylab.ui.transport import Transport
from toylab.ui.undo import Undo
from toylab.ui.visitors import refusal

SCRIPTS = (  # page.js last: it calls the others
    *("parcel", "overlay", "rings", "hand", "probes", "individuals", "inset", "choices"),
    *("pulse", "keys", "menus", "transport", "stops", "strip", "ghosts", "phases"),
    *("legend", "charts", "cursor", "health", "rail", "space"),
    *("picture", "share", "paper", "dialogs", "drawer", "search"),
    "page",
)
STYLES = (
    *("page", "menus", "transport", "strip", "phases", "keys"),
    *("legend", "arena", "rail", "health", "space", "share"),
    *("dialogs", "drawer", "search"),
)
# What comes from the browser without a hand, and what a hand does that ends nothing.
NO_HAND = ("dismiss", "set", "lift", "still", "visit", "try", "put_back", "export", "cards")
NO_HAND += ("show", "hold", "release")
LOOKS = ("layer", "look", "card", "alone", "lasso", "arrows", "levels", "fit", "probe")


class Shell(JSComponent):
    """The grid of the page's parts; `page.js` lays them out and carries the beat."""

    css = param.String(theme.stylesheet())
    rows = param.List([layer._asdict() for layer in legend.LAYERS])
    marks = param.Dict(marks.over())
    controls, arena = Child(), Child()
    cards = param.List(measures.told())
    charts = Children()
    _esm = "\n".join(script(f"{name}.js") for name in SCRIPTS)
    _stylesheets = [style(*(f"{name}.css" for name in STYLES))]


class Lab:
    """One lane on one page. Everything it knows of the run came from the engine."""

    def __init__(self, doc, query):
        self.doc, self.query = doc, query
        self.beat = Beat(name="beat")
        self.link = Link(self, self.beat, doc)
        self.notices, self.numbers = [], itertools.count()
        self.patient = []  # what a hand did before there was a run
        self.waiting = "The engine is starting…"
        self.run = Run(self)
        self.space = Space(self)
        self.layers = Layers(self)
        self.look = Look(self)
        self.charts = Charts(self)
        self.settings = Settings(self)
        self.transport, self.phases = Transport(self), Phases(self)
        self.recall, self.stops = Recall(self), Stops(self)
        self.speed = Speed(self)
        self.opening, self.undo = Opening(self), Undo(self)
        self.share = Share(self)
        self.parts = (
            *(self.run, self.space, self.phases, self.layers, self.look),
            *(self.charts.moment, self.charts, self.settings, self.transport, self.recall),
            *(self.stops, self.opening, self.undo, self.share, self.speed),
        )
        arena = self.layers.arena
        arena.figure.tags = [self.beat, arena.parcel, arena.latent, self.share.handout]
        with self.link.held():
            self.restyle()
        self.say_state()
        # All by one way, or a change could overtake another that was made before it.
        tell = self.link.tell
        self.beat.on_change("command", lambda attr, old, new: tell(self.command, json.loads(new)))
        self.beat.on_change("dark", lambda attr, old, new: tell(self.restyled))
        self.beat.on_change("pixels", lambda attr, old, new: tell(self.layers.resized))

    def view(self):
        """The Panel object to serve."""
        shell = Shell(
            controls=self.settings.home,
            arena=pn.pane.Bokeh(self.layers.arena.figure, margin=0),
            sizing_mode="stretch_both",
            margin=0,
            charts=[pn.pane.Bokeh(slot.figure, margin=0) for slot in self.charts.slots],
        )
        return bare.page("toylab", shell)

    # ---------------------------------------------------------------- the engine speaks

    def begin(self, schema):
        """The engine is there: its schema, then the run that the address asks for."""
        self.settings.build(schema)
        self.share.begin(schema)
        self.transport.begin()
        self.speed.begin()
        self.opening.begin()
        self.run.open(schema)

    def heard(self, say, header, arrays):
        """Any message of the engine but a picture: to every part that has an ear for it."""
        for part in self.parts:
            ear = getattr(part, f"hear_{say}", None)
            if ear is None and say == "undone":  # what was opened once is there again
                ear = getattr(part, "hear_opened", None)
            if ear is not None:
                ear(header, arrays)
        self.say_state()
        if self.run.ready:
            patient, self.patient = self.patient, []
            for told in patient:
                self.command(told)

    def expect(self):
        """The usual run's first picture, kept from before, while the engine starts."""
        (opened, real), (header, arrays) = stored()
        self.run.data, self.waiting = opened["data"], None
        self.layers.hear_opened(opened, real)
        header = {key: value for key, value in header.items() if key != "say"}
        self.link.shown(self.frame(header, arrays))
        self.say_state()

    def wanted(self, recorded=False):
        """The layers to ask the engine for, each once: of the parts that will see the picture."""
        past = self.recall.on and not recorded
        asking = [p for p in self.parts if not (recorded if p.follows_run else past)]
        return list(dict.fromkeys(layer for part in asking for layer in part.wanted()))

    def frame(self, header, arrays):
        """A picture: the newest of the run, or the recorded one that somebody looks at.

        Returns the words that belong to it if it is the one to be shown, else None.
        """
        recorded, words = header["recorded"], {}
        if recorded:
            self.recall.came(header["step"])
        else:
            self.run.step, self.run.scalars = header["step"], header["scalars"]
        shown = recorded == self.recall.on
        for part in self.parts:
            if (not recorded) if part.follows_run else shown:
                words |= part.frame(header, arrays)
        if recorded and shown:
            words["caption"] = past(header["step"], words["caption"])
        if recorded:
            self.say_state()
        return words if shown else None

    def seen(self):
        for part in self.parts:
            part.seen()
        self.say_state()

    # ---------------------------------------------------------------- a hand speaks

    def command(self, told):
        """What a hand did in the browser; an unknown command is nobody's."""
        if not self.run.ready and told.get("do") != "dismiss":
            self.patient = [*self.patient[-9:], told]
            return
        for part in (self, *self.parts):
            if act := getattr(part, f"do_{told.get('do')}", None):
                self.stops.touch()
                if told["do"] in LOOKS:
                    self.opening.settle()
                elif told["do"] not in NO_HAND:
                    self.transport.settle()
                act(told)
                self.say_state()
                return

    def do_dismiss(self, told):
        self.notices = [n for n in self.notices if n["id"] != told.get("id")]

    # ---------------------------------------------------------------- what is shown

    def notice(self, text, kind="warning", action=None):
        """A line over the caption; `action`, a command with its label, is a button in it.

        Three at most, but what is wrong with the address stays until somebody dismisses it.
        """
        told = {"id": next(self.numbers), "kind": kind, "text": text, "action": action}
        gone = {n["id"] for n in [n for n in self.notices if n["kind"] != "address"][:-2]}
        self.notices = [*(n for n in self.notices if n["id"] not in gone), told]

    def withdraw(self, kind):
        """What was said is no longer so."""
        self.notices = [n for n in self.notices if n["kind"] != kind]

    def forgive(self):
        """What was wrong has been answered by another try."""
        self.withdraw("bad")

    def restyle(self):
        for part in self.parts:
            part.style(self.beat.dark)

    def restyled(self):
        """The other theme."""
        self.restyle()
        self.say_state()

    def say_state(self):
        state = {"dark": self.beat.dark, "notices": self.notices, "waiting": self.waiting}
        for part in self.parts:
            state |= part.state()
        self.beat.state = json.dumps(state)


def opened(query):
    """The page of this session with the run that a query asks for.

    Where the engine runs already the run is opened before the browser has the page, so that its
    first picture is part of it.
    """
    hv.extension("bokeh")
    made = Lab(pn.state.curdoc, query)
    engine = client.running()
    if engine is not None:
        made.link.open(engine)
    elif set(query) <= {"play"}:
        made.expect()
    asyncio.ensure_future(made.link.start())
    pn.state.onload(made.link.loaded)
    pn.state.on_session_destroyed(lambda context: made.link.close())
    return made


def lab():
    """The page of this session, ready to be served."""
    if told := refusal(pn.state.curdoc.session_context.request):
        return pn.pane.Str(told)
    told = pn.state.session_args.items()
    query = {name: values[-1].decode(errors="replace") for name, values in told}
    return opened(query).view()
