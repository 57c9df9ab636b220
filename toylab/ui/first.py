"""The first picture of the usual run, kept in a file: an engine takes seconds to start.

``python -m toylab.ui.first`` draws it anew, which a test asks for when it is out of date.
"""

import asyncio
import struct
from pathlib import Path

from toylab.engine import client
from toylab.engine.protocol import decode, encode
from toylab.ui.legend import LAYERS

FILE = Path(__file__).with_name("first.bin")
SHOWN = [layer.name for layer in LAYERS if layer.shown]


def stored():
    """((header, arrays) of the run's opening, (header, arrays) of its picture at step 0)."""
    kept, messages = FILE.read_bytes(), []
    while kept:
        (length,) = struct.unpack_from(">I", kept)
        messages.append(decode(kept[4 : 4 + length]))
        kept = kept[4 + length :]
    return messages


async def drawn():
    """The same two messages, from an engine."""
    engine, heard = await client.engine(), asyncio.Queue()
    session = engine.session(lambda *message: heard.put_nowait(message))
    session.send(do="open", settings={})
    session.send(do="want", layers=SHOWN)
    found = [await asyncio.wait_for(heard.get(), 60) for _ in range(2)]
    session.close()
    return found


async def _write():
    kept = b""
    for header, arrays in await drawn():
        message = encode(header, arrays)
        kept += struct.pack(">I", len(message)) + message
    FILE.write_bytes(kept)
    print(f"{FILE.name}: {len(kept)} bytes")
    (await client.engine()).close()


if __name__ == "__main__":
    asyncio.run(_write())
