"""The figures' page without a browser: what it is told, and what it leaves alone."""

import base64
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from toylab.figures import results
from toylab.ui.gallery import Gallery, beside, link

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def made(tmp_path):
    """Two results with pictures of one byte each."""
    for number, name in enumerate(("one", "two")):
        checks = [{"holds": True}, {"holds": number == 0}]
        told = {"figure": name, "title": name.title(), "paper": "P", "checks": checks}
        told |= {"verdict": results.VERDICTS[number], "lab": ""}
        results.write(tmp_path / f"{name}.json", json.dumps(told))
        for file in ("", "-dark", "-small", "-small-dark"):
            results.write(tmp_path / f"{name}{file}.png", f"{name}{file}".encode())
        results.write(tmp_path / f"{name}.svg", f"{name} svg")
    return tmp_path


def read(address):
    return base64.b64decode(address.partition(",")[2]).decode()


def test_cards_say_what_was_found_and_pictures_come_in_the_page_s_colours(made):
    page = Gallery(made)
    assert [card["name"] for card in page.cards] == ["one", "two"]
    assert [card["checks"] for card in page.cards] == [f"{n} of 2 checks hold" for n in (2, 1)]
    assert page.thumbnails == {} and page.shown == {}, "the browser has not said which colours"
    page.dark = False
    assert {name: read(address) for name, address in page.thumbnails.items()} == {
        "one": "one-small", "two": "two-small",
    }  # fmt: skip
    page.chosen = "two"
    assert page.shown["title"] == "Two" and read(page.shown["picture"]) == "two"
    assert read(page.shown["svg"]) == "two svg"
    page.dark = True
    assert read(page.shown["picture"]) == "two-dark"
    assert read(page.thumbnails["one"]) == "one-small-dark"
    for nobody in ("", "../secret", "three"):
        page.chosen = nobody
        assert page.shown == {}


def test_a_picture_s_address_says_its_kind(made):
    assert link(made / "one.png").startswith("data:image/png;base64,")
    assert link(made / "one.svg").startswith("data:image/svg+xml;base64,")


def test_the_lab_is_named_only_where_it_is_served_too():
    assert beside(["panel", "serve", "/x/apps/lab.py", "apps/figures.py"])
    assert not beside(["panel", "serve", "apps/figures.py", "--port", "5006"])


def test_the_page_needs_neither_torch_nor_matplotlib():
    code = "import sys, toylab.ui.gallery; assert not {'torch', 'matplotlib'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_served_page_is_there_and_its_server_never_loads_torch():
    """As a user starts it; opening the page is what makes a session's code run."""
    serve = ["-m", "panel", "serve", "apps/figures.py", "--port", "0", "--address"]  # a free one
    with subprocess.Popen(
        [sys.executable, *serve, "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    ) as server:
        try:
            told = next(line for line in server.stdout if "running at" in line)
            page = urllib.request.urlopen(told.split()[-1]).read().decode()
            loaded = {Path(part.path).name for part in psutil.Process(server.pid).memory_maps()}
        finally:
            server.kill()
    assert "<title>toylab figures" in page
    assert loaded and not [name for name in loaded if "torch" in name]
