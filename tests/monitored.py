"""Folders of image runs made by hand, as `toylab.image` writes them, for the monitor's tests."""

import json
import os
import platform

import numpy as np
from PIL import Image

CONFIG = """[experiment]
objective = "non-saturating"
penalty = "{penalty}"
batch = 64

[run]
steps = {steps}
"""


def row(step, **more):
    """A row of metrics.jsonl."""
    told = {"step": step, "images": 64 * step, "critic": 1 / step, "generator": 0.5}
    return {**told, "images_per_second": 100.0, "seconds": step / 4, **more}


def score(step, fid=3.0, n=1000, **more):
    """A file of eval/."""
    extractor = {"name": "classifier", "sha256": "ab", "resizer": "none"}
    told = {
        "scores": {"fid": fid, "is_std": 0.1},
        "step": step,
        "weights": "average",
        "norms": "held",
    }
    told |= {"seed": 0, "run_seed": 0, "extractor": extractor, "fake": {"n": n}}
    return {**told, "real": {"data": "digits", "split": "train", "n": n}, **more}


def grid(path, value=0, side=6):
    """A PNG of one shade."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((side, side), value, np.uint8)).save(path)


def event(name, step, **more):
    """A row of events.jsonl."""
    return {"event": name, "step": step, "time": 1.5, **more}


def made(
    folder, rows=(), steps=100, penalty="roth", grids=(), scores=(), events=(), ended=None,
    owner=None,
):  # fmt: skip
    """A run's folder; `owner` is the process that trains it, the one of the test itself."""
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG.format(steps=steps, penalty=penalty))
    (folder / "env.json").write_text(json.dumps({"device": "cpu", "processes": 1, "data": "d"}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    if events:
        told = "".join(json.dumps(each) + "\n" for each in events)
        (folder / "events.jsonl").write_text(told)
    grid(folder / "reals.png", 200)
    (folder / "samples").mkdir()
    for step in grids:
        grid(folder / "samples" / f"fakes{step:08d}.png", step % 256)
    if scores:
        (folder / "eval").mkdir()
    for each in scores:
        name = f"step-{each['step']:08d}-n{each['fake']['n']}.json"
        (folder / "eval" / name).write_text(json.dumps(each))
    if ended:
        (folder / "ended.json").write_text(json.dumps({"state": ended, "words": "as it went"}))
    if owner:
        told = f"{platform.node()}, process {os.getpid() if owner is True else owner}"
        (folder / ".lock").write_text(told)
    return folder


def read(record):
    """The record once it has read everything."""
    while record.look():
        pass
    return record


def listed(table):
    """A table as plain lists, NaN as None, to be compared."""
    columns = {n: [None if x != x else x for x in held] for n, held in table.columns.items()}
    return list(table.steps), columns, table.notes.kinds
