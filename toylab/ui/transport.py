"""Play, pause, step, reset and the speed dial: what they show and what they send."""

from math import log

from panel.custom import JSComponent

from toylab.ui.assets import script, style

SLOWEST, FASTEST = 0.2, 100.0
END = 100  # the dial's last notch: as fast as it can


def pace_at(notch):
    """Steps a second at a notch of the dial, even on a log scale; 0 means as fast as it can."""
    notch = min(max(float(notch), 0.0), END)
    if notch >= END:
        return 0.0
    pace = SLOWEST * (FASTEST / SLOWEST) ** (notch / (END - 1))
    return float(f"{pace:.2g}")


def notch_of(pace):
    """The notch of the dial nearest to a pace: the inverse of `pace_at`."""
    if not pace:
        return END
    return round((END - 1) * log(pace / SLOWEST) / log(FASTEST / SLOWEST))


def pace_words(pace):
    """How the dial's value reads."""
    if not pace:
        return "as fast as it can"
    return f"{pace:g} step{'' if pace == 1 else 's'}/s"


class Transport(JSComponent):
    """The buttons of the top bar; each click goes through the `Beat`, never through Panel."""

    _esm = script("transport.js")
    _stylesheets = [style("transport.css")]
