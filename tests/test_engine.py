"""The engine as the web server uses it: a real process over a real pipe."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toylab.engine import client
from toylab.engine.protocol import LAYERS, ProtocolError, decode, encode

SMALL = {f"{who}_width": 16 for who in ("generator", "critic")} | {"batch": 32}


class Page:
    """A page without a browser: sends, and waits for what it was told."""

    def __init__(self, engine):
        self.inbox = asyncio.Queue()
        self.session = engine.session(
            lambda header, arrays: self.inbox.put_nowait((header, arrays))
        )
        self.send = self.session.send

    async def next(self, *says):
        while True:
            header, arrays = await asyncio.wait_for(self.inbox.get(), 30)
            if not says or header["say"] in says:
                return header, arrays

    async def open(self, playing=False, pace=0, **settings):
        self.send(do="open", settings={**SMALL, **settings}, playing=playing, pace=pace)
        return await self.next("opened", "refused")

    async def frame(self, *layers):
        self.send(do="want", layers=layers or ("fake",))
        return await self.next("frame")

    async def frame_of_now(self, *layers):
        """The state as it is, also when it was drawn before."""
        self.send(do="pause")
        return await self.frame(*layers)

    async def quiet(self, seconds=0.3):
        """What arrives without being asked for."""
        await asyncio.sleep(seconds)
        return [self.inbox.get_nowait() for _ in range(self.inbox.qsize())]


def played(story):
    """Runs an async test with an engine of its own."""

    async def run():
        engine = client.Engine()
        try:
            await asyncio.wait_for(engine.ready.wait(), 60)
            await story(engine)
        finally:
            engine.close()

    # In a thread of its own: in a worker that drives a browser the main one has a running loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def test_a_lane_is_the_same_run_as_a_script():
    """100 steps in the engine, in any slices, give the fakes that train() gives."""
    from toylab.experiment import Experiment
    from toylab.frames import Pictures
    from toylab.trainer import Setup, train

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


WRONG = [
    ({"do": "bla"}, "unknown"),
    ({"do": "open", "settings": {"data": "8gausians"}}, "did you mean '8gaussians'"),
    ({"do": "open", "settings": {"data": "/tmp/somebody.toml"}}, "unknown"),
    ({"do": "open", "settings": {"objectiv": "hinge"}}, "objective"),
    ({"do": "open", "settings": {"members": 4}}, "members"),
    ({"do": "open", "settings": 7}, "settings"),
    ({"do": "open", "settings": {}, "playing": True, "pace": -1}, "pace"),
    ({"do": "knob", "changes": {"penalty": "r1"}}, "swap"),
    ({"do": "knob", "changes": {"rate_critic": "fast"}}, "schedule"),
    ({"do": "knob", "changes": {"rate_critic": [1, 2]}}, "one value"),
    ({"do": "knob", "changes": {"rate_critic": -1}}, "from 0 to 10"),
    ({"do": "knob", "changes": {"theta": 0.5}}, "θ"),
    ({"do": "swap", "changes": {"penalty": "r3"}}, "r1"),
    ({"do": "swap", "changes": {"penalty": "roth", "objective": "hinge"}}, "needs an objective"),
    ({"do": "swap", "changes": {"seed": 4}}, "restart"),
    ({"do": "swap"}, "changes"),
    ({"do": "restart", "changes": {"latent": 0}}, "latent"),
    ({"do": "step", "count": 0}, "count"),
    ({"do": "step", "count": 1e9}, "count"),
    ({"do": "play", "pace": "quick"}, "quick"),
    ({"do": "want", "layers": ["surfaces"]}, "surface"),
    ({"do": "play", "lane": 3}, "not open"),
]


def test_everything_wrong_is_refused_in_words_and_the_run_goes_on():
    async def story(engine):
        page = Page(engine)
        await page.open()
        for message, word in WRONG:
            page.send(**message)
            answer, _ = await page.next("refused", "opened", "changed", "frame")
            assert answer["say"] == "refused" and word in answer["text"], (message, answer)
        page.send(do="step", count=3)
        assert (await page.frame())[0]["step"] == 3

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


def test_a_killed_engine_is_replaced_and_every_run_goes_on_bit_for_bit():
    """kill -9 in the middle of training: the runs end up where they would have without it."""

    async def story(engine):
        pages = [Page(engine) for _ in range(3)]
        chosen = [{}, {"rule": "momentum", "rate_critic": 0.01}, {"optimizer": "extragradient"}]
        for page, more in zip(pages, chosen, strict=True):
            await page.open(seed=7, **more)
            page.send(do="step", count=40)
            assert (await page.frame())[0]["step"] == 40
        pages[2].send(do="knob", changes={"penalty_weight": 5.0})
        await pages[2].next("changed")
        pages[0].send(do="play", pace=0)
        while (await pages[0].frame())[0]["step"] < 90:
            pass
        await asyncio.sleep(1.2)
        died = engine.process.pid
        os.kill(died, signal.SIGKILL)
        for page in pages:
            assert (await page.next("lost"))[0]["again"]
            opened, _ = await page.next("opened")
            assert opened["continued"] and opened["step"] >= 40
        assert engine.process.pid != died
        assert opened["settings"]["penalty_weight"] == 5.0
        pages[0].send(do="pause")
        at, fakes = await pages[0].frame()
        assert at["step"] >= 90
        pages[1].send(do="step", count=20)
        await pages[1].frame()
        _, one = await pages[1].frame_of_now()
        for page, step, seen in ((pages[0], at["step"], fakes), (pages[1], 60, one)):
            fresh = Page(engine)
            await fresh.open(seed=7, **chosen[pages.index(page)])
            fresh.send(do="step", count=step)
            assert ((await fresh.frame())[1]["fake"] == seen["fake"]).all()

    played(story)


def test_an_engine_that_dies_again_and_again_is_given_up_in_words():
    async def story(engine):
        page = Page(engine)
        await page.open()
        for death in range(client.DEATHS):
            os.kill(engine.process.pid, signal.SIGKILL)
            told, _ = await page.next("lost")
            assert told["again"] == (death + 1 < client.DEATHS)
            if told["again"]:
                await page.next("opened")
        assert not engine.alive and "times" in told["text"]

    played(story)


def test_the_engine_leaves_with_its_server():
    code = (
        "import asyncio, os\nfrom toylab.engine import client\n"
        "async def main():\n    e = await client.engine()\n    print(e.process.pid, flush=True)\n"
        "    os._exit(1)\nasyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90)
    pid = int(done.stdout)
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}") or "Z" in open(f"/proc/{pid}/stat").read().split()[2]:
            return
        time.sleep(0.1)
    pytest.fail("the engine outlived its server")


ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.tuples(
        st.sampled_from(["float32", "int32", "uint8"]), st.lists(st.integers(0, 4), max_size=3)
    ),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=8).filter(lambda k: k != "arrays"), JSON, max_size=4), ARRAYS
)
@settings(max_examples=100, deadline=None)
def test_messages_come_back_as_they_were(header, described):
    arrays = {
        name: np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
        for name, (dtype, shape) in described.items()
    }
    back, got = decode(encode(header, arrays))
    assert back == header and set(got) == set(arrays)
    assert all((got[n] == arrays[n]).all() and got[n].dtype == arrays[n].dtype for n in arrays)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_that_are_no_message_are_refused_in_one_way(message):
    with pytest.raises(ProtocolError):
        decode(message)


def test_what_cannot_travel_is_refused_before_it_leaves():
    with pytest.raises(ProtocolError, match="float64"):
        encode({}, {"x": np.zeros(3)})
    with pytest.raises(ValueError):
        encode({"x": float("nan")})
    good = encode({"do": "want"}, {"x": np.zeros(3, np.float32)})
    for cut in range(len(good)):
        with pytest.raises(ProtocolError):
            decode(good[:cut])


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["do", "changes", "settings", "layers", "count", "pace", "step", "lane"]
            ),
            JSON,
            max_size=5,
        ),
        min_size=20,
        max_size=40,
    )
)
@settings(max_examples=5, deadline=None)
def test_random_messages_never_end_the_engine(messages):
    async def story(engine):
        page = Page(engine)
        await page.open()
        for message in messages:
            engine.send({"session": page.session.name, **message})
        fresh = Page(engine)
        assert (await fresh.open())[0]["say"] == "opened"
        fresh.send(do="step", count=2)
        assert (await fresh.frame(*LAYERS))[0]["step"] == 2

    played(story)
