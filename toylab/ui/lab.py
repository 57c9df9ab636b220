"""The lab: one page, its parts, and what a hand's commands and the engine's answers do to them."""

import asyncio
import itertools
import json
import random

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import Child, JSComponent

from toylab.ui import legend, theme, transport
from toylab.ui.arena import Arena
from toylab.ui.arrows import PUSH
from toylab.ui.assets import script, style
from toylab.ui.beat import Beat
from toylab.ui.charts import Charts
from toylab.ui.controls import Controls
from toylab.ui.phrases import caption, change, readings, spoken
from toylab.ui.session import Link, warm
from toylab.ui.settings import from_address

FIRST_PACE = 5.0  # steps a second for the first second: one sees a blob and arrows
RISE = ((1.0, 12.0), (0.5, 30.0), (0.5, 80.0), (0.5, 0.0))  # then (seconds, pace) up to full speed


class Shell(JSComponent):
    """The grid of the page's parts; `page.js` lays them out and carries the beat."""

    css = param.String(theme.stylesheet())
    layers = param.List(list(legend.NAMES))
    transport, legend, controls, arena = Child(), Child(), Child(), Child()
    clusters, losses, says = Child(), Child(), Child()
    _esm = script("parcel.js") + script("page.js")
    _stylesheets = [style("page.css")]


