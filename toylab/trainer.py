"""Training is a generator of immutable states; its consumer owns cadence, drawing and saving.

    for state in train(Experiment(data="8gaussians"), steps=1000): ...

The same step serves a toy, an ensemble and an image GAN. The consumer may change any live number
or name of the experiment between two states; a field that needs a new run raises.
"""

import torch

from toylab.batches import Draws, Spec
from toylab.constraints import CONSTRAINTS
from toylab.data import Normal, Uniform, law, source
from toylab.experiment import CARD_NUMBERS, Experiment
from toylab.experiment import names as setting_names
from toylab.games import Players, gan
from toylab.moving import constrained, resting
from toylab.networks import identity, mlp
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.randomness import Keys
from toylab.rules import RULES
from toylab.schedules import Schedule
from toylab.settings import Knob
from toylab.states import State, flatten

LATENTS = {"normal": Normal, "uniform": Uniform}


class Setup:
    """What an experiment is made of between two changes: networks, game, minibatches, one step.

    networks, sources -- Players of `Network` and (real, latent); built from the experiment unless
    given, which is how images come in
    """

    def __init__(self, experiment, networks=None, sources=None, dtype=torch.float32, device="cpu"):
        if problems := experiment.conflicts():
            raise ValueError(" ".join(problems))
        self.experiment, self.dtype, self.device = experiment, dtype, device
        self.given = sources
        self.numbers = experiment.numbers()
        self.sources = sources or _sources(experiment, self.numbers)
        self.networks = networks or _networks(experiment, *self.sources)
        self.objective = OBJECTIVES[experiment.objective]
        self.constraint = CONSTRAINTS[experiment.constraint]
        self.penalty = PENALTIES[experiment.penalty] if experiment.penalty != "none" else None
        row = OPTIMIZERS[experiment.optimizer]
        rule = row.rule or RULES[experiment.rule]
        rules = Players(rule, constrained(rule, self.constraint))
        if experiment.moves != "both":
            still = "generator" if experiment.moves == "critic" else "critic"
            rules = rules._replace(**{still: resting(rule)})
        more = {name: getattr(experiment, name) for name in row.settings}
        turns = experiment.critic_steps, experiment.first
        self.optimizer = row.build(rules, *turns, **more)
        # Whose memory it is: the rule's, and the optimizer's where that has something of its own.
        own = experiment.optimizer if self.optimizer.remembers else None
        self.memory_of = (None if row.rule else experiment.rule, own)
        self.names, self.draws = _names(experiment), None
        self._refresh()

    def _refresh(self, step=0):
        """Reads the experiment's numbers; called again only after one was changed."""
        self.version = self.experiment.version
        values = {name: getattr(self.experiment, name) for name in NUMBERS}
        moving = {name for name, value in values.items() if isinstance(value, Schedule)}
        self._moving = {name: values[name] for name in moving}
        self._still = {n: self._tensor(v, n) for n, v in values.items() if n not in moving}
        self._data_moves = any(
            isinstance(getattr(self.experiment, name), Schedule) for name in self.numbers
        )
        self._place(step)

    def _place(self, step):
        """The minibatches' sources, with the card's numbers as they are at this step."""
        numbers = self.experiment.numbers(step)
        if self.given is None and numbers != self.numbers:
            self.numbers, self.sources = numbers, _sources(self.experiment, numbers)
            self.draws = None
        if self.draws is None:  # a changed rate leaves the block that is drawn already
            self.draws = Draws(
                self._specs(), self.sources, self.experiment.seeds, self.dtype, self.device
            )

    def _specs(self):
        """What each kind of minibatch must bring, as network, penalty and objective ask for it."""
        critic, roles = self.networks.critic, self.optimizer.draws
        masks = tuple((role, critic.masks) for role in ("real", "fake", "between") if critic.masks)
        return [
            Spec(
                role=role,
                count=roles.count(role),
                size=self._size(role),
                real=role != "generator" or self.objective.needs_real,
                mix=role != "generator" and self.penalty is not None and self.penalty.mix,
                noise=self.names["noisy"],
                masks=masks,
                keep=critic.keep,
            )
            for role in dict.fromkeys(roles)
        ]

    def _size(self, role):
        """B of a minibatch of that role."""
        own = self.experiment.batch_generator if role == "generator" else 0
        return own or self.experiment.batch

    def _tensor(self, value, name):
        members = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and len(value) != self.experiment.members:
            raise ValueError(
                f"{name} has {len(value)} values for {self.experiment.members} members: "
                "give one a member, or a single number"
            )
        made = torch.tensor(members, dtype=self.dtype, device=self.device)
        return made.unsqueeze(-1) if len(members) > 1 else made

    def start(self):
        """The state before the first step."""

        def vector(name):
            init, seeds = getattr(self.networks, name).init, self.experiment.seeds
            members = seeds if isinstance(seeds, tuple) else (seeds,)
            made = [torch.from_numpy(init(Keys(seed, f"init/{name}").rng())) for seed in members]
            made = torch.stack(made) if isinstance(seeds, tuple) else made[0]
            return made.to(self.device, self.dtype)

        players = Players(vector("generator"), vector("critic"))
        constraint = self.constraint.init(players.critic)
        return State(players, self.optimizer.init(players), constraint, players.generator, 0)

    def knobs(self, step):
        """{name: tensor (1,) or (E, 1)} of every number at a step."""
        if not self._moving:
            return self._still
        moved = {name: self._tensor(value(step), name) for name, value in self._moving.items()}
        return {**self._still, **moved}

    def games(self, state, knobs):
        """The step's games, one a minibatch, in the order of the optimizer's draws."""
        if self._data_moves:
            self._place(state.step)
        every = self.experiment.penalty_interval
        charged = self.penalty is not None and state.step % every == 0
        if charged and every > 1:
            knobs = {**knobs, "penalty_weight": every * knobs["penalty_weight"]}
        penalties = [("penalty_weight", self.penalty.function)] if charged else []
        return [
            gan(
                self.networks,
                self.objective,
                penalties,
                self.constraint,
                batch,
                knobs,
                state.constraint,
            )
            for batch in self.draws(state.step)
        ]

    def step(self, state):
        """One step of the game optimizer: State -> State, for toys, ensembles and images alike."""
        knobs = self.knobs(state.step)
        games = self.games(state, knobs)
        own = Players(
            {**knobs, "rate": knobs["rate_generator"]},
            {**knobs, "rate": knobs["rate_critic"]},
        )
        players, memory = self.optimizer.step(games, state.players, state.memory, own)
        constraint, average = state.constraint, state.average
        if self.names["moves"] != "generator":
            _, constraint = self.constraint.effective(players.critic, constraint)
        if self.names["moves"] != "critic":
            average = torch.lerp(players.generator, average, knobs["average"])
        return State(players, memory, constraint, average, state.step + 1)

    def followed(self, state):
        """(setup, state) after the experiment's owner has changed it; raises where it cannot be.

        Live numbers act as they are. For a swapped name the players stay and only the memory that
        belonged to the old name starts anew.
        """
        names = _names(self.experiment)
        changed = {name for name in names if names[name] != self.names[name]}
        if needs_new := sorted(changed & {*RESTART, "dimension"}):
            words = {"dimension": "the data's dimension"}
            raise ValueError(
                f"{', '.join(words.get(name, name) for name in needs_new)} cannot change within a "
                "run: start a new one with train(experiment)"
            )
        if not changed:
            self._refresh(state.step)
            return self, state
        new = Setup(self.experiment, self.networks, self.given, self.dtype, self.device)
        new._place(state.step)
        fresh = state._replace(memory=new.optimizer.init(state.players))
        # Another order of moves with the same rule goes on with that rule's moments.
        if new.memory_of != self.memory_of or flatten(fresh).keys() != flatten(state).keys():
            state = fresh
        if "constraint" in changed:
            state = state._replace(constraint=new.constraint.init(state.players.critic))
        return new, state


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
    *("data", "objective", "penalty", "penalty_interval", "constraint", "optimizer", "rule"),
    *("moves", "critic_steps", "first", "batch", "batch_generator", "unroll", "solver_steps"),
)


