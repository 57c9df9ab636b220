"""The lab in a notebook: a cell shows it, and Python reads how its run stands.

    from toylab.ui import Lab
    Lab(data="8gaussians", penalty="r1")

The first one starts a server in a thread of the kernel, on 127.0.0.1 and a free port, and every
cell shows its own page of it in a frame. So it needs a browser on the machine of the kernel:
JupyterLab, Notebook 7 and VS Code as usual; from elsewhere that port must be forwarded too. The
page's address has a secret of the kernel, without which the server answers nothing.

The training is in a process of its own, as always: a busy kernel slows the page down, but never
the run, and the run never the kernel.
"""

import asyncio
import itertools
import os
import secrets
import socket
import threading
import urllib.parse
from html import escape
from pathlib import Path

import panel as pn
from panel.io.server import get_server
from tornado.ioloop import IOLoop

from toylab.engine import client
from toylab.engine.address import WITH
from toylab.ui.lab import opened

HERE = "127.0.0.1"
START_WITHIN = 30.0  # seconds
_own = None  # the file that the engine runs, and when it was saved
CLOSED = "This lab has been closed. Run its cell again."


class Lab:
    """A lab with a run of its own; shown where it is the last expression of a cell.

    settings -- any field of `toylab.Experiment`; one that is wrong is named on the page
    play, pace -- whether it plays at once, and with how many steps a second
    with_ -- a file of one's own that adds rows to the tables (see `toylab.own`). The engine is
        another process: a row that a cell adds, `toylab.PENALTIES["mine"] = f`, is a row of
        `toylab.train` in this kernel and does not reach the page; `Lab(with_="mine.py")` does, as
        ``make lab WITH=mine.py`` does. One file holds for all labs of a kernel; another one, or
        the same one edited, takes its place, and their runs go on.
    height -- of the frame, in pixels

    Shown again, or after the notebook was reloaded, the run begins anew: the same one, by its seed.
    Raises `FileNotFoundError` where there is no such file.
    """

    _numbers = itertools.count(1)
    _shown = {}  # number of a lab that is not closed -> the lab

    def __init__(self, *, play=True, pace=None, with_=None, height=760, **settings):
        if with_ is not None:
            _run_with(Path(with_).expanduser().resolve(strict=True))
        self._settings, self._height = settings, height
        self._query = {**settings, **({} if play else {"play": 0})}
        if pace is not None:
            self._query["pace"] = pace
        self._page, self._server = None, _Server.running()
        self._number = str(next(self._numbers))
        self._shown[self._number] = self

    @property
    def step(self):
        """How many steps the run has taken, as the page shows it."""
        return self._page.run.step if self._page else 0

    @property
    def settings(self):
        """{name: value} of the run as it is now; before it has begun, of what was asked for."""
        return dict(self._page.run.accepted if self._page else self._settings)

    @property
    def url(self):
        """The page's address, for a tab of its own."""
        flags = {name: int(v) if isinstance(v, bool) else v for name, v in self._query.items()}
        query = urllib.parse.urlencode({"lab": self._number, **flags})
        return f"http://{HERE}:{self._server.port}/{self._server.secret}?{query}"

    def close(self):
        """Ends the run; the page stays as it was last seen."""
        self._shown.pop(self._number, None)
        if self._page is not None:
            self._server.loop.add_callback(self._page.link.close)

    def _repr_html_(self):
        if self._number not in self._shown:
            return f"<p>{CLOSED}</p>"
        return (
            f'<iframe src="{escape(self.url)}" title="toylab" width="100%" '
            f'height="{int(self._height)}" allow="clipboard-write; fullscreen" '
            'style="border: 0; display: block"></iframe>'
        )

    def __repr__(self):
        told = ", ".join(f"{name}={value!r}" for name, value in self._settings.items())
        return f"Lab({told})"


class _Server:
    """The kernel's server of pages, in a thread that ends with the kernel."""

    _current = None

    @classmethod
    def running(cls):
        """The server of this process; a forked child starts its own."""
        if cls._current is None or cls._current.process != os.getpid():
            cls._current = cls()
        return cls._current

    def __init__(self):
        self.process, self.secret = os.getpid(), secrets.token_urlsafe(16)
        with socket.socket() as probe:
            probe.bind((HERE, 0))
            self.port = probe.getsockname()[1]
        self.ready, self.error = threading.Event(), None
        threading.Thread(target=self._run, name="toylab", daemon=True).start()
        if not self.ready.wait(START_WITHIN) or self.error:
            raise RuntimeError(f"the lab's server did not start: {self.error or 'no answer'}")

    def _run(self):
        try:
            asyncio.set_event_loop(asyncio.new_event_loop())
            self.loop = IOLoop.current()
            server = get_server(
                {self.secret: _page}, port=self.port, address=HERE, loop=self.loop,
                websocket_origin=f"{HERE}:{self.port}", title="toylab", use_index=False,
            )  # fmt: skip
            server.start()
        except Exception as error:  # whatever it is, the cell that waits says it
            self.error = error
            self.ready.set()
            return
        self.loop.add_callback(self.ready.set)
        self.loop.add_callback(client.engine)  # it starts while the browser loads the page
        self.loop.start()


def _page():
    """One page of the kernel's server: the lab that its address names, or one without a cell."""
    query = {name: values[-1].decode() for name, values in pn.state.session_args.items()}
    number = query.pop("lab", None)
    if number is not None and number not in Lab._shown:
        return pn.pane.Str(CLOSED)
    made = opened(query)
    if number is not None:
        Lab._shown[number]._page = made
    return made.view()


def _run_with(file):
    """From now on this file's rows, as it is now, are part of the engine's tables."""
    global _own
    own = str(file), file.stat().st_mtime_ns
    if own != _own:
        _own, os.environ[WITH] = own, str(file)
        client.renew()
