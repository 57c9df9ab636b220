"""What travels between the page and the engine: a JSON header and flat arrays, nothing else.

A message is ``length | header | arrays``: four bytes of header length (big-endian), the header as
UTF-8 JSON, then the raw little-endian bytes of each array in the order of ``header["arrays"]``.
No pickle, so that a pipe can never run code.

Page to engine, every message with ``session`` (text) and ``lane`` (number of the run, from 0):

========  ==============================  ======================================================
do        fields                          effect
========  ==============================  ======================================================
open      settings, playing, pace, look,  starts a run; answered by *opened* (or *refused*); with
          stops, backend                  header and arrays of a *kept* message, and `continued`,
                                          it goes on from there. `backend` "auto": its step may be
                                          compiled, see `toylab.engine.speed`; else it is not
knob      changes                         live numbers; act at the next step; answered by *changed*
swap      changes                         names; the players stay; answered by *changed*
restart   changes                         a new run with these settings; answered by *opened*
reset     seed (optional)                 the same run again from step 0; answered by *opened*
play      pace                            steps a second, 0 = as fast as it can
pause                                     not one step more
step      count, who                      exactly that many steps, then pause; `who` "critic" or
                                          "generator": only that player moves in them, which the
                                          log has as changes of `moves`
want      layers                          one picture of the newest state, or of the next if the
                                          newest was drawn with them; answered by one *frame*
                                          (of a step drawn before: with the new layers only).
                                          At most `WANTS` are owed, all with the newest layers
redraw                                    the newest step is worth a picture again; nothing else
look      options                         how pictures are drawn, any subset of `LOOK`; the newest
                                          step may be drawn again; answered by *looked*
stop      step, found, idle               when a playing run pauses by itself, see `STOPS`; a field
                                          left out stays as it is, null switches its rule off
undo                                      back to the state and the settings before the last knob,
                                          swap, step of one player, restart or reset (knobs of one
                                          field within a second count as one); answered by *undone*
redo                                      the newer run again, as it was; answered by *undone*
recall    step, layers, side (optional)   the recorded state nearest to a step, as a *frame*; with
                                          `side` -1 or 1 the nearest before or after it, if any
export    step (optional)                 answered by *exported*; with a step everything is of the
                                          recorded state nearest to it
reload                                    runs the user's own file again; all runs keep their
                                          players; answered by *schema* to every session
close                                     forgets the run (without ``lane``: the whole session)
========  ==============================  ======================================================

Engine to page:

========  =======================================================================================
say       fields
========  =======================================================================================
hello     schema (see `toylab.schema`), sent once, first
opened    settings (every field resolved), changes, continued (in another process), undo and redo
          (whether there is something to take back or to bring back), look, stops, playing, pace,
          data (title, dimension, centres, radii, numbers, window, space), sizes (numbers of
          generator and critic), step; arrays: real (n, 2) in window coordinates, latent
          (500, min(k, 2)) of the shown fakes, and in space real3 (n, 3). No picture that was
          wanted before is owed any more
changed   kind, what changed (`made`), settings, changes, undo, redo, step at which they act; where
          the data moved also data, and arrays as of *opened*
undone    as *opened*, with text: what was taken or brought back
moved     data, step; arrays as of *opened*: a schedule has moved the data
frame     step, playing, recorded, scalars, layers; arrays per layer (see `toylab.frames`), the
          surface as uint8 shades from surface_low to surface_high
looked    look (all options), window (extent)
speed     kind ("plain", "compiling" or "compiled"), why ("", or what keeps it from being so),
          milliseconds ({"plain", "compiled"}: the engine's time for a step, null where unknown);
          only where `backend` is "auto": whenever that changes, and once when the compiled step's
          time is known
stopped   reason ("step", "found" or "idle"), text, step: a rule of *stop* was met, the run pauses
exported  script (see `toylab.script`), changes, settings, step; arrays real (n ≤ 4096, d),
          fake (4096, d), latent (4096, k) in data coordinates
kept      settings, first (settings at step 0), changes, routes ([[step, "auto" or "plain"], …]:
          what took the steps from there on), look, stops, playing, pace, pending, back, step;
          arrays: the run's whole state. Comes by itself, at least once a second while training and
          at every pause, so that a run outlives the engine; what could be undone and the recording
          do not
refused   text: what was wrong, what was got, what to do; the run goes on as it was
failed    text: the run has stopped (not finite, or an error in a user's own code, with its file
          and line)
edited    file: the user's own file was saved since it was run; to every session
schema    schema: that file was run again, these are the tables now; to every session
========  =======================================================================================

The web server has two engine processes, one for heavy runs, and moves runs between them; no page
sends or hears these messages. To the process that has a run:

========  ================  ====================================================================
do        answered by       effect
========  ================  ====================================================================
leave     *left*            the process has the run no more; several *luggage* come before
luggage                     arrays that belong to the next *open* of that run, which has `luggage`
========  ================  ====================================================================

and from it *weighs* with `heavy`, once for a run that belongs in the other process, *luggage* with
arrays, and *left*: as *kept*, with `luggage`, which says what the arrays are.

`changes` in an answer is the run's log: ``[[step, {name: value}], …]``, what was changed by hand
once so many steps were taken, from step 0 on; *undo* and a new run cut it back.

At a pace of at most `SLOW` steps a second every step is answered by exactly one frame, in order:
the next step is taken only after the picture of the last one was sent.
"""

