"""What travels between the page and the engine: a JSON header and flat arrays, nothing else.

A message is ``length | header | arrays``: four bytes of header length (big-endian), the header as
UTF-8 JSON, then the raw little-endian bytes of each array in the order of ``header["arrays"]``.
No pickle, so that a pipe can never run code.

Page to engine, every message with ``session`` (text) and ``lane`` (number of the run, from 0):

========  ==============================  ======================================================
do        fields                          effect
========  ==============================  ======================================================
open      settings, playing, pace         starts a run; answered by *opened* (or *refused*); with
                                          the arrays of a *kept* message it goes on from there
knob      changes                         live numbers; act at the next step; answered by *changed*
swap      changes                         names; players stay, their memory is reset; *changed*
restart   changes                         a new run with these settings; answered by *opened*
reset     seed (optional)                 the same run again from step 0; answered by *opened*
play      pace                            steps a second, 0 = as fast as it can
pause                                     not one step more
step      count                           exactly that many steps, then pause
want      layers                          one picture of the newest state, or of the next if the
                                          newest was drawn with them; answered by one *frame*
                                          (of a step drawn before: with the new layers only)
recall    step                            the recorded state nearest to a step, as a *frame*
close                                     forgets the run (without ``lane``: the whole session)
========  ==============================  ======================================================

Engine to page:

=======  ========================================================================================
say      fields
=======  ========================================================================================
hello    schema (see `toylab.schema`), sent once, first
opened   settings (every field resolved), continued (in another process), data (title, dimension,
         centres, radii, numbers, window), sizes (numbers of generator and critic), step;
         arrays: real (n, 2) in window coordinates
changed  kind, changes, step at which they act
frame    step, playing, recorded, scalars, layers; arrays per layer (see `toylab.frames`), the
         surface as uint8 shades from surface_low to surface_high
kept     settings, playing, pace, step; arrays: the run's whole state. Comes by itself, at least
         once a second while training and at every pause, so that a run outlives the engine
refused  text: what was wrong, what was got, what to do; the run goes on as it was
failed   text: the run has stopped (not finite, or an error in a user's own code)
=======  ========================================================================================

At a pace of at most `SLOW` steps a second every step is answered by exactly one frame, in order:
the next step is taken only after the picture of the last one was sent.
"""

import json
import struct

import numpy as np

SLOW = 5.0
LAYERS = ("real", "fake", "surface", "force", "field", "density", "grid")
DTYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}
LARGEST = 64 * 1024 * 1024


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
        header = json.loads(message[4 : 4 + length])
        arrays, position = {}, 4 + length
        for name, dtype, shape in header.pop("arrays"):
            count = int(np.prod(shape, dtype=np.int64))
            array = np.frombuffer(message, DTYPES[dtype], count, position).reshape(shape)
            arrays[name] = array
            position += array.nbytes
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"not a message of this protocol: {error}") from error
    if position != len(message):
        raise ProtocolError(f"{len(message) - position} bytes beyond the last array")
    return header, arrays


def finite(number):
    """A number as JSON can carry it: NaN and infinities become None."""
    number = float(number)
    return number if np.isfinite(number) else None
