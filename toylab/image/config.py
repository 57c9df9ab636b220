"""What an image run is made of: the core's experiment, a few settings of its own, presets in TOML.

A preset or a run's config.toml has the sections `[experiment]`, `[network]`, `[data]` and `[run]`;
``extends = "PRESET"`` above them takes the rest from another. On the command line all settings
share one namespace, ``penalty_weight="linear(2, 0, 300)" steps=600``.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

import param

from toylab import schedules
from toylab.compiled import ROUTES
from toylab.experiment import CARD_NUMBERS, Experiment
from toylab.experiment import names as experiment_names
from toylab.image.data import checked
from toylab.image.layers import NORMS
from toylab.image.networks import FAMILIES
from toylab.image.pixels import CHANNELS, SCALINGS
from toylab.image.precision import DTYPES
from toylab.settings import Knob, Name, Whole
from toylab.tables import nearest

PRESETS = Path(__file__).parent / "presets"
CHOICE = "# This project's choice, not the paper's word: "  # and names of settings, in a preset
ESCAPED = {code: f"\\u{code:04x}" for code in (*range(32), 127)}  # what no string of TOML may hold


class ConfigError(ValueError):
    """A preset, setting or override that cannot be; the text says what is right."""


class Address(param.String):
    """The name of a data set, or LAYOUT:PATH."""

    def _validate(self, value):
        super()._validate(value)
        checked(value)


class Settings(param.Parameterized):
    """What an image run has beside its experiment."""

    data = Address("digits", doc="The images: a name, or LAYOUT:PATH.")
    channels = Name("as-is", CHANNELS, doc="Of an image: as it is, grey, or colour.")
    crop = Whole(0, bounds=(0, 8192), doc="Side of the square cut from the middle; 0: none.")
    size = Whole(0, bounds=(0, 8192), doc="Side that images are resized to; 0: as they are.")
    images = Whole(0, bounds=(0, 10**9), doc="Only the first so many; 0: all.")
    flips = param.Boolean(False, doc="Mirror every image with probability ½, anew each time.")
    scaling = Name("plain", SCALINGS, doc="How bytes become a network's numbers.")
    network = Name("dcgan", FAMILIES, doc="The family that both players' networks come from.")
    features = Whole(0, bounds=(0, 4096), doc="Channels beside the image; 0: as in the paper.")
    stages = Whole(0, bounds=(0, 10), doc="Halvings of the image; 0: down to 4 pixels or so.")
    kernel = Whole(0, bounds=(0, 9), doc="Side of the kernels; 0: as in the paper.")
    generator_norm = Name("own", ("own", *NORMS), doc="Normalisation; own: as in the paper.")
    critic_norm = Name("own", ("own", *NORMS), doc="Normalisation; own: as in the paper.")
    steps = Whole(1000, bounds=(1, 10**9), doc="Steps of the whole run.")
    log_every = Whole(10, bounds=(1, 10**9), doc="Steps between two rows of metrics.jsonl.")
    sample_every = Whole(100, bounds=(1, 10**9), doc="Steps between two sample grids.")
    eval_every = Whole(0, bounds=(0, 10**9), doc="Steps between two scores; 0: none.")
    eval_images = Whole(1000, bounds=(50, 10**6), doc="Of either kind, in a score while training.")
    eval_features = param.String("classifier", doc="What a score while training looks at.")
    save_every = Whole(100, bounds=(1, 10**9), doc="Steps between two checkpoints.")
    keep_every = Whole(0, bounds=(0, 10**9), doc="Steps whose checkpoints stay for good; 0: none.")
    on_divergence = Name("stop", ("stop", "rollback"), doc="What becomes of a run that explodes.")
    rollbacks = Whole(3, bounds=(0, 1000), doc="How often a run may go back before it stops.")
    loss_limit = param.Number(
        1e6, bounds=(0.0, None), doc="A larger loss, of either sign, is an explosion; 0: no limit."
    )
    fid_limit = param.Number(
        0.0, bounds=(0.0, None), doc="A FID so many times the best is an explosion; 0: no limit."
    )
    precision = Name("float32", DTYPES, doc="Of the run's numbers, or of products on their way.")
    penalty_precision = Name(
        "float32", ("float32", "same"), doc="Of penalties where precision=bfloat16."
    )
    channels_last = param.Boolean(False, doc="An image's channels side by side in memory.")
    deterministic = param.Boolean(True, doc="The same bits every time, on a GPU too; slower there.")
    backend = Name("plain", ROUTES, doc="What runs a step: plain, or the way it is compiled.")
    average_kimg = param.Number(
        0.0, bounds=(0.0, 1e6), doc="Half-life of the average in 1000 images; 0: as average says."
    )
    threads = Whole(0, bounds=(0, 1024), doc="CPU threads of torch; 0: as many as it likes.")
    device = Name("auto", ("auto", "cpu", "cuda"), doc="auto: the GPU where there is one.")


PICTURES = ("data", "channels", "crop", "size", "images", "flips", "scaling")
RUN = (
    *("steps", "log_every", "sample_every", "eval_every", "eval_images", "eval_features"),
    *("save_every", "keep_every", "on_divergence", "rollbacks", "loss_limit", "fid_limit"),
    *("precision", "penalty_precision", "channels_last", "deterministic", "backend"),
    *("average_kimg", "threads", "device"),
)
NETWORK = tuple(name for name in Settings.param if name not in ("name", *PICTURES, *RUN))
OWN = (*PICTURES, *RUN, *NETWORK)
# An image run has images in the card's place, one member, and always learns its fakes.
NOT_HERE = ("data", *CARD_NUMBERS, "fakes", "members")
EXPERIMENT = tuple(name for name in experiment_names() if name not in NOT_HERE)
SECTIONS = {"experiment": EXPERIMENT, "network": NETWORK, "data": PICTURES, "run": RUN}
NAMES = (*OWN, *EXPERIMENT)


class Config(NamedTuple):
    """A whole image run, checked: its name, its experiment and its settings."""

    name: str
    experiment: Experiment
    settings: Settings


def _parameter(name):
    return (Settings if name in OWN else Experiment).param[name]


def _typed(name, value):
    """The value of a setting from TOML or from a command line's text, in the field's own type."""
    field = _parameter(name)
    try:
        if isinstance(field, Knob):
            return schedules.parse(value) if isinstance(value, str) else value
        if not isinstance(value, str):
            return value
        if isinstance(field, param.Boolean):
            return {"true": True, "false": False}[value]
        if isinstance(field, Whole):
            return int(value)
        return float(value) if isinstance(field, param.Number) else value
    except (ValueError, KeyError) as error:
        if isinstance(field, param.Boolean):
            raise ConfigError(f"{name} must be true or false, got {value!r}") from error
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
        settings = Settings(**{n: v for n, v in values.items() if n in OWN})
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


def choices(path):
    """The settings that a preset, or what it extends, says are not its paper's."""
    text = Path(path).read_text(encoding="utf-8")
    sections = tomllib.loads(text)
    lines = [line for line in text.splitlines() if line.startswith(CHOICE)]
    own = [line.removeprefix(CHOICE).rstrip(".").split(", ") for line in lines]
    theirs = choices(presets()[sections.pop("extends")]) if "extends" in sections else set()
    return {_known(name) for names in own for name in names} | theirs.difference(*sections.values())


