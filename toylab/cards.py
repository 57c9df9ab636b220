"""Data cards: TOML descriptions of data sets, read and checked once, without torch.

A card names a family of distributions and its numbers; ``datasets/README.md`` shows the format.
Everything wrong with a card is one `CardError` that names the card, the field and the remedy.
"""

import math
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from toylab.tables import nearest


class CardError(ValueError):
    """A card that cannot be used; the text names card, field and remedy."""

    def __init__(self, card, field, problem, remedy):
        super().__init__(f"card {card!r}, field {field}: {problem}; {remedy}")


class Number(NamedTuple):
    """A number of a card that may move while training, such as the θ of the parallel lines."""

    default: float
    low: float
    high: float
    log: bool
    doc: str


class Card(NamedTuple):
    """A checked card. `real` and `fake` are dicts with a ``family``; `fake` may be None."""

    name: str
    title: str
    doc: str
    source: str
    sampling: str  # fresh: new points every step; finite: a set drawn once
    size: int  # points of a finite set, 0 when fresh
    order: str  # of a finite set: permuted every epoch, or fixed
    batch: int  # the batch the source used
    numbers: dict
    real: dict
    fake: dict | None
    embed: dict | None
    folder: Path

    @property
    def dimension(self):
        """Numbers in one point."""
        return 3 if self.embed else 2

    def resolved(self, side="real", numbers=None):
        """The fields of one side with every named number replaced by its value."""
        values = {name: number.default for name, number in self.numbers.items()}
        for name, value in (numbers or {}).items():
            if name in values and value is not None:
                values[name] = float(value)

        def value_of(field):
            if isinstance(field, list):
                return [value_of(part) for part in field]
            return values.get(field, field) if isinstance(field, str) else field

        fields = getattr(self, side)
        return fields and {key: value_of(field) for key, field in fields.items()}


# family -> {field: (kind, default)}; a default of None means that the field must be given.
# Kinds: number, positive (≥ 0), count (≥ 1), point, points, positives, covariance, weights, text.
FAMILIES = {
    "mixture": {"means": ("points", None), "std": ("positives", 0.0), "covariance": ("matrix", [])},
    "ring": {
        "count": ("count", None),
        "radius": ("positive", None),
        "std": ("positive", None),
        "start": ("number", 0.0),
        "clockwise": ("flag", False),
    },
    "grid": {"side": ("count", None), "spacing": ("positive", None), "std": ("positive", None)},
    "swissroll": {"noise": ("positive", None), "scale": ("positive", None)},
    "segment": {"start": ("point", None), "end": ("point", None)},
    "arc": {
        "centre": ("point", None),
        "radius": ("positive", None),
        "start": ("number", None),
        "end": ("number", None),
    },
    "points": {"points": ("points", None)},
    "file": {"path": ("text", None)},
}
COMMON = {"weights": ("weights", []), "balanced": ("flag", False)}
TOP = {"title", "doc", "source", "sampling", "size", "order", "batch", "numbers"}
TOP |= {"real", "fake", "embed"}


def folder():
    """The folder of the cards: ``datasets/`` of the repository, or the wheel's own copy."""
    here = Path(__file__).resolve().parent
    for candidate in (here.parent / "datasets", here / "_datasets"):
        if any(candidate.glob("*.toml")):
            return candidate
    raise FileNotFoundError(f"no data cards in {here.parent / 'datasets'} or {here / '_datasets'}")


