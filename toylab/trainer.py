"""Training is a generator of immutable states; its consumer owns cadence, drawing and saving.

    for state in train(Experiment(data="8gaussians"), steps=1000): ...

The same step serves a toy, an ensemble and an image GAN. The consumer may change any live number
or name of the experiment between two states; a field that needs a new run raises.
"""

import math
from itertools import chain, combinations

import torch

from toylab import structure
from toylab.batches import Draws, Spec
from toylab.constraints import CONSTRAINTS, begun, bounded
from toylab.games import Players, gan
from toylab.makings import networks_of, sources_of
from toylab.moving import constrained, resting
from toylab.objectives import OBJECTIVES, opposed, played
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES, SLOTS
from toylab.randomness import Keys
from toylab.rules import RULES
from toylab.schedules import Schedule
from toylab.states import State, flatten
from toylab.structure import NUMBERS, RESTART


class Setup:
    """What an experiment is made of between two changes: networks, game, minibatches, one step.

    networks, sources -- Players of `Network` and (real, latent); built from the experiment unless
    given, which is how images come in
    backend -- "plain", or what compiles the step, a name of `compiled.ROUTES`; with `strict` it
    raises where it cannot, instead of a word in the log
    identity -- text in which setups agree whose steps are the same function of tensors, or None
    """

    def __init__(
        self,
        experiment,
        networks=None,
        sources=None,
        dtype=torch.float32,
        device="cpu",
        backend="plain",
        strict=False,
    ):
        if problems := experiment.conflicts():
            raise ValueError(" ".join(problems))
        self.experiment, self.dtype, self.device = experiment, dtype, device
        self.given, self.brought = sources, networks
        self.how = {"dtype": dtype, "device": device, "backend": backend, "strict": strict}
        self.numbers = experiment.numbers()
        self.sources = sources or sources_of(experiment, self.numbers)
        self.networks = networks or networks_of(experiment, *self.sources)
        row = OPTIMIZERS[experiment.optimizer]
        how = experiment.generator_loss, experiment.logit
        self.objective = played(OBJECTIVES[experiment.objective], *how)
        if row.zero_sum:
            self.objective = opposed(self.objective)
        self.constraint = CONSTRAINTS[experiment.constraint].on(self.networks.critic)
        chosen = {slot: getattr(experiment, slot) for slot in SLOTS}
        self.penalties = {s: PENALTIES[name] for s, name in chosen.items() if name != "none"}
        self.intervals = {s: getattr(experiment, f"{s}_interval") for s in self.penalties}
        self.payers = ("critic", "generator") if experiment.penalised == "both" else ("critic",)
        rule = row.rule or RULES[experiment.rule]
        rule = bounded(rule) if structure.there(experiment.gradient_clip) else rule
        rules = Players(rule, constrained(begun(rule, self.constraint), self.constraint))
        if experiment.moves != "both":
            still = "generator" if experiment.moves == "critic" else "critic"
            rules = rules._replace(**{still: resting(rule)})
        more = {name: getattr(experiment, name) for name in row.settings}
        turns = experiment.critic_steps, experiment.first
        self.optimizer = row.build(rules, *turns, **more)
        # Whose memory it is: the rule's, and the optimizer's where that has something of its own.
        own = experiment.optimizer if self.optimizer.remembers else None
        self.memory_of = (None if row.rule else experiment.rule, own)
        self.names, self.draws = structure.names(experiment), None
        self.identity = None if sources or networks else structure.identity(experiment)
        self.compiled = self.compiling(backend, strict)
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
            self.numbers, self.sources = numbers, sources_of(self.experiment, numbers)
            self.draws = None
        if self.draws is None:  # a changed rate leaves the block that is drawn already
            self.draws = Draws(
                self._specs(), self.sources, self.experiment.seeds, self.dtype, self.device
            )

    def _specs(self):
        """What each kind of minibatch must bring, as network, penalty and objective ask for it."""
        critic, roles = self.networks.critic, self.optimizer.draws
        rows = self.penalties.values()
        shown = ("real", "fake", "between", *(role for row in rows for role in row.roles))
        masks = tuple((role, critic.masks) for role in dict.fromkeys(shown) if critic.masks)

        def spec(role):
            charged = rows if role != "generator" or "generator" in self.payers else ()
            return Spec(
                role=role,
                count=roles.count(role),
                size=self._size(role),
                real=role != "generator" or self.objective.needs_real or bool(charged),
                mix=any(row.mix for row in charged),
                noise=self.names["noisy"],
                copies=self.experiment.noise_copies,
                masks=masks,
                keep=critic.keep,
                around=any(row.around for row in charged),
            )

        return [spec(role) for role in dict.fromkeys(roles)]

    def _size(self, role):
        """B of a minibatch of that role."""
        own = self.experiment.batch_generator if role == "generator" else 0
        return own or self.experiment.batch

    def _tensor(self, value, name):
        # One value a member, also where all have the same: a compiled step counts on the shape.
        members = value if isinstance(value, tuple) else (value,) * max(1, self.experiment.members)
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

    def judged(self, state):
        """The objective with its numbers as they are at this state, for whoever draws it."""
        return self.objective.at(self.knobs(state.step))

    def games(self, state, knobs):
        """The step's games, one a minibatch, in the order of the optimizer's draws."""
        return self.games_of(
            self._due(state.step), state.constraint, self._drawn(state.step), knobs
        )

    def _due(self, step):
        """The slots of the penalties that are charged at this step."""
        return tuple(slot for slot in self.penalties if step % self.intervals[slot] == 0)

    def _drawn(self, step):
        """The step's minibatches, of the data as they are then."""
        if self._data_moves:
            self._place(step)
        return self.draws(step)

    def games_of(self, due, constraint, batches, knobs):
        """One game a minibatch, with the penalties of the slots that are due."""
        penalties = []
        for slot in due:
            every, weight = self.intervals[slot], f"{slot}_weight"
            penalties.append((weight, self.penalties[slot].function))
            knobs = {**knobs, weight: every * knobs[weight]} if every > 1 else knobs
        fixed = self.networks, self.objective, penalties, self.constraint
        return [gan(*fixed, batch, knobs, constraint, self.payers) for batch in batches]

    def step(self, state):
        """One step of the game optimizer: State -> State, for toys, ensembles and images alike."""
        step, move = state.step, self.compiled or self.moved
        parts = move(self._due(step), state[:4], self._drawn(step), self.knobs(step))
        return State(*parts, step + 1)

    def compiling(self, backend, strict=False):
        """The `Compiled` step of that backend; None for "plain"."""
        if backend == "plain":
            return None
        from toylab.compiled import Compiled

        return Compiled(self.moved, backend, strict, self.identity)

    def by(self, backend):
        """The same setup, whose steps are taken by another backend from now on."""
        self.how["backend"] = backend
        self.compiled = self.compiling(backend, self.how["strict"])
        return self

    def try_out(self, move, state):
        """Takes a step of each kind that may come from this state, by `move`, and forgets it."""
        every = self.intervals.values()
        sizes = range(len(every) + 1)
        steps = (math.lcm(*some) for some in chain(*(combinations(every, n) for n in sizes)))
        for due in dict.fromkeys(map(self._due, steps)):
            move(due, state[:4], self._drawn(state.step), self.knobs(state.step))

    def moved(self, due, parts, batches, knobs):
        """The step itself, a pure function: the parts of a `State` but the count -> those after it.

        due -- the slots of the penalties that are charged
        """
        players, memory, constraint, average = parts
        games = self.games_of(due, constraint, batches, knobs)
        own = Players(
            {**knobs, "rate": knobs["rate_generator"]},
            {**knobs, "rate": knobs["rate_critic"]},
        )
        players, memory = self.optimizer.step(games, players, memory, own)
        if self.names["moves"] != "generator":
            _, constraint = self.constraint.effective(players.critic, constraint)
        if self.names["moves"] != "critic":
            average = torch.lerp(players.generator, average, knobs["average"])
        return players, memory, constraint, average

    def followed(self, state):
        """(setup, state) after the experiment's owner has changed it; raises where it cannot be.

        Live numbers act as they are. For a swapped name the players stay and only the memory that
        belonged to the old name starts anew.
        """
        names = structure.names(self.experiment)
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
        new = Setup(self.experiment, self.brought, self.given, **self.how)
        new._place(state.step)
        fresh = state._replace(memory=new.optimizer.init(state.players))
        # Another order of moves with the same rule goes on with that rule's moments.
        if new.memory_of != self.memory_of or flatten(fresh).keys() != flatten(state).keys():
            state = fresh
        if "constraint" in changed:
            state = state._replace(constraint=new.constraint.init(state.players.critic))
        return new, state


