"""What `make mutate` would break is still there, and so is the test that is to notice."""

from pathlib import Path

import pytest

from tests.mutants import LINES, TESTS

HERE = Path(__file__).parent
TOYLAB = HERE.parent / "toylab"


@pytest.mark.parametrize("module", LINES)
def test_every_line_to_break_stands_once_and_its_test_is_there(module):
    text = (TOYLAB / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    tests = "".join(
        (HERE / f"test_{name}.py").read_text(encoding="utf-8") for name in TESTS[module]
    )
    for what, old, new, seen_by in LINES[module]:
        assert text.count(old) == 1, what
        assert new != old, what
        assert f"def {seen_by}(" in tests, (what, seen_by)
