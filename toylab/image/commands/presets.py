"""``presets``: what comes with the package, or all settings of one and what each means."""

from toylab.image import config
from toylab.image.commands import report, reports


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument("name", nargs="?", metavar="PRESET", help="print all settings of this one")
    reports(parser)


def execute(parsed):
    """Prints every preset with its title, or one as the TOML that a run of it would have."""
    if parsed.name:
        made, path = config.load(parsed.name), config.path_of(parsed.name)
        title, own = config.title(path), sorted(config.choices(path))
        text, plain = config.dump(made, explained=True), config.dump(made)
        told = {"preset": parsed.name, "title": title, "choices": own, "toml": plain}
        about = [f"# {title}", *([f"{config.CHOICE}{', '.join(own)}."] if own else [])]
        return report(parsed, told, [*about, text.rstrip()])
    titles = {name: config.title(path) for name, path in config.presets().items()}
    width = max(map(len, titles))
    return report(parsed, titles, [f"{n:{width}}  {title}" for n, title in titles.items()])
