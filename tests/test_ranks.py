"""What processes say to each other, function by function: forked here, so that they run what this
process has imported, and meet by gloo."""

import json
import os
import socket
import traceback

import pytest
import torch
from torch import distributed

from toylab.processes import any_of, average, first, following, joined, rank, share, world


def forked(task, count=2, **environment):
    """[what task(rank) returned, through JSON, in each of so many processes]; one may not fail."""
    ends = []
    for number in range(count):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.environ |= environment | {"GLOO_SOCKET_IFNAME": "lo", "RANK": str(number)}
                told = json.dumps(task(number)).encode()
            except BaseException:
                told = json.dumps({"failed": traceback.format_exc()}).encode()
            os.write(writing, told)
            os._exit(0)  # nothing of pytest runs in here
        os.close(writing)
        ends.append((child, reading))
    found = []
    for child, reading in ends:
        with os.fdopen(reading, "rb") as pipe:
            found.append(json.loads(pipe.read()))
        os.waitpid(child, 0)
    failed = [one["failed"] for one in found if isinstance(one, dict) and "failed" in one]
    assert not failed, failed[0]
    return found


def started():
    """The environment of two processes that torchrun has started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {"WORLD_SIZE": "2", "LOCAL_RANK": "0", **meeting}


@pytest.fixture
def together(tmp_path):
    """forked, with the processes in one group."""

    def run(task, count=2):
        def within(number):
            place = f"file://{tmp_path}/meet"
            distributed.init_process_group("gloo", place, rank=number, world_size=count)
            return task(number)

        return forked(within, count)

    return run


def test_a_mean_over_processes_and_its_derivatives(together):
    """y = ½Σx_r³, L_r = c_r y²: ∂/∂x_r = (Σ_s c_s) y · 3x_r², and once more by every x."""
    x, c = torch.tensor([2.0, 3.0]).double(), torch.tensor([1.0, 5.0]).double()

    def task(number):
        own = x[number].clone().requires_grad_()
        y = average(own**3)
        (slope,) = torch.autograd.grad(c[number] * y**2, own, create_graph=True)
        (bend,) = torch.autograd.grad(slope, own)
        return [y.item(), slope.item(), bend.item()]

    y, both = (x**3).mean(), c.sum()
    slopes = both * y * 3 * x**2
    bends = both * (1.5 * x**2 * (3 * x**2).sum() + y * 6 * x)
    expected = [[y.item(), *pair] for pair in zip(slopes.tolist(), bends.tolist(), strict=True)]
    assert together(task) == [pytest.approx(row) for row in expected]


def test_pieces_in_order_and_who_follows_whom(together):
    whole = torch.arange(24.0).view(2, 6, 2)

    def task(number):
        piece = share(whole, 1)
        return [piece.tolist(), following(piece, 1).tolist()]

    pieces, after = zip(*together(task, 3), strict=True)
    assert torch.equal(torch.cat([torch.tensor(part) for part in pieces], 1), whole)
    assert torch.equal(torch.cat([torch.tensor(part) for part in after], 1), whole.roll(-1, 1))


def test_what_cannot_be_shared_evenly_is_refused(together):
    def task(number):
        with pytest.raises(ValueError, match="2 processes share a minibatch evenly, got one of 5"):
            share(torch.zeros(5), 0)
        return share(torch.zeros(3, 4), 1).shape[1]

    assert together(task) == [2, 2]


def test_one_flag_is_everybody_s_and_one_process_is_the_first(together):
    def task(number):
        flags = [any_of(number == 1), any_of(False), any_of(True)]
        return [*flags, first(), rank(), world()]

    assert together(task) == [
        [True, False, True, True, 0, 2],
        [True, False, True, False, 1, 2],
    ]


def test_who_was_started_together_joins_once_and_leaves(monkeypatch):
    def task(number):
        alone = world()
        with joined():
            with joined():  # within another one nothing begins, and nothing ends
                inside = world()
            still = world()
        return [alone, inside, still, distributed.is_initialized()]

    told = forked(task, **started())
    assert told == [[1, 2, 2, False]] * 2
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined():
        assert world() == 1 and first()


def test_after_an_error_nothing_is_waited_for():
    """The group stays as it was: ending it would wait for those that hang."""

    def task(number):
        with pytest.raises(KeyError), joined():
            distributed.barrier()  # both are there: whoever is first may go
            raise KeyError
        return distributed.is_initialized()

    assert forked(task, **started()) == [True, True]
