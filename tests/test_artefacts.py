"""Artefacts: whole or not there, the user's alone, never more than so many bytes."""

import os
import threading
import time

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from toylab import artefacts


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "toylab" / "steps"


def writing(content):
    return lambda path: path.write_bytes(content)


def test_what_was_put_is_found(home):
    path = artefacts.put("abc", writing(b"code"))
    assert artefacts.find("abc") == path and path.read_bytes() == b"code"
    assert artefacts.find("ab") is None and artefacts.find("abcd") is None
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [b"", b"cod", b"code and more", b"garbage"])
def test_a_damaged_artefact_is_built_again(home, damage):
    path = artefacts.put("abc", writing(b"code"))
    path.write_bytes(damage)
    assert not artefacts.whole(path)
    assert artefacts.find("abc") is None and not path.exists()
    assert artefacts.find("abc") is None
    assert artefacts.put("abc", writing(b"code")) == artefacts.find("abc")


def test_a_build_that_fails_leaves_nothing(home):
    def build(path):
        path.write_bytes(b"half")
        raise RuntimeError("out of disk")

    with pytest.raises(RuntimeError, match="out of disk"):
        artefacts.put("abc", build)
    assert list(home.iterdir()) == []


def test_a_folder_that_others_can_write_is_refused(home):
    artefacts.put("abc", writing(b"code"))
    home.chmod(0o777)
    with pytest.raises(OSError, match="only its owner"):
        artefacts.find("abc")


def test_a_folder_of_another_owner_is_refused(home, monkeypatch):
    artefacts.put("abc", writing(b"code"))
    monkeypatch.setattr(os, "getuid", lambda: home.stat().st_uid + 1)
    with pytest.raises(OSError, match="only its owner"):
        artefacts.find("abc")


def test_a_link_in_the_folder_s_place_is_refused(home, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    home.parent.mkdir()
    home.symlink_to(elsewhere)
    with pytest.raises(OSError, match="only its owner"):
        artefacts.folder()


def test_the_longest_unused_go_first(home, monkeypatch):
    monkeypatch.setattr(artefacts, "LARGEST", 25)
    paths = {name: artefacts.put(name, writing(name.encode() * 10)) for name in "ab"}
    for age, name in enumerate("ba"):
        os.utime(paths[name], (age, age))
    artefacts.find("b")  # used now
    artefacts.put("c", writing(b"c" * 10))
    assert {path.name[0] for path in home.iterdir()} == {"b", "c"}
    artefacts.put("d", writing(b"d" * 100))  # what was just made stays, however large
    assert {path.name[0] for path in home.iterdir()} == {"d"}


def test_what_ended_builds_have_left_goes(home):
    artefacts.put("a", writing(b"a"))
    for name, age in (("building-old", 2 * artefacts.ABANDONED), ("building-now", 0.0)):
        (home / name).mkdir()
        (home / name / "half").write_bytes(b"half")
        os.utime(home / name, (time.time() - age,) * 2)
    for name, age in (("old.lock", 2 * artefacts.ABANDONED), ("now.lock", 0.0)):
        (home / name).touch()
        os.utime(home / name, (time.time() - age,) * 2)
    artefacts.put("b", writing(b"b"))
    assert {path.name[:12] for path in home.glob("building-*")} == {"building-now"}
    assert {path.name for path in home.glob("*.lock")} == {"now.lock"}


def test_one_process_builds_and_those_that_wait_find_it(home):
    """The second asks while the first builds, and gets what that has made."""
    order, begun = [], threading.Event()

    def slow(path):
        order.append("first")
        begun.set()
        time.sleep(0.2)  # the second one is at the lock by then, or comes later: all the same
        path.write_bytes(b"code")

    def never(path):
        order.append("second")
        path.write_bytes(b"other")

    first = threading.Thread(target=artefacts.get, args=("abc", slow))
    first.start()
    begun.wait()
    assert artefacts.get("abc", never).read_bytes() == b"code"
    first.join()
    assert artefacts.get("abc", never).read_bytes() == b"code" and order == ["first"]
    artefacts.get("abd", never)
    assert order == ["first", "second"]


def test_a_build_that_failed_is_tried_by_the_next(home):
    def build(path):
        raise RuntimeError("out of disk")

    with pytest.raises(RuntimeError, match="out of disk"):
        artefacts.get("abc", build)
    assert artefacts.get("abc", writing(b"code")).read_bytes() == b"code"


def graph(scale, dtype=torch.float32):
    constant = torch.tensor([scale, 2.0], dtype=dtype)
    x = torch.ones(2, dtype=dtype)
    return make_fx(lambda x: (x * constant,))(x), [x]


def test_a_name_is_of_the_content():
    """Another constant, another dtype, another size or other options: another name."""
    module, tensors = graph(1.0)
    name = artefacts.name(module, tensors, {"a": 1})
    assert name == artefacts.name(*graph(1.0), {"a": 1})
    others = [
        artefacts.name(*graph(1.5), {"a": 1}),
        artefacts.name(*graph(1.0, torch.float64), {"a": 1}),
        artefacts.name(module, [torch.ones(2, 2)], {"a": 1}),
        artefacts.name(module, [torch.ones(4)[::2]], {"a": 1}),
        artefacts.name(module, tensors, {"a": 2}),
    ]
    assert len({name, *others}) == 6


@pytest.mark.parametrize("what", ["torch", "machine"])
def test_code_for_another_machine_or_torch_has_another_name(what, monkeypatch):
    before = artefacts.name(*graph(1.0), {})
    if what == "torch":
        monkeypatch.setattr(torch, "__version__", "0.0")
    else:
        monkeypatch.setattr(artefacts, "machine", lambda: "another")
    assert artefacts.name(*graph(1.0), {}) != before