def _names(experiment):
    """Everything that decides the structure of a step; noise counts as there or not there."""
    noisy = isinstance(experiment.noise, (Schedule, tuple)) or experiment.noise != 0
    names = {name: getattr(experiment, name) for name in (*RESTART, *SWAP)}
    return {**names, "noisy": noisy, "dimension": experiment.card.dimension}


def _sources(experiment, numbers):
    """(real, latent): the card's real points, and what the generator is fed."""
    card = experiment.card
    real = source(card, "real", **numbers)
    if experiment.fakes == "fixed":
        return real, source(card, "fake", **numbers)
    if experiment.fakes == "perfect":
        return real, law(card, **numbers)
    return real, LATENTS[experiment.latent_law](experiment.latent)


def _networks(e, real, latent):
    """The players' networks: two MLPs, or the identity where the fakes are fixed points."""
    common = {"initialisation": e.initialisation}
    sizes = (e.generator_width, e.generator_depth, e.generator_activation)
    generator = mlp(latent.shape, real.shape, *sizes, **common)
    if e.fakes != "learned":
        generator = identity(real.shape)
    sizes = (e.critic_width, e.critic_depth, e.critic_activation)
    return Players(generator, mlp(real.shape, None, *sizes, dropout=e.critic_dropout, **common))


