"""The kinds of settings: what an experiment's fields accept, checked the moment they are set."""

import math

import param

from toylab import cards, schedules
from toylab.tables import nearest


class Knob(param.Parameter):
    """A finite number within bounds, a `Schedule` of such numbers, or a tuple: one a member.

    `soft` are the bounds of the page's slider; the wide ones hold everywhere. `each` says whether
    members may differ.
    """

    __slots__ = ["bounds", "soft", "each"]
    _slot_defaults = {**param.Parameter._slot_defaults, "bounds": None, "soft": None, "each": True}

    def __init__(self, default, bounds, soft=None, each=True, **kwargs):
        super().__init__(default=default, **kwargs)
        self.bounds, self.soft, self.each = bounds, soft or bounds, each

    def __set__(self, owner, value):
        self.check(value)
        super().__set__(owner, value)

    def check(self, value):
        if value is None and self.allow_None:
            return
        if isinstance(value, schedules.Schedule):
            numbers = value.values
        else:
            numbers = value if isinstance(value, tuple) and self.each else (value,)
        low, high = self.bounds
        for number in numbers:
            real = isinstance(number, (int, float)) and not isinstance(number, bool)
            if not (real and math.isfinite(number) and low <= number <= high):
                raise ValueError(
                    f"{self.name} must be a number from {low:g} to {high:g}, or a schedule of "
                    f"such numbers, got {number!r}"
                )


class Whole(param.Integer):
    """A whole number within bounds."""

    def _validate(self, value):
        low, high = self.bounds
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(
                f"{self.name} must be a whole number from {low} to {high}, got {value!r}"
            )


class Name(param.Parameter):
    """A name out of a table, or one of those `before` it.

    The table is read whenever a name is checked, so a row that somebody adds later is a name too.
    """

    __slots__ = ["parts"]
    _slot_defaults = {**param.Parameter._slot_defaults, "parts": ()}

    def __init__(self, default, table, before=(), **kwargs):
        super().__init__(default=default, **kwargs)
        self.parts = (before, table)  # in a tuple, because param copies a dict that it is given

    @property
    def choices(self):
        """All names, in order."""
        return tuple(name for part in self.parts for name in part)

    def _validate(self, value):
        if value not in self.choices:
            raise ValueError(f"{self.name} {value!r} is unknown; {nearest(value, self.choices)}")


class Card(param.String):
    """The name of a data card, or a path that ends in ``.toml``."""

    def _validate(self, value):
        cards.load(value)
