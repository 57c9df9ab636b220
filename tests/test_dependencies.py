"""One set of dependencies in three files: bounds in pyproject.toml, the same bounds for conda in
environment.yml, exact versions within them in constraints.txt."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA_NAMES = {  # where conda's name is another; the -base has no window toolkit
    "matplotlib-base": "matplotlib",
    "python-build": "build",
    "python-lmdb": "lmdb",
    "pytorch": "torch",
}


def named(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by canonical name; a name given twice is an error."""
    found: dict[str, Requirement] = {}
    for line in lines:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} is given twice: {found[name]} and {requirement}"
        found[name] = requirement
    return found


def in_pyproject() -> dict[str, Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return named([*PROJECT["dependencies"], *(line for extra in extras for line in extra)])


def in_environment() -> dict[str, Requirement]:
    lines = []
    for entry in ENVIRONMENT["dependencies"]:
        lines += entry["pip"] if isinstance(entry, dict) else [entry]
    found = named(lines)
    return {CONDA_NAMES.get(name, name): requirement for name, requirement in found.items()}


def in_constraints() -> dict[str, Version]:
    found = named((ROOT / "constraints.txt").read_text().splitlines())
    pins = {}
    for name, requirement in found.items():
        (clause,) = requirement.specifier
        assert clause.operator == "==", f"constraints.txt pins nothing with {requirement}"
        pins[name] = Version(clause.version)
    return pins


def test_every_requirement_has_bounds():
    for requirement in in_pyproject().values():
        assert requirement.specifier, f"{requirement} has no bounds"


def test_environment_has_the_bounds_of_pyproject():
    expected = {name: requirement.specifier for name, requirement in in_pyproject().items()}
    expected |= {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}
    assert {name: found.specifier for name, found in in_environment().items()} == expected


def test_constraints_pin_every_requirement_within_its_bounds():
    pins = in_constraints()
    for name, requirement in in_pyproject().items():
        assert name in pins, f"constraints.txt lacks {name}"
        assert requirement.specifier.contains(pins[name]), f"{name} {pins[name]}: {requirement}"


def test_every_extra_that_a_message_names_is_there():
    named = set()
    for path in (ROOT / "toylab").rglob("*.py"):
        named |= set(re.findall(r"toylab\[(\w+)\]", path.read_text()))
    assert {"image", "inception"} <= named <= set(PROJECT["optional-dependencies"])


def test_torch_is_pinned_without_a_build():
    """`2.13.0+cpu` would refuse the CUDA build on a machine with a GPU, and the other way round."""
    assert in_constraints()["torch"].local is None


def test_constraints_pin_what_the_requirements_require():
    """Without the pin of an indirect dependency a run of today is not the run of tomorrow.

    Torch's own are left out: they differ between its CPU and CUDA builds. So are those of JAX and
    of Inception's packages: only who measures against the one or scores with the other has them.
    """
    pins, seen, waiting = in_constraints(), set(), list(in_pyproject().values())
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        assert name in pins, f"constraints.txt lacks {name}"
        if name in ("torch", "jax", "torch-fidelity", "torchvision"):
            continue
        for line in importlib.metadata.requires(name) or []:
            child = Requirement(line)
            wanted = [{"extra": extra} for extra in (*requirement.extras, "")]
            if child.marker is None or any(map(child.marker.evaluate, wanted)):
                waiting.append(child)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "environment.yml"])
def test_no_address_decides_where_packages_come_from(name):
    """Whose packages are installed is the user's choice: pip's own settings, or TORCH_INDEX."""
    assert "://" not in (ROOT / name).read_text()
