"""Ranges: the laws that a random search draws its settings from.

[random]
count = 20                                    how many draws; each goes with the whole grid
seed = 0
penalty_weight = { log-uniform = [0.01, 10] }
penalty = { choice = ["r1", "0-gp"] }
"""

import math

from toylab.randomness import Keys
from toylab.tables import Table, nearest


def _uniform(values, share):
    """low + u (high − low)"""
    low, high = values
    return low + share * (high - low)


def _log_uniform(values, share):
    """low (high/low)^u"""
    low, high = values
    return low * (high / low) ** share


def _choice(values, share):
    """one of the values, all equally likely"""
    return values[int(share * len(values))]


LAWS = Table("law", {"uniform": _uniform, "log-uniform": _log_uniform, "choice": _choice})


class Range:
    """One field's range, checked; raises `ValueError` that says what is right.

    told  -- {law: values} as the file has it
    whole -- whether the field takes whole numbers only; what is drawn is then rounded
    """

    def __init__(self, told, whole=False):
        if not isinstance(told, dict) or len(told) != 1:
            example = "{ log-uniform = [0.01, 10] }"
            raise ValueError(f"a range is one law with its values, as {example}, got {told!r}")
        ((self.law, self.values),) = told.items()
        self.whole = whole
        if self.law not in LAWS:
            raise ValueError(f"law {self.law!r} is unknown; {nearest(self.law, LAWS)}")
        if not isinstance(self.values, list) or not self.values:
            raise ValueError(f"{self.law} needs a list of values, got {self.values!r}")
        if self.law == "choice":
            return
        numbers = [v for v in self.values if isinstance(v, int | float) and math.isfinite(v)]
        if len(numbers) != 2 or len(self.values) != 2 or not numbers[0] < numbers[1]:
            raise ValueError(
                f"{self.law} needs two finite numbers, the smaller first, got {self.values!r}"
            )
        if self.law == "log-uniform" and numbers[0] <= 0:
            raise ValueError(f"log-uniform needs numbers above 0, got {self.values!r}")

    def draw(self, seed, name, number):
        """The value of draw `number`: a pure function, so that more draws keep the first ones."""
        share = Keys(seed, f"sweep/{name}", number).rng().random()
        value = LAWS[self.law](self.values, share)
        return round(value) if self.whole and self.law != "choice" else value
