"""A literal table with names: unknown names fail once, early, with the known ones and the nearest.

This is all the registry there is: a family's file ends in one `Table({...})`, and the schema, the
command line, the law tests and the README read it.
"""

import difflib


class UnknownName(KeyError):
    """A name that a table does not have; the text says which names it has."""

    def __str__(self):
        return self.args[0]


def nearest(name, names):
    """A sentence that names what exists and, where one is close, what was probably meant."""
    close = difflib.get_close_matches(str(name), [str(known) for known in names], n=1, cutoff=0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"known: {', '.join(str(known) for known in names)}{meant}"


class Table(dict):
    """A dict of rows that explains itself when asked for a row it does not have."""

    def __init__(self, what, rows):
        super().__init__(rows)
        self.what = what

    def __missing__(self, name):
        raise UnknownName(f"{self.what} {name!r} is unknown; {nearest(name, self)}")