def train(experiment, state=None, steps=None, changes=(), setup=None, **given):
    """Yields the state after every step, without end or `steps` times.

    state   -- where to go on from; the start of the experiment unless given
    changes -- [(step, {name: value}), …]: what is changed by hand once so many steps were taken
    given   -- networks, sources, dtype, device: see `Setup`

    The experiment may be changed between two states: live numbers and names act at the next step,
    a field that needs a new run raises `ValueError`.
    """
    setup = setup or Setup(experiment, **given)
    state = state or setup.start()
    later = sorted(changes, key=lambda change: change[0])
    last = None if steps is None else state.step + steps
    while last is None or state.step < last:
        while later and later[0][0] <= state.step:
            experiment.param.update(**later.pop(0)[1])
        if experiment.version != setup.version:
            setup, state = setup.followed(state)
        state = setup.step(state)
        yield state


def losses(setup, state):
    """{critic, generator, penalty} on the next minibatch, unweighted, as floats (lists for E)."""
    knobs = {
        **setup.knobs(state.step),
        "penalty_weight": setup.knobs(0)["penalty_weight"].new_ones(1),
    }
    batch = next(batch for batch in setup.draws(state.step) if batch.real is not None)
    rows = [("penalty_weight", setup.penalty.function)] if setup.penalty else []
    parts = (setup.objective, [], setup.constraint, batch, knobs, state.constraint)
    free = gan(setup.networks, *parts)
    priced = gan(setup.networks, parts[0], rows, *parts[2:])
    critic = free.critic(state.players).detach()
    found = {"critic": critic, "generator": free.generator(state.players).detach()}
    if rows:
        found["penalty"] = priced.critic(state.players).detach() - critic
    return {name: value.tolist() for name, value in found.items()}


def sample(experiment, state, count, seed=0, setup=None):
    """That many fakes of the averaged generator, (..., count, *shape) as numpy, from fresh latents.

    The average equals the generator itself where the experiment's `average` is 0. Member e of an
    ensemble draws with seed + e, as a single run would.
    """
    setup = setup or Setup(experiment)
    like, ensemble = state.average, isinstance(experiment.seeds, tuple)
    latents = [
        torch.from_numpy(setup.sources[1].sample(count, Keys(seed + member, "sample")))
        for member in range(len(experiment.seeds) if ensemble else 1)
    ]
    latents = (torch.stack(latents) if ensemble else latents[0]).to(like)
    with torch.no_grad():
        return setup.networks.generator.apply(state.average, latents).value.cpu().numpy()
