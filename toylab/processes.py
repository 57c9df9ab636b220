"""Processes: one run on several devices. What is here is all that knows of ranks.

Every process holds the same players and a share of each minibatch; `average` is the mean over
processes and can be differentiated any number of times. Where `means.mean`, `games.reduce` and the
minibatches go through it, every equation is that of the whole batch:

    J = (1/W) Σ_r L_r,   ∂J/∂θ = average of ∂(Σ_s L_s)/∂θ_r,

the inner sum because the slope of an average is the average of the slopes that reach it.
"""

import os
from datetime import timedelta

import torch
from torch import distributed


def world():
    """How many processes train together; 1 without `joined`."""
    return distributed.get_world_size() if _together() else 1


def rank():
    """Which of them this one is, from 0."""
    return distributed.get_rank() if _together() else 0


def neighbours():
    """How many of them torchrun started on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def first():
    """Whether this process is the one that writes and speaks for all."""
    return rank() == 0


def _together():
    return distributed.is_available() and distributed.is_initialized()


class _Average(torch.autograd.Function):
    """y = (1/W) Σ_r x_r on every rank. With Σ_s L_s looked at, ∂/∂x_r = (1/W) Σ_s ∂L_s/∂y_s."""

    @staticmethod
    def forward(ctx, tensor):
        found = tensor.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(found)
        return found / world()

    @staticmethod
    def backward(ctx, slope):
        return _Average.apply(slope)


def average(tensor):
    """The mean of a tensor over processes, the same on all; itself where there is one process."""
    return _Average.apply(tensor) if world() > 1 else tensor


def share(tensor, dim):
    """This process's part of a tensor along an axis: the rank-th of `world()` equal pieces."""
    if world() == 1:
        return tensor
    size, odd = divmod(tensor.shape[dim], world())
    if odd:
        raise ValueError(
            f"{world()} processes share a minibatch evenly, got one of {tensor.shape[dim]}: "
            "choose a batch that the number of processes divides"
        )
    return tensor.narrow(dim, rank() * size, size)


def following(tensor, dim):
    """Every sample's successor along an axis of the whole minibatch; the last one's is the first.

    A process's last sample is followed by the next process's first.
    """
    firsts = tensor.narrow(dim, 0, 1)
    if world() > 1:
        # An average in which each process fills a row of its own brings all rows to all.
        row = torch.zeros(world(), *[1] * tensor.dim()).to(firsts)
        row[rank()] = world()
        firsts = average(row * firsts)[(rank() + 1) % world()]
    return torch.cat([tensor.narrow(dim, 1, tensor.shape[dim] - 1), firsts], dim)


def any_of(flag):
    """Whether the flag is set in any process; the same answer in all."""
    if world() == 1:
        return bool(flag)
    found = torch.tensor(float(bool(flag)))
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return bool(found)


class joined:
    """Within it this process is one of those that torchrun started, if it was started so.

    Tensors on a CPU meet by gloo, those on GPUs by nccl; each process takes the GPU of its local
    rank. After an error nothing is waited for: others may hang in what this one will never do.
    """

    def __enter__(self):
        self.begun = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not _together()
        if self.begun:
            gpus = torch.cuda.device_count()
            if gpus:
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % gpus)
            # The first one scores while the others wait for it.
            how = {"timeout": timedelta(hours=1)}
            distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", **how)
        return self

    def __exit__(self, *problem):
        if self.begun and not any(problem):
            distributed.destroy_process_group()
