"""How many tensor operations a step takes, and of what kind: counted below autograd.

products    convolutions and matrix products, forwards and backwards: nearly all of the time
elements    whatever writes numbers one by one, or sums them up
views       another look at the same numbers: no work but the call
"""

from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode

PRODUCTS = ("convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm")
VIEWS = (
    *("alias", "detach", "expand", "permute", "select", "slice", "split", "split_with_sizes"),
    *("squeeze", "t", "transpose", "unbind", "unsqueeze", "view", "_unsafe_view", "as_strided"),
)


class Counted(TorchDispatchMode):
    """Counts every operation that reaches the kernels, by its name: ``counted.names``."""

    def __init__(self):
        super().__init__()
        self.names = Counter()

    def __torch_dispatch__(self, operation, types, given=(), named=None):
        self.names[operation.overloadpacket.__name__] += 1
        return operation(*given, **(named or {}))


def operations(call):
    """Counter {name: how often} of what a call does on tensors."""
    with Counted() as counted:
        call()
    return counted.names


def kind(name):
    """The kind of an operation's name."""
    if name in PRODUCTS:
        return "products"
    return "views" if name in VIEWS else "elements"


def kinds(names):
    """{kind: how often} of a counter of names."""
    found = {"products": 0, "elements": 0, "views": 0}
    for name, count in names.items():
        found[kind(name)] += count
    return found
