"""The bench of images: its hand-written loops play the same game, and count what they do."""

import json

import pytest
import torch

from tests.helpers import assert_near
from toylab.bench import image
from toylab.bench.operations import kinds, operations
from toylab.image.__main__ import main
from toylab.image.commands import bench
from toylab.rules import RULES

GAMES = {
    "roth-dcgan-cifar10": {"features": 4, "batch": 4},
    "wgangp-resnet-cifar10": {"features": 4, "batch": 3, "batch_generator": 6, "critic_steps": 2},
}


@pytest.mark.parametrize("preset", GAMES)
def test_by_hand_it_is_the_same_game_and_as_many_products(preset):
    """The critic's loss with its penalty, and its slope, on one minibatch by both; `counted` raises
    where one multiplies more often. All but Adam and views are then within 2 % of each other."""
    ours = image.Ours(preset, device="cpu", precision="float64", **GAMES[preset])
    loop = ours.loop()
    setup = ours.setup
    state, batch = setup.start(), setup.draws(0)[0]
    game = setup.games(state, setup.knobs(0))[0]
    vector = state.players.critic.clone().requires_grad_()
    loss = game.critic(state.players._replace(critic=vector))
    fake = setup.networks.generator.apply(state.players.generator, batch.latent).value
    loop.mixing = lambda real: batch.mix
    other = loop.loss(batch.real, fake)
    assert_near(loss, other, 1e-12)
    (slope,) = torch.autograd.grad(loss, vector)
    own = torch.autograd.grad(other, [*loop.critic.parameters()])
    for one, two in zip(setup.networks.critic.layout.unpack(slope), own, strict=True):
        assert_near(one, two, 1e-12)
    found = {row.case.split(", ")[-1]: row for row in image.counted(preset, **GAMES[preset])}
    assert found["products"].ratio == 1.0
    assert found["elements"].ratio == pytest.approx(1.0, abs=0.02)


def test_operations_are_counted_below_autograd():
    """A linear map with its slope: three products, whatever views; Adam's own, one by one."""
    x, weight = torch.ones(2, 3, requires_grad=True), torch.ones(3, 4, requires_grad=True)
    found = kinds(operations(lambda: torch.autograd.grad((x @ weight).sum(), (x, weight))))
    assert found["products"] == 3 and found["views"] >= 2
    zero, one = torch.zeros(16), torch.ones(1)
    knobs = {name: one / 2 for name in RULES["adam"].knobs}
    moved = operations(lambda: RULES["adam"].update(zero, zero, (zero, zero, one), knobs))
    assert moved["lerp"] == 2 and kinds(moved)["products"] == kinds(moved)["views"] == 0


def test_the_command_hands_on_what_the_suite_found(tmp_path, monkeypatch, capsys):
    """Rows and machine; where the suite fails, exit code 2."""
    said = {"machine": {"gpu": None}, "rows": [{"case": "one", "value": 2.0}]}

    class Done:
        returncode = 0

    def run(command, stdout=None):
        assert command[1:4] == ["-m", "toylab.bench", "image"] and command[-1] == "--quick"
        if not Done.returncode:
            open(command[command.index("--json") + 1], "w").write(json.dumps(said))
        return Done

    monkeypatch.setattr(bench.subprocess, "run", run)
    out = tmp_path / "rows.json"
    assert main(["bench", "--quick", "--json", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == said == json.loads(out.read_text())
    Done.returncode = 1
    assert main(["bench", "--quick"]) == 2
