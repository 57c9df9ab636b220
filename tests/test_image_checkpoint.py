"""Image checkpoints: damaged, hostile and strange files are refused, a crash spoils none."""

import hashlib
import io
import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from tests.image_runs import reached, refused, trained
from toylab import files
from toylab.image.__main__ import main


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs"), "steps=6", "save_every=2")


@pytest.fixture
def folder(two_checkpoints, tmp_path):
    """A copy of a run with checkpoints at steps 4 and 6, free to be spoilt."""
    return Path(shutil.copytree(two_checkpoints, tmp_path / "00000-digits-smoke"))


def newest(folder):
    return folder / "checkpoints" / "step-00000006.ckpt"


def forge(path, content):
    """Another file in a checkpoint's place, with its own sha256 beside it."""
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"sha256": digest, "step": 6}))


def test_the_last_two_checkpoints_are_kept(folder):
    found = sorted(path.name for path in (folder / "checkpoints").glob("*"))
    steps = [f"step-0000000{step}.{kind}" for step in (4, 6) for kind in ("ckpt", "json")]
    assert found == ["last.json", *steps]


@pytest.mark.parametrize("spoil", [lambda b: b[:-100], lambda b: b[:999] + b"x" + b[1000:]])
def test_a_damaged_checkpoint_is_refused_and_the_good_one_named(spoil, folder, capsys):
    newest(folder).write_bytes(spoil(newest(folder).read_bytes()))
    good = folder / "checkpoints" / "step-00000004.ckpt"
    for command in (["train", "--resume"], ["sample"]):
        told = refused(capsys, *command, folder)
        assert "sha256" in told and str(newest(folder)) in told
        assert told.endswith(f"the last good one is {good}")
    assert main(["train", "--resume", str(good)]) == 0
    assert reached(folder).step == 6


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("whole", [False, True], ids=["pickle", "inside torch's file"])
def test_a_malicious_checkpoint_does_not_run(whole, folder, tmp_path, capsys):
    trap, buffer = Trap(str(tmp_path / "sprung")), io.BytesIO()
    if whole:
        held = torch.load(newest(folder), weights_only=True)
        torch.save({**held, "data": trap}, buffer)
    else:
        pickle.dump(trap, buffer, protocol=2)
    forge(newest(folder), buffer.getvalue())
    assert "more than tensors and plain values" in refused(capsys, "sample", folder)
    assert not (tmp_path / "sprung").exists()
    torch.load(newest(folder), weights_only=False) if whole else pickle.loads(buffer.getvalue())
    assert (tmp_path / "sprung").exists()  # so it would have run


def test_a_checkpoint_of_other_networks_or_images_is_refused(folder, tmp_path, capsys):
    other = trained(tmp_path / "wider", "steps=6", "features=6")
    forge(newest(folder), newest(other).read_bytes())
    assert "belongs to other networks" in refused(capsys, "train", "--resume", folder, "steps=9")
    held = torch.load(newest(other), weights_only=True)
    for change, words in (
        ({"format": "else"}, "not a checkpoint of form"),
        ({"data": "else"}, "trained on other images"),
        ({"state": [1]}, "not a table of tensors"),
        ({"state": {n: t.double() for n, t in held["state"].items()}}, "must be torch.float32"),
    ):
        torch.save({**held, **change}, tmp_path / "forged")
        forge(newest(other), (tmp_path / "forged").read_bytes())
        assert words in refused(capsys, "sample", other)


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    files.write(tmp_path / "file", b"old")

    def crash(*names):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError):
        files.write(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.glob("*")] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
