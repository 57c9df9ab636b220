"""What a lane takes along into another process beyond its run, so that its page notices nothing.

The run itself goes the way of a *kept* message. Luggage is the rest: what can be undone, the
recording, what the pictures remember, which of them are owed, and where the pace stands.
"""

import traceback

from toylab.engine.packing import Packed, unpacked
from toylab.experiment import Experiment
from toylab.frames import Pictures
from toylab.trainer import Setup

MOST = 128 * 2**20  # bytes of snapshots; a recording is thinned, and old changes go, beyond that


class Luggage:
    """What came ahead of its lane; `arrays`: {name: array} by lane."""

    def __init__(self):
        self.arrays = {}

    def put(self, key, arrays):
        """One message of them."""
        self.arrays.setdefault(key, {}).update(arrays)

    def unpack(self, key, lane, told):
        """Whether a lane has all that it had in the other process; its page hears of no move then.

        Without luggage, or with some that cannot be read, it is as after the death of a process.
        """
        arrays = self.arrays.pop(key, {})
        if told is None:
            return False
        try:
            _unpack(lane, unpacked(told, arrays))
        except Exception:
            traceback.print_exc()
            return False
        return True


def leaving(lane):
    """[(header, arrays), …]: luggage, then *left*, which is *kept* with the rest of it."""
    if lane.run.failure:
        raise ValueError("a run that has stopped stays where it is")
    lane.fit(MOST)
    box = Packed()
    told = box.pack(_told(lane))
    messages = [({"say": "luggage", "do": "luggage"}, part) for part in box.parts()]
    header, arrays = lane.keep()
    return [*messages, ({**header, "say": "left", "luggage": told}, arrays)]


def _told(lane):
    """Everything but the run."""
    return {
        "wanted": lane.wanted,
        "drawn": lane.drawn,
        "shown": sorted(lane.shown),
        "pace": lane.pace.told(),
        "heavy": lane.run.weight.heavy,
        "held_since": lane.stops.held_since,
        "touched": lane.stops.touched,
        "recording": lane.run.recording.states,
        "pictures": lane.run.pictures.memory(),
        "done": [_entry(*each) for each in lane.history.done],
        "undone": [_entry(*each) for each in lane.history.undone],
    }


def _entry(words, past):
    """A change that can be taken back, with the former run's own recording if it ended one."""
    states = past.recording and past.recording.states
    pictures = past.pictures and (past.pictures.chosen.told(), past.pictures.memory())
    return words, past._replace(recording=None, pictures=None), states, pictures


def _unpack(lane, told):
    """Gives a lane that has just taken up its run the rest of what it had."""
    lane.wanted, lane.drawn, lane.shown = told["wanted"], told["drawn"], set(told["shown"])
    lane.pace.take_up(told["pace"])
    lane.run.weight.heavy = lane.run.weight.told = told["heavy"]
    lane.stops.held_since = told["held_since"]
    lane.stops.touch(told["touched"])
    lane.run.pictures.remember(told["pictures"])
    lane.history.take_up(
        *([_past(lane, *entry) for entry in told[stack]] for stack in ("done", "undone"))
    )
    lane.run.recording.close()
    _offer(lane.run.recording, told["recording"])


def _past(lane, words, past, states, pictures):
    if states is not None:
        recording = lane.run.recording.until(-1)  # an empty one of the same ledger
        past = past._replace(recording=_offer(recording, states))
    if pictures is not None:
        look, memory = pictures
        made = Pictures(Setup(Experiment(**past.settings)))
        made.look(look)
        made.remember(memory)
        past = past._replace(pictures=made)
    return words, past


def _offer(recording, states):
    for state in states:
        recording.offer(state)
    return recording
