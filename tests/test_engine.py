"""The engine as the web server uses it: a real process over a real pipe."""

import asyncio

import numpy as np

from tests.engine_pages import SMALL, Page, played
from toylab.engine.protocol import LAYERS
from toylab.experiment import Experiment
from toylab.frames import Pictures
from toylab.trainer import Setup, train


def test_a_lane_is_the_same_run_as_a_script():
    """100 steps in the engine, in any slices, give the fakes that train() gives."""

    async def story(engine):
        page = Page(engine)
        await page.open(data="roth3d", penalty="roth", seed=5)
        page.send(do="step", count=60)
        await page.frame()
        page.send(do="knob", changes={"penalty_weight": 3.0})
        told, _ = await page.next("changed")
        assert told["step"] == 60
        page.send(do="step", count=40)
        header, arrays = await page.frame("fake", "surface")
        assert header["step"] == 100 and not header["playing"]
        setup = Setup(Experiment(data="roth3d", penalty="roth", seed=5, **SMALL))
        changes = [(60, {"penalty_weight": 3.0})]
        *_, state = train(setup.experiment, steps=100, changes=changes, setup=setup)
        wanted = Pictures(setup).frame(state, ("fake", "surface")).arrays
        assert (arrays["fake"] == wanted["fake"]).all()
        assert (arrays["surface"] == np.rint(255 * wanted["surface"])).all()

    played(story)


def test_a_picture_is_made_only_when_asked_for_and_only_of_something_new():
    async def story(engine):
        page = Page(engine)
        await page.open(playing=True)
        assert await page.quiet() == []
        await page.frame()
        page.send(do="pause")
        header, _ = await page.frame()
        assert not header["playing"]
        page.send(do="want", layers=("fake",))
        assert await page.quiet() == [], "the same picture was drawn twice"
        page.send(do="want", layers=("fake", "field"))
        more, arrays = await page.next("frame")
        assert more["step"] == header["step"] and set(arrays) == {"field"}
        page.send(do="step", count=1)
        after, _ = await page.next("frame")
        assert after["step"] == header["step"] + 1

    played(story)


def test_pause_is_exact_and_step_takes_exactly_that_many():
    async def story(engine):
        page = Page(engine)
        await page.open(playing=True)
        for _ in range(5):
            await page.frame()
        page.send(do="pause")
        before, _ = await page.frame()
        await asyncio.sleep(0.2)
        for count in (1, 1, 7, 250):
            page.send(do="step", count=count)
            header, _ = await page.frame()
            assert header["step"] == before["step"] + count
            before = header

    played(story)


def test_at_a_slow_pace_every_step_is_drawn_once_in_order_however_slow_the_page():
    async def story(engine):
        page = Page(engine)
        await page.open(playing=True, pace=5)
        seen = [(await page.frame())[0]["step"]]
        for wait in (0.0, 0.5, 0.0, 0.0, 0.9, 0.1, 0.0):
            await asyncio.sleep(wait)
            seen.append((await page.frame())[0]["step"])
        assert seen == list(range(seen[0], seen[0] + 8)) and seen[0] <= 1

    played(story)


def test_swap_keeps_the_step_restart_begins_anew_and_reset_replays():
    async def story(engine):
        page = Page(engine)
        await page.open()
        page.send(do="step", count=20)
        _, first = await page.frame()
        page.send(do="swap", changes={"objective": "hinge", "penalty": "r1"})
        told, _ = await page.next("changed")
        assert told["step"] == 20 and told["settings"]["objective"] == "hinge"
        header, arrays = await page.frame()
        assert header["step"] == 20 and (arrays["fake"] == first["fake"]).all()
        page.send(do="swap", changes={"objective": "non-saturating", "penalty": "0-gp"})
        page.send(do="reset")
        opened, _ = await page.next("opened")
        assert opened["step"] == 0
        page.send(do="step", count=20)
        _, again = await page.frame()
        assert (again["fake"] == first["fake"]).all()
        page.send(do="reset", seed=3)
        page.send(do="step", count=20)
        assert not ((await page.frame())[1]["fake"] == first["fake"]).all()
        page.send(do="restart", changes={"data": "roth3d", "generator_width": 8})
        opened, arrays = await page.next("opened")
        assert opened["settings"]["batch"] == 512 and opened["data"]["dimension"] == 3
        assert "size" not in opened["settings"] and arrays["real"].shape == (500, 2)
        page.send(do="restart", changes={"data": "25gaussians"})
        assert (await page.next("opened"))[0]["settings"]["batch"] == 256

    played(story)


def test_live_data_send_new_real_points_and_a_recorded_state_can_be_recalled():
    async def story(engine):
        page = Page(engine)
        _, opened = await page.open()
        page.send(do="step", count=30)
        _, old = await page.frame()
        page.send(do="step", count=30)
        await page.frame()
        page.send(do="recall", step=30, layers=("fake",))
        header, arrays = await page.next("frame")
        assert header["recorded"] and header["step"] == 30
        assert (arrays["fake"] == old["fake"]).all()
        page.send(do="knob", changes={"spread": 0.2})
        told, arrays = await page.next("changed")
        centres = np.array(told["data"]["centres"])
        off = [
            np.linalg.norm(arrays["real"][:, None] - centres, axis=-1).min(1).mean()
            for arrays in (opened, arrays)
        ]
        assert off[1] > 5 * off[0]

    played(story)


def test_a_failing_game_tells_its_page_and_harms_no_other():
    async def story(engine):
        bad, good = Page(engine), Page(engine)
        await bad.open(
            playing=True,
            rule="sgd",
            rate_critic=10.0,
            rate_generator=10.0,
            objective="least-squares",
            penalty="none",
        )
        await good.open(playing=True)
        told, _ = await bad.next("failed")
        assert "finite" in told["text"]
        header, _ = await bad.frame(*LAYERS)
        assert header["step"] == told["step"] and header["scalars"]["loss_critic"] is None
        first, _ = await good.frame()
        for _ in range(5):
            later, _ = await good.frame()
        assert later["step"] > first["step"]
        bad.send(do="play")
        assert "reset" in (await bad.next("refused"))[0]["text"]
        bad.send(do="restart", changes={"seed": 1})
        assert (await bad.next("opened"))[0]["step"] == 0

    played(story)


def test_two_sessions_never_mix_and_a_closed_one_is_forgotten():
    async def story(engine):
        one, two = Page(engine), Page(engine)
        await one.open(seed=1)
        await two.open(seed=2, data="ring")
        for page, count in ((one, 5), (two, 9)):
            page.send(do="step", count=count)
        a, b = await one.frame(), await two.frame()
        assert (a[0]["step"], b[0]["step"]) == (5, 9)
        assert not (a[1]["fake"] == b[1]["fake"]).any()
        one.session.close()
        two.send(do="step", count=1)
        assert (await two.frame())[0]["step"] == 10
        assert await one.quiet() == []

    played(story)
