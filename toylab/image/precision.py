"""Precision and layout of a run's arithmetic: bits of products, order of an image's numbers.

float64, float32 and tf32 keep every number as it is called; with tf32 a GPU's products round their
factors to 10 bits. With bfloat16 the products of the networks have 8 bits (autocast) while vectors,
losses, statistics, and unless told otherwise penalties, stay float32: no loss has to be scaled.
"""

import functools
import inspect
import os

import torch

from toylab.networks import Output

DTYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.float32,
    "float64": torch.float64,
}


def arranged(network, settings, device):
    """The network as these settings have it computed on a device ("cpu" or "cuda")."""
    apply, exact = network.apply, None
    if settings.channels_last and "memory" in inspect.signature(apply).parameters:
        apply = functools.partial(apply, memory=torch.channels_last)
    if settings.precision == "bfloat16":
        exact = apply if settings.penalty_precision == "float32" else None
        apply = _autocast(apply, torch.device(device).type)
    return network._replace(apply=apply, exact=exact)


def _autocast(apply, device):
    # `wraps` lets the signature be seen through: the statistics of a network are asked for by name.
    @functools.wraps(apply)
    def quick(vector, x, masks=None, **more):
        # No cache: it would hand a derivative the weights of another graph.
        with torch.autocast(device, torch.bfloat16, cache_enabled=False):
            found = apply(vector, x, masks, **more)
        return Output(found.value.float(), found.hidden.float())

    return quick


def allow(settings, device="cpu"):
    """Tells torch how a GPU may compute, for the whole process.

    With `deterministic` the same numbers come out every time, as resuming bit for bit needs it;
    without, cuDNN tries its algorithms and takes the fastest.
    """
    # The older pair of names: with the newer `fp32_precision` torch 2.13 keeps two answers, and
    # whoever asks by the old name, as its compiler does, gets an error.
    quick = settings.precision in ("tf32", "bfloat16")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = quick
    torch.backends.cudnn.deterministic = settings.deterministic
    torch.backends.cudnn.benchmark = not settings.deterministic
    if torch.device(device).type == "cuda":
        if settings.deterministic:  # cuBLAS reads it when a GPU is first asked to multiply
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(settings.deterministic, warn_only=True)


def forgetting(images, kimg):
    """The moving average's factor a step, ½^(images/(1000·kimg)), where a step sees `images`.

    kimg -- its half-life in thousands of real images. Karras et al. 2020,
    https://arxiv.org/abs/1912.04958, count it so
    """
    return 0.5 ** (images / (1000 * kimg))
