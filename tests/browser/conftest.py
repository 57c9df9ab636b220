"""The lab as a user starts it, and a Chromium to open it with.

Run as a script this prints the Chromium that the tests will use, or why there is none.
"""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from toylab.bench.browser import QUIET

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 180
WAIT = 60_000  # milliseconds until something must have happened; no test asserts a time
# Files that one worker runs one after the other; each group has a server and a browser of its own,
# and they take about as long as each other. A speed test needs what the engine's tests have built.
GROUPS = {
    "browser-1": ("robust", "hostile", "share", "window"),
    "browser-2": ("drawer", "transport", "notebook", "own", "access"),
    "test_speed": ("speed",),
}
GROUP = {f"test_{name}": group for group, names in GROUPS.items() for name in names}
HOST = "localhost"  # the one whose pages Panel answers where no address was given


class NoChromium(Exception):
    """There is no Chromium that runs; the message says what was tried and what to do."""


def find_chromium() -> str:
    """The path of a Chromium that runs: one on the PATH, else the one Playwright installed.

    Raises NoChromium with what was tried.
    """
    tried = []
    for name in (*NAMES, "Playwright's own"):
        path = shutil.which(name) if name in NAMES else _playwright_chromium()
        if path is None:
            tried.append(f"{name}: not found")
            continue
        # Some distributions install a placeholder that only says where to get the real one.
        answer = subprocess.run([path, "--version"], capture_output=True, text=True)
        if answer.returncode == 0:
            return path
        tried.append(f"{path}: {(answer.stderr or answer.stdout).strip()[:200]}")
    raise NoChromium(
        f"no Chromium to open the page with ({'; '.join(tried)}): "
        "install Chromium, or run `python -m playwright install chromium`"
    )


def _playwright_chromium() -> str | None:
    # In a process of its own, because Playwright's synchronous interface runs once a thread.
    code = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as playwright: print(playwright.chromium.executable_path)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    path = answer.stdout.strip()
    return path if path and Path(path).exists() else None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Three groups of about the same length: so many workers have a server and a browser.

    These tests wait for more than half of their time, so that a fourth worker finds a core.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            group = GROUP.get(item.path.stem, "browser-3")
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the Chromium; a test that needs one fails without it, it is never skipped."""
    try:
        return find_chromium()
    except NoChromium as error:
        reason = str(error)
    pytest.fail(reason, pytrace=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict, chromium: str) -> dict:
    """How pytest-playwright's `page` launches its browser."""
    return {**browser_type_launch_args, "executable_path": chromium, "args": list(QUIET)}


@dataclass(frozen=True)
class Server:
    """A running `panel serve apps/lab.py`: the page's address, the process, what it printed."""

    url: str
    pid: int
    log: Path


@contextlib.contextmanager
def served(log: Path, *command: str, app: str = "lab", **environment: str) -> Iterator[Server]:
    """The lab, or another app, in a process of its own, `python` with that command and a port; at
    the end neither it nor a child of it may be left.

    It builds no native code unless the environment says otherwise: tests are many and short.
    """
    port = free_port()
    end = command.index("--args") if "--args" in command else len(command)
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, *command[:end], "--port", str(port), *command[end:]],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TOYLAB_BACKEND": "plain", **environment},
        )
    family = [process]
    try:
        _wait_until_it_answers(f"http://{HOST}:{port}/{app}/metadata", process, log)
        yield Server(f"http://{HOST}:{port}/{app}", process.pid, log)
        if not process.is_running() or process.poll() is not None:
            pytest.fail(f"the server ended during the tests:\n{_tail(log)}", pytrace=False)
        family += process.children(recursive=True)
        process.terminate()
        psutil.wait_procs(family, timeout=30)
        left = [described(member) for member in family if _runs(member)]
        assert not left, f"still running after the server was told to end: {left}\n{_tail(log)}"
    finally:
        for member in family:
            if _runs(member):
                member.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The lab as a user starts it."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with served(log, "-m", "panel", "serve", "apps/lab.py") as running:
        yield running


@pytest.fixture(scope="session")
def lab_url(server: Server) -> str:
    """The address of the lab's page."""
    return server.url


@pytest.fixture
def context(context):
    """Whatever a page of it waits for, it waits as long as a busy machine needs."""
    context.set_default_timeout(WAIT)
    return context


@pytest.fixture
def heard(page):
    """What the page complained of or asked of other machines, from its first request on."""
    errors, outside = [], []
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    own = (*(f"{kind}://{HOST}" for kind in ("http", "ws")), "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else outside.append(r.url))
    yield
    assert errors == []
    assert outside == []


@pytest.fixture
def lab(page, lab_url, heard):
    """Opens the lab at an address and waits for its first picture."""

    def opened(address="", size=(1280, 720)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(lab_url + address)
        page.wait_for_function("window.toylab && window.toylab.painted > 0", timeout=WAIT)
        return page

    return opened


@pytest.fixture
def playing(lab):
    """Opens the lab at an address and waits until it trains."""

    def opened(address="?play=1", size=(1280, 720)):
        page = lab(address, size)
        page.wait_for_function("window.toylab.step > 5", timeout=WAIT)
        return page

    return opened


def free_port() -> int:
    # Of this worker's own thousand, under those that the system gives out: a server needs seconds
    # until it listens, and meanwhile nobody else may be given the same.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = random.randrange(1000) + 20_000 + 1000 * (worker % 12)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def _wait_until_it_answers(url: str, process: psutil.Popen, log: Path) -> None:
    # The page's metadata, not the page: opening the page would start a session nobody closes.
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended at its start:\n{_tail(log)}", pytrace=False)
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no answer from {url} in {START_SECONDS} s:\n{_tail(log)}", pytrace=False)


def _runs(process: psutil.Process) -> bool:
    # A process that ended but was not yet collected by its parent holds nothing any more.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def described(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return f"process {process.pid}"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


if __name__ == "__main__":
    try:
        print(find_chromium())
    except NoChromium as error:
        sys.exit(str(error))
