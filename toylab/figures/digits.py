"""Comparing a number with one that was printed."""


def units(value, printed):
    """How far a number is from a printed one ("1.40", "3e9"), in units of its last digit."""
    mantissa, _, exponent = printed.partition("e")
    digits = len(mantissa.partition(".")[2])
    return abs(value - float(printed)) / 10.0 ** (int(exponent or 0) - digits)
