"""Who may name a file: the launcher, what a server listens at, and what it then refuses."""

import io
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from toylab import lab
from toylab.engine import address

ROOT = Path(__file__).resolve().parents[1]
MINE = ROOT / "tests" / "own" / "mine.py"


@pytest.mark.parametrize(
    "name, alone",
    [
        *((name, True) for name in ("127.0.0.1", "127.3.2.1", "::1", "localhost")),
        *((name, False) for name in (None, "", "0.0.0.0", "::", "10.1.2.3", "no.such.invalid")),
    ],
)
def test_loopback(name, alone):
    assert address.loopback(name) is alone
    assert bool(address.refusal("mine.py", [name or "0.0.0.0"])) is not alone


def test_a_name_is_loopback_only_if_all_its_addresses_are(monkeypatch):
    found = [(2, 1, 6, "", (place, 0)) for place in ("127.0.0.1", "10.1.2.3")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given: found)
    assert not address.loopback("both.example")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given: found[:1])
    assert address.loopback("one.example")


def test_listening_finds_what_this_process_listens_at():
    before = address.listening()
    with socket.create_server(("127.0.0.9", 0)) as server:
        assert address.listening() - before == {"127.0.0.9"}
        with socket.create_connection(server.getsockname()) as line:
            assert line.fileno() and address.listening() - before == {"127.0.0.9"}
    assert address.listening() == before


def test_the_launcher_serves_this_machine_and_hands_the_file_on():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve, environment, page = lab.command(["--with", str(MINE), "--port", str(port)])
    apps = [str(ROOT / "apps" / name) for name in ("lab.py", "figures.py")]
    assert serve[1:6] == ["-m", "panel", "serve", *apps]
    assert serve[6:8] == ["--address", "127.0.0.1"] and int(serve[9]) > port
    assert serve[10:] == ["--index", "lab"] and lab.SHOW not in environment
    assert environment[address.WITH] == str(MINE)
    assert page == f"http://127.0.0.1:{serve[9]}/lab"
    assert lab.command(["--show"])[1][lab.SHOW].endswith("/lab")
    assert address.WITH not in lab.command([])[1]


def test_the_launcher_shows_runs_in_the_lab_s_place(tmp_path):
    serve, _, page = lab.command(["--port", "7000", "--runs", str(tmp_path), "."])
    assert serve[4:6] == [str(ROOT / "apps" / "monitor.py"), "--address"]
    assert serve[-3:] == ["--args", str(tmp_path), "."] and page.endswith("/monitor")
    with pytest.raises(SystemExit, match="there is no such folder"):
        lab.command(["--runs", str(tmp_path / "nowhere")])


@pytest.mark.parametrize("where", ["0.0.0.0", "::"])
def test_the_launcher_refuses_a_file_where_others_reach_the_page(where):
    with pytest.raises(SystemExit) as told:
        lab.command(["--with", str(MINE), "--address", where])
    assert "mine.py is not run" in told.value.code and "--address 127.0.0.1" in told.value.code
    lab.command(["--address", where])
    with pytest.raises(SystemExit, match="no such file"):
        lab.command(["--with", "nowhere.py"])


@pytest.mark.parametrize("given, alone", [(["--address", "127.0.0.1"], True), ([], False)])
def test_a_served_app_knows_where_its_own_server_listens(tmp_path, given, alone):
    """`panel serve` in a process of its own; the app prints what the engine would be refused by."""
    app = tmp_path / "app.py"
    app.write_text(
        "import sys\nfrom toylab.engine import address\n"
        "print('told', address.refusal('mine.py', address.listening()) or 'run', flush=True)\n"
    )
    serve = [sys.executable, "-m", "panel", "serve", str(app), "--port", "0", *given]  # a free one
    with subprocess.Popen(
        serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as server:
        try:
            told = next(line for line in server.stdout if "running at" in line)
            urllib.request.urlopen(told.split()[-1]).read()
            said = next(line for line in server.stdout if line.startswith("told"))
        finally:
            server.kill()
    assert (said.strip() == "told run") is alone


def test_a_browser_is_opened_once_the_page_answers(monkeypatch):
    asked, opened = [], []

    def urlopen(url, timeout):
        asked.append(url)
        if len(asked) < 3:
            raise ConnectionRefusedError
        return io.BytesIO()

    monkeypatch.setattr(lab.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(lab.webbrowser, "open", lambda page: opened.append(page) or True)
    monkeypatch.setattr(lab.time, "sleep", lambda seconds: None)
    assert lab.show("http://127.0.0.1:1/lab")
    assert asked == ["http://127.0.0.1:1/lab/metadata"] * 3 and opened == ["http://127.0.0.1:1/lab"]
    assert not lab.show("http://127.0.0.1:1/lab", patience=0) and len(opened) == 1
