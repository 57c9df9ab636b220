"""Runs that explode: what is watched, where it began, and how a run is taken up again more gently.

A state is unwell where a player or a gradient holds a number that is not finite, or where a loss or
a penalty is none or beyond `loss_limit`. The first such step is found by walking once more from the
last state that was well, so a message names the step and the term, not the row of metrics that
noticed.
"""

from toylab.image.config import build, dump, parse
from toylab.pulls import pulls
from toylab.schedules import Schedule
from toylab.trainer import losses

GENTLER = 0.5  # what both learning rates are multiplied by when a run goes back
RATES = ("rate_critic", "rate_generator")
ADVICE = {
    "penalty": "a smaller penalty_weight or lower rates",
    "step": "lower rate_critic and rate_generator, or gradient_clip",
    "gradient": "lower rate_critic and rate_generator, or gradient_clip",
    "loss": "lower rate_critic and rate_generator, or a larger penalty_weight",
    "fid": "lower rates, a larger penalty_weight, or a larger fid_limit",
}


class Diverged(RuntimeError):
    """A run whose numbers explode.

    step  -- where it was noticed, or began
    terms -- what was no good: "critic step" (a player's numbers), "critic loss", "penalty",
             "critic gradient", "fid"
    """

    def __init__(self, step, terms, last=None):
        super().__init__(step, terms, last)
        self.step, self.terms, self.last = step, tuple(terms), last
        self.gone_back = 0  # times, before it gave up

    def __str__(self):
        kind = self.terms[0].rpartition(" ")[2]
        told = f"diverged: at step {self.step} not finite or beyond its limit: "
        told += f"{', '.join(self.terms)}; try {ADVICE.get(kind, ADVICE['penalty'])}"
        again = f" (went back {self.gone_back} times)" if self.gone_back else ""
        told += again or ", or --on-divergence rollback"
        return told + (f". The last good checkpoint is {self.last}" if self.last else "")


def unwell(state, found=None, limit=0.0):
    """What is no good in a state and what was `measured` there: names, or nothing.

    limit -- of a loss's size; 0: it has only to be finite, as a gradient
    """
    parts = {**state.players._asdict(), "average": state.average}
    bad = [f"{name} step" for name, part in parts.items() if not bool(part.isfinite().all())]
    for name, value in (found or {}).items():
        most = float("inf") if name.endswith("_gradient") else limit or float("inf")
        if not abs(value) < most:
            bad.append(f"{name} loss" if name in parts else name.replace("_", " "))
    return bad


def measured(setup, state):
    """{name: number}: losses, penalty, and the lengths of the gradients, over all processes."""
    return losses(setup, state) | pulls(setup, state)


def began(states, setup, limit):
    """(step, terms) of the first of these states that is unwell, or None; looked at one by one."""
    for state in states:
        if bad := unwell(state) or unwell(state, measured(setup, state), limit):
            return state.step, bad
    return None


def gentler(config):
    """The configuration with both rates halved, on their schedules, and another seed."""
    changed = {name: scaled(getattr(config.experiment, name), GENTLER) for name in RATES}
    # Other minibatches than those that led there.
    changed["seed"] = (config.experiment.seed + 1) % 2**31
    return build(config.name, {**parse(dump(config), config.name), **changed})


def scaled(value, factor):
    """A number, or every number of a schedule, times a factor."""
    if isinstance(value, Schedule):
        return value._replace(values=tuple(factor * number for number in value.values))
    return factor * value
