"""The drawer's widgets as Panel has them: sections, menus, sliders, the data sets' thumbnails."""

import json

import panel_material_ui as pmui
import param
from panel.custom import JSComponent

from toylab.ui.assets import script, style

LONGEST = 1e6  # a whole number that can be larger is typed, not slid
SHEET = style("widgets.css")
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
        "color": "text.secondary",
    },
    "& .MuiIconButton-root[aria-expanded=true] svg": {"transform": "rotate(180deg)"},
}  # fmt: skip


class Thumbnails(JSComponent):
    """Data sets as little pictures of themselves; titles and sentences in their tooltips."""

    cards = param.List([])
    blocked = param.Dict({})
    value = param.String("")
    _esm = script("thumbnails.js")
    _stylesheets = [style("thumbnails.css")]


def section(name, label, opened):
    """A group of controls that folds; all of the networks' wait for a new run, which it says."""
    mark = ' <span class="restarts" aria-hidden="true">restart_alt</span>'
    return pmui.Card(
        title=label + mark * (name == "networks"), collapsed=not opened, margin=0, sx=SECTION,
        sizing_mode="stretch_width", outlined=False, elevation=0, stylesheets=[SHEET],
        css_classes=[f"toylab-group-{name}"],
    )  # fmt: skip


class Menu(pmui.Select):
    """A choice whose blocked options are Python's alone: the browser sends them back by their
    labels, which Panel then takes for values that there are not."""

    def _process_property_change(self, change):
        return super()._process_property_change(
            {name: value for name, value in change.items() if name != "disabled_options"}
        )


def menu(field, value):
    """A choice out of a table, in the groups of its rows."""
    return Menu(
        label=field["label"], value=value, size="small", margin=0, stylesheets=[SHEET],
        css_classes=["named"], **options(field, value),
    )  # fmt: skip


def options(field, value):
    """A menu's {"groups": {group: {label: value}}}, or {"options": {label: value}} of only one."""
    groups = {}
    for choice in listed(field, value):
        groups.setdefault(choice.get("group") or "", {})[label_of(choice)] = choice["value"]
    return {"groups": groups} if len(groups) > 1 else {"options": next(iter(groups.values()))}


def listed(field, value=None):
    """The choices that a menu shows: those that are listed, and the one that is chosen."""
    return [c for c in field["choices"] if c.get("listed", True) or c["value"] == value]


def label_of(choice):
    """A row's name in a menu; a user's own row has its file's name behind it."""
    return choice["label"] + (f" · {choice['own']}" if choice.get("own") else "")


def slider(label, options, value):
    """A slider over {words: value}."""
    return pmui.DiscreteSlider(
        label=label, options=options, value=value, size="small", margin=0, stylesheets=[SHEET],
        css_classes=["named"], tooltips=False,
    )  # fmt: skip


def named(label):
    """The label that is to be read, as `widgets.css` writes it."""
    return {"--label": json.dumps(label, ensure_ascii=False)}


def weight_label(field, penalty):
    """The weight's label; where a paper prints ½ the weight is its γ and the ½ is said."""
    if penalty.get("factor", 1.0) != 0.5:
        return field["label"]
    return f"{field['label'].replace('λ', 'γ')}, counts as γ/2"


def box(parameter):
    """A whole number to be typed."""
    return pmui.IntInput.from_param(
        parameter, size="small", margin=0, stylesheets=[SHEET], description="",
        css_classes=["named"],
    )  # fmt: skip


def switch(label, value):
    """A switch of the drawer itself."""
    return pmui.Switch(label=label, value=value, size="small", margin=0, stylesheets=[SHEET])


def tell(widget, beat, field):
    """The widget writes its value into the beat whenever a hand changes it.

    What Python shows changes it too and must not come back: `drawer.js` says whose hand it is.
    """
    widget.jscallback(
        args={"beat": beat},
        value=f"if (beat.hand === '{field}') beat.command = JSON.stringify("
        f"{{do: 'set', field: '{field}', raw: cb_obj.value, n: performance.now()}})",
    )
