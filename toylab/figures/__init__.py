"""The papers' figures, made again: ``python -m toylab.figures list | run | report``.

One module a paper, or two, each ending in its table of figures; what a figure claims and by which
numbers it is judged stands in ``claims/*.toml``, written before its result.
"""
