"""Health: four lines that say how a run is doing, each with its reason and the step since when.

A line is judged from measured numbers only, so the same measurements give the same lines. Every
length is in radii of the data, every time in steps.
"""

import math
from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np

SURE = 0.99  # the critic is right on so many of both sides: nothing is left to learn from it
WHILE = 100  # steps for which something must hold before it is more than a moment
LONG = 400  # steps without a new cluster: a collapse, no longer a beginning
NEAR = 0.5  # share of the fakes near some cluster: they are sharp, so the missing stay missing
APART = 50  # least number of steps between two looks at the individuals
LOOKS = 8  # so many looks tell going round from going somewhere
WANDER = 0.5  # radii that a fake moves on average between two looks of a run that goes round
DEAD = 0.01  # of the strongest push of the run
RIGHT = 0.75  # where the critic is right less often, the generator needs no push
FOLLOWED = 256  # individuals whose way is followed
KEPT = 400  # judgements that stay known


class Vitals(NamedTuple):
    """What is measured of one state; what depends on clusters is None where there are none.

    fakes (n, d) · radius: of the data · found, shares, homes, led (k,): found, near, nearest, and
    whether the push leads fakes there (None where nobody looked) · right: shares of reals and
    of fakes that the critic judges rightly · slope: mean |∇φ| at the fakes · push: mean length of
    the push on them, and game: by which it is paid; pushes of another game are not compared.
    """

    step: int
    game: str
    fakes: np.ndarray
    radius: float
    found: np.ndarray | None
    shares: np.ndarray | None
    homes: np.ndarray | None
    led: np.ndarray | None
    right: tuple
    slope: float
    push: float


class Memory(NamedTuple):
    """What a judgement must know of those before it.

    found, lost (k,): what was found last, and the steps when each was last lost · led: the last
    look along the push · stuck, sure, dead: since when no cluster was gained, the critic is sure,
    the push is gone · looks: ((step, individuals, fullest cluster), …) · game and peak: its
    strongest push · levels: {line: (level, since)}.
    """

    found: np.ndarray | None = None
    lost: np.ndarray | None = None
    led: np.ndarray | None = None
    stuck: int | None = None
    sure: int | None = None
    dead: int | None = None
    looks: tuple = ()
    game: str = ""
    peak: float = 0.0
    levels: dict = {}


class Health:
    """The lines of a run, judgement by judgement; a run that goes back forgets what came after."""

    def __init__(self):
        self._steps, self._kept = [], []  # steps and (memory, lines) of the judgements

    def judge(self, vitals):
        """The lines of this moment, each {name, level, text, value, reason, since}."""
        known = bisect_left(self._steps, vitals.step)
        del self._steps[known:], self._kept[known:]
        before = self._kept[-1][0] if self._kept else Memory()
        memory, lines = judged(before, vitals)
        if self._kept:
            # Who goes back follows the individuals anew; their ways need not be kept for ever.
            last, told = self._kept[-1]
            self._kept[-1] = last._replace(looks=()), told
        self._steps.append(vitals.step)
        self._kept.append((memory, lines))
        if len(self._steps) > KEPT:
            ages = vitals.step + 1 - np.array(self._steps)
            least = 1 + int(np.argmin(ages[:-2] / ages[2:]))  # leaves the least gap for its age
            del self._steps[least], self._kept[least]
        return lines

    def told(self):
        """Every judgement that is kept, for `take_up` in another process."""
        return self._steps, self._kept

    def take_up(self, told):
        """Goes on from another's judgements."""
        self._steps, self._kept = told

    def at(self, step):
        """The lines as they were last judged at or before a step; none before the first."""
        known = bisect_right(self._steps, step)
        return self._kept[known - 1][1] if known else []


def judged(memory, vitals):
    """(memory, lines) after these measurements; a pure function."""
    memory = _remembered(memory, vitals)
    found = {"saturated": _saturated, "cycling": _cycling, "pushed": _pushed}
    if vitals.found is not None:
        found = {"clusters": _clusters, **found}
    lines, levels = [], {}
    for name, judge in found.items():
        line = {"name": name, **judge(memory, vitals)}
        level, since = memory.levels.get(name, (None, None))
        if level != line["level"]:
            since = vitals.step
        levels[name] = line["level"], since
        lines.append({"since": since, **line})
    return memory._replace(levels=levels), lines


