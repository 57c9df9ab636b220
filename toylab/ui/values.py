"""The values of the drawer: what a hand sets, what the engine accepts, the stops of sliders."""

import time

from toylab.ui import widgets
from toylab.ui.settings import ladder, numbers_of, settings_class, usual, words

CALM = 1.0  # seconds after a touch in which a control is left to the hand


class Values:
    """The settings as the controls show them; `changed({name: value})` is told what a hand did.

    later(act) -- calls `act` once a hand that has just moved a control is calm
    """

    def __init__(self, schema, changed, later):
        self.schema, self.changed, self.later = schema, changed, later
        self.fields = {field["name"]: field for field in schema["fields"]}
        self.settings = settings_class(schema)()
        self.stops, self.quiet = {}, False
        self.hands = {}  # field -> when a hand last moved it
        self.ratio = None  # of the generator's rate to the critic's while they are locked
        self.wide = False
        self.settings.param.watch(self._late, list(self.fields))

    def refresh(self):
        """Shows the values; whoever has widgets does it."""

    def held(self, name):
        """Whether a hand has just moved a control, which it then keeps."""
        return time.monotonic() - self.hands.get(name, -CALM) < CALM

    def choice(self, name):
        """The row of the schema that a menu shows."""
        value = getattr(self.settings, name)
        return next((c for c in self.fields[name]["choices"] if c["value"] == value), {})

    def lacking(self):
        """The numbers that this data set does not have."""
        numbers = numbers_of(self.schema, self.settings.data)
        return [
            name
            for name, field in self.fields.items()
            if field["type"] != "choice" and field["default"] is None and name not in numbers
        ]

    def options(self, name):
        """{label: value} of a slider's stops; a value between two stops gets a stop of its own."""
        field, value = self.fields[name], getattr(self.settings, name)
        told = {**field, **numbers_of(self.schema, self.settings.data).get(name, {})}
        low, high = ("least", "most") if self.wide else ("low", "high")
        whole = field["type"] == "integer"
        stops = ladder(told[low], told[high], told.get("log"), whole, told["low"])
        if isinstance(value, (int, float)):
            stops = sorted({*stops, value})
        options = {words(stop): stop for stop in stops}
        options[words(value)] = value
        self.stops[name] = list(options.values())
        return options

    # ---------------------------------------------------------------- from the browser

    def take(self, name, raw):
        """What a control wrote into the beat: a slider its notch, a menu its word."""
        field = self.fields.get(name)
        if field is None:
            return
        if name in self.stops and isinstance(raw, int):
            value = self.stops[name][min(max(raw, 0), len(self.stops[name]) - 1)]
        elif field["type"] == "choice":
            labels = {widgets.label_of(choice): choice["value"] for choice in field["choices"]}
            value = labels.get(str(raw), raw)
        else:
            value = raw
        # This one alone: a rate that is taken along must show.
        self.hands[name] = time.monotonic()
        self.set({name: value})

    def late(self, name, value):
        """A widget's value by Panel's slower way: it sets nothing.

        The beat has overtaken it, or on a busy machine is yet to come: shown at once, what holds
        would take back in the browser what a hand has just chosen there.
        """
        if value != getattr(self.settings, name):
            self.later(self.refresh)

    def nudge(self, name, notches):
        """A turn of the wheel: so many notches up or down."""
        if name in self.stops and getattr(self.settings, name) in self.stops[name]:
            self.take(name, self.stops[name].index(getattr(self.settings, name)) + notches)
            self.settle(name)

    def default(self, name):
        """Back to what is usual for these data."""
        value = usual(self.schema, self.settings.data).get(name)
        if value is not None:
            self.set({name: value})
            self.settle(name)

    def settle(self, name):
        """The control shows its value at once although a hand has just moved it."""
        self.hands.pop(name, None)
        self.refresh()

    def set(self, changes):
        """Values that a hand chose, as far as they are possible and new."""
        changes = {
            name: value
            for name, value in changes.items()
            if name in self.fields and value is not None and value != getattr(self.settings, name)
        }
        changes = self._locked(changes)
        self.quiet = True
        try:
            self.settings.param.update(**changes)
        except (ValueError, TypeError):
            return
        finally:
            self.quiet = False
        if changes:
            self.changed(changes)

    def _locked(self, changes):
        """Under the lock one rate takes the other along in the ratio of when it was closed."""
        pair = {"rate_critic": "rate_generator", "rate_generator": "rate_critic"}
        moved = [name for name in pair if name in changes]
        if self.ratio is None or len(moved) != 1:
            return changes
        (name,), other = moved, pair[moved[0]]
        factor = self.ratio if name == "rate_critic" else 1 / self.ratio
        low, high = self.fields[other]["least"], self.fields[other]["most"]
        value = float(f"{min(max(changes[name] * factor, low), high):.6g}")
        return {**changes, other: value}

    def lock(self):
        """Ties the two rates together, or lets them go; a rate on a schedule or of 0 stays free."""
        rates = (self.settings.rate_critic, self.settings.rate_generator)
        self.ratio = rates[1] / rates[0] if self.ratio is None and all(rates) else None
        self.refresh()

    def widen(self, on):
        """Sliders over all that a field accepts, or over what is usual."""
        if self.wide != bool(on):
            self.wide = bool(on)
            self.hands.clear()
            self.refresh()

    def _late(self, *events):
        """A value that came another way than through the beat (Python, a bound widget)."""
        if not self.quiet:
            self.changed({event.name: event.new for event in events})

    # ---------------------------------------------------------------- from the engine

    def accept(self, settings, force=False):
        """The settings that hold: every control shows them, but for one under a hand."""
        if force:
            self.hands.clear()
        self.quiet = True
        try:
            self.settings.param.update(
                **{
                    name: settings[name]
                    for name, field in self.fields.items()
                    # a number on a schedule comes as text; its slider stays where it was
                    if name in settings
                    and (field["type"] == "choice" or not isinstance(settings[name], str))
                }
            )
        finally:
            self.quiet = False
        self.refresh()

    def values(self):
        """{name: value} as the controls show them."""
        return {name: getattr(self.settings, name) for name in self.fields}
