"""Data cards: TOML descriptions of data sets, read and checked once, without torch.

A card names a family of distributions and its numbers; ``datasets/README.md`` shows the format.
Everything wrong with a card is one `CardError` that names the card, the field and the remedy.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from toylab.card_fields import TOP, CardError, check_embed, check_numbers, check_side, is_count
from toylab.tables import nearest


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
    rank: int  # its place among the cards on the page

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


def folder():
    """The folder of the cards: ``datasets/`` of the repository, or the wheel's own copy."""
    here = Path(__file__).resolve().parent
    # The wheel's copy first: beside an installed package, datasets/ may be somebody else's.
    for candidate in (here / "_datasets", here.parent / "datasets"):
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
        text = path.read_text(encoding="utf-8")
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
    if sampling == "finite" and not is_count(size):
        fail("size", f"a finite set needs its number of points, got {size!r}", "write size = 1000")
    if sampling == "fresh" and size:
        fail("size", "a fresh source has no size", "leave it out, or write sampling = 'finite'")
    rank = fields.get("rank", 99)
    if not is_count(rank):
        fail("rank", f"wants a whole number ≥ 1, got {rank!r}", "leave it out")
    batch = fields.get("batch", 128)
    if not is_count(batch):
        fail("batch", f"wants a whole number ≥ 1, got {batch!r}", "write batch = 128")
    numbers = check_numbers(name, fields.get("numbers", {}))
    if "real" not in fields:
        fail("real", "missing", "describe the real points in a table [real] with a family")
    real = check_side(name, "real", fields["real"], numbers, home)
    fake = fields.get("fake")
    if fake is not None:
        fake = check_side(name, "fake", fake, numbers, home)
    embed = check_embed(name, fields.get("embed"))
    return Card(
        name=name,
        title=fields.get("title", name),
        doc=fields.get("doc", ""),
        source=fields.get("source", ""),
        sampling="finite" if real["family"] == "file" else sampling,
        size=size,
        order=order,
        batch=batch,
        rank=rank,
        numbers=numbers,
        real=real,
        fake=fake,
        embed=embed,
        folder=Path(home),
    )
