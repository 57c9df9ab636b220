"""A sweep's folder: resumed after a kill, damaged files made again, one sweep at a time, one table.

The command is run as a user does, in processes of its own.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pyarrow import parquet

from toylab.sweep import cores, kept, spec, table, training
from toylab.sweep.__main__ import main
from toylab.sweep.cluster import NoCluster, remote

ROOT = Path(__file__).resolve().parents[1]
SPEC = """
steps = {steps}
seeds = 2
measure = ["wasserstein", "modes"]
[experiment]
generator_width = 6
critic_width = 6
penalty_weight = "linear(1, 0, 10)"
[grid]
batch = {batches}
"""


def written(folder, steps=3, batches=(8, 9)):
    """The path of a spec; each batch is an ensemble of two."""
    path = folder / "small.toml"
    path.write_text(SPEC.format(steps=steps, batches=list(batches)))
    return path


def here(monkeypatch):
    """Trains in this process: what a test is about when it is not about processes."""

    def local(tasks, jobs):
        yield from ((task, training.trained(task)) for task in tasks)

    monkeypatch.setattr(cores, "local", local)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.glob("ensemble-*.json")}


def read(path):
    """The rows of a table, without the time that they took."""
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in parquet.read_table(path).to_pylist()
    ]


def begun(path, out):
    """The command in a process of its own, once it has kept one ensemble more."""
    before = len(files(out))
    command = [sys.executable, "-m", "toylab.sweep", str(path), "--out", str(out), "--jobs", "1"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Tests that run in the background have Ctrl-C ignored, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(15000):
        if len(files(out)) > before:
            return process
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    raise AssertionError("nothing was kept in five minutes")


def workers(process):
    return psutil.Process(process.pid).children(recursive=True)


def gone(children):
    """Whether the processes end by themselves; they may be stopped for a while."""
    return not psutil.wait_procs(children, timeout=120)[1]


def test_a_sweep_goes_on_after_ctrl_c_and_after_a_kill(tmp_path, monkeypatch, capsys):
    """And what it then has is what one has that was never interrupted."""
    path, out = written(tmp_path, 150, range(8, 16)), tmp_path / "out"
    process = begun(path, out)
    children = workers(process)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0].decode()
    assert process.returncode == 75 and "the same command goes on" in said, said
    assert "Traceback" not in said
    assert gone(children)
    first = files(out)

    process = begun(path, out)
    children = workers(process)
    process.kill()
    process.communicate()
    assert children and gone(children), "a worker outlives its sweep"
    second = files(out)
    assert first.items() <= second.items() and 2 <= len(second) < 8

    here(monkeypatch)
    assert main([str(path), "--out", str(out), "--jobs", "1"]) == 0
    there = 2 * len(second)
    assert f"{there} are there, {16 - there} to train" in capsys.readouterr().out
    assert second.items() <= files(out).items() and len(files(out)) == 8
    assert main([str(path), "--out", str(tmp_path / "whole"), "--jobs", "1"]) == 0
    resumed, whole = (read(tmp_path / name / "table.parquet") for name in ("out", "whole"))
    assert resumed == whole and len(whole) == 16


def test_another_spec_keeps_what_still_applies(tmp_path, monkeypatch, capsys):
    here(monkeypatch)
    command = ["--out", str(tmp_path / "out")]
    assert main([str(written(tmp_path)), *command]) == 0
    for words, *told in (
        ("4 are there, 2 to train", 3, (8, 9, 10)),
        ("6 are there, 0 to train", 3, (8, 9, 10)),
        ("2 are there, 0 to train", 3, (9,)),
        ("0 are there, 2 to train", 4, (9,)),
    ):
        capsys.readouterr()
        assert main([str(written(tmp_path, *told)), *command]) == 0
        assert words in capsys.readouterr().out
    path = written(tmp_path)
    path.write_text(path.read_text().replace('"modes"', '"modes", "slope"'))
    main([str(path), *command])
    assert "0 are there, 4 to train" in capsys.readouterr().out, "a measure that is not there yet"
    main([str(path), *command])
    assert "4 are there, 0 to train" in capsys.readouterr().out
    main([str(written(tmp_path)), *command])
    assert "4 are there, 0 to train" in capsys.readouterr().out


DAMAGE = {
    "half a file": lambda content: content[: len(content) // 2],
    "nothing in it": lambda content: b"",
    "another number": lambda content: content.replace(b'"modes_total": 8', b'"modes_total": 9'),
    "another format": lambda content: content.replace(b"toylab-sweep-1", b"toylab-sweep-2"),
    "not an object": lambda content: b"[]",
    "no text": lambda content: b"\xff" + content,
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_is_named_and_made_again(tmp_path, monkeypatch, capsys, what):
    here(monkeypatch)
    command = [str(written(tmp_path)), "--out", str(tmp_path / "out"), "--jobs", "1"]
    main(command)
    whole, told = files(tmp_path / "out"), read(tmp_path / "out" / "table.parquet")
    name = sorted(whole)[0]
    (tmp_path / "out" / name).write_bytes(DAMAGE[what](whole[name]))
    assert (tmp_path / "out" / name).read_bytes() != whole[name]
    capsys.readouterr()
    assert main([*command, "--table"]) == 0
    said = capsys.readouterr().out
    assert f"{name} is damaged: " in said and "2 of 4 runs" in said
    assert main(command) == 0
    said = capsys.readouterr().out
    assert f"{name} is damaged: " in said and "2 are there, 2 to train" in said
    assert set(files(tmp_path / "out")) == set(whole)
    assert read(tmp_path / "out" / "table.parquet") == told
    (tmp_path / "out" / "ensemble-of-another-spec.json").write_bytes(DAMAGE[what](whole[name]))
    main(command)
    assert "ensemble-of-another-spec.json is damaged: " in capsys.readouterr().out
    main(command)
    assert " is damaged" not in capsys.readouterr().out, "what nothing replaces is taken away too"


def test_two_sweeps_do_not_work_on_one_folder(tmp_path, capsys):
    with kept.locked(tmp_path / "out"):
        assert main([str(written(tmp_path)), "--out", str(tmp_path / "out")]) == 2
        told = capsys.readouterr()
        assert told.err.count("\n") == 1 and "wait until it is done" in told.err
        assert main([str(written(tmp_path)), "--out", str(tmp_path / "out"), "--table"]) == 0
        assert "none of these runs yet" in capsys.readouterr().out
    assert not files(tmp_path / "out")


def test_errors_are_tried_again_and_what_diverged_is_not(tmp_path, monkeypatch, capsys):
    here(monkeypatch)
    command = [str(written(tmp_path)), "--out", str(tmp_path / "out"), "--jobs", "1"]
    real = training.trained

    def some_fail(task):
        rows = real(task)
        rows[0] |= {"measures": {}, "failure": "diverged: at step 2"}
        rows[1] |= {"measures": {}, "failure": "error: no memory", "settled": False}
        return rows

    monkeypatch.setattr(training, "trained", some_fail)
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "batch=8, seed=0: diverged: at step 2" in said
    assert "batch=9, seed=1: error: no memory" in said
    monkeypatch.setattr(training, "trained", real)
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "2 are there, 2 to train" in said and "no memory" not in said
    failures = [row["failure"] for row in read(tmp_path / "out" / "table.parquet")]
    assert failures == ["diverged: at step 2", "", "diverged: at step 2", ""]


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_what_settled_stands_wherever_its_file_is(tmp_path, names):
    failed = {"key": "k", "measures": {}, "failure": "error: no memory", "settled": False}
    done = {"key": "k", "measures": {"modes": 8}, "failure": "", "settled": True}
    for name, row in zip(names, (failed, done), strict=True):
        kept.keep(tmp_path, [row]).rename(tmp_path / f"ensemble-{name}.json")
    assert kept.found(tmp_path, ["modes"]) == ({"k": done}, [])


def test_the_table_has_a_row_a_run_as_parquet_and_as_csv(tmp_path, monkeypatch):
    here(monkeypatch)
    path = written(tmp_path)
    path.write_text(path.read_text() + 'penalty_2 = ["none", "r1"]\nobjective = ["hinge", "kl"]\n')
    command = [str(path), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    sweep, (found, _) = spec.load(path), kept.found(tmp_path / "out", ["modes"])
    told = parquet.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    assert [(row["batch"], row["penalty_2"], row["objective"], row["seed"]) for row in told] == [
        (batch, penalty, objective, seed)
        for batch in (8, 9)
        for penalty in ("none", "r1")
        for objective in ("hinge", "kl")
        for seed in (0, 1)
    ]
    for run, row in zip(sweep.runs, told, strict=True):
        measures = found[run.key]["measures"]
        assert {name: row[name] for name in measures} == measures
        assert row["penalty_weight"] == "linear(1, 0, 10)" and row["generator_width"] == 6
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main([*command, "--table"]) == 0
    with open(tmp_path / "out" / "table.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["wasserstein"]) for line in lines] == [row["wasserstein"] for row in told]
    assert list(lines[0]) == list(told[0]) and lines[3]["objective"] == told[3]["objective"]


def test_the_summary_has_medians_over_the_seeds_and_what_failed(tmp_path):
    sweep = spec.parse(
        {"steps": 1, "seeds": 3, "measure": ["wasserstein"], "grid": {"clip": [0.1, 0.2]}}
    )
    rows = [
        {"clip": clip, "seed": seed, "wasserstein": clip * w, "wasserstein_floor": 1.0}
        | {"seconds": 1.0, "backend": "plain", "failure": ""}
        for clip in (0.1, 0.2)
        for seed, w in enumerate((5.0, 1.0, 2.0))
    ]
    rows[4] |= {"wasserstein": None, "wasserstein_floor": None, "failure": "diverged: so"}
    assert table.summary(sweep, rows) == [
        "clip  runs  failed  wasserstein  wasserstein_floor",
        "0.1   3     0       0.2          1",
        "0.2   3     1       0.7          1",
        "clip=0.2, seed=1: diverged: so",
    ]


def deadly(task):
    """Kills its process for the run with seed 1, like a lack of memory; the others see it die."""
    dying = Path(task["dying"])
    if task["runs"][0]["seed"] == 1:
        dying.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    while not dying.exists():
        time.sleep(0.01)
    time.sleep(0.5)
    return [run["seed"] for run in task["runs"]]


def test_a_worker_that_dies_is_a_failure_of_its_own_ensemble_alone(tmp_path):
    runs = [{"settings": {}, "seed": seed, "key": str(seed)} for seed in range(4)]
    dying = str(tmp_path / "dying")
    tasks = [{"runs": [run], "backend": "plain", "dying": dying} for run in runs]
    found = {task["runs"][0]["seed"]: rows for task, rows in cores.local(tasks, 2, deadly)}
    assert [found[seed] for seed in (0, 2, 3)] == [[0], [2], [3]]
    (row,) = found[1]
    assert row["failure"].startswith("error: the process") and not row["settled"]


def test_a_dask_cluster_of_processes_gives_the_same_table(tmp_path, monkeypatch, capsys):
    distributed = pytest.importorskip("distributed")
    path = written(tmp_path)
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        address = cluster.scheduler_address
        command = [str(path), "--out", str(tmp_path / "far"), "--scheduler", address]
        assert main(command) == 0
        assert f"2 ensembles on the cluster at {address}" in capsys.readouterr().out
        with distributed.Client(address) as client:
            workers = client.run(os.getpid)
            assert os.getpid() not in workers.values() and len(set(workers.values())) == 2
            client.run(_other_code)
        with pytest.raises(NoCluster, match="another toylab or torch"):
            list(remote([], address))
    here(monkeypatch)
    assert main([str(path), "--out", str(tmp_path / "near"), "--jobs", "2"]) == 0
    far, near = (read(tmp_path / name / "table.parquet") for name in ("far", "near"))
    assert far == near and len(near) == 4


def _other_code():
    """Makes a worker one of another torch."""
    from toylab.sweep import runs

    runs.torch.__version__ = "0.1"
    runs.code.cache_clear()


def test_a_scheduler_that_is_not_there_is_one_clear_line(tmp_path, monkeypatch, capsys):
    pytest.importorskip("distributed")
    monkeypatch.setattr("toylab.sweep.cluster.SECONDS", 0.2)
    command = ["--out", str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:9"]
    assert main([str(written(tmp_path)), *command]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "no scheduler answers at tcp://127.0.0.1:9" in told
    assert not files(tmp_path / "out")
