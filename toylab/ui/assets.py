"""The page's own scripts and style sheets, read once; `common.css` stands before each of them."""

from pathlib import Path

HERE = Path(__file__).parent


def script(name):
    return (HERE / name).read_text(encoding="utf-8")


def style(name):
    return script("common.css") + script(name)