import json
import struct

import numpy as np

SLOW = 5.0
WANTS = 4  # pictures that a lane owes its page at most; what is wanted beyond is forgotten
LAYERS = ("real", "fake", "surface", "force", "field", "density", "grid")
LAYERS += ("space", "anatomy", "slopes", "wasserstein", "histogram")
LOOK = {  # the options of *look*, with what holds before anybody chose
    "surface": "probability",  # or "logit", "raw"
    "optimal": "none",  # or "optimal", "difference"
    "levels": False,  # whether D = 0.1, 0.25, 0.75 and 0.9 are drawn as lines too
    "force": "loss",  # or "D", "logit", "log D"
    "field": "logit",  # or "D", "log D"
    "probes": [],  # at most three places [x, y] in window coordinates
    "extent": None,  # [cx, cy, half]; None: the data's own window
}
STOPS = {  # the rules of *stop*
    "step": None,  # after exactly so many steps
    "found": None,  # once all clusters were held for so many steps
    "idle": 600.0,  # seconds without any message but *want*
}
DTYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}
LARGEST = 256 * 1024 * 1024  # the whole state of the largest run that `limits` allows, and more


class ProtocolError(ValueError):
    """A message that does not have the form above."""


def encode(header, arrays=None):
    """Bytes of one message; arrays must be float32, int32 or uint8."""
    parts, described = [], []
    for name, array in (arrays or {}).items():
        shape = list(np.shape(array))  # a contiguous copy of a single number would have an axis
        array = np.ascontiguousarray(array)
        if array.dtype.name not in DTYPES:
            raise ProtocolError(
                f"array {name} has dtype {array.dtype.name}; send one of {', '.join(DTYPES)}"
            )
        described.append([name, array.dtype.name, shape])
        parts.append(array.astype(DTYPES[array.dtype.name], copy=False).tobytes())
    head = json.dumps({**header, "arrays": described}, allow_nan=False).encode()
    return b"".join([struct.pack(">I", len(head)), head, *parts])


def decode(message):
    """The header (without ``arrays``) and the arrays of one message; raises `ProtocolError`."""
    if len(message) < 4 or len(message) > LARGEST:
        raise ProtocolError(f"a message has 4 bytes to {LARGEST} bytes, got {len(message)}")
    (length,) = struct.unpack_from(">I", message)
    try:
        header = json.loads(message[4 : 4 + length], parse_float=_finite, parse_constant=_finite)
        arrays, position = {}, 4 + length
        for name, dtype, shape in header.pop("arrays"):
            count = int(np.prod(shape, dtype=np.int64))
            array = np.frombuffer(message, DTYPES[dtype], count, position).reshape(shape)
            arrays[name] = array
            position += array.nbytes
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError(f"not a message of this protocol: {error}") from error
    if position != len(message):
        raise ProtocolError(f"{len(message) - position} bytes beyond the last array")
    return header, arrays


def _finite(text):
    number = float(text)
    if not np.isfinite(number):
        raise ValueError(f"numbers must be finite, got {text}")
    return number


def finite(number):
    """A number as JSON can carry it: NaN and infinities become None."""
    number = float(number)
    return number if np.isfinite(number) else None
