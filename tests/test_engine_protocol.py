"""Messages: they come back as they were, and whatever else comes is refused in words."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine_pages import SMALL, Desk, Page, played, same
from toylab.engine.limits import NUMBERS, numbers
from toylab.engine.protocol import LARGEST, LAYERS, LOOK, ProtocolError, decode, encode
from toylab.experiment import Experiment
from toylab.look import Look
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES
from toylab.states import flatten
from toylab.trainer import Setup

ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.tuples(
        st.sampled_from(["float32", "int32", "uint8"]), st.lists(st.integers(0, 4), max_size=3)
    ),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=8).filter(lambda k: k != "arrays"), JSON, max_size=4), ARRAYS
)
@settings(max_examples=100, deadline=None)
def test_messages_come_back_as_they_were(header, described):
    arrays = {
        name: np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
        for name, (dtype, shape) in described.items()
    }
    back, got = decode(encode(header, arrays))
    assert back == header and set(got) == set(arrays)
    assert all((got[n] == arrays[n]).all() and got[n].dtype == arrays[n].dtype for n in arrays)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_that_are_no_message_are_refused_in_one_way(message):
    with pytest.raises(ProtocolError):
        decode(message)


def test_the_looks_are_those_of_the_pictures():
    assert LOOK == Look().told()


def test_what_cannot_travel_is_refused_before_it_leaves():
    with pytest.raises(ProtocolError, match="float64"):
        encode({}, {"x": np.zeros(3)})
    with pytest.raises(ValueError):
        encode({"x": float("nan")})
    good = encode({"do": "want"}, {"x": np.zeros(3, np.float32)})
    for cut in range(len(good)):
        with pytest.raises(ProtocolError):
            decode(good[:cut])


WRONG = [
    ({"do": "bla"}, "unknown"),
    ({"do": "open", "settings": {"data": "8gausians"}}, "did you mean '8gaussians'"),
    ({"do": "open", "settings": {"data": "/tmp/somebody.toml"}}, "unknown"),
    ({"do": "open", "settings": {"objectiv": "hinge"}}, "objective"),
    ({"do": "open", "settings": {"members": 4}}, "members"),
    ({"do": "open", "settings": 7}, "settings"),
    ({"do": "open", "settings": {}, "playing": True, "pace": -1}, "pace"),
    ({"do": "knob", "changes": {"penalty": "r1"}}, "swap"),
    ({"do": "knob", "changes": {"rate_critic": "fast"}}, "schedule"),
    ({"do": "knob", "changes": {"rate_critic": [1, 2]}}, "one value"),
    ({"do": "knob", "changes": {"rate_critic": -1}}, "from 0 to 10"),
    ({"do": "knob", "changes": {"theta": 0.5}}, "θ"),
    ({"do": "swap", "changes": {"penalty": "r3"}}, "did you mean 'r2'"),
    ({"do": "swap", "changes": {"penalty": "roth", "objective": "hinge"}}, "needs an objective"),
    ({"do": "swap", "changes": {"seed": 4}}, "restart"),
    ({"do": "swap"}, "changes"),
    ({"do": "restart", "changes": {"latent": 0}}, "latent"),
    ({"do": "step", "count": 0}, "count"),
    ({"do": "step", "count": 1e9}, "count"),
    ({"do": "play", "pace": "quick"}, "quick"),
    ({"do": "want", "layers": ["surfaces"]}, "surface"),
    ({"do": "play", "lane": 3}, "not open"),
    ({"do": "play", "lane": 16}, "lane must be a whole number from 0 to 15"),
    ({"do": "play", "lane": True}, "lane"),
    ({"do": "swap", "changes": {"data": "roth3d"}}, "dimension cannot change within a run"),
    ({"do": "swap", "changes": {"fakes": "perfect"}}, "restart"),
    ({"do": "step", "who": "nobody"}, "known: both"),
    ({"do": "look", "options": {"surfaces": "raw"}}, "surface"),
    ({"do": "look", "options": {"surface": "rw"}}, "raw"),
    ({"do": "look", "options": {"probes": [[0, 0]] * 4}}, "at most 3"),
    ({"do": "look", "options": {"extent": [0, 0, 0]}}, "extent"),
    ({"do": "look"}, "options"),
    ({"do": "stop", "step": 1.5}, "step must be a whole number"),
    ({"do": "stop", "idle": "soon"}, "idle must be a number"),
    ({"do": "undo"}, "nothing to take back"),
    ({"do": "redo"}, "nothing to bring back"),
    ({"do": "recall"}, "step"),
    ({"do": "want", "layers": "fake"}, "list of names"),
    ({"do": "want", "layers": {"fake": 1}}, "list of names"),
    ({"do": "open", "settings": {}, "stops": {"when": 3}}, "known: step"),
    (
        {"do": "open", "settings": {"critic_width": 4096, "critic_depth": 16}},
        "numbers, on the page",
    ),
    ({"do": "open", "settings": {"batch": 65536, "critic_width": 2048}}, "too long"),
    ({"do": "swap", "changes": {"batch": 65536, "critic_steps": 100}}, "too long"),
    (
        {"do": "open", "settings": {"optimizer": "cgd", "solver_steps": 50, "critic_width": 2048}},
        "too much memory",
    ),
    ({"do": "swap", "changes": {"batch_generator": 65536, "generator_width": 2048}}, "restart"),
    ({"do": "open", "settings": {"batch_generator": 65536, "critic_width": 2048}}, "too long"),
    ({"do": "open", "settings": {"data": ["8gaussians"]}}, "unknown"),
    ({"do": "open", "settings": {"seed": "x" * 9000}}, "seed must be a whole number"),
]


def test_everything_wrong_is_refused_in_words_and_the_run_goes_on():
    desk, straight = Desk(), Desk()
    for each in (desk, straight):
        each.open()
        each.steps(3)
    for message, word in WRONG:
        text = desk.refusal(**message)
        assert word in text and len(text) <= 600, (message, text)
        assert "Error" not in text, "nobody's words"
    desk.steps(3)
    straight.steps(3)
    assert same(desk.state(), straight.state())


def raw(text):
    """A message with this header, however wrong, as bytes."""
    head = text.encode("utf-8", "surrogatepass")
    return struct.pack(">I", len(head)) + head


HOSTILE = [
    '{"do": "knob", "changes": {"rate_critic": NaN}, "arrays": []}',
    '{"do": "knob", "changes": {"rate_critic": 1e999}, "arrays": []}',
    '{"do": "step", "count": Infinity, "arrays": []}',
    '{"do": "stop", "idle": -1e999, "arrays": []}',
    '{"do": "recall", "step": ' + "9" * 4000 + ', "arrays": []}',
    '{"do": "recall", "step": ' + "9" * 5000 + ', "arrays": []}',
    '{"do": "look", "options": {"extent": [0, 0, 1e308]}, "arrays": []}',
    '{"do": ' + "[" * 100_000 + "]" * 100_000 + ', "arrays": []}',
    '{"do": "open", "settings": ' + '{"x":' * 900 + "1" + "}" * 900 + ', "arrays": []}',
    '{"do": "want", "layers": [["fake"]], "arrays": []}',
    '{"do": "want", "layers": ["\\ud800"], "arrays": []}',
    '{"do": "want", "layers": ["fake"], "lane": 1e999, "arrays": []}',
    '{"do": "want", "layers": ["fake"], "arrays": [["x", "float32", [-1]]]}',
    '{"do": "want", "layers": ["fake"], "arrays": [["x", "float32", [1e18, 9]]]}',
    '{"do": "want", "layers": ["fake"], "arrays": 7}',
    '{"do": "open", "settings": {}, "arrays": [["step", "float32", [0]]]}',
    '["want"]',
    "7",
    "null",
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:60])
def test_what_json_should_not_hold_is_refused_too(text):
    desk = Desk()
    desk.open()
    desk.said.clear()
    desk.worker.receive(raw(text))
    ((header, _),) = desk.said
    assert header["say"] == "refused" and header["text"]
    desk.steps(1)


def test_a_message_nested_without_end_is_no_message():
    with pytest.raises(ProtocolError, match="not a message"):
        decode(raw('{"do": ' + "[" * 100_000 + "]" * 100_000 + ', "arrays": []}'))


def test_the_state_of_the_largest_run_fits_in_a_message():
    """Of every rule and optimizer, also where nearly all numbers are the generator's."""
    for rule in RULES:
        for optimizer in OPTIMIZERS:
            setup = Setup(Experiment(rule=rule, optimizer=optimizer, **SMALL, generator_depth=6))
            state = setup.start()
            held = sum(t.numel() * 4 for t in flatten(state).values())
            each = held / sum(vector.numel() for vector in state.players)
            assert 1.02 * each * NUMBERS < LARGEST, (rule, optimizer)


