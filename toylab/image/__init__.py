"""Images: networks, data and a command line around the core's one training loop.

    python -m toylab.image train digits-smoke
    python -m toylab.image sample runs/00000-digits-smoke --out grid.png

This package trains nothing itself: `toylab.trainer.train` takes every step, the same one that the
lab and the scripts run; here are networks and sources for it, and what is done with its states.
"""
