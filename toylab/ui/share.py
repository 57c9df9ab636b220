"""What leaves the page: charts, samples, a script and a link; pictures are the browser's own."""

import io
import json
import re

import numpy as np
from bokeh.models import ColumnDataSource

from toylab.ui import address, possible
from toylab.ui.part import Part
from toylab.ui.settings import words

ARRAYS = ("real", "fake", "latent")  # of an NPZ


def samples(header, arrays):
    """The points of an *exported* message as the bytes of an NPZ, with the run they come from.

    real (n ≤ 4096, d), fake (4096, d) and latent (4096, k), float32, in data coordinates; settings
    and changes as JSON text, script as text, step as a number. Nothing in it needs pickle.
    """
    told = {name: np.array(json.dumps(header[name])) for name in ("settings", "changes")}
    told |= {"script": np.array(header["script"]), "step": np.array(header["step"])}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{name: arrays[name] for name in ARRAYS}, **told)
    return file.getvalue()


def title(data, step, ending):
    """toylab-8gaussians-step-1400.png, whatever the data set is called."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", str(data).rpartition("/")[2].removesuffix(".toml"))
    return f"toylab-{name.strip('-') or 'data'}-step-{step}.{ending}"


def value_words(field, value):
    """A setting's value as the page calls it."""
    labels = {choice["value"]: choice["label"] for choice in field.get("choices", ())}
    return labels.get(value) or words(value)


class Share(Part):
    """Answers what the share menu asks for; pauses nothing, changes nothing."""

    def __init__(self, lab):
        super().__init__(lab)
        self.handout = ColumnDataSource({"bytes": [], "told": []}, name="handout")
        self.schema = None
        self.asked = []  # kinds of what the engine still owes, in order
        self.changes = []  # the run's log

    def begin(self, schema):
        self.schema = schema

    def hear_schema(self, header, arrays):
        self.schema = header["schema"]

    def do_export(self, told):
        kind = told.get("kind")
        if kind == "csv":
            self._hand_out("csv", self.lab.run.step, self.lab.charts.csv().encode())
        elif kind in ("npz", "script") and self.lab.run.ready:
            self.asked.append(kind)
            recall = self.lab.recall
            self.lab.link.send("export", step=recall.step if recall.on else None)

    def hear_exported(self, header, arrays):
        if not self.asked:
            return
        kind, step = self.asked.pop(0), header["step"]
        if kind == "npz":
            self._hand_out(kind, step, samples(header, arrays))
        else:
            self._hand_out(kind, step, header["script"].encode())

    def hear_refused(self, header, arrays):
        if (header.get("about") or {}).get("do") == "export":
            self.asked.pop(0)

    def hear_lost(self, header, arrays):
        self.asked.clear()

    def _hand_out(self, kind, step, content):
        """`step` is the one that the content is of; the picture may have gone on since."""
        recall = self.lab.recall
        shown = recall.step if recall.on else self.lab.run.step
        note = f" of step {step:,} (the picture shows {shown:,})" if step != shown else ""
        ending = "py" if kind == "script" else kind
        name = title(self.lab.run.accepted.get("data"), step, ending)
        told = {"title": name, "kind": kind, "note": note}
        self.handout.data = {
            "bytes": [np.frombuffer(content, np.uint8)],
            "told": [json.dumps(told)],
        }

    def hear_opened(self, header, arrays):
        self.changes = header["changes"]

    hear_changed = hear_undone = hear_opened

    def _address(self):
        """The run's address; whoever wanted it bit for bit hands that on."""
        query = address.write(self.schema, self.lab.run.accepted, always=("seed",))
        return f"?{query}{'&backend=plain' * (self.lab.speed.backend == 'plain')}"

    def state(self):
        """The link of this run, how many changes it does not hold, and what a print lists."""
        run = self.lab.run
        if self.schema is None or not run.accepted:
            return {"share": None}
        listed = [
            [field["label"], value_words(field, run.accepted[field["name"]])]
            for field in self.schema["fields"]
            if run.accepted.get(field["name"]) is not None
            and possible.idle(field, run.accepted) is None
        ]
        return {
            "share": {
                "address": self._address(),
                "unsaid": sum(step > 0 for step, _ in self.changes),
                "title": title(run.accepted["data"], "STEP", "ENDING"),
                "data": run.data.get("title", ""),
                "settings": listed,
                "changes": [text for _, text in self.lab.charts.marks],
            }
        }
