"""Data in space: what the three linked views need beyond the arena's own picture."""

import numpy as np

from toylab.ui.part import Part

HINT = "The data live on a sheet in space. The critic can win by height alone."


class Space(Part):
    """Sends heights and the edge view with every picture of data in space; silent in the plane.

    It stands before the layers, whose arena sends the parcel of the whole picture.
    """

    def __init__(self, lab):
        super().__init__(lab)
        self.about, self.real = None, None

    def wanted(self):
        return ["space"] if self.about else []

    def _place(self, header, arrays):
        data = header.get("data")
        if data is None:
            return
        self.about = data.get("space")
        arena = self.lab.layers.arena
        arena.sheet = self.about and self.about["height"] / 2
        arena.style(self.lab.beat.dark)
        self.real = arrays.get("real3") if self.about else None
        self._pack("real3", self.real)

    def _pack(self, name, points):
        if points is not None:
            a, b, height = np.asarray(points).T
            self.lab.layers.arena.pack(name, a=a, b=b, height=height)

    def hear_opened(self, header, arrays):
        self._place(header, arrays)

    hear_undone = hear_changed = hear_opened

    def frame(self, header, arrays):
        if self.about is None or "fake3" not in arrays:
            return {}
        self._pack("fake3", arrays["fake3"])
        if not self.lab.link.is_seen:  # of several parcels a page that still loads has the last one
            self._pack("real3", self.real)
        self.lab.layers.arena.shade("edge", arrays["edge"])
        return {"caption": self._caption(header["scalars"])}

    def _caption(self, scalars):
        said = '<span class="fake">Fakes</span>'
        if scalars.get("modes_total"):
            said += f" cover <b>{scalars['modes']} of {scalars['modes_total']}</b> clusters;"
        said += f" mean height off the sheet <b>{scalars['off_sheet']:.2g}</b>"
        std = self.about.get("std")
        return said + (f" (a cluster is {std:g} wide)." if std else ".")

    def state(self):
        return {"space": self.about, "hint": HINT if self.about else None}
