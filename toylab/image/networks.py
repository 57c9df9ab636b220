"""The families of image networks, as one table: each builds both players for any small image.

A family's sizes are settings; what is 0 is as in the paper it comes from. Their layers are in
`layers`, what batch normalisation means for penalties and samples in `moments`.
"""

from collections.abc import Callable
from typing import NamedTuple

from toylab.games import Players
from toylab.image.dcgan import dcgan
from toylab.image.resnet import mescheder_resnet, resnet, wgangp_resnet
from toylab.networks import mlp
from toylab.tables import Table


class Family(NamedTuple):
    """One row; `build(shape, experiment, settings) -> Players`.

    settings -- those that this family reads and some other does not
    """

    build: Callable
    settings: tuple
    doc: str
    source: str


def _multilayer(shape, e, s):
    """The core's perceptrons, sized by the experiment as a toy's are; images are flattened."""
    start = {"initialisation": e.initialisation}
    sizes = (e.generator_width, e.generator_depth, e.generator_activation)
    generator = mlp((e.latent,), shape, *sizes, **start)
    sizes = (e.critic_width, e.critic_depth, e.critic_activation)
    return Players(generator, mlp(shape, None, *sizes, dropout=e.critic_dropout, **start))


def _zerogp(shape, e, s):
    """Hidden layers of ReLU, 512 wide: two in the paper, three in the code."""
    how = {"activation": "relu", "initialisation": e.initialisation}
    width = s.features or 512
    return Players(
        mlp((e.latent,), shape, width, e.generator_depth, **how),
        mlp(shape, None, width, e.critic_depth, **how),
    )


def _norms(s, generator, critic):
    """The names of both players' normalisations, the family's own where "own" is chosen."""
    chosen = (s.generator_norm, generator), (s.critic_norm, critic)
    return tuple(own if name == "own" else name for name, own in chosen)


def _dcgan(features, kernel, norms, **fixed):
    """A row's `build` of `dcgan` with these numbers where the settings have none."""

    def build(shape, e, s):
        return dcgan(
            shape,
            e.latent,
            s.features or features,
            s.stages,
            e.initialisation,
            s.kernel or kernel,
            _norms(s, *norms),
            dropout=e.critic_dropout,
            **fixed,
        )

    return build


def _resnet(shape, e, s):
    norms = _norms(s, "batch", "batch")
    return resnet(shape, e.latent, s.features or 64, s.stages, e.initialisation, norms)


def _wgangp_resnet(shape, e, s):
    norms = _norms(s, "batch", "none")
    sizes = s.features or 128, s.stages
    return wgangp_resnet(shape, e.latent, *sizes, e.initialisation, norms, e.critic_dropout)


def _mescheder_resnet(shape, e, s):
    return mescheder_resnet(shape, e.latent, s.features or 64, s.stages, e.initialisation)


_SIZES = ("features", "stages")
_NORMS = ("generator_norm", "critic_norm")
_STRIDED = (*_SIZES, "kernel", *_NORMS, "critic_dropout")
_PERCEPTRONS = tuple(
    f"{player}_{part}"
    for player in ("generator", "critic")
    for part in ("width", "depth", "activation")
)
_RADFORD = "Radford et al. 2016, https://arxiv.org/abs/1511.06434"
_ROTH = "Roth et al. 2017, https://arxiv.org/abs/1705.09367"
_GULRAJANI = "Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028"

FAMILIES = Table(
    "network",
    {
        "dcgan": Family(
            build=_dcgan(64, 5, ("batch", "batch")),
            settings=_STRIDED,
            doc="Strided convolutions with batch normalisation in both players.",
            source=_RADFORD,
        ),
        "dcgan-nonorm": Family(
            build=_dcgan(64, 5, ("none", "none")),
            settings=_STRIDED,
            doc="DCGAN without any normalisation: hard to train without a penalty.",
            source=_ROTH,
        ),
        "dcgan-tanh": Family(
            build=_dcgan(64, 5, ("batch", "batch"), tanh=True),
            settings=_STRIDED,
            doc="DCGAN with tanh in place of every ReLU, in both players.",
            source=_ROTH,
        ),
        "wgangp-cnn": Family(
            build=_dcgan(128, 5, ("batch", "none"), flat_norm=True),
            settings=_STRIDED,
            doc="WGAN-GP's small net for CIFAR-10: a DCGAN, no normalisation in the critic. "
            "With critic_dropout ½ that of CT-GAN.",
            source=_GULRAJANI + ", their code (gan_cifar.py)",
        ),
        "icr-cifar": Family(
            build=_dcgan(64, 4, ("batch", "none"), slope=0.01, flat_norm=True, drop_channels=True),
            settings=_STRIDED,
            doc="The net of competitive gradient descent on CIFAR-10: 4×4 kernels; critic_dropout "
            "leaves out whole channels.",
            source="Schäfer et al. 2020, https://arxiv.org/abs/1910.05852",
        ),
        "resnet": Family(
            build=_resnet,
            settings=(*_SIZES, *_NORMS),
            doc="Residual blocks up and down, batch normalisation in both players.",
            source=_ROTH,
        ),
        "wgangp-resnet": Family(
            build=_wgangp_resnet,
            settings=(*_SIZES, *_NORMS, "critic_dropout"),
            doc="WGAN-GP's ResNet for CIFAR-10; with critic_dropout ½ that of CT-GAN.",
            source=_GULRAJANI + ", their code (gan_cifar_resnet.py)",
        ),
        "mescheder-resnet": Family(
            build=_mescheder_resnet,
            settings=_SIZES,
            doc="Residual blocks at a tenth, two a size, no normalisation.",
            source="Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, their code",
        ),
        "zerogp-mlp": Family(
            build=_zerogp,
            settings=("features", "generator_depth", "critic_depth"),
            doc="Perceptrons for MNIST's 784 numbers: two hidden layers; in their code three.",
            source="Thanh-Tung et al. 2019, https://arxiv.org/abs/1902.03984",
        ),
        "mlp": Family(
            build=_multilayer,
            settings=(*_PERCEPTRONS, "critic_dropout"),
            doc="The lab's perceptrons; an image is its row of numbers.",
            source="Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661",
        ),
    },
)
