"""A run as a Python script that anybody can run: the same state, bit for bit.

Where native code took some of the steps it does so again, which is the same code as long as it lies
in the user's cache; code that is built anew may round differently.
"""

from toylab.experiment import Experiment, difference
from toylab.schedules import Schedule

LONGEST = 96  # characters of a line, where a change fits into it
MOST = 5  # lines for the changes; where that is not enough they share lines


COMPILED = "  # 'auto': by native code, which rounds in its own way where it is built anew"


def script(first, log, step, own=None, routes=()):
    """At most 15 lines that reach the state of a run after so many steps.

    first -- the settings with which it began, as `Experiment.settings` has them
    log   -- ((step, {name: value}), …): what was changed by hand once so many steps were taken
    own   -- the file that adds a user's own rows, where the run uses them
    routes -- ((step, "auto" or "plain"), …): what took the steps from there on, at first "plain"
    """
    plain = Experiment(data=first["data"]).settings()
    chosen = {"data": first["data"], **difference(plain, first)}
    made = dict(log)
    for at, backend in routes:
        made[at] = {**made.get(at, {}), "backend": backend}
    rows = [f"({at}, {_dict(made[at])})" for at in sorted(made) if at < step]
    settings = ", ".join(f"{name}={_value(value)}" for name, value in chosen.items())
    return "\n".join(
        [
            "import torch",
            f"from toylab import Experiment, Setup, {'own, ' if own else ''}schedules, train",
            "torch.set_num_threads(1)  # the order of sums is part of the result",
            *([f"own.load({str(own)!r})"] if own else []),
            f"experiment = Experiment({settings})",
            *_list("changes = [", rows, MOST - bool(own)),
            "setup = Setup(experiment)" + COMPILED * any(at < step for at, _ in routes),
            "state = setup.start()",
            f"for state in train(experiment, state, steps={step}, changes=changes, setup=setup):",
            "    pass  # here is the place to look at every state",
            "print(state.step, *(vector.double().sum().item() for vector in state.players))",
            "",
        ]
    )


def _value(value):
    """Python that gives the value back."""
    return f"schedules.parse({str(value)!r})" if isinstance(value, Schedule) else repr(value)


def _dict(changes):
    return "{" + ", ".join(f"{name!r}: {_value(value)}" for name, value in changes.items()) + "}"


def _list(opening, rows, most):
    """The rows of a list, packed into few lines."""
    even, largest = sum(len(row) + 2 for row in rows) // most, max(map(len, rows), default=0)
    longest = max(LONGEST, len(opening) + even + largest)
    lines = [opening]
    for row in rows:
        if len(lines[-1]) + len(row) + 2 > longest:
            lines.append(" " * len(opening))
        lines[-1] += row + ", "
    return [line.rstrip() for line in lines[:-1]] + [lines[-1].removesuffix(", ") + "]"]
