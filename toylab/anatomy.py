"""Anatomy: the inside of the step about to be taken, from its own minibatches.

Nothing of the step is written here again. The step is taken once, on the side, while somebody
listens: which player's loss was asked for, at which players, and what the critic was shown then.
So whoever moves first, looks ahead or brings a penalty of his own, what is shown is what happens.
"""

import copy
from typing import Any, NamedTuple

import numpy as np
import torch

from toylab import probes
from toylab.games import Game
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.slopes import OUTPUTS

MOST = 64  # points of a minibatch that are shown


class Heard(NamedTuple):
    """One player's loss, asked for once: by which game's minibatch, at which players, how much.

    shown -- [(critic's parts, points, dropout masks)], what the critic was asked about, in order:
    real and fake points, then those of the penalty
    """

    player: str
    batch: Any
    players: Any
    shown: list
    loss: list  # one number, known when the loss is


def overheard(setup, state):
    """(the state after the next step, [Heard] in the order in which the step asked)."""
    ear, heard = copy.copy(setup), []

    def apply(parts, points, masks=None):
        if heard:
            heard[-1].shown.append((parts, points.detach(), masks))
        return setup.networks.critic.apply(parts, points, masks)

    def listening(player, loss, batch):
        def asked(players):
            at = type(players)(*(vector.detach() for vector in players))
            heard.append(Heard(player, batch, at, [], []))
            value = loss(players)
            heard[-1].loss.append(float(value.detach()))
            return value

        return asked

    def games_of(due, constraint, batches, knobs):
        made = type(setup).games_of(ear, due, constraint, batches, knobs)
        return [
            Game(*(listening(name, loss, batch) for name, loss in game._asdict().items()))
            for game, batch in zip(made, batches, strict=True)
        ]

    ear.networks = setup.networks._replace(critic=setup.networks.critic._replace(apply=apply))
    ear.games_of, ear.compiled = games_of, None
    return ear.step(state), heard


def anatomy(setup, state, view):
    """(arrays, scalars) of the step that follows this state; at most 64 points of a minibatch.

    The critic's half is the first minibatch that the critic learns from, as it is shown to it
    (noise included): batch_real, batch_fake (n, 2); score_real, score_fake (n,) in 0…1: D, or
    σ(φ − threshold); loss (2, n): what each real and each fake adds to the critic's loss;
    penalty_points (m, 2) and penalty_slopes (m, 2), of the output that the penalty looks at.
    The generator's half is the last minibatch that it learns from: batch_force (n, 4), its fakes
    and the push on them by the critic that pushes them in this step, and batch_moved (n, 2), the
    same latents after the step. A half that the step does not have is empty.

    scalars: critic_loss and generator_loss, means over the minibatch; penalty: what it adds to the
    critic's loss; order "turns" or "once"; first, who begins; ahead, whether both move at once and
    yet the fakes are pushed by the critic of a place where it is only expected.
    """
    after, heard = overheard(setup, state)
    learns = next((one for one in heard if one.player == "critic"), None)
    moves = next((one for one in reversed(heard) if one.player == "generator"), None)
    if moves is None and "both" in setup.optimizer.draws:
        moves = learns  # one loss for both: the generator raises what the critic lowers
    arrays, scalars = {}, {"critic_loss": None, "generator_loss": None, "penalty": None}
    if learns is not None:
        arrays |= _critic_half(setup, state, learns, view, scalars)
    if moves is not None:
        arrays |= _generator_half(setup, state, moves, after, view)
        scalars["generator_loss"] = moves.loss[0] * (1 if moves.player == "generator" else -1)
    turns = OPTIMIZERS[setup.experiment.optimizer].takes_turns
    scalars["order"] = "turns" if turns else "once"
    scalars["first"] = heard[0].player if turns and heard else None
    scalars["ahead"] = bool(moves and not turns) and not torch.equal(
        moves.players.critic, state.players.critic
    )
    return {name: array.astype(np.float32) for name, array in arrays.items()}, scalars


def _slopes(setup, shown, of=None):
    """(φ, ∇ of(φ)) at the points that the critic was shown."""
    parts, points, masks = shown
    return probes.slopes(lambda x: setup.networks.critic.apply(parts, x, masks).value, points, of)


def _critic_half(setup, state, heard, view, scalars):
    objective, penalty, (real, fake, *priced) = setup.judged(state), _measured(setup), heard.shown
    with torch.no_grad():
        scores = [setup.networks.critic.apply(*shown).value for shown in (real, fake)]
    middle = objective.threshold
    if middle is None:
        middle = float((scores[0].mean() + scores[1].mean()) / 2)
    compares = OBJECTIVES[setup.experiment.objective].needs_real
    losses = _shared(objective, compares, *scores, middle)
    free = float(objective.critic(*scores).mean())
    scalars["critic_loss"] = free
    scalars["penalty"] = heard.loss[0] - free if setup.penalties else None
    each = MOST // max(len(priced), 1)
    of = OUTPUTS[penalty.of] if penalty else None
    places = [np.zeros((0, 2))] + [view.flat(shown[1].double().numpy())[:each] for shown in priced]
    slopes = [np.zeros((0, 2))] + [
        (_slopes(setup, shown, of)[1].double().numpy() @ view.axes.T)[:each] for shown in priced
    ]
    return {
        "batch_real": view.flat(real[1].double().numpy())[:MOST],
        "batch_fake": view.flat(fake[1].double().numpy())[:MOST],
        "score_real": torch.sigmoid(scores[0] - middle)[:MOST].numpy(),
        "score_fake": torch.sigmoid(scores[1] - middle)[:MOST].numpy(),
        "loss": torch.stack(losses)[:, :MOST].numpy(),
        "penalty_points": np.concatenate(places),
        "penalty_slopes": np.concatenate(slopes),
    }


def _measured(setup):
    """The first penalty that names the output whose slope it prices, or None."""
    return next((row for row in setup.penalties.values() if row.of), None)


def _shared(objective, compares, real, fake, middle):
    """The critic's loss of each pair, shared out between its real point and its fake.

    Each side pays its own against an undecided other side; where the objective compares the two,
    nothing is either's own, and both pay half.
    """
    if compares:
        return [objective.critic(real, fake) / 2] * 2
    even = torch.full_like(real, middle)
    base = objective.critic(even, even) / 2
    return [objective.critic(real, even) - base, objective.critic(even, fake) - base]


def _generator_half(setup, state, heard, after, view):
    """Place and push of the fakes that the generator learns from, and where they are afterwards."""
    generator, critic = probes.effective(setup, state._replace(players=heard.players))
    latents, real, objective = heard.batch.latent[:MOST], None, setup.judged(state)
    if objective.needs_real:
        with torch.no_grad():
            real = critic(heard.batch.real)
    moved, _ = probes.effective(setup, after)
    with torch.no_grad():
        made, there = generator(latents), view.flat(moved(latents).double().numpy())
    force = probes.arrows(view, made, probes.push(critic, objective, made, real))
    return {"batch_force": force, "batch_moved": there}
