"""The look: what a page may choose about how pictures are drawn; it changes nothing of the game."""

from typing import NamedTuple

from toylab.tables import nearest

CHOICES = {
    "surface": ("probability", "logit", "raw"),  # D in 0…1, φ − threshold within ±4, or within ±2ᵏ
    "optimal": ("none", "optimal", "difference"),  # the critic, D*, or D − D*
    "force": ("loss", "D", "logit", "log D"),  # whose slope pushes the fakes
    "field": ("logit", "D", "log D"),  # whose slopes the lattice shows
}
PROBES = 3  # places that a page may watch


class Look(NamedTuple):
    """All options; `probes` are places and `extent` is (x, y, half side), in window coordinates."""

    surface: str = "probability"
    optimal: str = "none"
    levels: bool = False  # whether more lines of the surface are drawn than the one at ½
    force: str = "loss"
    field: str = "logit"
    probes: tuple = ()
    extent: tuple | None = None  # None: the window of the data

    def changed(self, options):
        """The look with these options; raises `ValueError` in words, and then nothing changes."""
        if not isinstance(options, dict):
            raise ValueError(f"options must be names with values, got {options!r}")
        read = {}
        for name, value in options.items():
            if name in CHOICES:
                if value not in CHOICES[name]:
                    raise ValueError(
                        f"{name} {value!r} is unknown; {nearest(value, CHOICES[name])}"
                    )
                read[name] = value
            elif name == "levels":
                if not isinstance(value, bool):
                    raise ValueError(f"levels must be true or false, got {value!r}")
                read[name] = value
            elif name == "probes":
                read[name] = _places(value)
            elif name == "extent":
                read[name] = _extent(value)
            else:
                raise ValueError(f"look {name!r} is unknown; {nearest(name, self._fields)}")
        return self._replace(**read)

    def told(self):
        """{option: value} as JSON carries it."""
        probes, extent = [list(place) for place in self.probes], self.extent
        return {**self._asdict(), "probes": probes, "extent": extent and list(extent)}


def _numbers(value, count):
    """`count` finite numbers as a tuple of floats, or None."""
    if not isinstance(value, (list, tuple)) or len(value) != count:
        return None
    if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in value):
        return None
    return tuple(map(float, value)) if all(abs(number) < 1e9 for number in value) else None


def _places(value):
    places = [_numbers(place, 2) for place in value] if isinstance(value, (list, tuple)) else [None]
    if None in places or len(places) > PROBES:
        raise ValueError(f"probes must be at most {PROBES} places [x, y], got {value!r}")
    return tuple(places)


def _extent(value):
    if value is None:
        return None
    read = _numbers(value, 3)
    if read is None or read[2] < 1e-6:
        raise ValueError(f"extent must be null or [x, y, half side > 0], got {value!r}")
    return read
