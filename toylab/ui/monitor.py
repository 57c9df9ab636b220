"""The monitor: image runs side by side, live; their sample grids, numbers and settings.

What the runs' folders hold comes from `toylab.monitor`, one watch for all pages of a server. A page
that nobody sees asks for nothing, and then nothing is looked at.
"""

import base64
import sys
import time
from functools import cache
from statistics import median

import panel as pn
import param
from panel.custom import Children, JSComponent
from panel.io import hold

from toylab.monitor.record import REALS_FILE, reason
from toylab.monitor.watch import Watch
from toylab.ui import bare, theme
from toylab.ui.assets import script, style
from toylab.ui.curves import Choice, Curves
from toylab.ui.visitors import refusal

MOST_SHOWN = 12  # runs at once: six colours, solid and dashed
FIRST_SHOWN = 4
SOON, CALM = 60, 1000  # ms between two looks while there is more to read, and while there is not
SHARE = 10  # a look waits ten times as long as the last one took: at most a tenth of a core
RECENT = 20  # rows whose median rate is told
REALS = -1  # in the place of a grid's step: the real images


def card(key, record, slot, now):
    """What the list says of a run."""
    table, (state, words) = record.table, record.state(now)
    rates = [x for x in table.columns.get("images_per_second", ())[-RECENT:] if x == x]
    images, about = table.last("images"), record.about
    return {
        "key": key, "name": record.name, "slot": slot, "state": state, "words": words,
        "step": record.step, "steps": record.steps, "left": left(record, state),
        "rows": record.life.rows and record.life.rows / 1e9, "device": about.get("device", ""),
        "processes": about.get("processes", ""), "rate": median(rates) if rates else None,
        "kimg": None if images is None else images / 1000, "notes": record.notes(),
        "events": [event._asdict() for event in record.events],
    }  # fmt: skip


def left(record, state):
    """Seconds until a run's last step at the pace of its last rows, None where nobody knows."""
    times, steps = record.table.columns.get("seconds"), record.table.steps
    if state != "running" or record.steps is None or times is None or len(times) < 2:
        return None
    back = min(len(times), RECENT)
    pace = (times[-1] - times[-back]) / (steps[-1] - steps[-back])
    return max(0.0, pace * (record.steps - steps[-1])) if pace >= 0 else None


def drawn(record):
    """What the page must know of a run's grids to ask for one of them."""
    steps = [step for step, _ in record.grids]
    return {"steps": steps, "generation": record.generation, "data": record.about.get("data", "")}


def settings(records):
    """[{name, values: {key: text}, same}] of the runs' settings, those that differ first."""
    every = dict.fromkeys(name for record in records.values() for name in record.settings)
    rows = []
    for name in every:
        values = {key: record.settings.get(name, "—") for key, record in records.items()}
        rows.append({"name": name, "values": values, "same": len(set(values.values())) == 1})
    return sorted(rows, key=lambda row: row["same"])


