"""Every setting of a run as a param class, made from the engine's schema."""

import math

import param

BUILT = {}  # one class a schema: sessions of a server share it


def settings_class(schema):
    """A `param.Parameterized` with one parameter a field, its bounds, choices, label and words."""
    key = id(schema)
    if key not in BUILT:
        made = {field["name"]: parameter(field) for field in schema["fields"]}
        BUILT[key] = param.parameterized_class("Settings", made, param.Parameterized)
    return BUILT[key]


def parameter(field):
    """The parameter of one field; a number that not every data set has may be None."""
    told = {"label": field["label"], "doc": field.get("doc", ""), "default": field["default"]}
    if field["type"] == "choice":
        return param.Selector(objects={c["label"]: c["value"] for c in field["choices"]}, **told)
    if field["type"] == "flag":
        return param.Boolean(**told)
    kind = param.Integer if field["type"] == "integer" else param.Number
    bounds = (field.get("least", field["low"]), field.get("most", field["high"]))
    return kind(bounds=bounds, allow_None=field["default"] is None, **told)


def numbers_of(schema, data):
    """The live numbers that one data set has: {name: {default, low, high, log, doc}}."""
    cards = {card["name"]: card for card in schema["cards"]}
    return cards.get(data, {}).get("numbers", {})


def ladder(low, high, log, whole):
    """The stops of a slider: nine a decade if it is logarithmic, else about a hundred even ones."""
    if whole and high - low > 64:
        stops = {2**k * m for k in range(32) for m in (1, 1.5) if 2**k * m == int(2**k * m)}
        return sorted({low, *(int(stop) for stop in stops if low < stop <= high)})
    if whole:
        return list(range(int(low), int(high) + 1))
    if log:
        floor = low if low > 0 else high * 1e-4
        powers = range(math.floor(math.log10(floor)), math.ceil(math.log10(high)) + 1)
        stops = {float(f"{m}e{p}") for p in powers for m in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)}
        return sorted(({0.0} if low == 0 else set()) | {s for s in stops if floor <= s <= high})
    step = 10.0 ** math.floor(math.log10((high - low) / 50))
    step *= 2 if (high - low) / step > 200 else 1
    return [round(low + k * step, 10) for k in range(round((high - low) / step) + 1)]


def words(value):
    """A number as the page writes it: 0.03, 1.0, 128, 1e-3."""
    if value is None:
        return "—"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value}"
    if value and (abs(value) < 0.01 and float(f"{value:.1e}") == value or abs(value) < 1e-4):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")
    return (f"{value:.4g}" if value != int(value) else f"{value:.1f}").replace("-", "−")


def short(value):
    """A number in at most four signs: 0.1, 1.2, 20, 5e-4."""
    if value is None or not math.isfinite(value):
        return "—"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")


def from_address(schema, query):
    """(settings, complaints) of a URL's query: a wrong field is named and its default is used."""
    fields = {field["name"]: field for field in schema["fields"]}
    settings, complaints = {}, []
    for name, text in query.items():
        if name in ADDRESS:
            continue
        field = fields.get(name)
        if field is None:
            complaints.append(f"{name} is no setting. Known: {', '.join(fields)}")
            continue
        try:
            settings[name] = read(field, text)
        except ValueError as error:
            complaints.append(f"{name}={text} {error}; using {words(field['default'])}.")
    return settings, complaints


ADDRESS = ("play", "pace", "theme", "layers", "cards")  # what else an address may hold


def read(field, text):
    """The value that a text means for a field; raises ValueError with words."""
    if field["type"] == "choice":
        known = [choice["value"] for choice in field["choices"]]
        if text not in known:
            raise ValueError(f"is unknown (known: {', '.join(known)})")
        return text
    if field["type"] == "flag":
        return text not in ("0", "false", "no", "")
    try:
        value = int(text) if field["type"] == "integer" else float(text)
    except ValueError:
        if field["kind"] == "live" and "(" in text:
            return text  # a schedule, such as linear(0.5, 0, 2500): the engine reads it
        raise ValueError("is not a number") from None
    low, high = field.get("least", field["low"]), field.get("most", field["high"])
    if not low <= value <= high:
        raise ValueError(f"is not between {words(low)} and {words(high)}")
    return value
