"""Compilation of a whole step: the same function, traced once and run without Python between.

    step = compiled(function, "auto")     # called as the function is, and returns what it returns

The function is pure: nested tuples, lists and dicts of tensors in, such out. Everything else among
its arguments (names, a whole number in a memory) is part of the structure, and each structure is
compiled once; values never are, so no knob, schedule or step count compiles anything again.

Random numbers come as arguments, drawn in bulk, so every route computes what the plain function
computes, to rounding; each structure is compared with it once, before its first step is taken.
Whatever goes wrong, from a missing compiler to an operation that a route does not know, ends in
the plain function and one line in the log; `strict` raises it instead.
"""

import itertools
import logging
import operator
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from toylab import artefacts
from toylab.tables import Table

log = logging.getLogger(__name__)
FAR = 0.1  # of a step's own length: much more than rounding does, less than another game would
ROUNDING = 16  # units in the last place of a vector's length


class Outline(NamedTuple):
    """How nested arguments are made, without their tensors: what must agree, exactly."""

    kind: Any  # "tensor", a container's class, or None where `parts` is a value
    parts: Any = ()
    keys: tuple = ()


TENSOR = Outline("tensor")


def leaves(part, found):
    """Appends every tensor of nested arguments to a list, in order; a dict's by their names.

    A number that begins to move comes last among its knobs, and is the same number.
    """
    if isinstance(part, Tensor):
        found.append(part)
    elif isinstance(part, dict):
        for name in sorted(part):
            leaves(part[name], found)
    elif isinstance(part, (tuple, list)):
        for inner in part:
            leaves(inner, found)
    return found


def outline(part):
    """The `Outline` of nested arguments."""
    if isinstance(part, Tensor):
        return TENSOR
    if isinstance(part, dict):
        names = tuple(sorted(part))
        return Outline(dict, tuple(outline(part[name]) for name in names), names)
    if isinstance(part, (tuple, list)):
        return Outline(type(part), tuple(map(outline, part)))
    return Outline(None, part)


def rebuilt(form, tensors):
    """Nested arguments of that outline, with the next tensors of an iterator in their places."""
    if form.kind == "tensor":
        return next(tensors)
    if form.kind is None:
        return form.parts
    parts = [rebuilt(inner, tensors) for inner in form.parts]
    if form.kind is dict:
        return dict(zip(form.keys, parts, strict=True))
    return form.kind(*parts) if hasattr(form.kind, "_fields") else form.kind(parts)


def sizes(tensors):
    """What a compiled step takes for granted of each tensor."""
    return [(tensor.shape, tensor.stride(), tensor.dtype, tensor.device) for tensor in tensors]


def flat(function, form):
    """The function over a flat list of tensors, for arguments of that outline.

    Its code object is its own: the compiler counts what it made for each of them, and stops at 8.
    """

    def step(*tensors):
        found = function(*rebuilt(form, iter(tensors)))
        return [tensor.contiguous() for tensor in leaves(found, [])]

    code = step.__code__.replace(co_name=f"step{next(_NUMBERS)}")
    return types.FunctionType(code, step.__globals__, code.co_name, None, step.__closure__)


_NUMBERS = itertools.count()


def _apart(tensors):
    """The tensors of a state as a step returns them: contiguous, and no two the same one."""
    seen, found = set(), []
    for tensor in tensors:
        found.append(tensor.clone() if id(tensor) in seen else tensor.contiguous())
        seen.add(id(tensor))
    return found


def alike(ours, plain, before):
    """Whether two ways to take one step from the same tensors differ by rounding alone."""
    if [tensor.shape for tensor in before] != [tensor.shape for tensor in plain]:
        before = [torch.zeros_like(tensor) for tensor in plain]
    for one, other, start in zip(ours, plain, before, strict=True):
        if other.is_floating_point():
            apart, length = (one - other).norm(), (other - start).norm()
            rounding = ROUNDING * torch.finfo(other.dtype).eps * other.norm()
            if not apart <= FAR * length + rounding:
                return False
        elif not torch.equal(one, other):
            return False
    return True


class Made(NamedTuple):
    """One compiled structure: `run(flat tensors) -> flat tensors`, the `sizes` of its inputs, the
    outline of what it returns."""

    run: Callable
    sizes: list
    after: Outline


