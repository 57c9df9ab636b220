"""Bishop 2006, Pattern Recognition and Machine Learning, Figure 10.3: KL one way and the other."""

import numpy as np
from scipy.optimize import minimize

from toylab.figures.figure import Figure
from toylab.tables import Table
from toylab.theory import mixture

MEANS = np.array([[-1.4, -1.0], [1.4, 1.0]])
COVARIANCES = np.array([[[0.25, 0.1], [0.1, 0.2]]] * 2)
WEIGHTS = np.array([0.5, 0.5])
HALF, COUNT = 5.0, 161
_LINE = np.linspace(-HALF, HALF, COUNT)
PLACES = np.stack(np.meshgrid(_LINE, _LINE), -1).reshape(-1, 2)
AREA = (_LINE[1] - _LINE[0]) ** 2
TARGET = mixture(PLACES, MEANS, COVARIANCES, WEIGHTS)


def _parted(numbers):
    """(mean, root of the covariance) of five free numbers: log diagonal, so any vector is one."""
    root = np.array([[np.exp(numbers[2]), 0.0], [numbers[3], np.exp(numbers[4])]])
    return numbers[:2], root


def _log_normal(mean, root):
    off = np.linalg.solve(root, (PLACES - mean).T)
    return -0.5 * (off**2).sum(0) - np.log(2 * np.pi * root[0, 0] * root[1, 1])


def forward(numbers):
    """KL(P‖Q) of the target and the Gaussian, up to what does not depend on the Gaussian."""
    return -AREA * (TARGET * _log_normal(*_parted(numbers))).sum()


def backward(numbers):
    """KL(Q‖P) of the Gaussian and the target."""
    log = _log_normal(*_parted(numbers))
    return AREA * (np.exp(log) * (log - np.log(np.maximum(TARGET, 1e-300)))).sum()


def _measure(seed, steps):
    best = {"gtol": 1e-9}
    covering = minimize(forward, np.zeros(5), options=best).x
    fits = [minimize(backward, [*(0.8 * mean), -0.5, 0.0, -0.5], options=best).x for mean in MEANS]
    return {
        "covering": covering,
        "fits": fits,
        "backward": [backward(covering), *(backward(fit) for fit in fits)],
    }


def _numbers(found):
    mean, root = _parted(found["covering"])
    centre = WEIGHTS @ MEANS
    off = MEANS - centre
    covariance = np.einsum("k,kij->ij", WEIGHTS, COVARIANCES) + (WEIGHTS * off.T) @ off
    gap = np.linalg.norm(MEANS[1] - MEANS[0]) / 2
    reached = np.array([fit[:2] for fit in found["fits"]])
    off_mode = np.linalg.norm(reached - MEANS, axis=1) / gap
    return {
        "moments_error": max(np.abs(mean - centre).max(), np.abs(root @ root.T - covariance).max()),
        "mode_distance": off_mode.max(),
        "modes_reached": (off_mode < 0.5).sum(),
        "cover_over_mode": found["backward"][0] / max(found["backward"][1:]),
    }


def _draw(canvas, every, paint):
    axes = canvas.subplots(1, 3)
    found = every[0]
    values = [found["covering"], *found["fits"]]
    titles = ["KL(P‖Q) covers", "KL(Q‖P) picks this one", "or that one"]
    for axis, numbers, title, cost in zip(axes, values, titles, found["backward"], strict=True):
        target = TARGET.reshape(COUNT, COUNT)
        axis.contour(_LINE, _LINE, target, 6, colors=[paint.real], linewidths=0.9)
        fit = np.exp(_log_normal(*_parted(numbers))).reshape(COUNT, COUNT)
        axis.contour(_LINE, _LINE, fit, 6, colors=[paint.fake], linewidths=0.9)
        if axis is axes[0]:
            for label, colour in (("P", paint.real), ("Q", paint.fake)):
                axis.plot([], [], color=colour, label=label)
            axis.legend(loc="upper left")
        axis.set(title=title, aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
        axis.set(xlabel=f"KL(Q‖P) = {cost:.3f}", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


FIGURES = Table(
    "figure",
    {"kl-asymmetry": Figure(measure=_measure, numbers=_numbers, draw=_draw, size=(7.8, 2.9))},
)
