"""The page's sentences and readings, all from the engine's numbers; nothing is computed here."""

from toylab.ui.settings import words


def found(scalars):
    """Clusters found, as the rings show them; the chart's curve is the raw count, which flickers
    at the threshold."""
    rings = scalars.get("found")
    return int(sum(rings)) if rings else scalars.get("modes") or 0


def caption(scalars):
    """The sentence under the arena, as HTML of three known words and numbers only."""
    fake, real = '<span class="fake">Fakes</span>', '<span class="real">real data</span>'
    total, accuracy = scalars.get("modes_total"), scalars.get("accuracy")
    if total:
        said = f"{fake} cover <b>{found(scalars)} of {total}</b> clusters of {real}."
    elif scalars.get("share") is not None:
        said = f"<b>{100 * scalars['share']:.0f} %</b> of {fake.lower()} lie on {real}."
    else:
        said = f"{fake} chase {real}."
    if accuracy is not None:
        said += f" The critic is right <b>{100 * accuracy:.0f} %</b> of the time."
    return said


def past(step, said):
    """The caption of a recorded moment."""
    return f'<b class="past">step {step:,} · recorded</b> {said}'


def spoken(step, scalars):
    """The same for a screen reader, every two seconds at most."""
    said = [f"Step {step:,}."]
    if scalars.get("modes_total"):
        said.append(f"{found(scalars)} of {scalars['modes_total']} clusters found.")
    if scalars.get("accuracy") is not None:
        said.append(f"Critic right {100 * scalars['accuracy']:.0f} percent.")
    return " ".join(said)


def marks(fields, first, log, apart=0):
    """What the gold marks tell, [(step, "Penalty weight λ 1.0 → 10.0 at 980"), …].

    first: the settings at step 0 · log: [[step, {name: value}], …]; changes of one field that are
    less than `apart` steps apart are one movement of a hand.
    """
    held, told = dict(first), []
    for step, changes in log:
        names = list(changes)
        before = {name: held.get(name) for name in names}
        held |= changes
        if told and told[-1]["names"] == names and step - told[-1]["step"] <= apart:
            before = told.pop()["before"]
        told.append({"names": names, "step": step, "before": before, "after": changes})
    return [(mark["step"], _movement(fields, mark)) for mark in told]


def _movement(fields, mark):
    told = (
        f"{_label(fields, name)} {_value(fields, name, mark['before'][name])} → "
        f"{_value(fields, name, mark['after'][name])}"
        for name in mark["names"]
    )
    return f"{', '.join(told)} at {mark['step']:,}"


def _label(fields, name):
    return fields.get(name, {}).get("label", name)


def _short(fields, name):
    """ "Width, critic" within a sentence: "critic width"."""
    what, _, whose = _label(fields, name).partition(", ")
    return f"{whose} {what}".strip().lower()


def _value(fields, name, value):
    for choice in fields.get(name, {}).get("choices", ()):
        if choice["value"] == value:
            return choice["label"]
    return words(value)


class readings:
    """Short readings beside buttons and in bars."""

    @staticmethod
    def rate(value, unit):
        if not value:
            return f"0 {unit}"
        return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"

    @staticmethod
    def staged(fields, accepted, staged):
        """ "2 changes wait: critic width 128 → 32, latent size 2 → 8"."""
        if not staged:
            return None
        told = [
            f"{_short(fields, name)} {_value(fields, name, accepted.get(name))} → "
            f"{_value(fields, name, value)}"
            for name, value in staged.items()
        ]
        count = "1 change waits" if len(told) == 1 else f"{len(told)} changes wait"
        return f"{count}: {', '.join(told)}"
