"""What a page may choose about pictures, and how a wrong wish is answered."""

import json
import math

import pytest

from toylab.look import CHOICES, Look


def test_some_options_change_and_the_others_stay():
    look = Look().changed({"surface": "logit", "probes": [[0, 1.5], (2, -3)]})
    assert look.told() == {
        "surface": "logit",
        "optimal": "none",
        "levels": False,
        "force": "loss",
        "field": "logit",
        "probes": [[0.0, 1.5], [2.0, -3.0]],
        "extent": None,
    }
    again = look.changed({"extent": [0, 1, 2.5], "probes": []})
    assert again.told()["extent"] == [0.0, 1.0, 2.5] and again.surface == "logit"
    assert again.changed({"extent": None}).extent is None
    json.dumps(again.told())


def test_every_choice_is_taken_and_the_first_is_the_default():
    for name, values in CHOICES.items():
        assert getattr(Look(), name) == values[0]
        for value in values:
            assert Look().changed({name: value}).told()[name] == value


@pytest.mark.parametrize(
    "options, words",
    [
        ({"surface": "probabilty"}, "known: probability, logit, raw; did you mean 'probability'?"),
        ({"force": ["loss"]}, "force ['loss'] is unknown; known: loss, D, logit, log D"),
        ({"optimal": None}, "known: none, optimal, difference"),
        ({"colour": "red"}, "look 'colour' is unknown; known: surface, optimal, levels, force"),
        ({"levels": 1}, "levels must be true or false, got 1"),
        ({"probes": [[0, 0]] * 4}, "at most 3 places"),
        ({"probes": [[0, math.nan]]}, "at most 3 places"),
        ({"probes": [[0, True]]}, "at most 3 places"),
        ({"probes": "00"}, "at most 3 places"),
        ({"probes": 7}, "at most 3 places"),
        ({"extent": [0, 0, 0]}, "half side > 0"),
        ({"extent": [0, 0, -1]}, "half side > 0"),
        ({"extent": [0, 0, math.inf]}, "half side > 0"),
        ({"extent": [0, 10**400, 1]}, "half side > 0"),
        ({"extent": [0, 0]}, "half side > 0"),
        ({"extent": {"x": 0}}, "half side > 0"),
        ("surface", "options must be names with values"),
    ],
)
def test_a_wrong_wish_is_refused_in_words(options, words):
    with pytest.raises(ValueError) as told:
        Look().changed(options)
    assert words in str(told.value)
