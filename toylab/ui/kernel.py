"""Where, Pull to, Of: a gradient penalty as three small choices, each of which is a member.

The penalties' rows in the schema say `where` the slope is measured, what it is to `pull` to and
`of` which output. An option that no penalty has together with the other two choices says in its
words what else it changes.
"""

import param
from panel.custom import JSComponent

from toylab.ui.assets import script, style


class Kernel(JSComponent):
    """Three menus under the penalty; each option is the penalty that it stands for."""

    menus = param.List([])
    _esm = script("kernel.js")
    _stylesheets = [style("kernel.css")]


def menus(parts, choices, penalty, blocked):
    """The three menus of a penalty, ready for the browser.

    parts -- the schema's three choices, with their words
    choices -- the schema's rows of the field "penalty"
    blocked -- {penalty: why it cannot be chosen now}
    """
    rows = {row["value"]: row for row in choices if row.get("where")}
    made = []
    for part in parts:
        had = {row[part["name"]] for row in rows.values()}
        options = [
            _option(part, choice, parts, rows, penalty, blocked)
            for choice in part["choices"]
            if choice["value"] in had
        ]
        now = rows[penalty][part["name"]] if penalty in rows else ""
        told = {"axis": part["name"], "label": part["label"], "doc": part["doc"]}
        made.append({**told, "value": now, "options": options})
    return made


def _option(part, choice, parts, rows, penalty, blocked):
    """One option: the nearest penalty that has this value, and what else that one changes."""
    now, name, value, label = rows.get(penalty), part["name"], choice["value"], choice["label"]
    if now and now[name] == value:
        return {"value": value, "label": label, "penalty": penalty, "why": ""}

    def changed(row):
        """The other parts in which a row differs from the one that holds."""
        return [
            one for one in parts if now and one is not part and row[one["name"]] != now[one["name"]]
        ]

    having = [row for row in rows.values() if row[name] == value]
    row = min(having, key=lambda row: (row["value"] in blocked, len(changed(row))))
    also = [f"{one['label'].lower()} {_words(one, row)}" for one in changed(row)]
    if also:
        label = f"{label}, {' '.join(also)} ({row['label']})"
    return {
        "value": value,
        "label": label,
        "penalty": row["value"],
        "why": blocked.get(row["value"], ""),
    }


def _words(part, row):
    """A row's choice of a part, as its menu calls it."""
    return next(c["label"] for c in part["choices"] if c["value"] == row[part["name"]])
