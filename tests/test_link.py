"""The page's link to the engine while nothing happens: it looks for the tab now and then."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from toylab.ui import session
from toylab.ui.session import Link


def run(story):
    """In a thread of its own: in a worker that drives a browser the main one has a running loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, story).result()


class Beat(SimpleNamespace):
    def on_change(self, name, act):
        pass


def link():
    """A link whose tab is there, with a run that stands still."""
    served = SimpleNamespace(connection_count=1)
    doc = SimpleNamespace(session_context=SimpleNamespace(destroyed=False, session=served))
    made = Link(SimpleNamespace(), Beat(visible=True, ack=0), doc)
    made.sent, made.seen = [], True
    made.session = SimpleNamespace(send=lambda **told: made.sent.append(told["do"]))
    made.session.close = lambda: made.sent.append("close")
    return made


def looked(made, seconds=0.5):
    """How often the connection is looked at in that time."""
    looks, connections = [], made._connections
    made._connections = lambda: (looks.append(1), connections())[1]

    async def watched():
        task = asyncio.ensure_future(made._watch())
        await asyncio.sleep(seconds)
        task.cancel()

    run(watched())
    return len(looks)


def test_a_page_that_rests_is_not_looked_at_and_whatever_moves_is(monkeypatch):
    monkeypatch.setattr(session, "LOOK", 0.005)
    assert looked(link()) == 0
    for moving in ("playing", "sent_at", "absent"):
        made = link()
        setattr(made, moving, {1: 0.0} if moving == "sent_at" else 1)
        made.is_loaded = False
        assert looked(made) >= 1, moving
    hidden = link()
    hidden.playing, hidden.beat.visible = True, False
    assert looked(hidden) == 0, "a hidden tab trains nothing"


@pytest.mark.parametrize("stir", [lambda m: m.send("step"), lambda m: m.shown({})])
def test_what_is_said_wakes_the_watch_at_once(stir):
    async def story():
        made = link()
        task = asyncio.ensure_future(made._look_again())
        await asyncio.sleep(0.05)
        assert not task.done()
        stir(made)
        await asyncio.wait_for(task, 5)

    run(story())


def test_a_resting_page_that_is_gone_closes_its_run(monkeypatch):
    monkeypatch.setattr(session, "REST", 0.01)
    monkeypatch.setattr(session, "LOOK", 0.01)
    made = link()
    made.doc.session_context.session.connection_count = 0
    run(asyncio.wait_for(made._watch(), 10))
    assert made.sent == ["close"]
