"""The wheel, installed by itself in another place, brings its cards along."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = {".toml", ".csv", ".npz"}


def run(*command: str | Path, **options) -> str:
    """The output of `python <command>`; a failing command fails the test with what it printed."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def elsewhere(installed: Path, folder: Path, code: str) -> list[str]:
    """The lines that `code` prints in `folder`, where of toylab only `installed` is found."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return run("-c", code, cwd=folder, env=environment).splitlines()


def test_wheel_holds_the_package_and_data_but_nothing_else(wheel):
    names = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    assert {name.parts[0] for name in names} == {"toylab", "toylab-0.1.0.dist-info"}
    data = [name for name in names if name.parts[:2] == ("toylab", "_datasets")]
    wrong = [str(name) for name in data if name.suffix not in DATA and name.name != "README.md"]
    assert data and not wrong
    assert not any("__pycache__" in name.parts for name in names)


def test_installed_wheel_finds_its_own_cards(installed, tmp_path):
    code = "import toylab.cards as c; print(c.__file__, c.folder(), *c.names(), sep='\\n')"
    module, folder, *names = elsewhere(installed, tmp_path, code)
    assert Path(module).is_relative_to(installed)
    assert Path(folder) == installed / "toylab" / "_datasets"
    assert "8gaussians" in names
    assert (Path(folder) / "8gaussians.toml").is_file()


def test_installed_wheel_serves_its_own_lab(installed, tmp_path):
    code = "import toylab.lab as l; print(l.command([])[0][4])"
    (script,) = elsewhere(installed, tmp_path, code)
    assert Path(script) == installed / "toylab" / "_apps" / "lab.py" and Path(script).is_file()


def test_importing_the_package_imports_neither_torch_nor_panel(installed, tmp_path):
    code = "import toylab, sys; print(toylab.__file__, {'torch', 'panel'} & set(sys.modules))"
    (line,) = elsewhere(installed, tmp_path, code)
    assert line == f"{installed / 'toylab' / '__init__.py'} set()"