class Monitor(JSComponent):
    """The page. What a hand chose comes from the browser, all that is seen goes there."""

    css = param.String(theme.stylesheet())
    runs = param.List(doc="what is said of every run")
    grids = param.Dict({}, doc="{run: steps at which there is a grid}")
    charts = param.List(doc="what is said beside the charts, in their order")
    plots = Children()
    settings = param.List()
    trouble = param.List(doc="what is wrong with the paths, in words")
    clock = param.Number(0, doc="the server's, when it last spoke")
    pictures = param.Dict({}, doc="what was asked for last, {n, got: {'run|step': address}}")
    dark = param.Boolean(None, allow_None=True)
    awake = param.Boolean(False, doc="whether somebody sees the page")
    choice = param.Dict({}, doc="what a hand chose: runs shown, x axis, scales")
    wanted = param.Dict({}, doc="pictures to send, {n, which: [[run, step], …]}")
    _esm = "\n".join(script(f"{n}.js") for n in ("pulse", "runs", "sheets", "readings", "monitor"))
    _stylesheets = [style("monitor.css")]

    def __init__(self, watch, **params):
        self.watch, self.curves = watch, Curves()
        plots = [pn.pane.Bokeh(f, margin=0, sizing_mode="stretch_width")
                 for f in self.curves.figures]  # fmt: skip
        super().__init__(plots=plots, **params)
        self.slots, self._told, self._drawn = {}, None, 0.0
        self._beat = pn.state.add_periodic_callback(self.look, period=CALM, start=False)

    # ---------------------------------------------------------------- the folders

    @param.depends("awake", watch=True)
    def _woken(self):
        if self.awake:
            self.look()
            if not self._beat.running:
                self._beat.start()
        elif self._beat.running:
            self._beat.stop()

    def look(self):
        """Takes in what is new in the folders, and shows it."""
        began = time.monotonic()
        more = self.watch.look()
        if self._told != self.watch.version and (not more or 1000 * (began - self._drawn) > CALM):
            self.show()
            self._drawn = time.monotonic()
        spent = 1000 * (time.monotonic() - began)
        period = SOON if more else int(max(CALM, SHARE * spent // 100 * 100))
        if self._beat.period != period:
            self._beat.period = period

    # ---------------------------------------------------------------- a hand

    @param.depends("choice", "dark", watch=True)
    def _chosen(self):
        if self.dark is not None:
            self.show()

    @param.depends("wanted", watch=True)
    def _asked(self):
        which = self.wanted.get("which")
        got = {}
        for one in which[: 2 * MOST_SHOWN] if isinstance(which, list) else ():
            if isinstance(one, list) and len(one) == 2:
                key, step = one
                record = self.watch.records.get(key) if isinstance(key, str) else None
                if record is not None and type(step) is int:
                    got[f"{key}|{step}"] = self._picture(record, step)
        self.pictures = {"n": self.wanted.get("n"), "got": got}

    @staticmethod
    def _picture(record, step):
        """A picture as an address of its own, or why there is none."""
        names = ("samples", dict(record.grids).get(step)) if step != REALS else (REALS_FILE,)
        try:
            content = record.picture(*names) if names[-1] else b""
        except OSError as error:
            return {"problem": f"{names[-1]}: {reason(error)}"}
        if not content:
            return {"problem": f"no grid of step {step}"}
        held = base64.b64encode(content).decode()
        return {"address": f"data:image/png;base64,{held}"}

    # ---------------------------------------------------------------- what is shown

    def _shown(self):
        """{key: record} of the runs to compare; each keeps its colour for as long as it is one."""
        records, named = self.watch.records, self.choice.get("shown")
        if isinstance(named, list):
            keys = [key for key in records if records[key].name in named or key in named]
        else:
            training = {key: records[key].state()[0] == "running" for key in records}
            first = sorted(records, key=training.get, reverse=True)[:FIRST_SHOWN]
            keys = [key for key in records if key in first]
        keys = keys[:MOST_SHOWN]
        self.slots = {key: slot for key, slot in self.slots.items() if key in keys}
        for key in keys:
            free = (slot for slot in range(MOST_SHOWN) if slot not in self.slots.values())
            self.slots.setdefault(key, next(free, 0))
        return {key: records[key] for key in keys}

    @hold()
    def show(self):
        """Everything that has changed, to the browser."""
        self._told = self.watch.version
        shown, now = self._shown(), time.time()
        cards = [card(k, r, self.slots.get(k), now) for k, r in self.watch.records.items()]
        charts = self.curves.draw(shown, self.slots, Choice.read(self.choice), bool(self.dark))
        told = {
            "runs": cards, "grids": {key: drawn(record) for key, record in shown.items()},
            "settings": settings(shown), "charts": charts,
            "trouble": [*self.watch.problems.values()],
        }  # fmt: skip
        changed = {name: value for name, value in told.items() if getattr(self, name) != value}
        self.param.update(**changed, clock=now)


@cache
def watched(paths):
    """The one watch of these paths in this process; says once on the terminal what is wrong."""
    watch = Watch(paths)
    watch.look()
    for line in watch.problems.values():
        print(f"toylab monitor: {line}", file=sys.stderr, flush=True)
    return watch


def monitor(paths):
    """The page of this session, ready to be served; `paths` are runs or folders of runs."""
    if told := refusal(pn.state.curdoc.session_context.request):
        return pn.pane.Str(told)
    made = Monitor(watched(tuple(paths)), sizing_mode="stretch_both", margin=0)
    return bare.page("toylab runs", made)
