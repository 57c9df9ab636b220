"""A literal table with names: unknown names fail once, early, with the known ones and the nearest.

This is all the registry there is: a family's file ends in one `Table({...})`, and the schema, the
command line, the law tests and the README read it. Whoever has a row of his own adds it as to any
dict, `PENALTIES["mine"] = row`, and it is a name everywhere from then on.
"""

import difflib
from collections import UserDict


class UnknownName(KeyError):
    """A name that a table does not have; the text says which names it has."""

    def __str__(self):
        return self.args[0]


FEW = 16  # names that are all told besides the one that was probably meant


def nearest(name, names):
    """A sentence that names what exists and, where one is close, what was probably meant."""
    names = [str(known) for known in names]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}?" if close else ""
    if meant and len(names) > FEW:
        return f"{meant} {len(names)} are known"
    return "; ".join([f"known: {', '.join(names)}", *([meant] if meant else [])])


class Table(UserDict):
    """A dict of rows that explains itself when asked for a row it does not have.

    row -- (name, value) -> row: what becomes of a value that is put into the table; it raises
           `TypeError` in words where the value cannot be a row. As it is, unless given
    more -- rows -> {name: row}: what follows from the rows that are written down
    """

    def __init__(self, what, rows, row=None, more=None):
        self.what, self.row = what, row or (lambda name, value: value)
        follow = more(rows) if more else {}
        super().__init__({**rows, **follow})
        self._follow = frozenset(follow)
        self._shipped = dict(self.data)

    def shipped(self, name):
        """Whether what stands at this name is what stood there at the start."""
        return self.get(name) is self._shipped.get(name)

    def written(self):
        """{name: row} of the rows that are written down, a user's own too; not those of `more`."""
        return {n: row for n, row in self.items() if n not in self._follow or not self.shipped(n)}

    def __setitem__(self, name, value):
        super().__setitem__(name, self.row(name, value))

    def __missing__(self, name):
        raise UnknownName(f"{self.what} {name!r} is unknown; {nearest(name, self)}")


def full(kind):
    """A table's `row` that takes whole rows of one kind and nothing else."""

    def row(name, value):
        if not isinstance(value, kind):
            raise TypeError(
                f"{name!r} must be {kind.__name__}({', '.join(kind._fields)}), "
                f"got {type(value).__name__}"
            )
        return value

    return row
