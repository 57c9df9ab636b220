"""What an image run is made of: the core's experiment, a few settings of its own, presets in TOML.

A preset or a run's config.toml has three sections, `[experiment]`, `[network]` and `[run]`; on the
command line all settings share one namespace, ``penalty_weight="linear(2, 0, 300)" steps=600``.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

import param

from toylab import schedules
from toylab.experiment import CARD_NUMBERS, Experiment
from toylab.experiment import names as experiment_names
from toylab.image.data import DATA
from toylab.image.layers import NORMS
from toylab.image.networks import FAMILIES
from toylab.settings import Knob, Name, Whole
from toylab.tables import nearest

PRESETS = Path(__file__).parent / "presets"


class ConfigError(ValueError):
    """A preset, setting or override that cannot be; the text says what is right."""


class Settings(param.Parameterized):
    """What an image run has beside its experiment."""

    data = Name("digits", DATA, doc="The images.")
    network = Name("dcgan", FAMILIES, doc="The family that both players' networks come from.")
    features = Whole(0, bounds=(0, 4096), doc="Channels beside the image; 0: as in the paper.")
    stages = Whole(0, bounds=(0, 10), doc="Halvings of the image; 0: down to 4 pixels or so.")
    kernel = Whole(0, bounds=(0, 9), doc="Side of the kernels; 0: as in the paper.")
    generator_norm = Name("own", ("own", *NORMS), doc="Normalisation; own: as in the paper.")
    critic_norm = Name("own", ("own", *NORMS), doc="Normalisation; own: as in the paper.")
    steps = Whole(1000, bounds=(1, 10**9), doc="Steps of the whole run.")
    log_every = Whole(10, bounds=(1, 10**9), doc="Steps between two rows of metrics.jsonl.")
    sample_every = Whole(100, bounds=(1, 10**9), doc="Steps between two sample grids.")
    save_every = Whole(100, bounds=(1, 10**9), doc="Steps between two checkpoints.")
    precision = Name("float32", ("float32", "float64"), doc="Of all numbers of the run.")
    threads = Whole(0, bounds=(0, 1024), doc="CPU threads of torch; 0: as many as it likes.")
    device = Name("auto", ("auto", "cpu", "cuda"), doc="auto: the GPU where there is one.")


NETWORK = ("network", "features", "stages", "kernel", "generator_norm", "critic_norm")
RUN = tuple(name for name in Settings.param if name not in ("name", *NETWORK))
# An image run has images in the card's place, one member, and always learns its fakes.
NOT_HERE = ("data", *CARD_NUMBERS, "fakes", "members")
EXPERIMENT = tuple(name for name in experiment_names() if name not in NOT_HERE)
SECTIONS = {"experiment": EXPERIMENT, "network": NETWORK, "run": RUN}
NAMES = (*RUN, *NETWORK, *EXPERIMENT)


class Config(NamedTuple):
    """A whole image run, checked: its name, its experiment and its settings."""

    name: str
    experiment: Experiment
    settings: Settings


def _parameter(name):
    return (Settings if name in (*RUN, *NETWORK) else Experiment).param[name]


def _typed(name, value):
    """The value of a setting from TOML or from a command line's text, in the field's own type."""
    field = _parameter(name)
    try:
        if isinstance(field, Knob):
            return schedules.parse(value) if isinstance(value, str) else value
        if not isinstance(value, str):
            return value
        if isinstance(field, Whole):
            return int(value)
        return float(value) if isinstance(field, param.Number) else value
    except ValueError as error:
        if isinstance(field, Knob):
            raise ConfigError(f"{name}: {error}") from error
        wanted = "a whole number" if isinstance(field, Whole) else "a number"
        raise ConfigError(f"{name} must be {wanted}, got {value!r}") from error


def _known(name, names=NAMES):
    if name not in names:
        raise ConfigError(f"setting {name!r} is unknown; {nearest(name, names)}")
    return name


def overrides(words):
    """``["batch=32", …]`` -> {name: value}; raises `ConfigError`."""
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ConfigError(f"{word!r} is not a setting: write name=value")
        known = _known(name)
        found[known] = _typed(known, text)
    return found


def _alien(network):
    """The settings that only other families of networks read."""
    return {n for row in FAMILIES.values() for n in row.settings} - set(FAMILIES[network].settings)


def build(name, values):
    """The checked `Config` of {setting: value}; raises `ConfigError`."""
    try:
        settings = Settings(**{n: v for n, v in values.items() if n in (*RUN, *NETWORK)})
        experiment = Experiment(**{n: v for n, v in values.items() if n in EXPERIMENT})
    except ValueError as error:
        raise ConfigError(str(error)) from error
    for strange in _alien(settings.network) & set(values):
        raise ConfigError(f"{strange} means nothing to network={settings.network}")
    if problems := experiment.conflicts():
        raise ConfigError(" ".join(problems))
    return Config(name, experiment, settings)


def presets():
    """{name: path} of the presets that come with the package."""
    return {path.stem: path for path in sorted(PRESETS.glob("*.toml"))}


def title(path):
    """The first comment of a preset: what it is."""
    with open(path, encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()


def load(preset, changed=()):
    """The `Config` of a preset's name, or of a path that ends in .toml, with overrides applied."""
    path = Path(preset)
    if path.suffix != ".toml":
        if preset not in presets():
            raise ConfigError(f"preset {preset!r} is unknown; {nearest(preset, presets())}")
        path = presets()[preset]
    values, changed = read(path), dict(changed)
    if changed.get("network") in FAMILIES:
        # Another network leaves behind what the preset says of its own.
        alien = _alien(changed["network"])
        values = {name: value for name, value in values.items() if name not in alien}
    return build(path.stem, {**values, **changed})


def read(path):
    """{setting: value} of a TOML file; raises `ConfigError` with the file and what is wrong."""
    try:
        with open(path, "rb") as file:
            sections = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    values = {}
    for section, entries in sections.items():
        if section not in SECTIONS or not isinstance(entries, dict):
            raise ConfigError(
                f"{path}: section {section!r} is unknown; {nearest(section, SECTIONS)}"
            )
        try:
            found = {_known(n, SECTIONS[section]): _typed(n, v) for n, v in entries.items()}
        except ConfigError as error:
            raise ConfigError(f"{path}, [{section}]: {error}") from error
        values |= found
    return values


def dump(config):
    """The TOML text of every setting that means something in this run; `read` reads it back."""
    alien, lines = _alien(config.settings.network), []
    for section, names in SECTIONS.items():
        owner = config.experiment if section == "experiment" else config.settings
        lines.append(f"[{section}]")
        lines += [f"{n} = {_toml(getattr(owner, n))}" for n in names if n not in alien]
        lines.append("")
    return "\n".join(lines)


def _toml(value):
    if isinstance(value, schedules.Schedule | str):
        text = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    return repr(value)
