"""Data cards: whatever is wrong with one, a single error names the card, the field and a remedy."""

import copy
import io
import math
import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toylab import card_fields
from toylab.cards import CardError, check, load, names

RING = {
    "title": "A ring",
    "batch": 64,
    "numbers": {"spread": {"default": 0.1, "low": 0.0, "high": 1.0}},
    "real": {"family": "ring", "count": 4, "radius": 1.0, "std": "spread"},
}
MIXTURE = {"real": {"family": "mixture", "means": [[0.0, 0.0], [1.0, 2.0]], "std": 0.1}}


def changed(card, **places):
    """A deep copy with `real__std=…` and the like put in; DROP takes a field away."""
    made = copy.deepcopy(card)
    for place, value in places.items():
        *path, last = place.split("__")
        inside = made
        for part in path:
            inside = inside.setdefault(part, {})
        if value is DROP:
            del inside[last]
        else:
            inside[last] = value
    return made


DROP = object()
EMBED = {"axis": [1.0, 0.0, 0.0], "angle": 45.0, "shift": [0.0, 0.0, 0.0]}
NAN, INF = math.nan, math.inf

WRONG = {
    "unknown family": (changed(RING, real__family="rnig"), "real.family", "did you mean 'ring'"),
    "family that is a list": (changed(RING, real__family=["ring"]), "real.family", "known: "),
    "no family": (changed(RING, real__family=DROP), "real.family", "write one of arc, "),
    "unknown field": (changed(RING, real__radus=1.0), "real.radus", "did you mean 'radius'"),
    "unknown field above": (changed(RING, tilte="x"), "tilte", "did you mean 'title'"),
    "no real side": (changed(RING, real=DROP), "real", "with a family"),
    "real side is a number": (changed(RING, real=3), "real.family", "write one of"),
    "missing field": (changed(RING, real__radius=DROP), "real.radius", "a ring needs it"),
    "negative std": (changed(RING, real__std=-0.1), "real.std", "write a number ≥ 0"),
    "one negative std of two": (changed(MIXTURE, real__std=[0.1, -0.1]), "real.std", "≥ 0"),
    "std per mean miscounted": (changed(MIXTURE, real__std=[0.1]), "real.std", "one std a mean"),
    "NaN": (changed(RING, real__radius=NAN), "real.radius", "write a finite number"),
    "infinity": (changed(RING, real__start=INF), "real.start", "write a finite number"),
    "NaN in a mean": (changed(MIXTURE, real__means=[[0.0, NAN]]), "real.means", "finite"),
    "integer beyond any float": (changed(RING, real__radius=10**400), "real.radius", "finite"),
    "text for a number": (changed(RING, real__radius="wide"), "real.radius", "[numbers.wide]"),
    "list for a number": (changed(RING, real__radius=[1.0]), "real.radius", "a single number"),
    "flag for a number": (changed(RING, real__radius=True), "real.radius", "finite number"),
    "number for a flag": (changed(RING, real__clockwise=1), "real.clockwise", "true or false"),
    "fraction for a count": (changed(RING, real__count=2.5), "real.count", "a whole number"),
    "count of zero": (changed(RING, real__count=0), "real.count", "a whole number"),
    "count beyond memory": (changed(RING, real__count=10**12), "real.count", "a whole number"),
    "three numbers in a mean": (
        changed(MIXTURE, real__means=[[0.0, 0.0, 0.0]]),
        "real.means",
        "[[x, y], …]",
    ),
    "means that are not pairs": (
        changed(MIXTURE, real__means=[0.0, 1.0]),
        "real.means",
        "[[x, y], …]",
    ),
    "no means": (changed(MIXTURE, real__means=[]), "real.means", "at least one"),
    "weights that do not sum to 1": (
        changed(MIXTURE, real__weights=[0.5, 0.6]),
        "real.weights",
        "sum to 1",
    ),
    "weights miscounted": (
        changed(MIXTURE, real__weights=[1.0]),
        "real.weights",
        "one weight a part",
    ),
    "a negative weight": (changed(MIXTURE, real__weights=[1.5, -0.5]), "real.weights", "≥ 0"),
    "weights of a curve": (
        {"real": {"family": "swissroll", "noise": 0.1, "scale": 1.0, "weights": [1.0]}},
        "real.weights",
        "leave it out",
    ),
    "weights and balance": (
        changed(MIXTURE, real__weights=[0.5, 0.5], real__balanced=True),
        "real.weights",
        "leave one of them out",
    ),
    "covariance of another shape": (
        changed(MIXTURE, real__covariance=[[1.0, 0.0]]),
        "real.covariance",
        "[[a, b], [b, c]]",
    ),
    "covariance not symmetric": (
        changed(MIXTURE, real__covariance=[[1.0, 0.5], [0.4, 1.0]]),
        "real.covariance",
        "[[a, b], [b, c]]",
    ),
    "covariance not positive": (
        changed(MIXTURE, real__covariance=[[1.0, 2.0], [2.0, 1.0]]),
        "real.covariance",
        "positive",
    ),
    "covariance by name": (
        changed(
            MIXTURE, real__covariance=[["s", 0.0], [0.0, 1.0]], numbers={"s": {"default": 1.0}}
        ),
        "real.covariance",
        "write numbers",
    ),
    "default out of bounds": (
        changed(RING, numbers__spread__default=2.0),
        "numbers.spread",
        "widen bounds",
    ),
    "number without default": (
        changed(RING, numbers__spread__default=DROP),
        "numbers.spread",
        "default = 1.0",
    ),
    "number with a text bound": (
        changed(RING, numbers__spread__low="0"),
        "numbers.spread.low",
        "finite",
    ),
    "number with an unknown field": (
        changed(RING, numbers__spread__hihg=2.0),
        "numbers.spread.hihg",
        "did you mean 'high'",
    ),
    "number that may make a std negative": (
        changed(RING, numbers__spread__low=-1.0),
        "real.std",
        "low = 0",
    ),
    "numbers is not a table": (changed(RING, numbers=[1.0]), "numbers", "[numbers.spread]"),
    "sampling unknown": (changed(RING, sampling="often"), "sampling", "'fresh' or 'finite'"),
    "order unknown": (changed(RING, order="random"), "order", "'permuted' or 'fixed'"),
    "finite without size": (changed(RING, sampling="finite"), "size", "write size = 1000"),
    "finite beyond memory": (changed(RING, sampling="finite", size=10**12), "size", "size = 1000"),
    "fresh with size": (changed(RING, size=100), "size", "leave it out"),
    "batch of zero": (changed(RING, batch=0), "batch", "write batch = 128"),
    "title is a number": (changed(RING, title=3), "title", "quotes"),
    "embed is a number": (changed(RING, embed=3.0), "embed", "axis, angle, shift"),
    "embed without angle": (
        changed(RING, embed={**EMBED, "angle": None}),
        "embed.angle",
        "degrees",
    ),
    "embed in the plane": (
        changed(RING, embed={**EMBED, "axis": [1.0, 0.0]}),
        "embed.axis",
        "[x, y, z]",
    ),
    "embed about nothing": (
        changed(RING, embed={**EMBED, "axis": [0, 0, 0]}),
        "embed.axis",
        "direction",
    ),
    "embed unknown field": (
        changed(RING, embed={**EMBED, "shfit": 1.0}),
        "embed.shfit",
        "known: axis",
    ),
    "wrong fake": (
        changed(RING, fake={"family": "points", "points": 3.0}),
        "fake.points",
        "brackets",
    ),
    "missing file": (
        {"real": {"family": "file", "path": "no.csv"}},
        "real.path",
        "beside the card",
    ),
    "path is a number": ({"real": {"family": "file", "path": 3}}, "real.path", "quote it"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_card_gets_one_error_with_card_field_and_remedy(case, tmp_path):
    fields, field, remedy = WRONG[case]
    with pytest.raises(CardError) as caught:
        check("mine", fields, tmp_path)
    text = str(caught.value)
    assert text.startswith(f"card 'mine', field {field}: "), text
    assert remedy in text.rsplit("; ", 1)[1] or remedy in text.split("; ", 1)[1], text
    assert isinstance(caught.value, ValueError)


FILES = {
    "not TOML": (b"real = [", "file", "mend that line"),
    "not UTF-8": ('title = "é"'.encode("latin-1"), "file", "UTF-8"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file_is_a_card_error(case, tmp_path):
    content, field, remedy = FILES[case]
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(CardError, match=f"card 'broken', field {field}: .*; .*{remedy}"):
        load(path)


def test_a_missing_card_is_a_card_error(tmp_path):
    with pytest.raises(CardError, match="card 'none', field file: .*; put a card at "):
        load(tmp_path / "none.toml")
    with pytest.raises(CardError, match="card '9gaussians', field name: .*'8gaussians'"):
        load("9gaussians")
    with pytest.raises(CardError, match="field file"):
        (tmp_path / "folder.toml").mkdir()
        load(tmp_path / "folder.toml")


def test_cards_are_read_as_utf_8_whatever_the_locale(tmp_path, monkeypatch):
    path = tmp_path / "greek.toml"
    text = 'title = "θ"\n[real]\nfamily = "points"\npoints = [[0.0, 0.0]]\n'
    path.write_bytes(text.encode())
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    monkeypatch.setattr("locale.getencoding", lambda *_: "ascii")
    assert load(path).title == "θ"


def archive(**arrays):
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def bare():
    made = io.BytesIO()
    np.save(made, np.zeros((3, 2)))
    return made.getvalue()


CONTENTS = {
    "three columns": ("a.csv", b"1,2,3\n4,5,6\n", "two columns"),
    "words": ("a.csv", b"x,y\n1,2\n", "lines x,y"),
    "ragged": ("a.csv", b"1,2\n3\n", "lines x,y"),
    "not finite": ("a.csv", b"1,2\nnan,3\n", "remove NaN"),
    "beyond float32": ("a.csv", b"1,2\n1e300,3\n", "remove NaN"),
    "no rows": ("a.npz", archive(points=np.zeros((0, 2))), "≥ 1 row"),
    "no array": ("a.npz", archive(), "lines x,y or an NPZ"),
    "not an archive": ("a.npz", b"hello", "lines x,y or an NPZ"),
    "empty archive file": ("a.npz", b"", "lines x,y or an NPZ"),
    "half an archive": ("a.npz", archive(points=np.zeros((9, 2)))[:100], "lines x,y or an NPZ"),
    "a bare array": ("a.npz", bare(), "lines x,y or an NPZ"),
    "text in an archive": ("a.npz", archive(points=np.array([["a", "b"]])), "lines x,y or an NPZ"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_a_wrong_point_file_is_a_card_error(case, tmp_path):
    name, content, remedy = CONTENTS[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CardError, match=f"card 'mine', field real.path: .*; .*{remedy}"):
        check("mine", {"real": {"family": "file", "path": name}}, tmp_path)


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_point_file_never_runs_anything(tmp_path):
    trap = tmp_path / "sprung"
    content = archive(points=np.array([[Trap(trap), None]], dtype=object))
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(CardError, match="lines x,y or an NPZ"):
        check("mine", {"real": {"family": "file", "path": "a.npz"}}, tmp_path)
    assert not trap.exists()
    with np.load(io.BytesIO(content), allow_pickle=True) as opened:
        _ = opened["points"]
    assert trap.exists()  # it would have


def test_point_files_hold_what_they_hold(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4.5\n")
    (tmp_path / "b.npz").write_bytes(archive(points=np.array([[1, 2], [3, 4.5]])))
    for name in ("a.csv", "b.npz"):
        found = card_fields.points("mine", "real", tmp_path / name)
        assert found.dtype == np.float32 and found.tolist() == [[1, 2], [3, 4.5]]
        card = check("mine", {"real": {"family": "file", "path": name}}, tmp_path)
        assert card.sampling == "finite"


def test_a_singular_covariance_is_fine():
    """A segment-like Gaussian has an eigenvalue of 0, which rounding may turn negative."""
    for matrix in ([[1.0, 1.0], [1.0, 1.0]], [[0.1, 0.3], [0.3, 0.9]], [[0.0, 0.0], [0.0, 0.0]]):
        check("mine", changed(MIXTURE, real__covariance=matrix))


@pytest.mark.parametrize("name", names())
def test_every_card_says_what_it_is(name):
    card = load(name)
    assert card.title and card.doc.endswith((".", "?")) and card.source
    assert card is load(name) and card.name == name
    for key, number in card.numbers.items():
        assert number.low <= number.default <= number.high and number.doc
        assert f"'{key}'" in str([card.real, card.fake]), f"{key} moves nothing"


def test_the_mission_s_cards_are_there():
    assert set(names()) >= {
        *("roth3d", "8gaussians", "8gaussians-x10", "swissroll", "segments", "arcs", "points"),
        *("lines", "two-gaussians", "ring", "25gaussians"),
    }


def test_numbers_are_put_where_they_are_named():
    lines = load("lines")
    assert lines.resolved("fake")["start"] == [1.0, 0.0]
    assert lines.resolved("fake", {"theta": -0.5})["end"] == [-0.5, 1.0]
    assert lines.resolved("fake", {"theta": None, "other": 3})["end"] == [1.0, 1.0]
    assert lines.fake["start"] == ["theta", 0.0]  # the card itself is not changed
    assert load("ring").resolved("fake") is None


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([10**400, -(10**400), 1e308, NAN, INF, -1.0, 0.0])
    | st.floats(-10, 10)
    | st.text(max_size=3)
    | st.sampled_from(["spread", "ring", "mixture", "file", "fresh", "finite", "a.csv", "\x00"])
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["default", "low", "family", "axis", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
matrices = st.lists(st.lists(leaves, min_size=2, max_size=2), min_size=2, max_size=2)
sides = st.sampled_from(sorted(card_fields.FAMILIES)).flatmap(
    lambda family: st.fixed_dictionaries(
        {"family": st.just(family)},
        optional={
            field: values | matrices | st.sampled_from([1, 0.5, [0.5, 0.5], [[0.0, 1.0]]])
            for field in (*card_fields.FAMILIES[family], *card_fields.COMMON)
        },
    )
)
top = st.fixed_dictionaries(
    {"real": sides | values},
    optional={
        **{field: values for field in sorted(card_fields.TOP - {"real"})},
        "numbers": values | st.just(RING["numbers"]),
        "embed": values | st.just(EMBED) | st.fixed_dictionaries({key: values for key in EMBED}),
    },
)


@given(top)
def test_no_card_raises_anything_but_a_card_error(fields):
    try:
        card = check("fuzz", fields)
    except CardError as error:
        assert re.match(r"card 'fuzz', field [\s\S]*: [\s\S]*; ", str(error))
    else:
        for side in ("real", "fake"):
            card.resolved(side)


@given(st.sampled_from(sorted(WRONG)), st.data())
def test_no_single_wrong_field_raises_anything_but_a_card_error(case, data):
    """One field of a nearly right card replaced by anything."""
    fields = copy.deepcopy(data.draw(st.sampled_from([RING, MIXTURE, WRONG[case][0]])))
    place = data.draw(st.sampled_from(sorted(fields)))
    inside = fields
    if isinstance(fields[place], dict) and fields[place]:
        inside, place = fields[place], data.draw(st.sampled_from(sorted(fields[place])))
    inside[place] = data.draw(values | matrices)
    try:
        check("fuzz", fields)
    except CardError:
        pass
