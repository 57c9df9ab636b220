"""How a picture is drawn: fixed fonts, the page's own colours in light and dark, the same SVG
whenever the same numbers are drawn."""

import base64
import io
import re

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from PIL import Image

# The colours of the lab's theme (a test compares them): blue is real, orange is fake.
COLOURS = {
    "page": ("#FFFFFF", "#161D26"),
    "line": ("#D9DEE5", "#2C3744"),
    "ink": ("#17202B", "#E8EDF3"),
    "ink2": ("#4A5768", "#B3BFCC"),
    "ink3": ("#657284", "#8A98A8"),
    "real": ("#0A5CA8", "#74BBFF"),
    "fake": ("#B23F08", "#FF9D5C"),
    "gold": ("#8A6100", "#E8B93C"),
    "ok": ("#0B6E4F", "#4CC79A"),
    "bad": ("#B3261E", "#FF8A80"),
    "sheet": ("#6A2C91", "#D7A6F2"),
}
SURFACE = (("#F9C79A", "#F8F8F6", "#AED2F6"), ("#5C2C0C", "#171D26", "#0F3F6E"))
SERIES = ("real", "fake", "ok", "sheet", "gold", "bad", "ink3")
LARGEST = 150_000  # bytes of a picture


class Paint:
    """The colours of one theme, and what figures share in drawing."""

    def __init__(self, dark=False, kind="png"):
        self.dark, self.kind = dark, kind
        self.surface = LinearSegmentedColormap.from_list("surface", SURFACE[int(dark)])

    def __getattr__(self, token):
        return COLOURS[token][int(self.dark)]

    def series(self, number):
        """The colour of the n-th of several lines."""
        return COLOURS[SERIES[number % len(SERIES)]][int(self.dark)]

    def image(self, axis, values, half, low=None, high=None):
        """A surface (n, n), row 0 at the bottom, over [−half, half]²; the viewer smooths an SVG."""
        axis.imshow(
            values,
            cmap=self.surface,
            origin="lower",
            extent=(-half, half, -half, half),
            vmin=low,
            vmax=high,
            interpolation="none" if self.kind == "svg" else "bilinear",
        )

    def settings(self):
        """matplotlib's settings: 8-pt sans, thin quiet axes."""
        return {
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.titleweight": "bold",
            "axes.labelsize": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.7,
            "axes.edgecolor": self.ink3,
            "axes.labelcolor": self.ink2,
            "axes.titlecolor": self.ink,
            "axes.facecolor": self.page,
            "figure.facecolor": self.page,
            "text.color": self.ink,
            "xtick.color": self.ink2,
            "ytick.color": self.ink2,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "lines.linewidth": 1.4,
            "legend.frameon": False,
            "legend.fontsize": 7,
            "grid.color": self.line,
            "grid.linewidth": 0.6,
            "svg.hashsalt": "toylab",
            "svg.fonttype": "none",
            "image.composite_image": False,
        }


def picture(draw, every, dark, kind, size):
    """The bytes of a figure's picture; draw(canvas, every, paint) draws the seeds' arrays.

    A picture that would be too large becomes coarser until it is not: PNG by fewer dots an inch,
    SVG by dots in place of shapes, its words and axes staying sharp.
    """
    for dots in (140, 120, 100, 85, 70, 55):
        made = _drawn(draw, every, Paint(dark, kind), size, dots, as_dots=dots < 140)
        if len(made) <= LARGEST:
            return made
    raise ValueError(f"the picture has {len(made)} bytes, more than {LARGEST}: draw less")


def _drawn(draw, every, paint, size, dots, as_dots):
    held = io.BytesIO()
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **paint.settings()}):
        canvas = Canvas(figsize=size, dpi=dots, layout="constrained")
        draw(canvas, every, paint)
        if paint.kind == "svg":
            for axis in canvas.axes if as_dots else ():
                axis.set_rasterization_zorder(10)
            canvas.savefig(held, format="svg", metadata={"Date": None, "Creator": "toylab"})
            return _EMBEDDED.sub(_embedded, held.getvalue())
        canvas.savefig(held, format="png")
    return lighter(held.getvalue())


def lighter(png):
    """The same picture with 96 colours: a third of the bytes."""
    held, drawn = io.BytesIO(), Image.open(io.BytesIO(png))
    flat = drawn.convert("RGBA").getextrema()[3][0] == 255
    chosen = Image.Quantize.MEDIANCUT if flat else Image.Quantize.FASTOCTREE
    few = drawn.convert("RGB" if flat else "RGBA").quantize(96, chosen, dither=Image.Dither.NONE)
    few.save(held, format="png", optimize=True)
    return held.getvalue()


def small(png, most=(480, 300)):
    """A thumbnail of a picture, at most so many dots wide and high."""
    held, drawn = io.BytesIO(), Image.open(io.BytesIO(png)).convert("RGB")
    drawn.thumbnail(most, Image.Resampling.LANCZOS)
    drawn.save(held, format="png")
    return lighter(held.getvalue())


_EMBEDDED = re.compile(rb"(data:image/png;base64,)([A-Za-z0-9+/=\s]+)")


def _embedded(match):
    return match[1] + base64.b64encode(lighter(base64.b64decode(match[2])))


def few(axis, count=4):
    """At most so many ticks each way."""
    axis.xaxis.set_major_locator(MaxNLocator(count))
    axis.yaxis.set_major_locator(MaxNLocator(count))


def square(axis, half, centre=(0.0, 0.0)):
    """Equal scales and a fixed window."""
    axis.set_aspect("equal")
    axis.set_xlim(centre[0] - half, centre[0] + half)
    axis.set_ylim(centre[1] - half, centre[1] + half)
    few(axis, 3)
