"""What a picture keeps steady: colour limits and arrow scales that do not breathe."""

import math

import numpy as np

HALF_LIFE = 1.0  # seconds, of an arrow scale
PATIENCE = 1.0  # seconds for which a colour limit may be wrong


class Limit:
    """The limit ± 2ᵏ of a raw quantity, moved only after it was wrong for more than a second.

    It is right while the quantity's reach, its 98th percentile, lies in [0.35, 1] of the limit.
    """

    def __init__(self, start=4.0):
        self.value, self.wrong_since = start, None

    def of(self, values, now):
        """The limit for these values; values that are not finite leave it as it is."""
        reach = float(np.percentile(np.abs(values), 98))
        if not math.isfinite(reach):
            return self.value
        if 0.35 * self.value <= reach <= self.value:
            self.wrong_since = None
        elif self.wrong_since is None:
            self.wrong_since = now
        elif now - self.wrong_since > PATIENCE:
            self.value = 2.0 ** math.ceil(math.log2(max(reach, 1e-6)))
            self.wrong_since = None
        return self.value


class Length:
    """The length that the longest arrow stands for: a number 1, 2 or 5 · 10ⁿ.

    The arrows' 95th percentile, averaged with a half-life of one second, rounded up.
    """

    def __init__(self, value=None, at=None):
        self.value, self.at = value, at

    def of(self, arrows, now):
        """The scale for arrows (n, 4) = place and vector; 1 where no length is known."""
        length = float(np.percentile(np.hypot(arrows[:, 2], arrows[:, 3]), 95))
        if self.value is not None and math.isfinite(self.value):
            keep = 0.5 ** (max(now - self.at, 0.0) / HALF_LIFE)
            length = keep * self.value + (1 - keep) * length
        self.value, self.at = length, now
        if not math.isfinite(length) or length <= 0:
            return 1.0
        power = 10.0 ** math.floor(math.log10(length))
        return next(step * power for step in (1, 2, 5, 10) if length <= step * power * (1 + 1e-9))
