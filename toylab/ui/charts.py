"""The charts of the right rail: which cards are shown, and when they are drawn anew."""

import json
import time

import numpy as np
from bokeh.models import ColumnDataSource

from toylab.ui.drawing import Chart, Now
from toylab.ui.history import Shelf
from toylab.ui.measures import CARDS, FIRST, KEPT, MOST, title
from toylab.ui.part import Part
from toylab.ui.phrases import found, marks
from toylab.ui.slots import Slot

EVERY = 0.5  # seconds between two drawings: more canvases a picture would halve the pictures
ONE_HAND = 1 / 40  # of the run: changes of one field so near each other are one movement


def named(text):
    """The cards that a text names, "clusters,slopes"; raises ValueError with the known ones."""
    names = list(dict.fromkeys(filter(None, text.split(","))))
    if wrong := [name for name in names if name not in CARDS]:
        raise ValueError(f"has no card {wrong[0]} (known: {', '.join(CARDS)})")
    if len(names) > MOST:
        raise ValueError(f"names {len(names)} cards; the page has room for {MOST}")
    return names


def parcel(pictures, changes):
    """The drawings of all slots as one array of bytes, and JSON that says what lies where."""
    numbers, layout, offset = [], {"marks": changes, "slots": {}}, 0
    for slot, picture in pictures.items():
        told = layout["slots"][slot] = dict(picture)
        for part in ("raw", "mean"):
            told[part] = {}
            for column, values in picture[part].items():
                told[part][column] = [offset, len(values)]
                numbers.append(np.asarray(values, np.float32))
                offset += len(values)
    whole = np.concatenate([*numbers, np.zeros(0, np.float32)]).view(np.uint8)
    return {"bytes": [whole], "layout": [json.dumps(layout)]}


