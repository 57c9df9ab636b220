"""Ahead of time: a step traced once, rewritten for thin matrices, built into native code.

The artefact has no Python in it, runs on any numbers of the same sizes, and can be built by
another process than the one that loads it; `toylab.artefacts` keeps it, `toylab.native` runs it.
"""

import functools
import time
import warnings
from typing import NamedTuple

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from toylab import artefacts, native
from toylab.native import onednn

THIN = 4  # an outer product of at most so many numbers is no product worth calling
LARGE = (
    2**20
)  # numbers multiplied (m·k·n) from which another library's product may be worth its longer call
WORTH = 1.15  # how many times faster it must be

aten = torch.ops.aten


@functools.cache
def faster(m, k, n, sides):
    """Whether oneDNN is worth its call, measured here; `sides`: which of a and b lie transposed."""
    shapes = zip(((m, k), (k, n)), sides, strict=True)
    a, b = (torch.ones(q, p).mT if over else torch.ones(p, q) for (p, q), over in shapes)

    def seconds(call):
        call(a, b)
        times = []
        for _ in range(7):
            began = time.perf_counter()
            call(a, b)
            times.append(time.perf_counter() - began)
        return min(times)

    return WORTH * seconds(onednn) < seconds(torch.mm)


def choose(graph):
    """Puts oneDNN's product in the place of every large one that it is faster at."""
    for node in graph.nodes:
        if node.target is aten.mm.default:
            a, b = (part.meta["val"] for part in node.args)
            (m, k), n = a.shape, b.shape[1]
            if m * k * n >= LARGE and a.dtype == torch.float32 and a.device.type == "cpu":
                if faster(m, k, n, (a.stride(1) != 1, b.stride(1) != 1)):
                    node.target = torch.ops.toylab.onednn.default


def product(a, b):
    """a (..., m, k) @ b (..., k, n), written out where k is thin.

    Written out where m or n is, the sums cost more than the call: 0.81 in place of 0.66 ms a step
    at 64x2x256.
    """
    k = a.shape[-1]
    if k > THIN:
        return NotImplemented  # stays the call that it is
    return sum(a[..., :, i : i + 1] * b[..., i : i + 1, :] for i in range(k))


def biased(bias, a, b, *, beta=1, alpha=1):
    """bias + a @ b; as one call the bias would be spread out and copied first."""
    return beta * bias + alpha * (aten.mm(a, b) if a.dim() == 2 else aten.bmm(a, b))


REWRITES = {
    aten.mm.default: product,
    aten.bmm.default: product,
    aten.addmm.default: biased,
    aten.baddbmm.default: biased,
}
OPTIONS = {
    "size_asserts": False,  # `compiled` looks at every input's size itself
    "scalar_asserts": False,
    "alignment_asserts": False,
    "pattern_matcher": False,
    "cpp.vec_isa_ok": True,  # what the processor says it can do is not tried out by compiling
}


class Traced(NamedTuple):
    """A step as a graph of those inputs that it reads.

    reads -- their places among the step's tensors
    plan  -- where each of the step's results comes from; see `native.runner`
    """

    graph: torch.fx.GraphModule
    reads: list
    plan: list


def trace(step, tensors):
    """The `Traced` step; its differentiation is in the graph, its Python is not."""
    with torch.compiler._compile_session_context():
        module = make_fx(step, decomposition_table=REWRITES)(*tensors)
    graph = module.graph
    graph.eliminate_dead_code()
    if torch.backends.mkldnn.is_available():
        choose(graph)
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    (last,) = (node for node in graph.nodes if node.op == "output")
    results = last.args[0]
    made = list(dict.fromkeys(node for node in results if node not in inputs))
    plan = [
        ("input", inputs.index(node)) if node in inputs else ("output", made.index(node))
        for node in results
    ]
    last.args = (tuple(made),)
    reads = []
    for place, node in enumerate(inputs):
        if node.users:
            reads.append(place)
        else:
            graph.erase_node(node)
    module.recompile()
    return Traced(module, reads, plan)


def build(module, tensors, path):
    """Builds the graph into the file `path` (its name must end in .pt2)."""
    from torch._inductor import aoti_compile_and_package
    from torch._inductor.utils import fresh_cache

    # Sources and objects lie in a folder of this process and go with it; what the compiler's own
    # parts have to tell each other about names of tomorrow is not for the user.
    with fresh_cache(), warnings.catch_warnings(action="ignore", category=FutureWarning):
        program = torch.export.export(module, tuple(tensors))
        aoti_compile_and_package(program, package_path=str(path), inductor_configs=OPTIONS)


def compiled_ahead(step, tensors, count, key=None):
    """The route: traced here, the artefact taken from the cache or built into it.

    With a key it is found there the next time without being traced.
    """
    traced = trace(step, tensors)
    read = [tensors[place] for place in traced.reads]
    name = artefacts.name(traced.graph, read, OPTIONS)

    def built(path):
        count()
        build(traced.graph, read, path)

    path = artefacts.get(name, built)
    if key is not None:
        native.keep(key, name, traced.reads, traced.plan)
    return native.runner(native.load(path), traced.reads, traced.plan)
