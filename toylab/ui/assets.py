"""The page's own scripts and style sheets, read once; `common.css` stands before each of them."""

from pathlib import Path

HERE = Path(__file__).parent


def script(name):
    """The text of a file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def style(name):
    """A style sheet with what all of them share."""
    return script("common.css") + script(name)
