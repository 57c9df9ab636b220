"""The house's rules, read off the source: floors, small files, words, nothing dangerous."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "toylab").rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in FILES]
EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=IDS)

FLOORS = [
    ("tables", "processes", "files", "artefacts"),
    ("means", "divergences"),
    ("payoffs", "slopes", "consistency"),
    ("parts",),
    (
        "schedules",
        "card_fields",
        "randomness",
        "objectives",
        "networks",
        "solvers",
        "native",
        "parts",
    ),
    ("cards", "penalties", "constraints", "rules", "games", "ahead"),
    ("closed_forms", "transport", "propositions"),
    ("moving",),
    ("adjusted", "competitive"),
    ("optimizers",),
    ("data", "settings", "batches", "states", "conflicts", "hints"),
    ("compiled", "makings", "probes", "metrics", "own", "game_settings", "move_settings"),
    ("experiment",),
    ("about", "structure"),
    ("schema", "trainer", "script"),
    (
        "look",
        "recording",
        "theory",
        "space",
        "health",
        "anatomy",
        "crowd",
        "steady",
        "laws",
        "pulls",
    ),
    ("fields", "judgement", "diversity"),
    ("layers",),
    ("frames",),
    ("engine", "image", "check", "sweep", "monitor"),
    ("figures",),
    ("ui",),
    ("bench", "apps", "lab"),
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
LIGHT = (
    *("engine.client", "engine.protocol", "engine.address", "lab", "figures.results"),
    *("cards", "card_fields", "schedules", "tables"),
    *("monitor.record", "monitor.thinning", "monitor.watch"),
)
UI_MAY = (
    "ui",
    "engine.address",
    "engine.client",
    "engine.protocol",
    "figures.results",
    "monitor.record",
    "monitor.thinning",
    "monitor.watch",
    "cards",
    "schedules",
    "tables",
)
PAGE_PACKAGES = {"panel", "holoviews", "bokeh", "panel_material_ui"}


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def module(path):
    """engine.client of toylab/engine/client.py; the package itself is the empty name."""
    parts = path.relative_to(ROOT / "toylab").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


def imports(path):
    """Every dotted name that a file imports, at any depth of its functions."""
    package = ["toylab", *path.relative_to(ROOT / "toylab").parts[:-1]] if path in FILES else []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner.removeprefix("toylab.") in MODULES else base


def ours(path):
    """The modules of toylab among them, without the prefix."""
    return {name.removeprefix("toylab.") for name in imports(path) if name.startswith("toylab.")}


def outside(path):
    return {name.split(".")[0] for name in imports(path)} - {"toylab"}


def reached(name, seen=()):
    """Every module of toylab that importing this one imports."""
    found = {name}
    for inner in ours(MODULES[name]):
        if inner not in (*seen, *found):
            found |= reached(inner, (*seen, *found))
    package = name.rpartition(".")[0]
    return found | ({package} if package else set())


def test_every_module_has_a_floor():
    assert {name.split(".")[0] for name in MODULES} - {""} <= set(FLOOR)


@EVERY_FILE
def test_a_module_imports_only_from_lower_floors(path):
    name = module(path).split(".")[0]
    for other in ours(path):
        other = other.split(".")[0]
        same_package = other == name and (ROOT / "toylab" / name).is_dir()
        assert same_package or FLOOR[other] < FLOOR[name], f"{module(path)} imports {other}"


def test_the_package_itself_imports_nothing_of_its_own():
    assert not ours(ROOT / "toylab" / "__init__.py")


@pytest.mark.parametrize("name", [name for name in LIGHT if name in MODULES])
def test_what_the_web_process_needs_has_no_torch(name):
    assert "torch" not in set().union(*(outside(MODULES[inner]) for inner in reached(name)))


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "ui"])
def test_the_page_takes_only_what_has_no_torch(name):
    for other in ours(MODULES[name]):
        assert other.split(".")[0] == "ui" or other in UI_MAY, f"{name} imports {other}"
    assert not {"torch", "numpy.random"} & outside(MODULES[name])


@EVERY_FILE
def test_the_page_s_packages_stay_on_the_page(path):
    if module(path).split(".")[0] not in ("ui", "bench"):
        assert not PAGE_PACKAGES & outside(path)


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_or_what_the_page_needs_imports_no_torch():
    python("import toylab, sys; assert not {'torch', 'panel'} & set(sys.modules)")
    light = [f"toylab.{name}" for name in LIGHT if name in MODULES]
    python(f"import sys, {', '.join(light)}; assert not {{'torch', 'panel'}} & set(sys.modules)")
    python("import toylab.trainer, toylab.schema, sys; assert 'panel' not in sys.modules")


@EVERY_FILE
def test_no_file_is_longer_than_350_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, "split it by concept"


def functions(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_the_step_is_one_function_of_at_most_forty_lines():
    (step,) = (f for f in functions(MODULES["trainer"]) if f.name == "step")
    assert step.end_lineno - step.lineno + 1 <= 40
    players = ("optimizers", "moving", "adjusted", "competitive")
    for function in (found for name in players for found in functions(MODULES[name])):
        assert function.end_lineno - function.lineno + 1 <= 40


@EVERY_FILE
def test_everything_public_has_a_docstring(path):
    body = tree(path)
    assert ast.get_docstring(body), "the file says what its one idea is"
    for node in body.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not node.name.startswith("_"):
                assert ast.get_docstring(node), node.name


def calls(path):
    """Dotted names of everything that is called, with the call."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@EVERY_FILE
