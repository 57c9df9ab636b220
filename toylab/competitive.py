"""Competitive: optimizers whose players expect each other's answer.

Each step both play the game's bilinear approximation, with a price on the length of the moves:
x minimises f (the generator, its loss), y minimises g (the critic). Their equilibrium is

    Δx = −A_x (∂_x f + D_xy f Δy),   Δy = −A_y (∂_y g + D_yx g Δx),

A the steps' sizes: the rate η alone, or one number a parameter in the adaptive ones. A player that
rests has A = 0: the other one expects no answer from it.

In the zero-sum forms the critic's loss is all there is, f = −g: then D_xy f = −(D_yx g)ᵀ, and
either player's half of the system is symmetric, positive and half as large. In the general forms
each player has its own loss.
"""

import torch

from toylab.games import Curvature, Players
from toylab.moving import GameOptimizer, both, start
from toylab.rules import Rule
from toylab.solvers import conjugate_gradients, gmres

ENOUGH = 1e-10  # a remainder of this length is left as it is; in the code its square, 1e-20


def linearised(rules, critic_steps=1, first="critic"):
    """LCGD: the answer to first order, Δx = −η(∂_x f − η D_xy f ∂_y g)."""

    def step(games, players, memory, knobs):
        bent, rates = Curvature(games[0], players), _rates(rules, knobs)
        x, y = bent.slopes
        slopes = Players(
            x - _cross(bent, "generator", rates.critic * y),
            y - _cross(bent, "critic", rates.generator * x),
        )
        return both(rules, slopes, players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


def competitive(rules, critic_steps=1, first="critic", solver_steps=10):
    """CGD of any two losses, by GMRES; each rule gets −Δ/η in place of its slope."""

    def step(games, players, memory, knobs):
        bent, rates = Curvature(games[0], players), _rates(rules, knobs)
        across = Players(rates.critic, rates.generator)
        slopes = _answered(bent, across, bent.slopes, players, solver_steps, knobs)
        return both(rules, slopes, players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


def competitive_zero_sum(rules, critic_steps=1, first="critic", solver_steps=10):
    """CGD of the critic's loss alone, by conjugate gradients for the generator's half."""

    def step(games, players, memory, knobs):
        (x, y), cross = _zero_sum(games[0], players)
        of_x, of_y = _rates(rules, knobs)
        x = conjugate_gradients(
            lambda u: u - of_x * of_y * cross("generator", cross("critic", u)),
            x - of_y * cross("generator", y),
            solver_steps,
            knobs.critic["solver_tolerance"],
        )
        slopes = Players(x, y - of_x * cross("critic", x))
        return both(rules, slopes, players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


def adaptive(rules, critic_steps=1, first="critic", solver_steps=10, sizes=None):
    """ACGD as coded: the generator's half is solved, next time the critic's, and so on in turn,
    each by conjugate gradients from where the last solution left it. Its rules are `PLACED`.

    Either half leads to the same moves, but for what the solver leaves.
    """
    sizes = sizes or code_sizes

    def init(players):
        return Players(*((*held, torch.zeros_like(held[0]), 0) for held in start(rules)(players)))

    def step(games, players, memory, knobs):
        slopes, cross = _zero_sum(games[0], players)
        kept, a = _sized(sizes, rules, slopes, memory, knobs)
        turn = memory.generator[3]
        one, other = Players._fields if turn == 0 else Players._fields[::-1]
        mine, theirs = getattr(a, one), getattr(a, other)
        root, slope = mine.sqrt(), getattr(slopes, other)
        u = conjugate_gradients(
            lambda u: u - root * cross(one, theirs * cross(other, root * u)),
            root * (getattr(slopes, one) - cross(one, theirs * slope)),
            solver_steps,
            knobs.critic["solver_tolerance"],
            ENOUGH,
            start=getattr(memory, one)[2],
        )
        answer = slope - cross(other, root * u)
        moves = {one: root * u, other: theirs * answer}
        last = {one: u, other: theirs.sqrt() * answer}
        after = {name: (*getattr(kept, name), last[name], 1 - turn) for name in Players._fields}
        return _placed(rules, Players(**moves), players, memory, Players(**after), knobs)

    return GameOptimizer(("both",), init, step, remembers=True)


def scaled(rules, critic_steps=1, first="critic", solver_steps=10):
    """CGD with RMSProp's sizes A = η/√s, s = 1 at first, solved as in `adaptive`.

    s ← βs + (1 − β)∂², ∂ the slopes on the same minibatch where the players have got to.
    """
    taken = adaptive(rules, critic_steps, first, solver_steps, held_sizes)

    def step(games, players, memory, knobs):
        players, memory = taken.step(games, players, memory, knobs)
        slopes, _ = _zero_sum(games[0], players)
        kept = (
            held if rule.rests else (*_counted(slope, held, own)[0], *held[2:])
            for rule, slope, held, own in zip(rules, slopes, memory, knobs, strict=True)
        )
        return players, Players(*kept)

    return taken._replace(step=step)


def adaptive_paper(rules, critic_steps=1, first="critic", solver_steps=10):
    """ACGD with Adam's sizes in place of the code's: the paper's, as far as is remembered."""
    return adaptive(rules, critic_steps, first, solver_steps, paper_sizes)


def adaptive_general(rules, critic_steps=1, first="critic", solver_steps=10):
    """GACGD: ACGD's sizes, each player its own loss, the whole system by GMRES from 0."""

    def step(games, players, memory, knobs):
        bent = Curvature(games[0], players)
        kept, a = _sized(code_sizes, rules, bent.slopes, memory, knobs)
        target = Players(*(size * slope for size, slope in zip(a, bent.slopes, strict=True)))
        moves = _answered(bent, a, target, players, solver_steps, knobs)
        return _placed(rules, moves, players, memory, kept, knobs)

    return GameOptimizer(("both",), start(rules), step, remembers=True)


# Each: (slope, (v, t, …), knobs) -> ((v, t), A), what is kept and the sizes of this step.


def code_sizes(slope, held, knobs):
    """A = η √(1 − βᵗ) / (√v + ε), as the authors' code has it."""
    kept, correction = _counted(slope, held, knobs)
    return kept, knobs["rate"] * correction.sqrt() / (kept[0].sqrt() + knobs["acgd_epsilon"])


def paper_sizes(slope, held, knobs):
    """A = η / (√v̂ + ε), v̂ = v / (1 − βᵗ): ε is added to the corrected root, as in Adam."""
    kept, correction = _counted(slope, held, knobs)
    return kept, knobs["rate"] / ((kept[0] / correction).sqrt() + knobs["acgd_epsilon"])


def held_sizes(slope, held, knobs):
    """A = η / √v of the slopes before this one."""
    return held[:2], knobs["rate"] / held[0].sqrt()


def _counted(slope, held, knobs):
    """(v, t) with one slope more and 1 − βᵗ: v ← βv + (1 − β)·slope², t ← t + 1."""
    square = torch.lerp(slope.square(), held[0], knobs["acgd_beta"])
    count = held[1] + 1
    return (square, count), 1 - knobs["acgd_beta"] ** count


def _cross(bent, by, direction):
    """D of the player's own loss by itself and the other · direction (..., P_other)."""
    other = "critic" if by == "generator" else "generator"
    return bent.product(by, {(by, other): direction})


def _zero_sum(game, players):
    """(slopes, cross) of the game f = −g: `cross(name, v)` is _cross of that player's loss."""
    bent = Curvature(game, players, ("critic",))

    def cross(by, direction):
        if by == "critic":
            return bent.product(by, {("critic", "generator"): direction})
        return -bent.product(by, {("critic", "critic"): direction})

    return Players(-bent.slope("critic", "generator"), bent.slopes.critic), cross


def _answered(bent, across, target, players, most, knobs):
    """(u, w) with u + across_x · D_xy f w = target_x and w + across_y · D_yx g u = target_y."""
    sizes = [vector.shape[-1] for vector in players]

    def system(joined):
        u, w = joined.split(sizes, -1)
        u_by_w, w_by_u = _cross(bent, "generator", w), _cross(bent, "critic", u)
        return joined + torch.cat([across.generator * u_by_w, across.critic * w_by_u], -1)

    found = gmres(system, torch.cat(target, -1), most, knobs.critic["solver_tolerance"])
    return Players(*found.split(sizes, -1))


def _moving(rules):
    return (0.0 if rule.rests else 1.0 for rule in rules)


def _rates(rules, knobs):
    """Each player's rate, 0 where it rests."""
    pairs = zip(knobs, _moving(rules), strict=True)
    return Players(*(own["rate"] * moving for own, moving in pairs))


def _sized(sizes, rules, slopes, memory, knobs):
    """(Players of (v, t), Players of A), A = 0 for who rests."""
    kept, found = [], []
    for slope, held, own, moving in zip(slopes, memory, knobs, _moving(rules), strict=True):
        after, size = sizes(slope, held, own)
        kept.append(after)
        found.append(moving * size)
    return Players(*kept), Players(*found)


def _placed(rules, moves, players, memory, after, knobs):
    """(players, memory) after the moves; whoever rests keeps both."""
    told = ({**own, "memory": kept} for own, kept in zip(knobs, after, strict=True))
    return both(rules, moves, players, memory, Players(*told))


# The adaptive forms find both moves themselves. They come as "slope", what is to be remembered in
# the knobs; so constraint and rest act on them as on any other rule.
PLACED = Rule(
    label="",
    init=lambda vector: (torch.zeros_like(vector), vector.new_zeros(1)),
    update=lambda move, vector, memory, knobs: (vector - move, knobs["memory"]),
    knobs=(),
    doc="",
    formula="",
    source="",
)
SCALED = PLACED._replace(init=lambda vector: (torch.ones_like(vector), vector.new_zeros(1)))
