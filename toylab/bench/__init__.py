"""Speed, measured: ``python -m toylab.bench [SUITE …] [--quick]``, all suites unless named.

Every figure that compares is a ratio of two loops interleaved in one run, with its spread; an
absolute time depends on the machine and on what else it does.
"""