def test_nothing_is_unpickled_or_evaluated(path):
    assert not {"pickle", "cPickle", "dill", "marshal", "shelve", "cloudpickle"} & outside(path)
    for name, call in calls(path):
        assert name not in ("eval", "exec", "compile", "__import__"), name
        told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if name == "torch.load":
            assert told.get("weights_only") == "True"
        if name in ("np.load", "numpy.load"):
            assert told.get("allow_pickle") == "False"
        if name.startswith("yaml."):
            assert name == "yaml.safe_load"
        assert not (name.split(".")[-1] in ("recv", "send") and "pipe" in name), "send_bytes"


DETACHED = {
    "games": {"gradients", "__init__", "slope"},  # the optimizer's side: leaves to differentiate by
    "slopes": {"penalty"},  # points that have no graph become leaves
    "constraints": {
        "_clipped_start",  # where a step begins, as if the vector had been put there before
        *("_spectral", "effective"),  # the memory of the next step
    },
    "trainer": {"losses", "sample"},  # numbers to look at
}


@pytest.mark.parametrize(
    "name", [n for n in MODULES if FLOOR.get(n.split(".")[0], 99) <= FLOOR["trainer"] and n]
)
def test_nothing_inside_a_game_is_detached(name):
    """A detached fake would silently turn every look-ahead method into simultaneous descent."""
    if name in ("probes", "metrics"):
        return
    for function in functions(MODULES[name]):
        inner = {f.name for f in ast.walk(function) if isinstance(f, ast.FunctionDef)}
        text = ast.unparse(function)
        if re.search(r"\.detach\b|detach_|no_grad", text):
            assert inner & DETACHED.get(name, set()), f"{name}.{function.name}"
    game = next((f for f in functions(MODULES["games"]) if f.name == "gan"), None)
    assert "detach" not in ast.unparse(game) and "no_grad" not in ast.unparse(game)
    assert "detach" not in MODULES["networks"].read_text(encoding="utf-8")


@EVERY_FILE
def test_images_bring_no_training_code(path):
    if module(path).split(".")[0] == "image":
        text = path.read_text(encoding="utf-8")
        for word in ("autograd", "backward", "torch.optim", "Adam(", "SGD(", "RMSprop("):
            assert word not in text


def test_data_is_data():
    assert not list((ROOT / "datasets").rglob("*.py"))


def test_tables_end_in_one_literal():
    """The rows of a family stand in one `Table({...})` at the end of its file: no decorators."""
    for name, table in (
        ("objectives", "OBJECTIVES"),
        ("penalties", "PENALTIES"),
        ("rules", "RULES"),
        ("constraints", "CONSTRAINTS"),
        ("optimizers", "OPTIMIZERS"),
    ):
        last = tree(MODULES[name]).body[-1]
        assert isinstance(last, ast.Assign) and last.targets[0].id == table
        assert ast.unparse(last.value.func) == "Table"
        keys = [key.value for key in last.value.args[1].keys]
        assert len(keys) == len(set(keys))
