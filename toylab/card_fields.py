"""What the fields of a data card must be: families, kinds of values, and the one error.

`toylab.cards` reads cards; ``datasets/README.md`` shows the format.
"""

import math
from typing import NamedTuple

import numpy as np

from toylab.tables import nearest

LARGEST = 10**7  # points of a set; more would not fit in memory
MOST_PARTS = 10**5


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


# family -> {field: (kind, default)}; a default of None means that the field must be given.
# Kinds: number, positive (≥ 0), count (≥ 1), flag, text, point, points, positives, matrix, weights.
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
TOP = {"title", "doc", "source", "sampling", "size", "order", "batch", "rank", "numbers"}
TOP |= {"real", "fake", "embed"}


def is_number(value):
    """A finite number; TOML also has whole numbers that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e300 if isinstance(value, int) else math.isfinite(value)


def is_count(value):
    """A whole number from 1 to `LARGEST`."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST


def check_numbers(name, fields):
    """{key: Number} of the table [numbers]."""
    if not isinstance(fields, dict):
        raise CardError(name, "numbers", f"got {fields!r}", "write a table [numbers.spread]")
    numbers = {}
    for key, row in fields.items():
        where = f"numbers.{key}"
        if not isinstance(row, dict) or "default" not in row:
            raise CardError(name, where, "wants a table with a default", "write default = 1.0")
        for field in row:
            if field not in Number._fields:
                remedy = nearest(field, Number._fields)
                raise CardError(name, f"{where}.{field}", "unknown field", remedy)
        low, high = row.get("low", row["default"]), row.get("high", row["default"])
        for part, value in (("default", row["default"]), ("low", low), ("high", high)):
            if not is_number(value):
                problem = f"wants a number, got {value!r}"
                raise CardError(name, f"{where}.{part}", problem, "write a finite number")
        if not low <= row["default"] <= high:
            raise CardError(
                name, where, f"default {row['default']} is not in [{low}, {high}]", "widen bounds"
            )
        log, doc = bool(row.get("log", False)), str(row.get("doc", ""))
        numbers[key] = Number(float(row["default"]), float(low), float(high), log, doc)
    return numbers


def check_side(name, side, fields, numbers, home):
    """The fields of [real] or [fake], complete with defaults."""
    if not isinstance(fields, dict) or "family" not in fields:
        raise CardError(
            name, f"{side}.family", "missing", f"write one of {', '.join(sorted(FAMILIES))}"
        )
    family = fields["family"]
    if not isinstance(family, str) or family not in FAMILIES:
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
        if is_count(value):
            return None
        return f"wants a whole number ≥ 1, got {value!r}", "write a whole number"
    if isinstance(value, str):
        if value in numbers:
            if kind.startswith("positive") and numbers[value].low < 0:
                return f"follows {value!r}, which may be negative", "write low = 0 there"
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
    if not is_number(value):
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
    if count and count() > MOST_PARTS:
        problem, remedy = f"has {count():,} parts", f"describe at most {MOST_PARTS:,}"
        raise CardError(name, f"{side}.family", problem, remedy)
    if weights:
        if count is None:
            raise CardError(name, f"{side}.weights", f"a {family} has no weights", "leave it out")
        if fields["balanced"]:
            problem = "balanced parts weigh the same"
            raise CardError(name, f"{side}.weights", problem, "leave one of them out")
        if len(weights) != count():
            raise CardError(
                name, f"{side}.weights", f"{len(weights)} for {count()} parts", "one weight a part"
            )
        if all(is_number(w) for w in weights) and abs(sum(weights) - 1) > 1e-6:
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
            if any(isinstance(value, str) for row in fields["covariance"] for value in row):
                problem = "cannot follow a number by name"
                raise CardError(name, f"{side}.covariance", problem, "write numbers")
            matrix = np.array(fields["covariance"], float)
            if matrix.shape != (2, 2) or abs(matrix - matrix.T).max() > 1e-9:
                raise CardError(
                    name,
                    f"{side}.covariance",
                    f"got {fields['covariance']}",
                    "write [[a, b], [b, c]]",
                )
            if np.linalg.eigvalsh(matrix)[0] < -1e-9 * abs(matrix).max():
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
        with np.errstate(over="ignore"):  # what overflows is reported as not finite
            values = np.asarray(values, np.float32)
    except Exception as error:  # a broken archive raises errors of zipfile, zlib and others
        raise CardError(
            name, field, f"cannot be read: {error}", "write lines x,y or an NPZ"
        ) from error
    if values.ndim != 2 or values.shape[1] != 2 or len(values) == 0:
        raise CardError(name, field, f"has shape {values.shape}", "give two columns and ≥ 1 row")
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise CardError(name, field, f"row {row} is not finite", "remove NaN and infinities")
    return values


def check_embed(name, fields):
    """The fields of [embed], or None where the card has none."""
    if fields is None:
        return None
    if not isinstance(fields, dict):
        raise CardError(name, "embed", f"got {fields!r}", "write a table of axis, angle, shift")
    for field in fields:
        if field not in ("axis", "angle", "shift"):
            raise CardError(name, f"embed.{field}", "unknown field", "known: axis, angle, shift")
    for field in ("axis", "shift"):
        value = fields.get(field)
        if not (isinstance(value, list) and len(value) == 3 and all(is_number(v) for v in value)):
            raise CardError(
                name, f"embed.{field}", f"got {value!r}", "write three numbers [x, y, z]"
            )
    if not any(fields["axis"]):
        raise CardError(name, "embed.axis", "has length 0", "write a direction, such as [0, 0, 1]")
    if not is_number(fields.get("angle")):
        raise CardError(name, "embed.angle", f"got {fields.get('angle')!r}", "write degrees")
    return dict(fields)
