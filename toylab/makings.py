"""Makings: the data and the networks that an experiment's settings ask for."""

from toylab.data import Normal, Uniform, law, source
from toylab.games import Players
from toylab.networks import identity, mlp

LATENTS = {"normal": Normal, "uniform": Uniform}


def sources_of(experiment, numbers):
    """(real, latent): the card's real points, and what the generator is fed."""
    card = experiment.card
    real = source(card, "real", **numbers)
    if experiment.fakes == "fixed":
        return real, source(card, "fake", **numbers)
    if experiment.fakes == "perfect":
        return real, law(card, **numbers)
    return real, LATENTS[experiment.latent_law](experiment.latent)


def networks_of(e, real, latent):
    """The players' networks: two MLPs, or the identity where the fakes are fixed points."""
    common = {"initialisation": e.initialisation}
    sizes = (e.generator_width, e.generator_depth, e.generator_activation)
    generator = mlp(latent.shape, real.shape, *sizes, **common)
    if e.fakes != "learned":
        generator = identity(real.shape)
    sizes = (e.critic_width, e.critic_depth, e.critic_activation)
    return Players(generator, mlp(real.shape, None, *sizes, dropout=e.critic_dropout, **common))
