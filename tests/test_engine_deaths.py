"""The engine process dies at any moment, and every run goes on; it leaves with its server."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.engine_pages import Page, played, until
from toylab.engine import process


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
        await pages[1].kept(step=40)
        await pages[2].kept(step=40, changes=[[40, {"penalty_weight": 5.0}]])
        await until(lambda: pages[0].session.routes[0].kept[0]["step"] >= 90)
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


def test_what_was_chosen_and_changed_survives_the_engine():
    """Look, stop rules, log and first settings; steps that were asked for are still taken."""

    async def drive(page):
        await page.open(seed=3)
        page.send(do="step", count=10)
        await page.frame()
        page.send(do="swap", changes={"rule": "sgd"})
        page.send(do="knob", changes={"rate_critic": 0.05})
        page.send(do="step", count=5, who="critic")
        await page.next("changed")
        await page.frame()

    async def story(engine):
        page = Page(engine)
        await drive(page)
        page.send(do="look", options={"surface": "logit", "extent": [0, 0, 3]})
        page.send(do="stop", step=40, idle=None)
        page.send(do="swap", changes={"penalty": "r1"})
        log = (await page.next("changed"))[0]["changes"]
        assert [step for step, _ in log] == [10, 15] and log[1][1]["penalty"] == "r1"
        await page.kept(step=15, changes=log)
        os.kill(engine.process.pid, signal.SIGKILL)
        opened, _ = await page.next("opened")
        assert opened["continued"] and opened["step"] == 15 and not opened["undo"]
        assert opened["changes"] == log and opened["settings"]["rule"] == "sgd"
        assert opened["look"]["surface"] == "logit" and opened["look"]["extent"] == [0, 0, 3]
        assert opened["stops"] == {"step": 40, "found": None, "idle": None}
        page.send(do="play")
        assert (await page.next("stopped"))[0]["step"] == 40
        page.send(do="export")
        exported, arrays = await page.next("exported")
        assert exported["changes"] == log and "steps=40" in exported["script"]
        await page.kept(step=40, playing=False)
        os.kill(engine.process.pid, signal.SIGKILL)
        opened, _ = await page.next("opened")
        assert not opened["playing"], "it had stopped by itself"
        page.send(do="step", count=1500)
        await until(lambda: page.session.routes[0].kept[0]["step"] > 40)
        os.kill(engine.process.pid, signal.SIGKILL)
        assert (await page.next("opened"))[0]["step"] < 1540
        assert (await page.frame())[0]["step"] == 1540
        fresh = Page(engine)
        await drive(fresh)
        fresh.send(do="swap", changes={"penalty": "r1"})
        fresh.send(do="step", count=25)
        await fresh.frame()
        fresh.send(do="export")
        again, same = await fresh.next("exported")
        assert again["script"] == exported["script"]
        assert (arrays["fake"] == same["fake"]).all() and arrays["fake"].shape == (4096, 2)

    played(story)


def test_an_engine_that_dies_again_and_again_is_given_up_in_words(monkeypatch):
    monkeypatch.setattr(process, "EARLY", 60.0)  # a busy machine opens the run late after the hello

    async def story(engine):
        page = Page(engine)
        await page.open()
        for death in range(process.DEATHS):
            os.kill(engine.process.pid, signal.SIGKILL)
            told, _ = await page.next("lost")
            assert told["again"] == (death + 1 < process.DEATHS)
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
    for _ in range(300):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.1)
    pytest.fail("the engine outlived its server")
