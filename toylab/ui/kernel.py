"""Where, Pull to, Of: a gradient penalty as three small choices, each combination a member.

The penalties' rows in the schema say `where` the slope is measured, what it is to `pull` to and
`of` which output. The menu above shows which row that is: a paper's, or "Custom".
"""

import param
from panel.custom import JSComponent

from toylab.ui.assets import script, style


class Kernel(JSComponent):
    """Three menus under the penalty; each option is the penalty that it stands for."""

    menus = param.List([])
    _esm = script("kernel.js")
    _stylesheets = [style("kernel.css")]


def menus(parts, choices, penalty):
    """The three menus of a penalty, ready for the browser.

    parts -- the schema's three choices, with their words
    choices -- the schema's rows of the field "penalty"
    """
    rows = {row["value"]: row for row in choices if row.get("where")}
    now = rows.get(penalty)
    return [
        {
            "axis": part["name"],
            "label": part["label"],
            "doc": part["doc"],
            "value": now[part["name"]] if now else "",
            "options": [
                {**choice, "penalty": member}
                for choice in part["choices"]
                if (member := _member(rows, now, {**_of(now), part["name"]: choice["value"]}))
            ],
        }
        for part in parts
    ]


def _of(row):
    """The three choices of a row; none where another price is at work."""
    return {name: row[name] for name in ("where", "pull", "of")} if row else {}


def _member(rows, now, wanted):
    """The penalty of those choices: the one that holds, else the first that weighs all points
    alike. None beside points of a user's own, which not every center and output has."""
    fitting = [name for name, row in rows.items() if wanted.items() <= row.items()]
    if now and now["value"] in fitting:
        return now["value"]
    return min(fitting, key=lambda name: rows[name]["needs"] != "", default=None)
