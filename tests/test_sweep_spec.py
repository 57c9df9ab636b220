"""A wrong sweep is one clear line and exit code 2, before anything runs."""

import pytest

from toylab.sweep.__main__ import main

GOOD = """
steps = 2
seeds = 2
[experiment]
batch = 8
[grid]
penalty = ["r1", "r2"]
"""

WRONG = [  # what stands in the file in place of what, and what must be said
    ("steps = 2", "", "steps must be a whole number from 1 to 1000000000, got nothing"),
    ("steps = 2", "steps = 0", "got 0"),
    ("steps = 2", "steps = 2.5", "got 2.5"),
    ("steps = 2", "steps = true", "got True"),
    ("steps = 2", "steps = 10000000000000", "got 10000000000000"),
    ("steps = 2", "steps = 2\nstep = 3", "'step' is unknown; known: steps"),
    ("steps = 2", "steps = 2\nbatch = 3", "write it under [experiment]"),
    ("steps = 2", "steps =", "cannot be read: Invalid value (at line 2"),
    ("seeds = 2", "seeds = 0", "seeds must be a whole number from 1"),
    ("seeds = 2", "seeds = -1", "got -1"),
    ("seeds = 2", "seeds = []", "different seeds in a list, got []"),
    ("seeds = 2", "seeds = [1, 1]", "different seeds in a list, got [1, 1]"),
    ("seeds = 2", "seeds = [1, 0.5]", "each of seeds must be a whole number"),
    ("seeds = 2", "seeds = 'many'", "got 'many'"),
    ("seeds = 2", "seeds = 501", "that makes 1002 runs, more than 1000 only with --yes"),
    ("seeds = 2", "seeds = 2000000000", "that makes 4000000000 runs, at most 100000"),
    ("seeds = 2", 'measure = ["mods"]', "'mods' is unknown; known: modes, "),
    ("seeds = 2", 'measure = ["mods"]', "did you mean 'modes'?"),
    ("seeds = 2", "measure = []", "measure must be a list of names, got []"),
    ("seeds = 2", "measure = 'modes'", "measure must be a list of names, got 'modes'"),
    ("seeds = 2", 'measure = ["jsd", "jsd"]', "measure has a name twice"),
    ("seeds = 2", 'precision = "float16"', "'float16' is unknown; known: float32, float64"),
    ("seeds = 2", "precision = 64", "precision 64 is unknown"),
    ("seeds = 2", 'backend = "jit"', "backend 'jit' is unknown; known: plain, auto, ahead"),
    ("[experiment]", "[[experiment]]", "experiment must be a table"),
    ("[experiment]", "[experimet]", "did you mean 'experiment'?"),
    ("batch = 8", "batsh = 8", "[experiment] setting 'batsh' is unknown"),
    ("batch = 8", "batsh = 8", "did you mean 'batch'?"),
    ("batch = 8", "batch = 8.5", "[experiment] batch must be a whole number from 1 to 65536"),
    ("batch = 8", "seed = 8", "seed is not for a sweep: write seeds = 10"),
    ("batch = 8", "members = 8", "members is not for a sweep"),
    ("batch = 8", "penalty_weight = nan", "penalty_weight must be a finite number, got nan"),
    ("batch = 8", "critic_dropout = inf", "critic_dropout must be a finite number, got inf"),
    ("batch = 8", "critic_dropout = 'half'", "critic_dropout"),
    ("batch = 8", "penalty_weight = true", "penalty_weight must be a number from 0 to 10000"),
    ("batch = 8", "penalty_weight = 'linear(1)'", "neither a number nor a schedule"),
    ("batch = 8", "penalty_weight = [1, 2]", "must be one value, got [1, 2]; lists go into [grid]"),
    ("batch = 8", "data = '8gausians'", "did you mean '8gaussians'?"),
    ("batch = 8", "data = 'nowhere.toml'", "put a card at nowhere.toml"),
    ("batch = 8", "theta = 1.0", "theta means nothing to data='8gaussians'"),
    ("batch = 8", "penalty = 'r1'", "[grid] penalty is set twice"),
    ("batch = 8", "objective = 'wasserstein'\npenalty_2 = 'roth'", "Roth"),
    ('["r1", "r2"]', "[]", "[grid] penalty must be a list of values, got []"),
    ('["r1", "r2"]', '"r1"', "[grid] penalty must be a list of values, got 'r1'"),
    ('["r1", "r2"]', '["r1", "r1"]', "[grid] penalty has a value twice"),
    ('["r1", "r2"]', '["r1", "r3"]', "[grid] penalty 'r3' is unknown"),
    ('["r1", "r2"]', '["r1", ["r2"]]', "must be one value"),
    ("[grid]", '[grid]\n"batch, critic_steps" = [1, 200]', "critic_steps must be a whole number"),
    ("[grid]", "[random]", "count must be a whole number from 1 to 100000, got nothing"),
    ("[grid]", "[random]\ncount = 2", "a range is one law with its values"),
]
RANDOM = [  # a range under [random], and what must be said
    ("count = 0\nclip = { uniform = [1, 2] }", "count must be a whole number"),
    ("count = 9", "[random] has no ranges"),
    ("count = 9\nclip = { unifrom = [1, 2] }", "law 'unifrom' is unknown; known: uniform"),
    ("count = 9\nclip = { uniform = [2, 1] }", "the smaller first, got [2, 1]"),
    ("count = 9\nclip = { uniform = [1, nan] }", "two finite numbers"),
    ("count = 9\nclip = { log-uniform = [0, 1] }", "numbers above 0"),
    ("count = 9\nclip = { choice = [] }", "choice needs a list of values, got []"),
    ("count = 9\nclip = { uniform = [1, 20] }", "clip must be a number from 1e-06 to 10"),
    # An end that no draw comes near is refused all the same.
    ("count = 1\nclip = { uniform = [1, 10.001] }", "[random] clip must be a number from 1e-06"),
    ("count = 9\nclop = { uniform = [1, 20] }", "did you mean 'clip'?"),
    ("count = 9\nbatch = { choice = [4, 5] }", "draws the same values twice"),
]


def refused(capsys, tmp_path, text, *words):
    """The one line with which a spec is refused."""
    path = tmp_path / "spec.toml"
    path.write_text(text)
    assert main([str(path), "--out", str(tmp_path / "out"), *words]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1, "one line, and nothing ran"
    assert not (tmp_path / "out").exists()
    return told.err


@pytest.mark.parametrize("old, new, words", WRONG)
def test_a_wrong_spec_is_one_clear_line(capsys, tmp_path, old, new, words):
    assert old in GOOD
    assert words in refused(capsys, tmp_path, GOOD.replace(old, new))


@pytest.mark.parametrize("told, words", RANDOM)
def test_a_wrong_range_is_one_clear_line(capsys, tmp_path, told, words):
    assert words in refused(capsys, tmp_path, f"steps = 2\n[random]\n{told}\n")


def test_a_file_that_is_missing_or_no_text_is_one_clear_line(capsys, tmp_path):
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    for name, words in (("none.toml", "No such file"), ("bytes.toml", "can't decode")):
        assert main([str(tmp_path / name)]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and words in told


def test_a_wrong_command_is_refused_before_anything_runs(capsys, tmp_path):
    assert "--jobs must be 1 or more, got 0" in refused(capsys, tmp_path, GOOD, "--jobs", "0")
