"""Structure: which settings decide what a step is made of, and which are mere numbers in it.

A number may change at any step. Another name of `SWAP` is another step for the same players, one
of `RESTART` another run.
"""

from toylab.experiment import CARD_NUMBERS, Experiment
from toylab.experiment import names as setting_names
from toylab.own import TABLES
from toylab.penalties import SLOTS
from toylab.schedules import Schedule
from toylab.settings import Knob

NUMBERS = tuple(
    name
    for name in setting_names()
    if isinstance(Experiment.param[name], Knob) and name not in CARD_NUMBERS
)
RESTART = (
    *("fakes", "latent", "latent_law", "initialisation", "seed", "members"),
    *(f"generator_{part}" for part in ("width", "depth", "activation")),
    *(f"critic_{part}" for part in ("width", "depth", "activation", "dropout")),
)
SWAP = (
    *("data", "objective", "generator_loss", "logit", "constraint", "penalised"),
    "noise_copies",
    *SLOTS,
    *(f"{slot}_interval" for slot in SLOTS),
    *("optimizer", "rule", "moves", "critic_steps", "first", "batch", "batch_generator"),
    *("unroll", "solver_steps"),
)
# What is in a step's tensors alone: their numbers and, of members, their sizes.
IN_TENSORS = ("data", "seed", "members", "initialisation", "latent_law")


def names(experiment):
    """Everything that decides the structure of a step; some numbers as there or not there."""
    found = {name: getattr(experiment, name) for name in (*RESTART, *SWAP)}
    found["noisy"] = there(experiment.noise)
    found["bounded"] = there(experiment.gradient_clip)
    return {**found, "dimension": experiment.card.dimension}


def there(number):
    """Whether a number whose 0 means nothing is there; on a schedule, or of members, it is."""
    return isinstance(number, (Schedule, tuple)) or number != 0


def added(experiment):
    """(field, name) of the rows in this experiment that did not come with the package."""
    tables = {**TABLES, **dict.fromkeys(SLOTS, TABLES["penalty"])}
    chosen = {field: getattr(experiment, field) for field in tables}
    return [(field, name) for field, name in chosen.items() if not tables[field].shipped(name)]


def identity(experiment):
    """Text that two experiments have in common where their steps are the same function of tensors.

    None where a row of somebody's own is in the step: its name does not say what it does.
    """
    if added(experiment):
        return None
    told = names(experiment)
    return repr({name: told[name] for name in told if name not in IN_TENSORS})
