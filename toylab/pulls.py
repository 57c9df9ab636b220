"""How hard each player is pulled: the length of the gradient that it would follow next."""

from toylab.games import gan, gradients


def pulls(setup, state):
    """{critic_gradient, generator_gradient}: |∂L/∂θ| of each one's own loss; floats (lists for E).

    Each on the first minibatch that the player's next step would use, every penalty at its weight,
    also one that is charged at some steps only. With several processes, of the whole minibatch.
    """
    knobs = setup.knobs(state.step)
    rows = [(f"{slot}_weight", row.function) for slot, row in setup.penalties.items()]
    batches, found = setup.draws(state.step), {}
    for name in ("critic", "generator"):
        roles = setup.optimizer.draws
        batch = batches[next(i for i, role in enumerate(roles) if role in (name, "both"))]
        parts = setup.networks, setup.objective, rows, setup.constraint, batch, knobs
        game = gan(*parts, state.constraint, setup.payers)
        gradient = getattr(gradients(game, state.players, (name,)), name)
        found[f"{name}_gradient"] = gradient.norm(dim=-1).tolist()
    return found
