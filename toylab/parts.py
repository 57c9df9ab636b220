"""A gradient penalty's three choices in words: where the slope is measured, what it is pulled to,
of which output. Every combination is a penalty; those that no paper has named are named here."""

from itertools import product

from toylab.slopes import CENTERS, OUTPUTS, POINTS

PARTS = {
    "where": {
        "label": "Where",
        "doc": "At which points the slope is measured. Between: on the line from a real point to "
        "a fake. Around: near a real point.",
        "choices": {
            "between": "between",
            "real": "real",
            "fake": "fakes",
            "both": "both",
            "around": "around",
            "beside": "beside",
        },
    },
    "pull": {
        "label": "Pull to",
        "doc": "The slope the penalty wants.",
        "choices": {"0": "0", "1": "1", "≤1": "≤1"},
    },
    "of": {
        "label": "Of",
        "doc": "Whose slope: of D (0 to 1) or of the score before the squashing.",
        "choices": {"probability": "prob.", "logit": "logit"},
    },
}

# Points: (their words, the slope's arguments, what these are).
_SITES = {
    "between": ("on the lines from real points to fakes", ["x̂"], ["x̂ = a x + (1−a) y"]),
    "real": ("at the real points", ["x"], []),
    "fake": ("at the fakes", ["y"], []),
    "both": ("at the real points and at the fakes", ["x", "y"], []),
    "around": (
        "around the real points, c standard deviations of the batch away",
        ["x + c s ξ"],
        ["ξ ~ N(0, I)", "s = std of the batch"],
    ),
    "beside": (
        "on the way from a real point to one moved up in every number",
        ["x̂"],
        ["x̂ = x + a c s u", "u ~ U[0, 1]ᵈ"],
    ),
}
# Center: (its name, its words, the price of a slope).
_PRICES = {
    "0": ("0-gp", "0", "|∇{}|²"),
    "1": ("1-gp", "1", "(|∇{}| − 1)²"),
    "≤1": ("lp", "at most 1", "max(0, |∇{}| − 1)²"),
}
# Output: (its words, its letter, what that is).
_OUTPUTS = {"logit": ("the score", "φ", []), "probability": ("D", "D", ["D = σ(φ)"])}


def parts():
    """The choices as JSON-ready data; only those that the kernel has."""
    known = {"where": POINTS, "pull": CENTERS, "of": OUTPUTS}
    return [
        {
            **told,
            "name": name,
            "choices": [
                {"value": value, "label": told["choices"].get(value, value)}
                for value in known[name]
            ],
        }
        for name, told in PARTS.items()
    ]


def formula(where, pull, of):
    """The equation of a combination: λ E price of the slope, summed over its points."""
    _, places, meant = _SITES[where]
    _, letter, squashing = _OUTPUTS[of]
    terms = [_PRICES[pull][2].format(f"{letter}({place})") for place in places]
    price = terms[0] if len(terms) == 1 else f"[{' + '.join(terms)}]"
    space = " " * (len(terms) == 1)
    return ",  ".join([f"λ E{space}{price}", *meant, *squashing])


def unnamed(taken):
    """{name: words} of the combinations that are not in `taken`, each {where, pull, of, label, …}.

    A name is center, points, output: 1-gp-real-logit; between real points and fakes goes unsaid.
    """
    made = {}
    for chosen in product(_SITES, _PRICES, _OUTPUTS):
        if chosen in taken:
            continue
        where, pull, of = chosen
        name = "-".join([_PRICES[pull][0], *[where] * (where != "between"), of])
        told = zip(PARTS.values(), chosen, strict=True)
        made[name] = {
            **dict(zip(PARTS, chosen, strict=True)),
            "label": f"Custom: {', '.join(part['choices'][value] for part, value in told)}",
            "group": "Custom",
            "doc": f"The slope of {_OUTPUTS[of][0]} should be {_PRICES[pull][1]} "
            f"{_SITES[where][0]}.",
            "formula": formula(*chosen),
            "source": "no paper's: chosen part by part",
        }
    return made
