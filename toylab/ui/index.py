"""What a search can find, sent to the browser once: settings, rows of tables, data sets.

Layers, charts and actions the browser finds on the page itself.
"""

from toylab.ui.widgets import label_of, listed

WITH_ROWS = ("objective", "penalty", "constraint", "optimizer", "rule")  # whose rows are entries
ON_THE_PAGE = {"layer": "toylab-layer", "chart": "toylab-chart", "health": "toylab-health"}
OF_THE_DRAWER = (
    ("wide", "Wide ranges", "Sliders over all that a setting accepts, not only what is usual."),
    ("lock", "Lock of the two rates", "Both rates move together and keep their ratio (TTUR)."),
)
OF_DATA = "mode, modes, mode collapse, dataset"


def index(schema):
    """[{kind, field, value, name, text, formula, source, also, …}] of everything in the schema.

    kind -- "setting", "row" (of a table), "data", or "also": other words for what has that id
    also -- other words for it
    """
    also = {}
    for row in schema["aliases"]:
        also.setdefault((row["kind"], row["name"], row["value"]), []).append(row["text"])
    also = {key: ", ".join(texts) for key, texts in also.items()}
    entries = [_place(kind, name, text) for (kind, name, _), text in also.items()
               if kind in ON_THE_PAGE]  # fmt: skip
    for field in schema["fields"]:
        entries.append(_setting(field, also))
        if field["name"] in WITH_ROWS or any(k[:2] == ("choice", field["name"]) for k in also):
            entries += [_row(field, choice, also) for choice in listed(field)]
    entries += [_drawn("kernel", part["label"], part["doc"]) for part in schema["parts"]]
    entries += [_drawn(*told) for told in OF_THE_DRAWER]
    return entries + [_data(card) for card in schema["cards"]]


def _place(kind, name, also):
    """Other words for a layer, a chart or a health line, which stand on the page by themselves."""
    return {"kind": "also", "id": f"{ON_THE_PAGE[kind]}-{name}", "also": also}


def _setting(field, also):
    return {
        "kind": "setting",
        "field": field["name"],
        "name": field["label"],
        "text": field.get("doc", ""),
        "formula": field.get("formula", ""),
        "also": f"{field['name'].replace('_', ' ')}, {also.get(('field', field['name'], ''), '')}",
        "change": field["kind"],
    }


def _drawn(place, name, text):
    """What the drawer has beyond the schema's fields."""
    return {
        "kind": "setting",
        "field": place,
        "name": name,
        "text": text,
        "formula": "",
        "also": "",
        "change": "live",
    }


def _row(field, choice, also):
    return {
        "kind": "row",
        "field": field["name"],
        "value": choice["value"],
        "name": label_of(choice),
        "of": field["label"],
        "group": choice.get("group", ""),
        "text": choice["doc"],
        "formula": choice["formula"],
        "source": choice["source"],
        "also": f"{choice['value']}, {also.get(('choice', field['name'], choice['value']), '')}",
        "own": choice.get("own", ""),
        "laws": choice.get("laws"),
    }


def _data(card):
    return {
        "kind": "data",
        "field": "data",
        "value": card["name"],
        "name": card["title"],
        "of": "Data set",
        "text": card["doc"],
        "formula": "",
        "source": card["source"],
        "also": f"{card['name']}, {OF_DATA}",
        "points": card["thumbnail"],
    }
