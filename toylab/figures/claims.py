"""Claims: what a figure should show, by which numbers it is judged, and when that was written.

A claim is a table of ``claims/PAPER.toml``:

    [lines]
    title = "…"   paper = "…"   shows = "…"
    checks = [{ number = "worst", says = "…", most = 1e-6 }, …]

Each check bounds one number; it holds where the number of every seed lies within [least, most]. The
commit in which the file last changed goes into the verdict: it precedes the result's.
"""

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent / "claims"
FIELDS = {"title", "paper", "shows", "checks"}
CHECK = {"number", "says", "least", "most"}


class Claim(NamedTuple):
    """One figure's claim; `checks` are dicts with number, says and least, most or both."""

    name: str
    title: str
    paper: str
    shows: str
    checks: tuple
    file: Path

    @property
    def digest(self):
        """A hash of what is claimed: another one, another claim."""
        told = json.dumps([self.title, self.paper, self.shows, self.checks], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def parse(text, file):
    """{name: Claim} of a file's text; raises `ValueError` where something is missing or unknown."""
    found = {}
    for name, fields in tomllib.loads(text).items():
        if set(fields) != FIELDS:
            raise ValueError(f"{file}: {name} must have {sorted(FIELDS)}, got {sorted(fields)}")
        for check in fields["checks"]:
            if not {"number", "says"} < set(check) <= CHECK:
                raise ValueError(f"{file}: a check of {name} must have {CHECK}, got {check}")
        found[name] = Claim(name, file=file, **{**fields, "checks": tuple(fields["checks"])})
    return found


def load():
    """{name: Claim} of all files, paper by paper."""
    found = {}
    for file in sorted(FOLDER.glob("*.toml")):
        found |= parse(file.read_text(encoding="utf-8"), file)
    return found


def git(*arguments):
    """What git says of this repository; "" where there is none."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=FOLDER, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def written(claim):
    """The commit in which the claim's file last changed; "" while the change is not committed."""
    path = str(claim.file)
    if git("status", "--porcelain", "--", path):
        return ""
    return git("log", "-1", "--format=%H", "--", path)


def judged(check, values):
    """One check with its numbers over the seeds: the check, its values and whether it holds."""
    least, most = check.get("least", -float("inf")), check.get("most", float("inf"))
    ordered = sorted(values)
    return {
        **check,
        "values": values,
        "median": ordered[len(ordered) // 2] if len(ordered) % 2 else _between(ordered),
        "spread": [ordered[0], ordered[-1]],
        "holds": all(least <= value <= most for value in values),
    }


def _between(ordered):
    return (ordered[len(ordered) // 2 - 1] + ordered[len(ordered) // 2]) / 2


def verdict(checks):
    """reproduced where every check holds, not where none does, partly between."""
    held = [check["holds"] for check in checks]
    return "reproduced" if all(held) else "partly" if any(held) else "not"
