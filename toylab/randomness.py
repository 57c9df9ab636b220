"""Keyed randomness: every random number of a run comes from a hash of what it is for.

numpy's Philox counter generator with a 128-bit key made of (seed, purpose, block): torch's own CPU
generator uses only 32 bits of its seed, and a global generator would tie a run to its past.
"""

import hashlib
from typing import NamedTuple

import numpy as np
import torch


class Keys(NamedTuple):
    """Names one stream of random numbers; `start` counts what was drawn from a set before."""

    seed: int
    purpose: str
    block: int = 0
    start: int = 0

    def digest(self):
        return hashlib.blake2b(
            f"{self.seed}/{self.purpose}/{self.block}".encode(), digest_size=16
        ).digest()

    def rng(self):
        """numpy's Philox with this key: 128 bits, the same numbers on every machine."""
        return np.random.Generator(np.random.Philox(key=np.frombuffer(self.digest(), np.uint64)))

    def generator(self, device):
        """The device's own generator with the same key; its numbers differ from the CPU's."""
        made = torch.Generator(device)
        made.manual_seed(int.from_bytes(self.digest()[:8], "little") >> 1)
        return made
