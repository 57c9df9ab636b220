"""Reading what a page sent: anything that is not as it should be is a `ValueError` in words."""

import math

from toylab import cards, schedules
from toylab.engine.protocol import LAYERS, STOPS
from toylab.experiment import Experiment, names
from toylab.settings import Knob
from toylab.tables import nearest

MOST = 1_000_000  # steps asked for at once
WHO = ("both", "critic", "generator")
BACKENDS = ("auto", "plain")


def readable(settings, what="settings"):
    """Settings as a page or URL writes them -> as `Experiment` takes them.

    A number may come as text, also as a schedule: ``"linear(0.5, 0, 2500)"``.
    """
    if not isinstance(settings, dict):
        raise ValueError(f"{what} must be names with values, got {settings!r}")
    known, read = names(), {}
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"setting {name!r} is unknown; {nearest(name, known)}")
        field = Experiment.param[name]
        if name == "data" and value not in cards.names():
            # A page may name a card, not a file: anybody may have written its address.
            raise ValueError(f"data {value!r} is unknown; {nearest(value, cards.names())}")
        if isinstance(field, Knob) and isinstance(value, str):
            value = schedules.parse(value)
        elif isinstance(value, (list, dict)):
            raise ValueError(f"{name} must be one value, got {value!r}")
        read[name] = value
    return read


def writable(settings):
    """{name: value} as JSON carries it; schedules as their text."""
    return {
        name: str(value) if isinstance(value, schedules.Schedule) else value
        for name, value in settings.items()
    }


def written_log(log):
    """A run's log, ((step, {name: value}), …), as JSON carries it."""
    return [[step, writable(changes)] for step, changes in log]


def log(rows):
    """A run's log again, out of what `written_log` gave."""
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 2 for r in rows):
        raise ValueError(f"changes must be [[step, {{name: value}}], …], got {rows!r}")
    return tuple((whole("step", step, least=0), readable(changes)) for step, changes in rows)


def one_of(name, value, table, usual):
    """A member of a table; the usual one where nothing is said."""
    if value is None:
        return usual
    if value not in table:
        raise ValueError(f"{name} {value!r} is unknown; {nearest(value, table)}")
    return value


def backend(value):
    """By what a run may be trained."""
    return one_of("backend", value, BACKENDS, "plain")


def routes(rows):
    """What took a run's steps, ((step, backend), …), out of its JSON."""
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 2 for r in rows):
        raise ValueError(f"routes must be [[step, backend], …], got {rows!r}")
    return tuple((whole("step", step, 0, 10**12), backend(by)) for step, by in rows)


def number(name, value, least=0.0, most=math.inf):
    """A finite number within bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {value!r}")
    if not (least <= value <= most and abs(value) < 1e300):
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, got {value!r}")
    return float(value)


def whole(name, value, least=1, most=MOST):
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, got {value!r}")
    return value


def pace(value):
    """Steps a second; 0 (or nothing) is as fast as it can."""
    try:
        return number("pace", 0.0 if value is None else value)
    except ValueError as error:
        raise ValueError(f"{error}: 0 is as fast as it can, else steps a second") from error


def layers(value):
    """A tuple of layers out of `LAYERS`."""
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"layers must be a list of names, got {value!r}")
    for layer in value:
        if layer not in LAYERS:
            raise ValueError(f"layer {layer!r} is unknown; {nearest(layer, LAYERS)}")
    return tuple(value)


def stops(rules):
    """Rules of *stop*, any subset of `STOPS`."""
    if not isinstance(rules, dict):
        raise ValueError(f"stops must be names with values, got {rules!r}")
    read = {}
    for name, value in rules.items():
        if name not in STOPS:
            raise ValueError(f"stop {name!r} is unknown; {nearest(name, STOPS)}")
        if value is not None:
            value = number(name, value, 0.1) if name == "idle" else whole(name, value, most=10**9)
        read[name] = value
    return read


def turns(value):
    """Steps that were asked for, [[count, who], …]."""
    if not isinstance(value, list) or not all(isinstance(r, list) and len(r) == 2 for r in value):
        raise ValueError(f"pending must be [[count, who], …], got {value!r}")
    return [[whole("count", count), mover(who)] for count, who in value]


def mover(who):
    """Who moves in the steps asked for."""
    return one_of("who", who, WHO, "both")
