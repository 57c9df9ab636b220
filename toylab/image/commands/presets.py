"""``presets``: what comes with the package, or all settings of one."""

from toylab.image import config
from toylab.image.commands import report, reports


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument("name", nargs="?", metavar="PRESET", help="print all settings of this one")
    reports(parser)


def execute(parsed):
    """Prints every preset with its title, or one as the TOML that a run of it would have."""
    if parsed.name:
        text = config.dump(config.load(parsed.name))
        return report(parsed, {"preset": parsed.name, "toml": text}, [text.rstrip()])
    titles = {name: config.title(path) for name, path in config.presets().items()}
    width = max(map(len, titles))
    return report(parsed, titles, [f"{n:{width}}  {title}" for n, title in titles.items()])