def names():
    """The names of all cards, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def load(name):
    """The card of that name, or of that path when it ends in ``.toml``."""
    if str(name).endswith(".toml"):
        return _read(Path(name))
    return _known(str(name))


@cache
def _known(name):
    if name not in names():
        raise CardError(name, "name", "no such card", nearest(name, names()))
    return _read(folder() / f"{name}.toml")


def _read(path):
    try:
        text = path.read_text()
    except OSError as error:
        raise CardError(path.stem, "file", str(error), f"put a card at {path}") from error
    except UnicodeDecodeError as error:
        raise CardError(path.stem, "file", str(error), "save it as UTF-8 text") from error
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardError(path.stem, "file", f"not TOML: {error}", "mend that line") from error
    return check(path.stem, fields, path.parent)


def check(name, fields, home=Path(".")):
    """A `Card` from a dict of fields; raises `CardError` at the first field that is wrong."""

    def fail(field, problem, remedy):
        raise CardError(name, field, problem, remedy)

    for field in fields:
        if field not in TOP:
            fail(field, "unknown field", nearest(field, sorted(TOP)))
    for field in ("title", "doc", "source"):
        if not isinstance(fields.get(field, ""), str):
            fail(field, f"wants text, got {fields[field]!r}", "write it in quotes")
    sampling = fields.get("sampling", "fresh")
    if sampling not in ("fresh", "finite"):
        fail("sampling", f"got {sampling!r}", "write 'fresh' or 'finite'")
    order = fields.get("order", "permuted")
    if order not in ("permuted", "fixed"):
        fail("order", f"got {order!r}", "write 'permuted' or 'fixed'")
    size = fields.get("size", 0)
    if sampling == "finite" and not _is_count(size):
        fail("size", f"a finite set needs its number of points, got {size!r}", "write size = 1000")
    if sampling == "fresh" and size:
        fail("size", "a fresh source has no size", "leave it out, or write sampling = 'finite'")
    batch = fields.get("batch", 128)
    if not _is_count(batch):
        fail("batch", f"wants a whole number ≥ 1, got {batch!r}", "write batch = 128")
    numbers = _check_numbers(name, fields.get("numbers", {}))
    if "real" not in fields:
        fail("real", "missing", "describe the real points in a table [real] with a family")
    real = _check_side(name, "real", fields["real"], numbers, home)
    fake = fields.get("fake")
    if fake is not None:
        fake = _check_side(name, "fake", fake, numbers, home)
    embed = _check_embed(name, fields.get("embed"))
    return Card(
        name=name,
        title=fields.get("title", name),
        doc=fields.get("doc", ""),
        source=fields.get("source", ""),
        sampling="finite" if real["family"] == "file" else sampling,
        size=size,
        order=order,
        batch=batch,
        numbers=numbers,
        real=real,
        fake=fake,
        embed=embed,
        folder=Path(home),
    )


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_numbers(name, fields):
    numbers = {}
    for key, row in fields.items():
        where = f"numbers.{key}"
        if not isinstance(row, dict) or "default" not in row:
            raise CardError(name, where, "wants a table with a default", "write default = 1.0")
        low, high = row.get("low", row["default"]), row.get("high", row["default"])
        for part, value in (("default", row["default"]), ("low", low), ("high", high)):
            if not _is_number(value):
                raise CardError(
                    name, f"{where}.{part}", f"wants a finite number, got {value!r}", "mend it"
                )
        if not low <= row["default"] <= high:
            raise CardError(
                name, where, f"default {row['default']} is not in [{low}, {high}]", "widen bounds"
            )
        log, doc = bool(row.get("log", False)), str(row.get("doc", ""))
        numbers[key] = Number(float(row["default"]), float(low), float(high), log, doc)
    return numbers


def _check_side(name, side, fields, numbers, home):
    if not isinstance(fields, dict) or "family" not in fields:
        raise CardError(
            name, f"{side}.family", "missing", f"write one of {', '.join(sorted(FAMILIES))}"
        )
    family = fields["family"]
    if family not in FAMILIES:
        raise CardError(
            name, f"{side}.family", f"unknown family {family!r}", nearest(family, FAMILIES)
        )
    wanted = {**FAMILIES[family], **COMMON}
    for field in fields:
        if field not in wanted and field != "family":
            raise CardError(name, f"{side}.{field}", "unknown field", nearest(field, wanted))
    checked = {"family": family}
    for field, (kind, default) in wanted.items():
        if field not in fields:
            if default is None:
                raise CardError(name, f"{side}.{field}", "missing", f"a {family} needs it")
            checked[field] = default
            continue
        problem = _problem(kind, fields[field], numbers)
        if problem:
            raise CardError(name, f"{side}.{field}", *problem)
        checked[field] = fields[field]
    _check_together(name, side, checked, home)
    return checked


def _problem(kind, value, numbers):
    """(what is wrong, remedy) of one field, or None. A text names one of the card's numbers."""
    if kind == "text":
        return None if isinstance(value, str) else (f"wants text, got {value!r}", "quote it")
    if kind == "flag":
        return None if isinstance(value, bool) else (f"got {value!r}", "write true or false")
    if kind == "count":
        if _is_count(value):
            return None
        return f"wants a whole number ≥ 1, got {value!r}", "write a whole number"
    if isinstance(value, str):
        if value in numbers:
            return None
        return f"names the number {value!r}", f"add [numbers.{value}] or write a number"
    if isinstance(value, list):
        if kind in ("number", "positive"):
            return f"wants one number, got {value!r}", "write a single number"
        if not value:
            return "is empty", "give at least one value"
        for part in value:
            inner = {"points": "point", "matrix": "point", "point": "number"}.get(kind, "positive")
            if kind in ("points", "matrix") and not (isinstance(part, list) and len(part) == 2):
                return f"wants pairs of numbers, got {part!r}", "write [[x, y], …]"
            if problem := _problem(inner, part, numbers):
                return problem
        if kind == "point" and len(value) != 2:
            return f"wants two numbers, got {value!r}", "write [x, y]"
        return None
    if kind in ("point", "points", "matrix", "weights"):
        return f"wants a list, got {value!r}", "write it in brackets"
    if not _is_number(value):
        return f"wants a finite number, got {value!r}", "write a finite number"
    if kind in ("positive", "positives") and value < 0:
        return f"wants a number ≥ 0, got {value!r}", "write a number ≥ 0"
    return None