def path_of(preset):
    """The path of a preset's name, or of a path that ends in .toml itself; raises `ConfigError`."""
    path = Path(preset)
    if path.suffix == ".toml":
        if path.stem in presets() and not path.exists():
            raise ConfigError(f"{path} is not there; the preset's name is {path.stem}")
        return path
    if preset not in presets():
        raise ConfigError(f"preset {preset!r} is unknown; {nearest(preset, presets())}")
    return presets()[preset]


def load(preset, changed=()):
    """The `Config` of a preset's name, or of a path that ends in .toml, with overrides applied."""
    path = path_of(preset)
    return build(path.stem, _over(read(path), dict(changed)))


def _over(values, changed):
    """Values with others over them; another network leaves behind what is said of the first one."""
    if changed.get("network") in tuple(FAMILIES):  # a list, which no table can look up, may come
        alien = _alien(changed["network"])
        values = {name: value for name, value in values.items() if name not in alien}
    return {**values, **changed}


def read(path, seen=()):
    """{setting: value} of a TOML file and what it extends; raises `ConfigError` naming the file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return parse(text, path, seen)


def parse(text, path, seen=()):
    """{setting: value} of a TOML text; `path` names it in a `ConfigError`."""
    try:
        sections = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    values = {}
    if "extends" in sections:
        base = sections.pop("extends")
        if not isinstance(base, str) or base not in presets() or base in seen:
            raise ConfigError(
                f"{path}: extends {base!r}; {nearest(base, set(presets()) - {*seen})}"
            )
        values = read(presets()[base], (*seen, base))
    for section, entries in sections.items():
        if section not in SECTIONS or not isinstance(entries, dict):
            raise ConfigError(
                f"{path}: section {section!r} is unknown; {nearest(section, SECTIONS)}"
            )
        try:
            found = {_known(n, SECTIONS[section]): _typed(n, v) for n, v in entries.items()}
        except ConfigError as error:
            raise ConfigError(f"{path}, [{section}]: {error}") from error
        values = _over(values, found)
    return values


def dump(config, explained=False):
    """The TOML text of every setting that means something in this run; `read` reads it back.

    explained -- with what each one is, and may be, in a comment behind it
    """
    alien, lines = _alien(config.settings.network), []
    if config.settings.average_kimg:
        alien = alien | {"average"}  # which follows from it
    for section, names in SECTIONS.items():
        owner = config.experiment if section == "experiment" else config.settings
        lines.append(f"[{section}]")
        for name in names:
            if name not in alien:
                text = f"{name} = {_toml(getattr(owner, name))}"
                lines.append(f"{text:<36}  # {explanation(name)}" if explained else text)
        lines.append("")
    return "\n".join(lines)


def explanation(name):
    """What a setting is and what it may be, as one line."""
    field = _parameter(name)
    told = " ".join(field.doc.split())
    if isinstance(field, Name):
        return f"{told} One of: {', '.join(field.choices)}."
    low, high = getattr(field, "bounds", None) or (None, None)
    if high is not None:
        return f"{told} {low:.10g} to {high:.10g}."
    return told if low is None else f"{told} At least {low:g}."


def _toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, schedules.Schedule | str):
        text = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text.translate(ESCAPED)}"'
    return repr(value)
