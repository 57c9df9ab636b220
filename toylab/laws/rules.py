"""Laws of rules: init(vector) -> memory, update(gradient, vector, memory, knobs)."""

from toylab.laws.common import VECTOR, VECTORS, far, knobs, members, same, shape


def _walked(row, vector, steps, slope=lambda vector: vector):
    """Where the rule leads from a vector; without more said it goes down ½|x|²."""
    vector, numbers = vector.clone(), knobs(rate=0.01)
    memory = row.init(vector)
    for _ in range(steps):
        vector, memory = row.update(slope(vector), vector, memory, numbers)
    return vector


def pure(row):
    """The same twice, and nothing is changed in place: a state that somebody holds stays."""
    vector, numbers = VECTOR.clone(), knobs(rate=0.01)
    memory = row.init(vector)
    held = [vector.clone(), *(part.clone() for part in memory)]
    once, twice = (row.update(VECTOR.clone(), vector, memory, numbers)[0] for _ in range(2))
    if not same(held, (vector, *memory)):
        return "it changes its vector or its memory in place"
    return "the same gradient moves it elsewhere the second time" if far(once, twice) else ""


def finite(row):
    """Finite for a gradient of 0, of ordinary and of great size; the vector keeps its shape."""
    moved = _walked(row, VECTOR, 1)
    if moved.shape != VECTOR.shape:
        return f"a vector {shape(VECTOR)} must stay one, got {shape(moved)}"
    for words, size in (("0", 0.0), ("ordinary size", 1.0), ("great size", 1e6)):
        moved = _walked(row, VECTOR, 3, slope=lambda vector, size=size: size * VECTOR)
        if not moved.isfinite().all():
            return f"not finite for a gradient of {words}"
    return ""


def descent(row):
    """300 steps of rate 0.01 lead downhill."""
    start, end = VECTOR.norm(), _walked(row, VECTOR, 300).norm()
    return "" if end < start else f"down ½|x|² it went from |x| = {start:.3g} to {end:.3g}"


def ensemble(row):
    """A member of an ensemble moves as it would alone."""
    return members(_walked(row, VECTORS, 4), [_walked(row, each, 4) for each in VECTORS])


LAWS = {
    "pure": pure,
    "finite": finite,
    "descent": descent,
    "ensemble": ensemble,
}
