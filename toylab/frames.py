"""Frames: one picture of one moment, as arrays and numbers.

`Pictures` makes the frames of one run. It keeps the little that a steady picture needs (the same
latents in every frame, colour limits and arrow scales that do not breathe, found clusters that do
not flicker) and nothing of the game: any state of the run can be drawn at any time.
"""

import math
import time
from typing import NamedTuple

import numpy as np
import torch

from toylab import layers, metrics, probes, space, theory
from toylab.crowd import Crowd
from toylab.data import clusters
from toylab.health import Health, Vitals
from toylab.look import Look
from toylab.randomness import Keys
from toylab.steady import Length, Limit

SHOWN, MEASURED = 500, 4096
STRIDES = 10  # along the push, each as long as the smallest cluster is wide
LED_SECONDS, LED_STEPS = (
    1.0,
    20,
)  # that a look along the push may be old, while training fast or not


class Frame(NamedTuple):
    """`arrays`: {name: float32 or uint8} of the wanted layers; `scalars`: {name: JSON-ready}."""

    arrays: dict
    scalars: dict


def shown_real(setup, count=SHOWN):
    """The real points that the page shows, (count, d); all of a smaller set."""
    real = setup.sources[0]
    count = min(count, len(getattr(real, "points", range(count))))
    return real.sample(count, Keys(0, "shown/real"))


def real_points(setup, view):
    """The same in the window's coordinates, (count, 2) float32."""
    return view.flat(shown_real(setup)).astype(np.float32)


def real_space(setup, view):
    """The same with their heights off the sheet, (count, 3) float32 as (a, b, h).

    None for data in the plane.
    """
    points = shown_real(setup)
    return space.placed(points, view).astype(np.float32) if points.shape[1] == 3 else None


def latents(pictures):
    """The first two numbers of each shown fake's latent, (SHOWN, min(k, 2)) float32."""
    return pictures.shown[:, :2].float().numpy()


