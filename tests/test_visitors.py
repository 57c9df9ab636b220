"""Who may see a lab that was started with no word about it."""

from types import SimpleNamespace

import pytest

from toylab.ui.visitors import CLOSED, refusal

SERVE = ["panel", "serve", "apps/lab.py"]


@pytest.mark.parametrize("place", ["127.0.0.1", "::1", "127.8.9.1"])
def test_the_machine_itself_is_welcome(place):
    assert refusal(SimpleNamespace(remote_ip=place), SERVE) == ""


@pytest.mark.parametrize("place", ["192.168.1.7", "8.8.8.8", "fe80::1", "::ffff:10.0.0.1", None])
def test_another_machine_is_not_unless_an_address_was_given(place):
    visitor = SimpleNamespace(remote_ip=place)
    assert refusal(visitor, SERVE) == CLOSED
    assert refusal(visitor, [*SERVE, "--address", "0.0.0.0"]) == ""
    assert refusal(visitor, [*SERVE, "--address=10.0.0.1"]) == ""
    assert refusal(SimpleNamespace(), SERVE) == CLOSED
