"""What must not break the page: a killed engine, a slow or silent browser, another page."""

import http.client
import os
import random
import signal
import urllib.parse

import psutil
import pytest

from tests.browser.conftest import described
from tests.browser.pages import BEAT, heard, paused, settled, state, step, tap, until

IN_FLIGHT = f"JSON.parse({BEAT}.words).picture - {BEAT}.ack"


def engine_of(server):
    """The engine process of the server."""
    found = [
        child
        for child in psutil.Process(server.pid).children(recursive=True)
        if "toylab.engine.worker" in described(child)
    ]
    assert len(found) == 1
    return found[0]


# Six kills with every run of the tests, twenty with `make test-all`.
@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.long)])
def test_an_engine_killed_again_and_again_costs_no_run(lab, server, kills):
    """The run goes on from a state that was on the page before, at the same settings."""
    page = lab("?objective=hinge&seed=3&play=1")  # else it stops once all clusters are held
    chance = random.Random(5)
    for _ in range(kills):
        page.wait_for_timeout(chance.uniform(100, 1200))
        # What the page was shown twenty pictures ago, more than a second, has been kept.
        before = min(page.evaluate("window.toylab.drawn.slice(-20)"))
        dead = engine_of(server).pid
        os.kill(dead, signal.SIGKILL)
        painted = page.evaluate("window.toylab.painted")
        until(page, f"window.toylab.painted > {painted + 5}")
        assert engine_of(server).pid != dead
        assert step(page) >= 0.5 * before - 50, "the run began anew"
        assert state(page)["seed"] == 3 and state(page)["playing"]
    assert page.locator(".toylab-objective [role=combobox]").inner_text() == "Hinge"
    page.keyboard.press(" ")
    paused(page)
    stood = step(page)
    heard(page)  # what is asked behind the last picture is answered once its state is kept
    os.kill(engine_of(server).pid, signal.SIGKILL)
    told = f"went on from step {stood:,}."
    until(page, f"window.toylab.state().notices.some(n => n.text.includes('{told}'))")
    settled(page)
    assert step(page) == stood, "a paused run stands where it stood"


def test_two_pages_never_mix(lab, page, context, lab_url):
    lab("?seed=11&play=0")
    other = context.new_page()
    other.goto(f"{lab_url}?seed=22&data=25gaussians&play=0")
    until(other, "window.toylab && window.toylab.painted > 0")
    for _ in range(4):
        page.keyboard.press(".")
    until(page, "window.toylab.step === 4")
    other.keyboard.press(".")
    until(other, "window.toylab.step === 1")
    tap(page, "5")
    until(page, "window.toylab.state().layers.includes('field')")
    settled(page)
    settled(other)
    assert (state(page)["seed"], step(page)) == (11, 4)
    assert (state(other)["seed"], step(other)) == (22, 1)
    assert "field" not in state(other)["layers"]
    assert "of 25" in other.locator("#toylab-caption").inner_text()
    other.close()


def test_a_run_that_fails_says_so_and_harms_no_other(lab, page, context, lab_url):
    lab("?rate_critic=10&rate_generator=10&rule=sgd&objective=least-squares&penalty=none")
    until(page, "window.toylab.state().notices.some(n => n.kind === 'bad')")
    assert "no longer finite" in page.locator(".notices").inner_text()
    assert not state(page)["playing"]
    other = context.new_page()
    other.goto(lab_url)
    until(other, "window.toylab && window.toylab.step > 10")
    other.close()
    page.locator("#toylab-reset").click()
    until(page, "window.toylab.step === 0")


def test_a_browser_four_times_slower_is_never_more_than_two_pictures_behind(lab, page):
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    lab("?play=1")
    until(page, "window.toylab.step > 20")
    page.evaluate(
        f"() => {{ const now = () => {{ window.answered = performance.now() }};"
        f" {BEAT}.properties.ack.change.connect(now); now() }}"
    )
    for _ in range(40):
        # What a busy machine leaves unpainted for two seconds counts as lost, and more is sent.
        behind, silent = page.evaluate(f"[{IN_FLIGHT}, performance.now() - window.answered]")
        assert 0 <= behind <= 2 or silent > 2000
        page.wait_for_timeout(50)
    page.locator("#toylab-toggle").click()
    paused(page)
    stood = step(page)
    page.keyboard.press(".")
    until(page, f"window.toylab.step === {stood + 1}")


def test_lost_acknowledgements_stop_nothing(lab):
    page = lab("?play=1")
    until(page, "window.toylab.step > 20")
    page.evaluate(
        f"const beat = {BEAT}; window.own = Object.getOwnPropertyDescriptor(beat, 'ack');"
        " Object.defineProperty(beat, 'ack', {get: () => 0, set() {}, configurable: true})"
    )
    painted = page.evaluate("window.toylab.painted")
    until(page, f"window.toylab.painted > {painted + 3}")
    page.evaluate(
        f"delete {BEAT}.ack; if (window.own) Object.defineProperty({BEAT}, 'ack', window.own)"
    )
    painted = page.evaluate("window.toylab.painted")
    until(page, f"window.toylab.painted > {painted + 10}")
    until(page, f"0 <= {IN_FLIGHT} && {IN_FLIGHT} <= 2")


def test_a_hidden_tab_is_sent_nothing(lab):
    page = lab("?play=1")
    until(page, "window.toylab.step > 10")
    hide = (
        "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.evaluate(hide % "true")
    settled(page, quiet=2000)  # what was on its way still comes, on a busy machine late
    painted = page.evaluate("window.toylab.painted")
    page.evaluate(hide % "false")
    until(page, f"window.toylab.painted > {painted + 5}")


def test_a_page_of_another_origin_is_refused(lab_url):
    place = urllib.parse.urlsplit(lab_url)
    for origin, wanted in ((f"http://{place.netloc}", 101), ("http://example.org", 403)):
        line = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        line.request("GET", place.path, headers={"Host": place.netloc})
        page = line.getresponse().read().decode()
        token = page.split('"token":"')[1].split('"')[0]
        line.request("GET", f"{place.path}/ws", headers={
            "Host": place.netloc, "Origin": origin, "Upgrade": "websocket",
            "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dG95bGFiIHRveWxhYiB0b3k=",
            "Sec-WebSocket-Protocol": f"bokeh, {token}",
        })  # fmt: skip
        assert line.getresponse().status == wanted, origin
        line.close()