class Pictures:
    """The frames of one run; `setup` may be replaced after a swap, the memory of the view stays."""

    def __init__(self, setup):
        self.chosen, self.crowd, self.health = Look(), Crowd(), Health()
        self.limits = {"surface": Limit(), "histogram": Limit()}
        self.scales, self._led_last = {}, (-math.inf, 0)
        self.numbers = None  # the card's, as the window and the shown points have them
        self.follow(setup)

    def follow(self, setup):
        """Takes what a changed experiment says: the objective, and the data where they moved."""
        self.setup = setup
        card, numbers, seed = setup.experiment.card, setup.numbers, setup.experiment.seed
        if numbers == self.numbers:
            return
        self.numbers = numbers
        self.home = probes.window(card, **numbers)
        self._place()
        self.clusters = clusters(card, **numbers)
        self.edge = space.edge(card, self.home, **numbers)
        self.truth = theory.Truth(card, **numbers)
        latent = setup.sources[1]
        self.like = torch.zeros(0, dtype=setup.dtype)

        def draw(origin, count, purpose):
            return torch.from_numpy(origin.sample(count, Keys(seed, purpose))).to(self.like)

        self.shown = draw(latent, SHOWN, "shown")
        self.real = draw(setup.sources[0], SHOWN, "shown/scored")
        self.shown_real = real_points(setup, self.home)
        spread = self.real - self.real.mean(0)
        self.radius = (self.clusters and self.clusters.radius) or float(spread.norm(dim=1).mean())
        self.measured = draw(latent, MEASURED, "measured")
        self.crowd.follow(self.measured, self.clusters, card, numbers)

    def look(self, options):
        """Takes what a page wishes (see `toylab.look`); returns all options as JSON carries them.

        Raises `ValueError` in words where a wish cannot be met; then all stays as it was.
        """
        self.chosen = self.chosen.changed(options)
        self._place()
        return self.chosen.told()

    def memory(self):
        """What the next picture must know of those before it, as plain values and arrays."""
        return {
            "limits": {name: limit.value for name, limit in self.limits.items()},
            "scales": {name: (each.value, each.at) for name, each in self.scales.items()},
            "found": self.crowd.live,
            "health": self.health.told(),
        }

    def remember(self, memory):
        """Goes on from the `memory` of pictures of the same run; `at` is on the machine's clock."""
        for name, value in memory["limits"].items():
            self.limits[name].value = value
        for name, (value, at) in memory["scales"].items():
            self.scales[name] = Length(value, at)
        self.crowd.live = memory["found"]
        self.health.take_up(memory["health"])

    def _place(self):
        """The view: the window of the data, or what the page chose."""
        extent = self.chosen.extent
        self.view = self.home if extent is None else self.home.around(extent[:2], extent[2])
        self._places = {}

    def frame(self, state, wanted, exact=True, now=None, recorded=False):
        """A `Frame` of a state with the wanted layers.

        exact -- False allows a coarser surface and numbers of the crowd that are half a second old
        recorded -- a state of the past is looked at: it leaves no mark on what comes after
        """
        began, now = time.thread_time(), time.monotonic() if now is None else now
        moment = self._moment(state, wanted, exact, now)
        scalars = self._scores(moment)
        self._fit(moment, scalars)
        fresh = self.crowd.measure(state, moment.generator, exact, now, recorded)
        scalars |= self.crowd.numbers_told()
        if fresh and not recorded:
            self.health.judge(self._vitals(moment))
        scalars["health"] = self.health.at(state.step)
        scalars["probes"] = layers.watched(self, moment)
        arrays = {}
        for layer in wanted:
            arrays |= layers.DRAWN[layer](self, moment, scalars)
        scalars["seconds"] = time.thread_time() - began
        return Frame(arrays, scalars)

    def places(self, n):
        """The centres of the view's n × n cells in the data's own coordinates, (n·n, d)."""
        if n not in self._places:
            self._places[n] = probes.places(self.view, n, self.like)
        return self._places[n]

    def _moment(self, state, wanted, exact, now):
        generator, critic = probes.effective(self.setup, state)
        with torch.no_grad():
            fakes = generator(self.shown)
            on_real, on_fake = critic(self.real), critic(fakes)
        threshold = self.setup.judged(state).threshold
        if threshold is None:
            threshold = float((on_real.mean() + on_fake.mean()) / 2)
        flat = self.view.flat(fakes.double().numpy()).astype(np.float32)
        slopes = layers.sloped(self, critic, fakes, wanted)
        players, shown = (state, generator, critic), (fakes, flat, on_real, on_fake)
        return layers.Moment(*players, *shown, threshold, exact, now, slopes)

    def _scores(self, moment):
        """Losses and what the critic says, on the 500 shown fakes and 500 fixed reals."""
        objective = self.setup.judged(moment.state)
        on_real, on_fake, threshold = moment.on_real, moment.on_fake, moment.threshold
        says = torch.sigmoid if objective.probability else (lambda logit: logit)
        right = (on_real > threshold).double().mean() + (on_fake < threshold).double().mean()
        return {
            "loss_critic": float(objective.critic(on_real, on_fake).mean()),
            "loss_generator": float(objective.generator(on_real, on_fake).mean()),
            "optimum_critic": objective.optimum[0],
            "optimum_generator": objective.optimum[1],
            "probability": objective.probability,
            "says_real": float(says(on_real).mean()),
            "says_fake": float(says(on_fake).mean()),
            "accuracy": float(right) / 2,
            "threshold": threshold,
            "centred": objective.threshold is None,  # the threshold is the middle of the means
        }

    def _fit(self, moment, scalars):
        """How many fakes are outside, and where there are some, the window that would hold them."""
        scalars["outside"] = int((~self.view.holds(moment.flat)).sum())
        if scalars["outside"]:
            scalars["fit"] = probes.fit(self.shown_real, moment.flat)

    def _vitals(self, moment):
        """What the health lines are judged by."""
        crowd, threshold = self.crowd, moment.threshold
        logits, slope = probes.slopes(moment.critic, moment.fakes)
        pay = probes.pay(self.setup.judged(moment.state), logits, moment.on_real)
        length = slope.norm(dim=1)
        right = ((moment.on_real > threshold), (moment.on_fake < threshold))
        return Vitals(
            step=moment.state.step,
            game=self.setup.experiment.objective,
            fakes=crowd.points,
            radius=self.radius,
            found=crowd.found,
            shares=crowd.shares,
            homes=crowd.homes,
            led=self._led(moment),
            right=tuple(float(side.double().mean()) for side in right),
            slope=float(length.mean()),
            push=float((pay.abs() * length).mean()),
        )

    def _led(self, moment):
        """To which clusters the push leads (k,): so many fakes come by that it would be found.

        None where that was not looked at.
        """
        if self.clusters is None or self.crowd.found.all():
            return None
        (at, step), now = self._led_last, moment.state.step
        late = moment.exact and abs(now - step) > LED_STEPS
        if not late and moment.now - at <= LED_SECONDS:
            return None
        self._led_last = moment.now, now
        radii, fakes = metrics.radii(self.clusters), moment.fakes[: layers.PUSHED]
        stride = 2 * radii.min()
        how = (
            moment.critic,
            self.setup.judged(moment.state),
            fakes,
            stride,
            STRIDES,
            moment.on_real,
        )
        way = probes.paths(*how)
        way = np.concatenate([way, (way[1:] + way[:-1]) / 2])  # so that no cluster is passed over
        index, square = metrics.nearest(way, self.clusters.centres)
        index = np.where(square <= radii[index] ** 2, index, -1)
        come_by = [(index == number).any(0).mean() for number in range(len(radii))]
        return metrics.found(come_by, self.clusters)
