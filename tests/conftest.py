"""What every test shares: one thread a process, and no failure because the machine was busy."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports numpy or torch; the servers that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hypothesis by default fails a test that takes longer than 200 ms once: a test never asserts a
# time. The examples are the same in every run, so what passed once passes again.
settings.register_profile("toylab", deadline=None, derandomize=True)
settings.load_profile("toylab")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A user's cache with the step of `engine_pages.SMALL`, built as the engine has it built."""
    from tests.engine_pages import SMALL
    from toylab.engine.builder import Builder

    home, builder = tmp_path_factory.mktemp("cache"), Builder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        patch.setattr("toylab.engine.builder.LONGEST", float("inf"))
        patch.setattr("toylab.engine.builder.PRIORITY", 0)  # other tests keep all processors busy
        builder.ask("small", SMALL, time.monotonic())
        builder.look(time.monotonic())
        while builder.process is not None:
            time.sleep(0.1)
            builder.look(time.monotonic())
    assert builder.answers == {"small": ""}
    return home


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A folder with a short name, so that a message stays one line."""
    monkeypatch.chdir(tmp_path)
    return Path(".")
