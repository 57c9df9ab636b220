"""The kept first picture is the one that the engine draws."""

import asyncio
import threading

import numpy as np

from toylab.engine import client
from toylab.ui import first


def drawn():
    found = []

    async def ask():
        found.extend(await first.drawn())
        (await client.engine()).close()

    # A thread of its own, since another test's browser may have a loop in this one.
    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    thread.join()
    return found


def test_the_kept_first_picture_is_the_engines():
    """Should this fail after a change of the usual run: python -m toylab.ui.first."""
    assert first.FILE.stat().st_size <= 60_000
    kept, made = first.stored(), drawn()
    for (header, arrays), (now, fresh) in zip(kept, made, strict=True):
        assert header["say"] == now["say"]
        assert arrays.keys() == fresh.keys()
        for name, array in arrays.items():
            assert array.shape == fresh[name].shape, name
            if array.dtype == np.uint8:  # a shade may round the other way on another processor
                assert abs(array.astype(int) - fresh[name]).max() <= 1
            else:
                np.testing.assert_allclose(array, fresh[name], rtol=1e-3, atol=1e-5)
    (opened, _), (picture, _) = kept
    (opened_now, _), (picture_now, _) = made
    assert opened["settings"] == opened_now["settings"]
    assert opened["data"] == opened_now["data"]
    assert picture["scalars"].keys() == picture_now["scalars"].keys()
