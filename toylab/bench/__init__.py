"""Speed, measured: ``python -m toylab.bench [steps|frames|page|sessions|image] [--quick]``.

Every figure that compares is a ratio of two loops interleaved in one run, with its spread; an
absolute time depends on the machine and on what else it does.
"""
