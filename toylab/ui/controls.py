"""The controls, built from the schema: a field added to the engine's tables appears by itself.

Every control writes into the `Beat` in the browser, so that a hand acts at once; Panel brings the
same value 50 ms later, when there is nothing left to do.
"""

import json
import time

import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import JSComponent

from toylab.ui.assets import script, style
from toylab.ui.settings import ladder, numbers_of, settings_class, words

OPEN = ("data", "game", "training")  # a closed section has no widgets: half the page's cost
WIDE = {"choice": 12, "number": 16}  # what has a longer word takes the whole width
CALM = 1.0  # seconds after a touch in which a control is left to the hand


def label_style(text):
    """A slider's label left and value right. The label is drawn by CSS, since the widget itself
    would put a colon behind it; screen readers get it from the slider."""
    return {
        "& .MuiFormLabel-root": {
            "display": "flex", "width": "100%", "alignItems": "baseline", "position": "relative",
            "fontSize": 0, "lineHeight": "16px", "color": "text.secondary", "whiteSpace": "nowrap",
        },
        "& .MuiFormLabel-root::before": {
            "content": json.dumps(text, ensure_ascii=False), "fontSize": "12px",
        },
        "& .MuiFormLabel-root strong": {
            "fontSize": "12px", "fontWeight": 400, "color": "text.primary", "marginLeft": "auto",
            "fontVariantNumeric": "tabular-nums",
        },
        "& .MuiFormLabel-root.Mui-disabled strong": {"color": "text.disabled"},
        "& .MuiFormLabel-root svg": {
            "opacity": 0, "position": "absolute", "left": 0, "width": "100%", "margin": 0,
        },
        "& .MuiSlider-root": {"padding": "8px 0", "height": "3px"},
        "& .MuiSlider-thumb": {"width": "14px", "height": "14px"},
        "& .MuiSlider-rail": {"opacity": 1, "backgroundColor": "divider"},
    }  # fmt: skip


MENU = {
    "& .MuiSelect-select": {"padding": "6px 10px", "fontSize": "13px", "lineHeight": "20px"},
    "& .MuiInputLabel-root": {"fontSize": "13px", "color": "text.secondary"},
    "& .MuiFormHelperText-root": {"margin": "2px 0 0", "fontSize": "11px", "lineHeight": "14px"},
}
SECTION = {
    "boxShadow": "none", "border": 0, "background": "none", "borderRadius": 0, "margin": 0,
    "& .MuiCardHeader-root": {
        "padding": "0 12px", "minHeight": "28px", "background": "none", "position": "relative",
    },
    "& .MuiCardHeader-content *": {
        "fontSize": "13px", "lineHeight": "20px", "fontWeight": 700, "margin": 0,
    },
    "& .MuiCardContent-root": {"padding": "0 12px 4px !important"},
    # The arrow's button covers its whole line, so that the title opens the section too.
    "& .MuiCardHeader-action": {"position": "absolute", "inset": "0 10px 0 12px", "margin": 0},
    "& .MuiCardHeader-action .MuiIconButton-root": {
        "width": "100%", "height": "100%", "padding": 0, "justifyContent": "flex-end",
        "borderRadius": "4px", "transform": "none !important", "background": "none !important",
    },
    "& .MuiIconButton-root[aria-expanded=true] svg": {"transform": "rotate(180deg)"},
}  # fmt: skip


class Thumbnails(JSComponent):
    """Data sets as little pictures of themselves; titles and sentences in their tooltips."""

    cards = param.List([])
    value = param.String("")
    _esm = script("thumbnails.js")
    _stylesheets = [style("thumbnails.css")]