class Charts(Part):
    """All charts of a lane: at most four cards, drawn three times a second while it trains."""

    follows_run = True

    def __init__(self, lab):
        super().__init__(lab)
        self.slots = [Slot(number) for number in range(MOST)]
        self.parcel = ColumnDataSource({"bytes": [], "layout": []}, name="chart-parcel")
        self.slots[0].figure.tags = [self.parcel]  # any model of the page carries it there
        self.shelf, self.chosen, self.scalars = Shelf(KEPT), list(FIRST), {}
        self.moment = Moment(lab, self)
        self.drawn_at, self.is_seen, self.arranged = 0.0, False, []
        self._fresh()
        if "cards" in lab.query:
            try:
                self.chosen = named(lab.query["cards"])
            except ValueError as error:
                lab.notice(f"cards={lab.query['cards']} {error}; showing {', '.join(FIRST)}.")

    def _fresh(self):
        self.charts = {name: Chart(card) for name, card in CARDS.items()}

    @property
    def shown(self):
        """The cards on the page, {name: the chosen one that it stands for}.

        Where the data have no clusters, the distance stands in for their number.
        """
        if self.lab.run.data["centres"] or not self.lab.run.ready:
            return {name: name for name in self.chosen}
        stood = {"wasserstein": "clusters"} if "clusters" in self.chosen else {}
        return stood | {name: name for name in self.chosen if name != "clusters"}

    def wanted(self):
        layers = (CARDS[name].layer for name in self.shown if name != "histogram")
        return [layer for layer in layers if layer]

    @property
    def marks(self):
        """[(step, "Penalty weight λ 1.0 → 10.0 at 980")] of all changes by hand."""
        past = self.shelf.present
        apart = max(past.history.last * ONE_HAND, 1)
        return marks(self.lab.settings.fields, past.first, past.log, apart)

    def csv(self):
        """Every number of every recorded picture of the run, as text."""
        return self.shelf.history.csv()

    # ---------------------------------------------------------------- the engine

    def hear_opened(self, header, arrays):
        """A new run, or the same one in another engine: then its numbers stay."""
        log = header["changes"]
        if header.get("continued"):
            self.shelf.note(header["settings"], log)
        else:
            self.shelf.begin(header["settings"], log)
            self._fresh()
        self._refresh()

    def hear_changed(self, header, arrays):
        self.shelf.note(header["settings"], header["changes"])
        self._refresh()

    def hear_undone(self, header, arrays):
        """Back to a moment: what came after it is gone, until it is brought back."""
        self.shelf.turn_back(header["step"], header["settings"], header["changes"])
        self._fresh()
        self._refresh()

    def frame(self, header, arrays):
        history, step = self.shelf.history, header["step"]
        # A step that was drawn comes once more with what a new card measures, and only that.
        self.scalars = (self.scalars if step == history.last else {}) | header["scalars"]
        history.add(step, self.scalars)
        self.due()
        return {}

    # ---------------------------------------------------------------- drawing

    def style(self, dark):
        for slot, name in zip(self.slots, self.shown, strict=False):
            slot.style(CARDS[name], dark)
        self.draw()

    def seen(self):
        """Hidden until then: each figure's layout takes the browser as long as the arena's."""
        self.is_seen = True
        self._arrange()

    def _refresh(self):
        """Other data may have other cards."""
        if list(self.shown) == self.arranged:
            self.draw()
        else:
            self._arrange()

    def _arrange(self):
        shown = self.arranged = list(self.shown)
        for number, slot in enumerate(self.slots):
            slot.figure.visible = self.is_seen and number < len(shown)
        self.style(self.lab.beat.dark)

    def due(self):
        """Draws if the last time is long enough ago, or where every picture counts."""
        if self.lab.link.slow or time.monotonic() - self.drawn_at > EVERY:
            self.draw()

    def draw(self):
        """All cards anew, in one parcel."""
        if not self.is_seen:
            return
        self.drawn_at = clock = time.monotonic()
        past, moment = self.shelf.present, self.moment
        now = Now(past.history, self.scalars, None, self._pulls())
        then = Now(past.history, moment.scalars, moment.histogram, False)
        pictures = {}
        for number, (slot, name) in enumerate(zip(self.slots, self.shown, strict=False)):
            source = then if name == "histogram" else now
            picture = self.charts[name].picture(source, clock, slot.size)
            if picture is not None:
                pictures[number] = picture | {"card": name, "inks": slot.inks}
        self.parcel.data = parcel(pictures, self.marks)

    def _pulls(self):
        """Whether the penalty pulls slopes to 1."""
        choices = self.lab.settings.fields.get("penalty", {}).get("choices", ())
        penalty = self.lab.run.accepted.get("penalty")
        return any(row["value"] == penalty and "1" in row.get("pull", "") for row in choices)

    # ---------------------------------------------------------------- a hand

    def do_cards(self, told):
        """Shows these cards, in this order: those of an earlier visit."""
        try:
            self.chosen = named(",".join(map(str, told.get("names", ()))))
        except ValueError:
            return  # what is remembered there is from another version of the page
        self._arrange()

    def do_card(self, told):
        """Shows a card as the last one, or removes it."""
        name, shown = told.get("name"), self.shown
        if name in shown:
            self.chosen = [other for other in self.chosen if other not in (name, shown[name])]
        elif name in CARDS and len(self.chosen) < MOST:
            self.chosen = [*self.chosen, name]
        self._arrange()
        # Where no new step is coming, the picture on the screen lacks what a new card measures.
        self.lab.link.pump(at_once=self.lab.link.slow)

    def state(self):
        known = self.lab.run.data["centres"] or not self.lab.run.ready
        off = {} if known else {"clusters": "these data have no clusters"}
        return {"rail": {"shown": list(self.shown), "chosen": self.chosen, "off": off}}


class Moment(Part):
    """What belongs to the picture on the screen, maybe a recorded one: values, health and D."""

    def __init__(self, lab, charts):
        super().__init__(lab)
        self.charts, self.scalars, self.histogram = charts, {}, None

    def wanted(self):
        return ["histogram"] if "histogram" in self.charts.shown else []

    def hear_opened(self, header, arrays):
        self.histogram = None

    hear_undone = hear_opened

    def frame(self, header, arrays):
        scalars = header["scalars"]
        if "histogram" in arrays:
            self.histogram = arrays["histogram"]
            self.scalars = scalars
            if header["recorded"]:  # of the run's own pictures the charts hear next
                self.charts.due()
        probable = scalars.get("probability", True)
        values = {
            card.name: [scalars.get(curve.scalar) for curve in card.curves]
            for card in CARDS.values()
        }
        return {
            "values": values | {"clusters": [found(scalars)]},
            "total": scalars.get("modes_total"),
            "health": scalars.get("health", []),
            "titles": {card.name: title(card, probable) for card in CARDS.values()},
        }
