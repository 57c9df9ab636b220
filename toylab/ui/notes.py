"""What stands under a control: why it cannot be used and what would make it possible, what is odd,
whose own it is. Every text is escaped: a user's own file may say anything."""

import json
from html import escape

import panel as pn

from toylab.ui.assets import style

PLAYERS = '<p class="players"><span>Generator</span><span>Critic</span></p>'


def pane(html, **styles):
    """A piece of HTML of the drawer; a button in it with `data-do` sends that command."""
    return pn.pane.HTML(
        html, margin=0, styles=styles, stylesheets=[style("notes.css")], sizing_mode="stretch_width"
    )


def link(words, **command):
    """A button that looks like a link and sends a command."""
    told = escape(json.dumps(command), quote=True)
    return f'<button class="link" data-do="{told}">{escape(words)}</button>'


def reason(why, fix=None):
    """Why something cannot be, and the link that makes it possible: {field: value} to be set."""
    switch = f" {link('Switch it on', do='fix', changes=fix)}" if fix else ""
    return f"<p>{escape(why)}{switch}</p>"


def excluded(count, total, by, why, fix):
    """So many choices do not go with what was chosen elsewhere, and the link that takes it off."""
    switch = link("Switch it off", do="fix", changes=fix)
    title = escape(why, quote=True)
    return f'<p title="{title}">{count} of {total} do not go with {escape(by)}. {switch}</p>'


def odd(sentence):
    """Legal, but probably not meant."""
    return f'<p class="odd">{escape(sentence)}</p>'


def own(choice):
    """The badge of a row of the user's own file: the file's name and what its laws say."""
    laws = choice.get("laws")
    told = f" {laws['held']} of {laws['total']} laws hold" if laws else ""
    broken = "; ".join(f"{law}: {why}" for law, why in laws["broken"].items()) if laws else ""
    return (
        f'<p title="{escape(broken, quote=True)}"><span class="badge">{escape(choice["own"])}'
        f"</span>{told}</p>"
    )


def custom(choice):
    """What a combination of parts charges; its equation stands in no gallery."""
    title = escape(choice["doc"], quote=True)
    return f'<p class="formula" title="{title}">{escape(choice["formula"])}</p>'


def formulas(field):
    """The way to all rows of a table with their equations, at the end of its menu's label."""
    label = f"All {field['label'].lower()} rows, with formulas"
    return (
        f'<p class="corner"><button class="link" data-open="formulas:{field["name"]}" '
        f'title="{escape(label)}">All, with formulas…</button></p>'
    )


def lock(locked):
    """The lock between the two rates."""
    words = "Rates move together: let go" if locked else "Keep the ratio of the two rates"
    command = escape(json.dumps({"do": "lock"}), quote=True)
    return (
        f'<button class="lock" data-do="{command}" aria-pressed="{str(locked).lower()}" '
        f'aria-label="{words}" title="{words}"><span class="icon" aria-hidden="true">'
        f"{'lock' if locked else 'lock_open'}</span></button>"
    )
