"""What every test shares: one thread a process, and no failure because the machine was busy."""

import os

from hypothesis import settings

# Set before anything imports numpy or torch; the servers that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hypothesis by default fails a test that takes longer than 200 ms once: a test never asserts a
# time. The examples are the same in every run, so what passed once passes again.
settings.register_profile("toylab", deadline=None, derandomize=True)
settings.load_profile("toylab")
