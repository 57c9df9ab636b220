"""``train``: start a run, or go on with one."""

from toylab.image import checkpoint, config, run
from toylab.image.commands import DONE, STOPPED
from toylab.image.config import ConfigError


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PRESET | name=value",
        help="a preset (its name or a path ending in .toml), then settings to change",
    )
    parser.add_argument("--out", default="runs", help="where new run directories go (runs)")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with this run directory, or from this checkpoint in one, bit for bit",
    )


def execute(parsed):
    """Starts or resumes a run; returns the exit code."""
    if parsed.resume:
        changed = config.overrides(parsed.words)
        if strange := [name for name in changed if name != "steps"]:
            raise ConfigError(
                f"a resumed run keeps its settings, got {', '.join(strange)}: "
                "only steps may change, or start a new run"
            )
        folder, configured, setup, state = run.opened(parsed.resume, changed)
        steps = configured.settings.steps
        if state.step > steps:
            raise ConfigError(f"{folder} is at step {state.step} already, got steps={steps}")
        if state.step == steps:
            print(f"{folder} is finished: {steps} of {steps} steps; steps=N would lengthen it")
            return DONE
        checkpoint.write(folder / "config.toml", config.dump(configured).encode())
        print(f"{folder}: on from step {state.step}", flush=True)
    else:
        if not parsed.words or "=" in parsed.words[0]:
            known = ", ".join(config.presets())
            raise ConfigError(f"name a preset first (known: {known}), or a run with --resume")
        configured = config.load(parsed.words[0], config.overrides(parsed.words[1:]))
        setup, state = run.prepare(configured), None
        folder = run.create(configured, setup, parsed.out)
        print(f"{folder}: {configured.settings.steps} steps", flush=True)
    with run.Stop() as stop:
        state = run.follow(folder, configured, setup, state, stop)
    if state.step < configured.settings.steps:
        print(f"stopped at step {state.step}, saved; go on with: train --resume {folder}")
        return STOPPED
    print(f"done: {folder / 'samples' / f'fakes{state.step:08d}.png'}")
    return DONE