def _remembered(memory, vitals):
    """The memory with these measurements in it."""
    step = vitals.step
    if vitals.found is not None:
        before = np.zeros_like(vitals.found) if memory.found is None else memory.found
        lost = np.zeros(len(before), int) if memory.lost is None else memory.lost
        gained = memory.stuck is None or (vitals.found & ~before).any()
        known = None if vitals.found.all() else memory.led
        memory = memory._replace(
            found=vitals.found,
            lost=np.where(before & ~vitals.found, step, lost),
            led=known if vitals.led is None else vitals.led,
            stuck=step if gained else memory.stuck,
        )
    looks = memory.looks
    if not looks or step - looks[-1][0] >= APART:
        fullest = None if vitals.homes is None else int(vitals.homes.argmax())
        look = (step, vitals.fakes[:FOLLOWED].astype(np.float32), fullest)
        looks = (*looks[-LOOKS:], look)
    peak = memory.peak if memory.game == vitals.game else 0.0
    peak = max(peak, vitals.push) if math.isfinite(vitals.push) else peak
    right = sum(vitals.right) / 2
    return memory._replace(
        sure=_since(memory.sure, min(vitals.right) >= SURE, step),
        dead=_since(memory.dead, vitals.push < DEAD * peak and right >= RIGHT, step),
        looks=looks,
        peak=peak,
        game=vitals.game,
    )


def _since(before, holds, step):
    """The step since which something holds; None where it does not."""
    if not holds:
        return None
    return step if before is None else before


def _line(level, text, value, reason="", **more):
    return {"level": level, "text": text, "value": value, "reason": reason, **more}


def _unknown(text):
    return _line("bad", text, "–", "a number is no longer finite")


def _clusters(memory, vitals):
    """How many clusters are missing, and whether any push leads to them."""
    missing, count = np.flatnonzero(~vitals.found), len(vitals.found)
    value = f"{count - len(missing)} of {count}"
    if not len(missing):
        return _line("ok", "All clusters found", value)
    text = "1 cluster missing" if len(missing) == 1 else f"{len(missing)} clusters missing"
    stuck = vitals.step - memory.stuck >= LONG and len(missing) >= count / 2
    collapsed = stuck and vitals.shares.sum() >= NEAR
    return _line(
        "bad" if collapsed else "warn",
        f"Collapsed: {text}" if collapsed else text,
        value,
        _way_there(memory, vitals, missing),
        since=int(memory.lost[missing].max()),
        missing=missing.tolist(),
    )


def _way_there(memory, vitals, missing):
    """What the last look along the push saw of the missing clusters."""
    if memory.led is None:
        return ""
    led = int(memory.led[missing].sum()) if memory.dead is None else 0
    if led == len(missing):
        return "fakes are on their way"
    return "no push leads there" if not led else f"no push leads to {len(missing) - led} of them"


def _saturated(memory, vitals):
    """Whether the critic is right on all but a hundredth of either side, and for how long."""
    value = f"{100 * (sum(vitals.right) / 2):.0f} %"
    if not math.isfinite(vitals.slope):
        return _unknown("Critic")
    if memory.sure is None:
        return _line("ok", "Critic not saturated", value)
    long = vitals.step - memory.sure >= WHILE
    real, fake = (f"{100 * share:.0f} %" for share in vitals.right)
    reason = f"right on {real} of reals and {fake} of fakes, slope at the fakes {vitals.slope:.2g}"
    return _line("bad" if long else "warn", "Critic saturated", value, reason, since=memory.sure)


def _cycling(memory, vitals):
    """Whether the individuals go on wandering from look to look, and the fullest cluster with them.

    drift -- mean way of an individual in 100 steps, over the looks that are judged
    """
    pairs = list(zip(memory.looks, memory.looks[1:], strict=False))
    if not pairs:
        return _line("ok", "No cycling", "drift 0.00")
    ways = [
        float(np.linalg.norm(late[1] - early[1], axis=1).mean()) / vitals.radius
        for early, late in pairs
    ]
    drift = 100 * sum(ways) / (memory.looks[-1][0] - memory.looks[0][0])
    if not math.isfinite(sum(ways)):
        return _unknown("Cycling")
    value, wandering = f"drift {drift:.2f}", sum(way >= WANDER for way in ways)
    if wandering < LOOKS / 2:
        return _line("ok", "No cycling", value)
    reason = f"fakes move {np.mean(ways):.1f} radii from look to look"
    if vitals.homes is not None:
        changes = sum(early[2] != late[2] for early, late in pairs)
        reason += f", the fullest cluster changed at {changes} of {len(pairs)}"
    return _line("bad" if wandering >= 0.75 * LOOKS else "warn", "Going round", value, reason)


def _pushed(memory, vitals):
    """Whether the push is still there; where the critic is not right, none is needed."""
    if not math.isfinite(vitals.push):
        return _unknown("Push")
    value = f"{vitals.push:.2g}"
    if memory.dead is None:
        return _line("ok", "Generator is pushed", value)
    long = vitals.step - memory.dead >= WHILE
    share = 100 * vitals.push / memory.peak
    reason = f"{share:.1g} % of its strongest push, slope at the fakes {vitals.slope:.2g}"
    return _line(
        "bad" if long else "warn", "Generator is not pushed", value, reason, since=memory.dead
    )
