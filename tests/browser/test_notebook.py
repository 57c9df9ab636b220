"""The lab in a cell of a real notebook: JupyterLab as a user starts it, opened in Chromium."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, START_SECONDS, described, free_port
from tests.browser.pages import WAIT, paused

TOKEN = "for-this-test-alone"
CELLS = (
    "import toylab\nfrom toylab.ui import Lab\none = Lab(data='ring', penalty='r1', seed=3)\none",
    "two = Lab(play=False, with_='mine.py', penalty='mine')\ntwo",
    # The kernel's own training, beside that of its pages.
    "print('trained', [state.step for state in toylab.train(toylab.Experiment(), steps=30)][-1])",
    # What the notebook's stop button sends to all processes of the kernel.
    "import os, signal, time\ntry:\n    os.killpg(0, signal.SIGINT)\n    time.sleep(60)\n"
    "except KeyboardInterrupt:\n    print('interrupted')",
    "print('one', one.step, one.settings['data'], one.settings['penalty'])\n"
    "print('two', two.step, two.settings['data'], two.settings['penalty'])",
    "one.close()\none",
)
MINE = """
from toylab.penalties import PENALTIES

PENALTIES["mine"] = PENALTIES["r1"]._replace(label="My own penalty")
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The address of a notebook with these cells; at the end no process of its kernel is left."""
    folder = tmp_path_factory.mktemp("notebook")
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, folder / "lab.ipynb")
    (folder / "mine.py").write_text(MINE)
    port = free_port()
    homes = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        *("-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"),
        "--LabApp.news_url=None",
    ]
    with (folder / "log.txt").open("wb") as log:
        server = psutil.Popen(
            [sys.executable, *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **homes, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "i"),
                 "TOYLAB_BACKEND": "plain"},
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    family = [server]
    try:
        _answers(f"{url}/api/status?token={TOKEN}", server, folder / "log.txt")
        yield f"{url}/doc/tree/lab.ipynb?token={TOKEN}"
        family += server.children(recursive=True)
        engines = [each for each in family if "toylab.engine.worker" in described(each)]
        assert len(engines) == 1, "one engine a kernel, whatever the number of labs"
        server.terminate()
        _, left = psutil.wait_procs(family, timeout=30)
        assert not left
    finally:
        for each in family:
            if each.is_running():
                each.kill()


def _answers(url, server, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the notebook server does not answer:\n{log.read_text()}", pytrace=False)


class Notebook:
    """The open notebook: its cells, what they put out, and the labs in them."""

    def __init__(self, page):
        self.page = page

    def cell(self, number):
        return self.page.locator(".jp-CodeCell").nth(number)

    def look_at(self, number):
        """A browser paints no frame that is scrolled away."""
        self.cell(number).locator("iframe").scroll_into_view_if_needed()

    def run(self, number):
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def said(self, number, text):
        output = self.cell(number).locator(".jp-OutputArea-output")
        expect(output.first).to_contain_text(text, timeout=WAIT)
        return output.first.inner_text()

    def lab(self, number):
        """The frame of the lab that a cell shows, once it has painted."""
        shown = self.cell(number).locator("iframe[title=toylab]")
        shown.wait_for(timeout=WAIT)
        self.look_at(number)
        frame = shown.element_handle().content_frame()
        frame.wait_for_function("window.toylab && window.toylab.painted > 0", timeout=WAIT)
        return frame


@pytest.fixture
def opened(page, notebook):
    page.set_viewport_size({"width": 1500, "height": 1000})
    page.goto(notebook)
    page.locator(".jp-CodeCell").nth(len(CELLS) - 1).wait_for(timeout=WAIT)
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=WAIT)
    return Notebook(page)


def test_a_cell_shows_a_lab_that_runs_and_python_reads_it(opened):
    opened.run(0)
    one = opened.lab(0)
    one.wait_for_function("window.toylab.step > 5", timeout=WAIT)
    assert one.evaluate("window.toylab.seed()") == 3

    # A second one, with a file of one's own: another page, another run, and the first goes on.
    opened.run(1)
    two = opened.lab(1)
    two.wait_for_function("window.toylab.state().seed === 0", timeout=WAIT)
    at = one.evaluate("window.toylab.step")
    two.locator("#toylab-step-once").press("Enter")  # a slow machine's click is a long press
    two.wait_for_function("window.toylab.step === 1", timeout=WAIT)
    opened.look_at(0)
    one.wait_for_function(f"window.toylab.step > {at + 5}", timeout=WAIT)

    # The kernel trains too, and neither waits for the other.
    opened.run(2)
    opened.said(2, "trained 30")

    # Interrupting the kernel interrupts no run.
    opened.run(3)
    opened.said(3, "interrupted")
    opened.look_at(0)
    at = one.evaluate("window.toylab.step")
    one.wait_for_function(f"window.toylab.step > {at + 5}", timeout=WAIT)
    assert two.evaluate("window.toylab.state().notices") == []

    # Paused in the page, the run stands where Python reads it.
    one.locator("#toylab-toggle").click()
    paused(one)
    stood = one.evaluate("window.toylab.step")
    opened.run(4)
    said = opened.said(4, "mine")
    assert said.splitlines() == [f"one {stood} ring r1", "two 1 8gaussians mine"]

    # Closed from Python, nothing of it can be played any more.
    opened.run(5)
    opened.said(5, "has been closed")
    one.locator("#toylab-toggle").click()
    opened.page.wait_for_timeout(1500)
    assert one.evaluate("window.toylab.step") == stood
    assert two.evaluate("window.toylab.step") == 1