def train(experiment, state=None, steps=None, changes=(), setup=None, **given):
    """Yields the state after every step, without end or `steps` times.

    state   -- where to go on from; the start of the experiment unless given
    changes -- [(step, {name: value}), …]: what is changed by hand once so many steps were taken;
    beside settings, `backend` may be
    given   -- networks, sources, dtype, device, backend, strict: see `Setup`

    The experiment may be changed between two states: live numbers and names act at the next step,
    a field that needs a new run raises `ValueError`.
    """
    setup = setup or Setup(experiment, **given)
    state = state or setup.start()
    later = sorted(changes, key=lambda change: change[0])
    last = None if steps is None else state.step + steps
    while last is None or state.step < last:
        while later and later[0][0] <= state.step:
            made = dict(later.pop(0)[1])
            setup = setup.by(made.pop("backend")) if "backend" in made else setup
            experiment.param.update(**made)
        if experiment.version != setup.version:
            setup, state = setup.followed(state)
        state = setup.step(state)
        yield state


def losses(setup, state):
    """{critic, generator, penalty, …} on the next minibatch as floats (lists for E).

    The players' losses without penalties, and each of the penalties unweighted.
    """
    knobs = setup.knobs(state.step)
    knobs = {**knobs, "one": knobs["penalty_weight"].new_ones(1)}
    batch = next(batch for batch in setup.draws(state.step) if batch.real is not None)

    def game(*rows):
        parts = (setup.constraint, batch, knobs, state.constraint)
        return gan(setup.networks, setup.objective, rows, *parts)

    free = game()
    critic = free.critic(state.players).detach()
    found = {"critic": critic, "generator": free.generator(state.players).detach()}
    for slot, row in setup.penalties.items():
        priced = game(("one", row.function))
        found[slot] = priced.critic(state.players).detach() - critic
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
