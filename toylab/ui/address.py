"""The address of a run: every setting that differs from what is usual, as a URL's query.

`read` gives back what `write` wrote; whatever else stands in an address is named in words and
left out, so that any text opens a page.
"""

from difflib import get_close_matches
from urllib.parse import urlencode

from toylab import schedules
from toylab.ui.settings import usual, words

# What an address may hold that is no setting.
ALSO = ("play", "pace", "theme", "layers", "cards", "backend")
LONGEST = 32  # characters of a foreign text that the page repeats
SEVERAL = 2  # complaints that are told in full
NAMED = 6  # names that a complaint tells


def write(schema, settings, always=()):
    """The query string, without "?", of all settings that differ from the usual ones.

    always -- names of settings that it has in any case
    """
    common = usual(schema, settings.get("data"))
    common["data"] = usual(schema, None)["data"]
    chosen = [
        name
        for name in (field["name"] for field in schema["fields"])
        if settings.get(name) is not None and (name in always or settings[name] != common[name])
    ]
    return urlencode({name: settings[name] for name in chosen})


def read(schema, query):
    """(settings, complaints) of a query {name: text}; what is wrong is named, the usual is used."""
    fields = {field["name"]: field for field in schema["fields"]}
    settings, complaints = {}, []
    common = usual(schema, query.get("data"))
    for name, text in query.items():
        if name in ALSO:
            continue
        if name not in fields:
            complaints.append(f"{_cut(name)} is no setting; left out. {_known(name, fields)}")
            continue
        try:
            settings[name] = value(fields[name], text)
        except ValueError as error:
            wrong, _, known = str(error).partition(". ")
            using = f"using {words(common[name])}" if common[name] is not None else "left out"
            complaints.append(f"{name}={_cut(text)} {wrong}; {using}. {known}".strip())
    return settings, _told(complaints)


def value(field, text):
    """The value that a text means for a field; raises ValueError with words."""
    if field["type"] == "choice":
        names = [choice["value"] for choice in field["choices"]]
        if text not in names:
            raise ValueError(f"is unknown. {_known(text, names)}")
        return text
    low, high = field.get("least", field["low"]), field.get("most", field["high"])
    try:
        number = int(text) if field["type"] == "integer" else float(text)
    except ValueError:
        if field["kind"] != "live" or "(" not in text:
            whole = "whole " if field["type"] == "integer" else ""
            raise ValueError(f"is not a {whole}number") from None
        number, values = _schedule(text)
    else:
        values = (number,)
    if not all(low <= one <= high for one in values):
        raise ValueError(f"is not between {words(low)} and {words(high)}")
    return number


def _schedule(text):
    """A schedule as the engine reads it, such as linear(0.5, 0, 2500), and the numbers in it."""
    try:
        made = schedules.parse(text)
    except ValueError:
        raise ValueError(
            "is neither a number nor a schedule such as linear(0.5, 0, 2500)"
        ) from None
    return str(made), made.values


def _known(name, names):
    """ "Known: r1, r2 …", those that are nearest to what was written first."""
    near = get_close_matches(name[:LONGEST], names, n=2, cutoff=0.5)
    told = list(dict.fromkeys([*near, *names]))
    return f"Known: {', '.join(told[:NAMED])}{' …' if len(told) > NAMED else ''}"


def _cut(text):
    """A foreign text in one short line."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[: LONGEST + 1])
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def _told(complaints):
    """The first complaints in full and how many more there are."""
    if len(complaints) <= SEVERAL + 1:
        return complaints
    more = len(complaints) - SEVERAL
    return [*complaints[:SEVERAL], f"{more} more parts of the address were left out."]
