"""The README's table of figures, made of the verdicts."""

from toylab.figures import results


def table(told=None):
    """The markdown table, one row a figure: what it is, what was found, of how long a run."""
    told = results.verdicts() if told is None else told
    lines = ["| figure | what it shows | verdict | checks | length |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_row(name, verdict) for name, verdict in told.items())])


def _row(name, told):
    held = sum(check["holds"] for check in told["checks"])
    seeds = f", {told['seeds']} seeds" if told["seeds"] > 1 else ""
    length = "exact" if told["share"] is None else f"{100 * told['share']:.3g} %{seeds}"
    verdict = {"reproduced": "reproduced", "partly": "**partly**", "not": "**not**"}
    shown = told["title"].replace("|", "\\|")
    return (
        f"| [`{name}`](docs/figures/{name}.png) | {shown} ({told['paper']}) | "
        f"{verdict[told['verdict']]} | {held} of {len(told['checks'])} | {length} |"
    )
