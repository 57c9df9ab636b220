"""What a figure is: how it is measured, judged and drawn."""

from collections.abc import Callable
from typing import NamedTuple


class Figure(NamedTuple):
    """One row of a paper's table.

    measure -- (seed, steps) -> {name: array}, pure; steps is 0 for what trains nothing
    numbers -- {name: array} -> {name: float}, what the claim's checks bound
    draw    -- (canvas, [{name: array} of each seed], paint): the picture
    steps   -- (quick, usual, the paper's); (0, 0, 0) for what trains nothing
    seeds   -- how many by default; 1 for what is exact
    size    -- of the picture, inches; or {name: array} -> size
    lab     -- the settings as a query, to open in the lab; "" where it cannot show them
    """

    measure: Callable
    numbers: Callable
    draw: Callable
    steps: tuple = (0, 0, 0)
    seeds: int = 1
    size: tuple | Callable = (7.2, 3.2)
    lab: str = ""