@pytest.mark.parametrize("wrong", [{"members": 4096}, {"critic_width": 4096, "critic_depth": 16}])
def test_a_kept_run_is_no_way_round_the_limits(wrong):
    desk, arrays = Desk(), {"step": np.zeros((), np.int32)}
    assert "on the page" in desk.refusal(do="open", settings=wrong, arrays=arrays)
    arrays = {"players.0": np.zeros(3, np.float32)}
    assert "how many steps" in desk.refusal(do="open", settings={}, arrays=arrays)
    arrays["step"] = np.full((), 7, np.int32)
    assert "another structure" in desk.refusal(do="open", settings={}, arrays=arrays)


@given(
    st.integers(1, 9), st.integers(1, 40), st.integers(0, 4), st.integers(1, 40), st.integers(0, 4)
)
@settings(max_examples=30)
def test_the_numbers_that_a_run_would_have_are_those_that_it_has(
    latent, g_width, g_depth, width, depth
):
    """What is refused before it is made is counted as it would be made."""
    shape = {"generator_width": g_width, "generator_depth": g_depth, "latent": latent}
    experiment = Experiment(**shape, critic_width=width, critic_depth=depth, data="roth3d")
    made = Setup(experiment).networks
    sizes = [(latent, g_width, g_depth, 3), (3, width, depth, 1)]
    assert [numbers(*size) for size in sizes] == [made.generator.count, made.critic.count]