class Compiled:
    """``(due, parts, batches, knobs) -> parts`` as the plain function, by one of `ROUTES`.

    due   -- anything hashable that is part of the structure
    parts, batches, knobs -- nested tensors. Sizes are checked, for what runs is native code: of the
    batches at every call, of parts that this did not return itself and of other knobs when they
    come.

    about -- text that says which function this is: two of the same text are the same function.
    Then what was built for it once is found again without being traced

    `route` is the name of what really runs, `compilations` how often anything was compiled, and
    `trouble` why it runs plainly although it should not.
    """

    def __init__(self, function, route="auto", strict=False, about=None):
        self.function, self.strict, self.about = function, strict, about
        self.route = ROUTES[route] and route
        self.compilations, self.trouble = 0, ""
        self._made, self._forms = {}, {}
        self._parts, self._held, self._form = (None,) * 4, None, None
        self._knobs, self._numbers = None, None
        self._fits = None  # the structure that held tensors and numbers were found to fit

    def __call__(self, due, parts, batches, knobs):
        if self.route == "plain":
            return self.function(due, parts, batches, knobs)
        try:
            return self._run(due, parts, batches, knobs)
        except Exception as error:
            if self.strict:
                raise
            self._give_up(error)
        return self.function(due, parts, batches, knobs)

    def _give_up(self, error):
        words = (str(error).strip().splitlines() or [""])[0][:300]
        self.trouble = f"{self.route} failed: {type(error).__name__}: {words}"
        log.warning("the step runs uncompiled: %s", self.trouble)
        self.route = "plain"

    def _run(self, due, parts, batches, knobs):
        if not all(map(operator.is_, parts, self._parts)):
            self._held = _apart(leaves(parts, []))
            self._form = self._forms.setdefault(outline(parts), len(self._forms))
            self._fits = None
        if knobs is not self._knobs:
            self._knobs, self._numbers, self._fits = knobs, leaves(knobs, []), None
        drawn = leaves(batches, [])
        tensors = [*drawn, *self._held, *self._numbers]
        made = self._made.get((due, self._form))
        fits = made is not None and sizes(drawn) == made.sizes[: len(drawn)]
        if not fits or made is not self._fits:
            if not fits or sizes(tensors) != made.sizes:
                made = self._make(due, parts, batches, knobs, tensors)
            self._fits = made
        held = made.run(tensors)
        self._parts, self._held = rebuilt(made.after, iter(held)), held
        self._form = self._forms.setdefault(made.after, len(self._forms))
        return self._parts

    def _make(self, due, parts, batches, knobs, tensors):
        """Compiles for this structure, once."""
        form = Outline(tuple, tuple(map(outline, (batches, parts, knobs))))

        def step(batches, parts, knobs):
            return self.function(due, parts, batches, knobs)

        known = self.about and repr((self.about, due, form, sizes(tensors)))
        key = known and artefacts.key(known)
        run = ROUTES[self.route](flat(step, form), tensors, self._count, key)
        after = self.function(due, parts, batches, knobs)
        if not alike(run(tensors), leaves(after, []), self._held):
            raise ArithmeticError("its step is not the plain one")
        made = self._made[due, self._form] = Made(run, sizes(tensors), outline(after))
        return made

    def _count(self):
        self.compilations += 1


def traced(backend, **options):
    """The route of ``torch.compile`` with the differentiation inside it traced too: one graph."""

    def make(step, tensors, count, key=None):
        compiler = torch._dynamo.lookup_backend(backend)

        def counting(graph, inputs, **more):
            count()
            return compiler(graph, inputs, **options, **more)

        whole = torch.compile(step, backend=counting, fullgraph=True, dynamic=False)
        with torch._dynamo.config.patch(trace_autograd_ops=True):
            whole(*tensors)  # compiles
        return lambda tensors: whole(*tensors)

    return make


def recorded(step, tensors, count, key=None):
    """The route for GPUs: compiled, and replayed as one CUDA graph."""
    run = traced("inductor", config_patches={"triton.cudagraphs": True})(step, tensors, count)

    def replay(tensors):
        torch.compiler.cudagraph_mark_step_begin()
        # The graph writes into the same memory at every replay, and states are the consumer's.
        return [tensor.clone() for tensor in run(tensors)]

    return replay


def found(key):
    """What was built for the step of that key, or None."""
    if key is None:
        return None
    from toylab.native import kept

    return kept(key)


def stored(step, tensors, count, key=None):
    """What was built before, also by another process: never traces or builds, takes no second."""
    run = found(key)
    if run is None:
        raise LookupError("nothing was built for this step")
    return run


def ahead(step, tensors, count, key=None):
    """The fastest route on a processor; see `toylab.ahead`."""
    run = found(key)
    if run is not None:
        return run
    from toylab.ahead import compiled_ahead  # its imports take a second

    return compiled_ahead(step, tensors, count, key)


def best(step, tensors, count, key=None):
    """What won by measurement where these tensors are (docs/bench.json, suite "compiled")."""
    if tensors[0].device.type == "cuda":
        return recorded(step, tensors, count, key)
    return ahead(step, tensors, count, key)


# Each: (step over flat tensors, tensors, count, key) -> run(tensors) -> tensors; "plain": not
# compiled. `count` is called at every compilation; see `Compiled` for what the key is good for.
ROUTES = Table(
    "backend",
    {
        "plain": "plain",
        "auto": best,
        "ahead": ahead,
        "stored": stored,
        "inductor": traced("inductor"),
        "aot_eager": traced("aot_eager"),
        "cudagraphs": recorded,
    },
)
