"""What goes together with what: read off the schema for the settings that hold now."""

from toylab.ui.settings import words


def holds(needed, settings):
    """Whether {field: values} is met."""
    return all(settings.get(name) in values for name, values in needed.items())


def idle(field, settings):
    """(why, fix) of a control that means nothing now, or None."""
    for other, values in (field.get("needs") or {}).items():
        if settings.get(other) not in values:
            return field.get("why", ""), {other: values[0]}
    either = field.get("either") or {}
    if either and not any(holds({other: values}, settings) for other, values in either.items()):
        other, values = next(iter(either.items()))
        return field.get("why", ""), {other: values[0]}
    return None


def impossible(schema, name, settings):
    """{value: (why, fix)} of the choices of a field that conflict with what is set now."""
    return {
        row["value"]: (row["why"], row["fix"])
        for row in schema["conflicts"]
        if row["field"] == name and holds(row["with"], settings)
    }


def odd(schema, name, settings):
    """Sentences about what is legal at a field but probably not meant (see `toylab.hints`)."""
    told = {key: words(value) for key, value in settings.items()}
    return [
        row["text"].format_map(told)
        for row in schema["odd"]
        if row["field"] == name
        and all(_meets(settings.get(other), wanted) for other, wanted in row["when"].items())
    ]


def _meets(value, wanted):
    """Whether a value is one of a list, or a number within {least, most}; a schedule never is."""
    if isinstance(wanted, list):
        return value in wanted
    number = isinstance(value, (int, float))
    return number and wanted["least"] <= value <= wanted["most"]
