"""Every setting of a run as a param class, made from the engine's schema."""

import math

import param

_BUILT = []  # [(schema, its class)], the newest last: sessions of a server share one
_KEPT = 4


def settings_class(schema):
    """A `param.Parameterized` with one parameter a field, its bounds, choices, label and words."""
    for known, built in _BUILT:
        if known is schema:
            return built
    made = {field["name"]: parameter(field) for field in schema["fields"]}
    built = param.parameterized_class("Settings", made, param.Parameterized)
    _BUILT[:] = [*_BUILT[1 - _KEPT :], (schema, built)]
    return built


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


def usual(schema, data):
    """{name: value} that holds where nobody chose: the fields' defaults, as the data have them."""
    told = {field["name"]: field["default"] for field in schema["fields"]}
    card = next((card for card in schema["cards"] if card["name"] == data), None)
    if card is not None:
        told |= {"data": data, "batch": card["batch"]}
        told |= {name: number["default"] for name, number in card["numbers"].items()}
    return told


def ladder(low, high, log, whole, finest=0.0):
    """The stops of a slider: ten a decade if it is logarithmic, else about a hundred even ones.

    finest -- the first stop above 0 of a logarithmic slider that begins at 0
    """
    if whole and high - low <= 64:
        return list(range(int(low), int(high) + 1))
    if whole:
        stops = {2**k * m for k in range(32) for m in (1, 1.5) if 2**k * m == int(2**k * m)}
        return sorted({low, high, *(int(stop) for stop in stops if low < stop < high)})
    if log:
        floor = low if low > 0 else finest or high * 1e-4
        powers = range(math.floor(math.log10(floor)), math.ceil(math.log10(high)) + 1)
        stops = {float(f"{m}e{p}") for p in powers for m in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)}
        return sorted({low, high, *(stop for stop in stops if max(low, floor) <= stop < high)})
    step = 10.0 ** math.floor(math.log10((high - low) / 50))
    step *= 2 if (high - low) / step > 200 else 1
    stops = (round(low + k * step, 10) for k in range(round((high - low) / step) + 1))
    return sorted({*(stop for stop in stops if stop < high), high})


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
