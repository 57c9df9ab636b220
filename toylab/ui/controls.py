"""The controls, built from the schema: a field added to the engine's tables appears by itself.

Every control writes into the `Beat` in the browser, so that a hand acts at once; Panel brings the
same value 50 ms later, when there is nothing left to do.
"""

import json

import panel as pn

from toylab.ui import kernel, notes, places, possible, widgets
from toylab.ui.index import WITH_ROWS
from toylab.ui.values import Values

OPEN = ("data", "game", "training")  # a closed section has no widgets: half the page's cost
FORMULAS = ("objective", "penalty")  # whose rows have a gallery of equations


class Controls(Values):
    """All controls of a lane. `changed({name: value})` is called for what a hand did."""

    def __init__(self, schema, beat, changed, later):
        super().__init__(schema, changed, later)
        self.beat = beat
        self.widgets, self.notes, self.boxes = {}, {}, {}
        self.sizes = notes.pane("")
        self.sections = {group["name"]: self._section(group) for group in schema["groups"]}
        self.view = pn.Column(*self.sections.values(), sizing_mode="stretch_width", margin=0)

    # ---------------------------------------------------------------- sections

    def _section(self, group):
        section = widgets.section(group["name"], group["label"], group["name"] in OPEN)
        if group["name"] not in OPEN:
            section.param.watch(lambda event: self.fill(group["name"]), "collapsed")
        return section

    def open(self):
        """Fills the sections that are open; a closed one is filled when it is opened."""
        for name in OPEN:
            self.fill(name)

    def fill(self, group):
        """Makes the widgets of a section that has none yet."""
        if group not in self.boxes:
            # A row, because Panel ties what is put into it to the beat; a `FlexBox` it forgets.
            self.boxes[group] = pn.Row(
                styles={"flex-flow": "row wrap", "gap": f"4px {places.GAP}px"},
                sizing_mode="stretch_width", margin=0,
            )  # fmt: skip
            self.sections[group].objects = [self.boxes[group]]
            self.refresh()

    def show(self, name):
        """Opens the section of a field."""
        group = self.home(name)
        if group is not None:
            self.unfold(group)

    def unfold(self, group):
        """Opens a section."""
        self.sections[group].collapsed = False
        self.fill(group)

    def home(self, name):
        """The section in which a field stands now; None if it is no field."""
        waiting = self.waiting()
        for group in self.sections:
            if any(name in line for line in places.lines(self.fields, group, waiting)):
                return group
        return None

    def waiting(self):
        """What stands in "advanced" for now: it means nothing beside what is chosen."""
        values = self.values()
        guests = [name for name in places.GUESTS if possible.idle(self.fields[name], values)]
        return self.lacking() + guests

    def _arrange(self, group):
        """The widgets and notes of a section, line by line; made when first needed."""
        found = []
        for line in places.lines(self.fields, group, self.waiting()):
            if line[0] in FORMULAS:
                found.append(self._corner(line[0]))
            for name in line:
                widget = self.widgets.get(name) or self._make(name)
                told = places.styles(name, line) | self._named(name)
                if widget.styles != told:
                    widget.styles = told
                found.append(widget)
            found += [self.notes[name] for name in line if name in self.notes]
        return found + [self.sizes] * (group == "networks")

    def _named(self, name):
        """The label of a control as it is read."""
        if slot := self._weighs(name):
            return widgets.named(widgets.weight_label(self.fields[name], self.choice(slot)))
        return widgets.named(places.label(self.fields[name])) if name in self.fields else {}

    def _weighs(self, name):
        """The penalty whose weight that is, or None."""
        slot = name.removesuffix("_weight")
        return slot if slot != name and slot in self.fields else None

    # ---------------------------------------------------------------- one field, one widget

    def _make(self, name):
        if name == "lock":
            widget = notes.pane("")
        elif name == "players":
            widget = notes.pane(notes.PLAYERS)
        elif name == "kernel":
            widget = kernel.Kernel(margin=0)
        elif name == "wide":
            widget = widgets.switch("Wide ranges", self.wide)
            widget.param.watch(lambda event: self.widen(event.new), "value")
        elif name == "data":
            widget = widgets.Thumbnails(
                cards=self.schema["cards"], value=self.settings.data, margin=0
            )
        else:
            widget = self._bound(name)
        widget.css_classes = [*widget.css_classes, f"toylab-{name}"]
        widget.sizing_mode = "stretch_width"
        self.widgets[name] = widget
        return widget

    def _bound(self, name):
        """The widget of one field, which writes into the beat."""
        field, value = self.fields[name], getattr(self.settings, name)
        if field["type"] == "choice":
            widget = widgets.menu(field, value)
        elif field["type"] == "integer" and field["high"] > widgets.LONGEST:
            widget = widgets.box(self.settings.param[name])
        else:
            widget = widgets.slider(field["label"], self.options(name), value)
        if field["kind"] == "restart":
            widget.css_classes = [*widget.css_classes, "restart"]
        # The slower way: where the run did not take what a hand left, what holds is shown again.
        widget.param.watch(lambda event: self.late(name, event.new), "value")
        widgets.tell(widget, self.beat, name)
        return widget

    def _corner(self, name):
        key = f"formulas-{name}"
        if key not in self.widgets:
            self.widgets[key] = notes.pane(
                notes.formulas(self.fields[name]),
                flex="1 1 100%", height="0", position="relative", **{"z-index": "2"},
            )  # fmt: skip
        return self.widgets[key]

    # ---------------------------------------------------------------- what they show

    def refresh(self):
        """Values, stops, what does not apply now and why."""
        values, lacking = self.values(), self.lacking()
        for name, field in self.fields.items():
            if name in self.widgets:
                self._annotate(field, values, lacking)
        for group, box in self.boxes.items():
            found = self._arrange(group)
            if [id(one) for one in found] != [id(one) for one in box.objects]:
                box.objects = found
        for name, widget in self.widgets.items():
            told = self._told(name, values, lacking)
            told = {key: value for key, value in told.items() if getattr(widget, key) != value}
            if told:
                widget.param.update(**told)

    def _told(self, name, values, lacking):
        """What one widget should show, {parameter: value}."""
        if name == "lock":
            return {"object": notes.lock(self.ratio is not None)}
        if name == "wide":
            return {"value": self.wide}
        if name == "data":
            return {"value": values["data"] or "", "blocked": self._blocked("data", values)}
        if name == "kernel":
            field = self.fields["penalty"]
            return {
                "menus": kernel.menus(self.schema["parts"], field["choices"], values["penalty"])
            }
        field = self.fields.get(name)
        if field is None or self.held(name):
            return {}
        told = {"disabled": name in lacking or possible.idle(field, values) is not None}
        classes = [one for one in self.widgets[name].css_classes if one != "lacking"]
        told["css_classes"] = classes + ["lacking"] * (name in lacking)
        if name in self.stops:
            options = self.options(name)
            if list(options.values()) != list(self.widgets[name].options.values()):
                told["options"] = options
        if field["type"] == "choice":
            told |= widgets.options(field, values[name])
            told["disabled_options"] = list(self._blocked(name, values))
        if slot := self._weighs(name):
            told["label"] = widgets.weight_label(field, self.choice(slot))
        return told | {"value": values[name]}

    def chosen(self):
        """What the galleries mark: {chosen: {field: value}, blocked: {field: {value: why}}}."""
        values, fields = self.values(), ("data", *WITH_ROWS)
        return {
            "chosen": {name: values[name] for name in fields},
            "blocked": {name: self._blocked(name, values) for name in fields},
        }

    def _blocked(self, name, values):
        """{value: why} of what cannot be chosen now."""
        found = possible.impossible(self.schema, name, values)
        return {value: why for value, (why, _) in found.items()}

    def _ways(self, field, values):
        """Why some choices cannot be had, with the way out; several with one way say it once."""
        ways = {}
        for why, fix in possible.impossible(self.schema, field["name"], values).values():
            ways.setdefault(json.dumps(fix), []).append(why)
        for told, whys in ways.items():
            fix = json.loads(told)
            if set(fix.values()) == {"none"}:
                by = widgets.label_of(self.choice(next(iter(fix))))
                yield notes.excluded(len(whys), len(widgets.listed(field)), by, whys[0], fix)
            else:
                yield notes.reason(whys[0], fix)

    def _annotate(self, field, values, lacking):
        """What stands under a control, or nothing."""
        name, told = field["name"], []
        idle = possible.idle(field, values)
        if name in lacking:
            told.append(notes.reason(field.get("why", "")))
        elif idle is not None:
            told.append(notes.reason(*idle))
        if field["type"] == "choice":
            told += self._ways(field, values)
            if self.choice(name).get("own"):
                told.append(notes.own(self.choice(name)))
            if not self.choice(name).get("listed", True):
                told.append(notes.custom(self.choice(name)))
        told += [notes.odd(text) for text in possible.odd(self.schema, name, values)]
        html = "".join(told)
        if not html:
            self.notes.pop(name, None)
        elif name not in self.notes:
            self.notes[name] = notes.pane(html, flex="1 1 100%")
        elif self.notes[name].object != html:
            self.notes[name].object = html