def _check_together(name, side, fields, home):
    """What only several fields together can get wrong."""
    family, weights = fields["family"], fields["weights"]
    count = {
        "mixture": lambda: len(fields["means"]),
        "ring": lambda: fields["count"],
        "grid": lambda: fields["side"] ** 2,
        "points": lambda: len(fields["points"]),
    }.get(family)
    if weights:
        if count is None:
            raise CardError(name, f"{side}.weights", f"a {family} has no weights", "leave it out")
        if len(weights) != count():
            raise CardError(
                name, f"{side}.weights", f"{len(weights)} for {count()} parts", "one weight a part"
            )
        if all(_is_number(w) for w in weights) and abs(sum(weights) - 1) > 1e-6:
            raise CardError(
                name, f"{side}.weights", f"sum is {sum(weights):g}", "make them sum to 1"
            )
    if family == "mixture":
        if isinstance(fields["std"], list) and len(fields["std"]) != len(fields["means"]):
            raise CardError(
                name,
                f"{side}.std",
                f"{len(fields['std'])} for {len(fields['means'])} means",
                "one std a mean, or a single number",
            )
        if fields["covariance"]:
            matrix = np.array(fields["covariance"], float)
            if matrix.shape != (2, 2) or abs(matrix - matrix.T).max() > 1e-9:
                raise CardError(
                    name,
                    f"{side}.covariance",
                    f"got {fields['covariance']}",
                    "write [[a, b], [b, c]]",
                )
            if np.linalg.eigvalsh(matrix)[0] < 0:
                raise CardError(
                    name, f"{side}.covariance", "has a negative eigenvalue", "make it positive"
                )
    if family == "file":
        points(name, side, home / fields["path"])


def points(name, side, path):
    """The points of a CSV or NPZ file as float32 (n, 2); never unpickles anything."""
    field = f"{side}.path"
    if not path.is_file():
        raise CardError(name, field, f"no file {path.name}", f"put it beside the card ({path})")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                values = archive[archive.files[0]]
        else:
            values = np.loadtxt(path, delimiter=",", ndmin=2)
        values = np.asarray(values, np.float32)
    except (OSError, ValueError, IndexError) as error:
        raise CardError(
            name, field, f"cannot be read: {error}", "write lines x,y or an NPZ"
        ) from error
    if values.ndim != 2 or values.shape[1] != 2 or len(values) == 0:
        raise CardError(name, field, f"has shape {values.shape}", "give two columns and ≥ 1 row")
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise CardError(name, field, f"row {row} is not finite", "remove NaN and infinities")
    return values


def _check_embed(name, fields):
    if fields is None:
        return None
    for field in fields:
        if field not in ("axis", "angle", "shift"):
            raise CardError(name, f"embed.{field}", "unknown field", "known: axis, angle, shift")
    for field in ("axis", "shift"):
        value = fields.get(field)
        if not (isinstance(value, list) and len(value) == 3 and all(_is_number(v) for v in value)):
            raise CardError(
                name, f"embed.{field}", f"got {value!r}", "write three numbers [x, y, z]"
            )
    if not any(fields["axis"]):
        raise CardError(name, "embed.axis", "has length 0", "write a direction, such as [0, 0, 1]")
    if not _is_number(fields.get("angle")):
        raise CardError(name, "embed.angle", f"got {fields.get('angle')!r}", "write degrees")
    return dict(fields)