class Lab:
    """One lane on one page. Everything it knows of the run came from the engine."""

    def __init__(self, doc, query):
        self.doc, self.query = doc, query
        self.beat = Beat(name="beat")
        self.arena, self.charts = Arena(), Charts()
        self.arena.figure.tags = [self.beat, self.arena.parcel]
        self.arena.on = {layer.name for layer in legend.LAYERS if layer.shown}
        self.link = Link(self, self.beat, doc)
        self.controls = None
        self.ready = False
        self.accepted, self.staged = {}, {}
        self.step, self.scalars = 0, {}
        self.notices, self.numbers = [], itertools.count()
        self.waiting = "The engine is starting…"
        self.rise = None
        self.home = pn.Column(sizing_mode="stretch_width", margin=0)
        self.restyle()
        self.say_state()
        self.beat.on_change("command", lambda attr, old, new: self.command(json.loads(new)))
        self.beat.on_change("dark", lambda attr, old, new: (self.restyle(), self.say_state()))
        self.beat.on_change("pixels", lambda attr, old, new: self._resized())

    def view(self):
        """The Panel object to serve."""
        figures = {
            name: pn.pane.Bokeh(c.figure, margin=0) for name, c in self.charts.charts.items()
        }
        shell = Shell(
            transport=transport.Transport(margin=0),
            legend=legend.Layers(margin=0),
            controls=self.home,
            arena=pn.pane.Bokeh(self.arena.figure, margin=0),
            sizing_mode="stretch_both",
            margin=0,
            **figures,
        )
        return pmui.Page(
            title="toylab", main=[shell], theme_toggle=False, busy_indicator=None,
            theme_config=theme.material(), sx={
                "& .header": {"display": "none"},
                "& .main .MuiToolbar-root": {"display": "none"},
            },
        )  # fmt: skip

    def start(self):
        asyncio.ensure_future(self.link.start())

    # ---------------------------------------------------------------- the engine speaks

    def schema(self, schema):
        self.controls = Controls(schema, self.beat, self.touched)
        self.home.objects = [self.controls.view]
        self.opening, complaints = from_address(schema, self.query)
        for text in complaints:
            self.notice(text)

    def begin(self):
        """Opens the run that the address asks for; it plays unless the address says otherwise."""
        playing = self.query.get("play", "1") != "0"
        pace = self.query.get("pace")
        gentle = playing and pace is None
        try:
            self.link.pace = float(pace) if pace else (FIRST_PACE if gentle else 0.0)
        except ValueError:
            self.notice(f"pace={pace} is not a number; as fast as it can.")
            self.link.pace, gentle = 0.0, False
        self.link.playing = playing
        self.link.send("open", settings=self.opening, playing=playing, pace=self.link.pace)
        if gentle:
            self.rise = asyncio.ensure_future(self._rise())

    async def _rise(self):
        """From slow to full speed within three seconds, unless a hand touched something."""
        await asyncio.sleep(1.0)
        for seconds, pace in RISE:
            self.link._tell(self.set_pace, pace)
            await asyncio.sleep(seconds)
        self.rise = None

    def opened(self, header, arrays):
        self.ready, self.waiting = True, None
        self.accepted, self.staged = dict(header["settings"]), {}
        self.step = header.get("step", 0)
        self.data, self.sizes = header["data"], header["sizes"]
        self.arena.open(header, arrays["real"])
        if header.get("continued"):
            self.notice(f"The engine had stopped; the run went on from step {self.step:,}.")
        else:
            self.charts.clear()
        self.controls.accept(self.accepted)
        self.controls.sizes.object = (
            f"Generator {self.sizes['generator']:,} numbers, critic {self.sizes['critic']:,}"
        )
        self.say_state()

    def changed(self, header, arrays):
        self.accepted.update(header.get("settings") or header["changes"])
        if "data" in header and "real" in arrays:
            self.data = header["data"]
            self.arena.data(header, arrays["real"])
        self.controls.accept({**self.accepted, **self.staged})
        self.charts.mark(header["step"], change(self.controls.fields, header))
        self.say_state()

    def frame(self, header, arrays):
        self.step, self.scalars = header["step"], header["scalars"]
        self.arena.show(self.scalars, arrays)
        self.charts.add(self.step, self.scalars, self.link.slow)
        words = {
            "step": self.step,
            "recorded": header["recorded"],
            "steps_rate": readings.rate(self.scalars.get("steps_per_second"), "steps/s"),
            "pictures_rate": readings.rate(self.link.rate, "pictures/s"),
            "caption": caption(self.scalars),
            "spoken": spoken(self.step, self.scalars),
            "bar": legend.bar(self.scalars),
            "arrows": legend.arrow_scale(self.arena.scales, PUSH),
            "outside": self.scalars.get("outside", 0),
            **readings.of(self.scalars),
        }
        self.beat.words = json.dumps(words)

    def refused(self, text):
        self.notice(text, "bad")
        if self.controls and self.accepted:
            self.controls.accept({**self.accepted, **self.staged}, force=True)
        elif self.controls:
            # The address asked for something impossible: open the ordinary run instead.
            self.opening = {}
            self.link.send("open", settings={}, playing=self.link.playing, pace=self.link.pace)
        self.say_state()

    def failed(self, text):
        self.link.playing, self.link.asked = False, 0
        self.notice(f"The run has stopped: {text}", "bad")
        self.say_state()

    def lost(self, text, again=False):
        """The engine process died; where `again` is true the run is about to go on in another."""
        self.ready = False
        if not again:
            self.link.playing = False
            self.waiting = f"{text or 'The engine has stopped.'} Reload the page to start again."
            self.notice(self.waiting, "bad")
        self.say_state()

    # ---------------------------------------------------------------- a hand speaks

    def command(self, told):
        act = getattr(self, f"do_{told.get('do')}", None)
        if act is None:
            return
        if told["do"] not in ("dismiss", "layer", "set"):
            self.settle()
        act(told)
        self.say_state()

    def settle(self):
        """A hand took over: the opening's rise of the pace ends where it is."""
        if self.rise is not None:
            self.rise.cancel()
            self.rise = None

    def do_toggle(self, told):
        self.link.playing = not self.link.playing
        if self.link.playing:
            self.link.send("play", pace=self.link.pace)
        else:
            self.link.send("pause")
        self.link.pump()

    def do_step(self, told):
        if self.link.playing:
            self.link.playing = False
            self.link.send("pause")
        self.link.send("step", count=1)
        self.link.pump()

    def do_reset(self, told):
        self.link.send("reset")

    def do_seed(self, told):
        self.link.send("reset", seed=random.randrange(1, 1_000_000))

    def do_pace(self, told):
        self.set_pace(transport.pace_at(told["at"]))

    def set_pace(self, pace):
        self.link.pace = pace
        if self.link.playing:
            self.link.send("play", pace=pace)
        self.link.pump()
        self.say_state()

    def do_layer(self, told):
        if told.get("name") not in legend.NAMES:
            return
        self.arena.on ^= {told["name"]}
        self.arena.style(self.beat.dark)
        # Where no new step is coming, the picture on the screen lacks a layer that is new.
        self.link.pump(at_once=self.link.slow and told["name"] in self.arena.on)

    def do_set(self, told):
        if self.controls is not None:
            self.controls.take(told.get("field"), told.get("raw"))

    def do_restart(self, told):
        self.link.send("restart", changes=self.staged)

    def do_undo(self, told):
        if self.staged:
            self.staged = {}
            self.controls.accept(self.accepted, force=True)

    def do_dismiss(self, told):
        self.notices = [n for n in self.notices if n["id"] != told.get("id")]

    def touched(self, name, value):
        """A control moved: a live number acts, a name is swapped, a shape waits for a restart."""
        kind = self.controls.fields[name]["kind"]
        if not self.ready or (self.accepted.get(name) == value and name not in self.staged):
            return
        self.settle()
        self.notices = [n for n in self.notices if n["kind"] != "bad"]
        if kind == "live":
            self.link.send("knob", changes={name: value})
        elif kind == "swap":
            self.link.send("swap", changes={name: value})
        else:
            self.staged = {**self.staged, name: value}
            if self.accepted.get(name) == value:
                del self.staged[name]
            if self.staged and self.step == 0:
                self.link.send("restart", changes=self.staged)
        self.controls.refresh()
        self.say_state()

    # ---------------------------------------------------------------- what is shown

    def wanted(self):
        """The layers to ask for: those that are on, bottom to top."""
        return [name for name in legend.NAMES if name in self.arena.on]

    def notice(self, text, kind="warning"):
        self.notices = self.notices[-2:] + [{"id": next(self.numbers), "kind": kind, "text": text}]

    def restyle(self):
        # Not `pn.io.hold`: before Panel calls the page loaded it would keep the events for good.
        self.doc.hold("combine")
        try:
            self.arena.style(self.beat.dark)
            self.charts.style(self.beat.dark)
        finally:
            self.doc.unhold()

    def _resized(self):
        self.arena.pixels = max(self.beat.pixels, 100)
        if self.ready:
            self.arena.resized()

    def say_state(self):
        fields = self.controls.fields if self.controls else {}
        state = {
            "playing": self.link.playing,
            "dark": self.beat.dark,
            "notch": transport.notch_of(self.link.pace),
            "pace_words": transport.pace_words(self.link.pace),
            "layers": sorted(self.arena.on),
            "notices": self.notices,
            "staged": readings.staged(fields, self.accepted, self.staged),
            "waiting": self.waiting,
            "seed": self.accepted.get("seed"),
            "clusters": bool(self.ready and self.data["centres"]),
        }
        self.beat.state = json.dumps(state)


def lab():
    """The page of this session, ready to be served; its run starts once the browser has it."""
    hv.extension("bokeh")
    doc = pn.state.curdoc
    query = {name: values[-1].decode() for name, values in pn.state.session_args.items()}
    made = Lab(doc, query)
    asyncio.ensure_future(warm())  # the engine starts while the browser still loads the page
    pn.state.onload(made.start)
    pn.state.on_session_destroyed(lambda context: made.link.close())
    return made.view()