class Controls:
    """All controls of a lane. `changed(name, value)` is called for what a hand did."""

    def __init__(self, schema, beat, changed):
        self.schema, self.beat, self.changed = schema, beat, changed
        self.fields = {field["name"]: field for field in schema["fields"]}
        self.settings = settings_class(schema)()
        self.widgets, self.stops, self.quiet = {}, {}, False
        self.hands = {}  # field -> when a hand last moved it
        self.sections = {}
        self.sizes = pn.pane.HTML(
            "", css_classes=["toylab-sizes"], margin=(0, 0, 4, 0),
            styles={"font-size": "12px", "line-height": "16px"},
        )  # fmt: skip
        for group in schema["groups"]:
            opened = group["name"] in OPEN
            section = pmui.Card(
                title=group["label"], collapsed=not opened, sizing_mode="stretch_width", margin=0,
                sx=SECTION, outlined=False, elevation=0,
                css_classes=[f"toylab-group-{group['name']}"],
            )  # fmt: skip
            self.sections[group["name"]] = section
            if not opened:
                section.param.watch(lambda event, name=group["name"]: self._fill(name), "collapsed")
        self.view = pn.Column(*self.sections.values(), sizing_mode="stretch_width", margin=0)
        self.settings.param.watch(self._late, list(self.fields))

    def open(self):
        """Fills the sections that are open; a closed one is filled when it is opened."""
        for name in OPEN:
            self._fill(name)

    def _fill(self, group):
        section = self.sections[group]
        if section.objects:
            return
        fields = [field for field in self.schema["fields"] if field["group"] == group]
        # Menus stand above sliders: mixed in one line they do not align.
        fields.sort(
            key=lambda f: (f["name"] != "data", f["type"] != "choice" or not self._is_wide(f))
        )
        boxes = [self._widget(field) for field in fields]
        if group == "networks":
            boxes.append(self.sizes)
        section.objects = [
            pn.FlexBox(*boxes, gap="2px 12px", sizing_mode="stretch_width", margin=0)
        ]
        self.refresh()

    # ---------------------------------------------------------------- one field, one widget

    def _widget(self, field):
        name = field["name"]
        if name == "data":
            widget = Thumbnails(cards=self.schema["cards"], value=self.settings.data, margin=0)
        elif field["type"] == "choice":
            widget = self._menu(field)
        elif field["type"] == "flag":
            widget = pmui.Switch.from_param(self.settings.param[name], margin=0)
        elif field["type"] == "integer" and field["high"] > 1e6:
            widget = pmui.IntInput.from_param(
                self.settings.param[name], margin=(6, 0, 2, 0), size="small", sx=MENU
            )
        else:
            widget = self._slider(field)
        widget.css_classes = [f"toylab-{name}"]
        self.widgets[name] = widget
        full = name == "data" or self._is_wide(field)
        widget.styles = {"flex": "1 1 100%" if full else "1 1 calc(50% - 6px)", "min-width": "0"}
        widget.sizing_mode = "stretch_width"
        if name != "data":
            # The slower way, for a value that Python itself sets and as a second line.
            widget.param.watch(lambda event: self._set(name, event.new), "value")
            widget.jscallback(
                args={"beat": self.beat},
                value=f"""beat.command = JSON.stringify(
                    {{do: 'set', field: '{name}', raw: cb_obj.value, n: performance.now()}})""",
            )
        return widget

    def _is_wide(self, field):
        if field["type"] == "choice":
            texts = [field["label"], *(choice["label"] for choice in field["choices"])]
            return max(map(len, texts)) > WIDE["choice"]
        return len(field["label"]) > WIDE["number"]

    def _label(self, field):
        return field["label"] + (" ↻" if field["kind"] == "restart" else "")

    def _menu(self, field):
        options = {c["label"]: c["value"] for c in field["choices"]}
        return pmui.Select(
            label=self._label(field), options=options, value=getattr(self.settings, field["name"]),
            size="small", margin=(6, 0, 2, 0), description=about(field) or None, sx=MENU,
        )  # fmt: skip

    def _slider(self, field):
        name = field["name"]
        return pmui.DiscreteSlider(
            label=self._label(field), options=self._options(name), size="small", margin=0,
            value=getattr(self.settings, name), description=about(field) or None,
            sx=label_style(self._label(field)),
        )  # fmt: skip

    def _options(self, name):
        """{label: value} of a slider's stops; a value between two stops gets a stop of its own."""
        field, value = self.fields[name], getattr(self.settings, name)
        told = {**field, **numbers_of(self.schema, self.settings.data).get(name, {})}
        stops = ladder(told["low"], told["high"], told.get("log"), field["type"] == "integer")
        if value is None or isinstance(value, (int, float)):
            stops = sorted({*stops, value}) if value is not None else [None, *stops]
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
        if name in self.stops:
            value = self.stops[name][min(max(int(raw), 0), len(self.stops[name]) - 1)]
        elif field["type"] == "choice":
            labels = {choice["label"]: choice["value"] for choice in field["choices"]}
            value = labels.get(raw, raw)
            if value not in labels.values():
                return
        else:
            value = raw
        self._set(name, value)

    def _set(self, name, value):
        if value == getattr(self.settings, name) or value is None:
            return
        self.quiet = True
        self.hands[name] = time.monotonic()
        try:
            setattr(self.settings, name, value)
        except ValueError:
            return
        finally:
            self.quiet = False
        self.changed(name, value)

    def _late(self, *events):
        """A value that came another way than through the beat (Python, a bound widget)."""
        if not self.quiet:
            for event in events:
                self.changed(event.name, event.new)

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

    def refresh(self):
        """Values, stops, what does not apply now and why."""
        numbers = numbers_of(self.schema, self.settings.data)
        for name, widget in self.widgets.items():
            field, value = self.fields[name], getattr(self.settings, name)
            lacking = field["group"] == "data" and field["default"] is None and name not in numbers
            idle = any(
                getattr(self.settings, other) not in wanted
                for other, wanted in (field.get("needs") or {}).items()
            )
            told = {"value": value}
            if time.monotonic() - self.hands.get(name, -CALM) < CALM and name != "data":
                continue
            if name in self.stops:
                told = {"options": self._options(name), "value": value}
                if list(told["options"].values()) == list(widget.options.values()):
                    told.pop("options")
            if name == "data":
                told["value"] = value or ""
            else:
                told |= {"disabled": bool(idle), "visible": not lacking}
                reason = field.get("why") if idle else ""
                told["description"] = reason or about(field) or None
            if field["type"] == "choice" and name != "data":
                told |= self._impossible(field)
            told = {k: v for k, v in told.items() if getattr(widget, k) != v}
            if told:
                widget.param.update(**told)

    def _impossible(self, field):
        """Options that conflict with what is set now: listed, disabled, and why."""

        def holds(row):
            return all(getattr(self.settings, name) in row["with"][name] for name in row["with"])

        rows = [r for r in self.schema["conflicts"] if r["field"] == field["name"] and holds(r)]
        return {
            "disabled_options": [row["value"] for row in rows],
            "helper_text": " ".join(row["why"] for row in rows),
        }


def about(field):
    """A tooltip: the sentence, then the formula."""
    return "  ".join(part for part in (field.get("doc", ""), field.get("formula", "")) if part)
