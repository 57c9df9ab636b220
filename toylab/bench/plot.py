"""``python -m toylab.bench.plot [FILE] [FOLDER]``: draws the costs that were measured.

FILE is what ``python -m toylab.bench costs --json FILE`` wrote (docs/bench.json); costs.png and
costs-dark.png go into FOLDER (docs).
"""

import json
import sys
from pathlib import Path

from matplotlib.ticker import LogLocator

from toylab.bench.costs import AXES
from toylab.figures import results, style


def curves(rows, axis):
    """{name: ([place], [value], unit)} of one axis of the suite `costs`."""
    found = {}
    for row in rows:
        if row["suite"] == "costs" and row["case"].startswith(f"{axis}: "):
            place, _, name = row["case"].removeprefix(f"{axis}: ").partition(" ")
            places, values, _ = found.setdefault(name, ([], [], row["unit"]))
            places.append(int(place))
            values.append(row["value"])
    return found


def draw(canvas, rows, paint):
    """One panel an axis, both scales logarithmic."""
    panels = canvas.subplots(1, len(AXES))
    for panel, axis in zip(panels, AXES, strict=True):
        name, _, where = axis.partition(", ")
        for number, (words, (places, values, unit)) in enumerate(curves(rows, axis).items()):
            panel.plot(places, values, "o-", ms=3, color=paint.series(number), label=words or None)
            panel.set_ylabel(unit)
        panel.set(xscale="log", yscale="log", xlabel=name, title=where)
        panel.set_xticks(places, [str(place) for place in places])
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.minorticks_off()
    panels[0].legend()


def main(words=None):
    """Draws both pictures."""
    given = [*(sys.argv[1:] if words is None else words)]
    file, folder = Path((given + ["docs/bench.json"])[0]), Path((given[1:] + ["docs"])[0])
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    for name, dark in (("costs", False), ("costs-dark", True)):
        made = style.picture(draw, rows, dark, "png", (12, 2.6))
        results.write(folder / f"{name}.png", made)


if __name__ == "__main__":
    main()
