"""The page's own scripts and style sheets, read once; `common.css` stands before each of them."""

from pathlib import Path

HERE = Path(__file__).parent


def script(name):
    """The text of a file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def style(*names):
    """Style sheets as one, after what all of them share."""
    return "\n".join(map(script, ("common.css", *names)))
