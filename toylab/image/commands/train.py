"""``train``: start a run, go on with one, or take another's state into a new one."""

import sys
from pathlib import Path

from toylab.image import config, data, download, forecast, run
from toylab.image.boards import BOARDS
from toylab.image.commands import DONE, STOPPED, report, reports, told
from toylab.image.config import ConfigError
from toylab.processes import any_of, first

FREE = (  # what a resumed run may change: nothing that a step hangs on but where it is taken
    *("steps", "log_every", "sample_every", "eval_every", "eval_images", "eval_features"),
    *("save_every", "keep_every", "on_divergence", "rollbacks", "loss_limit", "fid_limit"),
    *("threads", "device"),
)


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PRESET | name=value",
        help="a preset (its name or a path ending in .toml), then settings to change: the command "
        "presets NAME lists all of one",
    )
    parser.add_argument("--out", default="runs", help="where new run directories go (runs)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with this run directory, or from this checkpoint in one, bit for bit",
    )
    begin.add_argument(
        "--fork",
        metavar="RUN",
        help="a new run that takes this one's state (or checkpoint) up, with settings changed",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="take a few steps, write nothing: parameters, operations, memory, time",
    )
    parser.add_argument("--download", action="store_true", help="fetch the set if it is not there")
    parser.add_argument(
        "--eval-every", metavar="N", help="scores every so many steps: the setting eval_every=N"
    )
    parser.add_argument(
        "--on-divergence",
        choices=("stop", "rollback"),
        help="end with code 3 (stop), or go back to the last good state with half the rates and "
        "another seed: the setting on_divergence",
    )
    parser.add_argument(
        "--board",
        action="append",
        default=[],
        choices=[*BOARDS],
        help="send metrics and grids there too",
    )
    reports(parser)


def execute(parsed):
    """Starts, resumes, forks or forecasts a run; returns the exit code."""
    if parsed.eval_every:
        parsed.words.append(f"eval_every={parsed.eval_every}")
    if parsed.on_divergence:
        parsed.words.append(f"on_divergence={parsed.on_divergence}")
    for name in parsed.board:
        BOARDS[name].library()  # before anything is written
    if parsed.dry_run:
        configured = _configured(parsed)
        found = forecast.forecast(configured)
        return report(parsed, found, forecast.lines(found, configured.settings.steps))
    if parsed.resume:
        folder, configured, setup, state = _resumed(parsed)
        if state.step == configured.settings.steps:
            words = f"{folder} is finished: {state.step} of {state.step} steps"
            return _told(parsed, folder, state, f"{words}; steps=N would lengthen it")
        same = run.sameness(folder, configured, setup)
        _say(parsed, f"{folder}: on from step {state.step}, {same}")
    elif parsed.fork:
        changed = config.overrides(parsed.words)
        file, configured, setup, state = run.forked(parsed.fork, changed)
        steps = configured.settings.steps
        if state.step >= steps:
            raise ConfigError(f"{file} is at step {state.step}, got steps={steps}: name more")
        folder = run.create(configured, setup, parsed.out, parent=file) if first() else None
        _say(parsed, f"{folder}: on from step {state.step} of {file}")
    else:
        configured = _named(parsed)
        if parsed.download and configured.settings.data in data.DATA:
            _fetch(configured.settings.data)
        setup, state = run.prepare(configured), None
        folder = run.create(configured, setup, parsed.out) if first() else None
        _say(parsed, f"{folder}: {configured.settings.steps} steps")
    with run.Stop() as stop:
        out = sys.stderr if parsed.json else None
        folder = folder if first() else None  # which it alone writes into
        state = run.follow(folder, configured, setup, state, stop, parsed.board, out)
    if state.step < configured.settings.steps:
        words = f"stopped at step {state.step}, saved; go on with: train --resume {folder}"
        _told(parsed, folder, state, words)
        return STOPPED
    picture = Path(folder or "") / "samples" / f"fakes{state.step:08d}.png"
    return _told(parsed, folder, state, f"done: {picture}")


def _configured(parsed):
    """The configuration of whatever is asked for; nothing is written."""
    if parsed.resume:
        return _resumed(parsed)[1]
    if parsed.fork:
        return run.forked(parsed.fork, config.overrides(parsed.words))[1]
    return _named(parsed)


def _named(parsed):
    """The configuration of a preset and what is changed of it."""
    if not parsed.words or "=" in parsed.words[0]:
        known = ", ".join(config.presets())
        raise ConfigError(f"name a preset first (known: {known}), or a run with --resume")
    return config.load(parsed.words[0], config.overrides(parsed.words[1:]))


def _resumed(parsed):
    """(folder, config, setup, state) of a run to go on with."""
    if parsed.words and "=" not in parsed.words[0]:
        raise ConfigError(
            f"a resumed run has its preset already, got {parsed.words[0]!r}: leave it"
        )
    changed = config.overrides(parsed.words)
    if strange := [name for name in changed if name not in FREE]:
        raise ConfigError(
            f"a resumed run keeps its settings, got {', '.join(strange)}: only {', '.join(FREE)} "
            "may change; --fork RUN takes its state into a new run with others"
        )
    folder, configured, setup, state = run.opened(parsed.resume, changed)
    if state.step > (steps := configured.settings.steps):
        raise ConfigError(f"{folder} is at step {state.step} already, got steps={steps}")
    return folder, configured, setup, state


def _fetch(name):
    """Downloads a set unless it can be read already; of several processes the first one."""
    if first():
        try:
            data.pictures(name)
        except data.DataError:
            download.fetch(name, data.root(), told)
    any_of(False)  # the others wait here


def _say(parsed, words):
    if first() and not parsed.json:
        print(words, flush=True)


def _told(parsed, folder, state, words):
    if first():
        report(parsed, {"run": str(folder), "step": state.step}, [words])
    return DONE
