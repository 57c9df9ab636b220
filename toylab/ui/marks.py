"""Every mark of the arena in one table, bottom to top: what it is, its widths, alphas and colours.

The figure draws the marks that come with pictures; a canvas over it draws those that only the
browser knows or that move between pictures. The surface is the only opaque raster, lines of one
family stay below an alpha of 0.9, and nothing fades with time but a trail.
"""

from typing import NamedTuple

CROWD = 5  # from so many layers on, marks get thinner
DIMMED = 0.25  # what is left of an alpha while another layer is lifted out


class Mark(NamedTuple):
    """One row. A look is a value, or a pair (with few layers on, in a crowd of five or more)."""

    name: str
    kind: str  # image, line, segment, mark; over: on the canvas above the figure
    layer: str
    looks: dict  # property of the Bokeh glyph, or of the canvas -> look
    colours: dict  # property -> token of the theme


def _line(name, layer, token, width, alpha, dash="solid", kind="line"):
    looks = {"line_width": width, "line_alpha": alpha, "line_dash": dash}
    return Mark(name, kind, layer, looks, {"line_color": token})


def _mark(name, layer, fill, halo=0.0, line_alpha=1.0, **looks):
    colours = {"fill_color": fill, **({"line_color": "halo"} if halo else {})}
    return Mark(
        name, "mark", layer, {"line_width": halo, "line_alpha": line_alpha, **looks}, colours
    )


def _over(name, layer, token, **looks):
    return Mark(name, "over", layer, looks, {"colour": token})


MARKS = (
    Mark("surface", "image", "surface", {"global_alpha": 1.0}, {}),
    _line("half", "surface", "ink2", 1.5, 0.9, (5, 4)),
    _line("levels", "surface", "ink2", 0.8, 0.5),
    _line("slope", "field", "ink", (1.2, 1.1), (0.55, 0.4), kind="segment"),
    _mark("slope_head", "field", "ink", fill_alpha=(0.6, 0.45)),
    _line("grid", "grid", "fake", (1.1, 0.9), (0.55, 0.32)),
    _line("most", "density", "fake", 1.2, 0.75),
    _line("core", "density", "fake", 2.2, 0.9),
    _mark("real", "real", "real", 0.8, size=6, fill_alpha=0.9),
    _line("push_halo", "force", "halo", (3.4, 3.0), 0.7, kind="segment"),
    _line("push", "force", "push", (1.7, 1.5), 0.9, kind="segment"),
    _mark("push_head", "force", "push", 0.6, line_alpha=0.7, fill_alpha=1.0),
    _mark("fake", "fake", "fake", (0.8, 0.6), size=(7, 6), fill_alpha=(0.9, 0.85)),
    _over("ring_halo", "rings", "halo", width=4, alpha=0.75),
    _over("missing", "rings", "real", width=1.6, alpha=0.9, dash=3),
    _over("found", "rings", "real", width=2.0, alpha=0.9),
    _over("trail", "fake", "fake", width=1.6, alpha=0.8),
    _over("chosen", "fake", "fake", size=10, width=1.4, alpha=1.0),
    _over("pointed", "fake", "fake", size=14, width=2.0, alpha=1.0),
    _over("lasso", "fake", "ink", width=1.5, alpha=0.9, dash=4),
    _over("probe", "probe", "ink", size=7, width=1.6, alpha=1.0),
    _over("edge", "fake", "fake", size=8, width=0.8, alpha=0.9),
    _over("tick", "axes", "ink2", size=11, alpha=1.0),
)
FIGURE = tuple(row for row in MARKS if row.kind != "over")
# Two glyphs of one shape read one source: every array costs two messages a picture.
SHARED = {"push_halo": "push", "push_head": "push", "slope_head": "slope"}
PACKED = ("surface", "half", "levels", "slope", "grid", "most", "core", "push", "fake")


def alpha(value, layer, lifted):
    """An alpha while a layer is lifted out: that one's own is full, all others are dimmed."""
    if lifted is None or layer == "axes":
        return value
    return 1.0 if layer == lifted else DIMMED * value


def looks(row, crowd, lifted=None, faint=()):
    """{property: value} of a row of the figure.

    crowd -- whether five or more layers are shown; faint -- names of marks that are dimmed
    """
    made = {}
    for prop, look in row.looks.items():
        value = look[crowd] if isinstance(look, tuple) and prop != "line_dash" else look
        if prop.endswith("alpha"):
            value = alpha(value, row.layer, lifted) * (DIMMED if row.name in faint else 1.0)
        made[prop] = value
    return made


def over():
    """The canvas's rows for the browser: {name: level (place in the order), looks and colour}."""
    return {
        row.name: {"level": level, "layer": row.layer, "token": row.colours["colour"], **row.looks}
        for level, row in enumerate(MARKS)
        if row.kind == "over"
    }