DO = ["open", "knob", "swap", "restart", "reset", "play", "pause", "step", "want", "look", "stop"]
DO += ["undo", "redo", "recall", "export", "close", "reload", "run", "", None, 3]
TEXTS = st.sampled_from(
    ["8gaussians", "ring", "roth3d", "nobody", "r1", "sgd", "critic", "", "nan"]
)
VALUES = (
    JSON
    | TEXTS
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.integers(-3, 40)
    | st.integers()
)
SOME = ["data", "penalty", "rule", "noise", "seed", "batch", "latent", "moves", "spread", "first"]
OPTIONS = ["surface", "optimal", "force", "field", "probes", "extent", "what"]
FIELDS = {
    "do": st.sampled_from(DO),
    "changes": st.dictionaries(st.sampled_from(SOME), VALUES, max_size=2) | VALUES,
    "settings": st.dictionaries(st.sampled_from(SOME), VALUES, max_size=3) | VALUES,
    "options": st.dictionaries(st.sampled_from(OPTIONS), VALUES | st.lists(VALUES), max_size=2),
    "layers": st.lists(st.sampled_from(LAYERS) | VALUES, max_size=3) | VALUES,
    "stops": VALUES,
    "look": VALUES,
    "step": VALUES,
    "count": VALUES,
    "who": VALUES,
    "found": VALUES,
    "idle": VALUES,
    "pace": VALUES,
    "seed": VALUES,
    "lane": st.sampled_from([0, 0, 0, 1]) | VALUES,
    "playing": VALUES,
    "pending": VALUES,
    "arrays": st.just([]) | JSON,
}


@given(
    st.lists(
        st.builds(
            lambda do, rest: {"do": do, "arrays": [], **rest},
            FIELDS["do"],
            st.fixed_dictionaries({}, optional=FIELDS),
        ),
        max_size=12,
    )
)
@settings(max_examples=150)
def test_hostile_messages_never_stop_the_worker(messages):
    """Every message is done or refused in words, and another page's run goes on untouched."""
    desk = Desk()
    desk.send(do="open", session="other", settings=SMALL)
    desk.open(data="ring")
    for message in messages:
        desk.said.clear()
        desk.worker.receive(raw(json.dumps({"session": "s", **message})))
        desk.turn()
        for header, _ in desk.said:
            assert header["session"] != "other" or header["say"] in ("frame", "kept")
            if header["say"] in ("refused", "failed"):
                assert 0 < len(header["text"]) <= 600
    other = desk.lane(session="other")
    desk.send(do="step", session="other", count=2)
    while other.turns:
        desk.turn()
    assert other.run.state.step == 2


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["do", "changes", "settings", "layers", "count", "pace", "step", "lane"]
            ),
            JSON,
            max_size=5,
        ),
        min_size=20,
        max_size=40,
    )
)
@settings(max_examples=5, deadline=None)
def test_random_messages_never_end_the_engine(messages):
    async def story(engine):
        page = Page(engine)
        await page.open()
        for message in messages:
            engine.quick.send({"session": page.session.name, **message})
        fresh = Page(engine)
        assert (await fresh.open())[0]["say"] == "opened"
        fresh.send(do="step", count=2)
        assert (await fresh.frame(*LAYERS))[0]["step"] == 2

    played(story)
