"""Serves the lab and the figures on this machine: ``python -m toylab.lab [--with mine.py]``.

It is ``panel serve apps/lab.py apps/figures.py``, bound to 127.0.0.1 on the first free port, with
the user's own file handed on to the engine; or, for ``--runs RUN [RUN …]``, ``apps/monitor.py``.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from pathlib import Path

from toylab.engine.address import WITH, loopback, refusal

SHOW = "TOYLAB_SHOW"  # the page to open a browser at, on its way from `command` to `main`
HERE = Path(__file__).resolve().parent
# The wheel's copy first: beside an installed package, apps/ may be somebody else's.
APPS = (HERE / "_apps", HERE.parent / "apps")


def free_port(first, address):
    """The first port from `first` on at which nobody listens yet."""
    for port in range(first, 65536):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
        return port
    sys.exit(f"no free port from {first} on")


def command(arguments=None):
    """(what to run, its environment, the page's address); exits with a sentence where it cannot."""
    parser = argparse.ArgumentParser(prog="python -m toylab.lab", description=__doc__)
    parser.add_argument("--with", dest="own", metavar="FILE", help="a Python file with own rows")
    parser.add_argument("--port", type=int, default=5006, help="the first port to try")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen")
    parser.add_argument("--show", action="store_true", help="open a browser")
    parser.add_argument(
        "--runs", nargs="+", metavar="RUN", help="show these image runs, or folders of them, only"
    )
    given = parser.parse_args(arguments)
    missing = [run for run in given.runs or () if not Path(run).expanduser().is_dir()]
    if missing:
        sys.exit(f"--runs {missing[0]}: there is no such folder; name runs, or a folder of runs")
    environment = dict(os.environ)
    if given.own:
        own = Path(given.own).expanduser().resolve()
        if not own.is_file():
            sys.exit(f"--with {given.own}: there is no such file")
        if not loopback(given.address):
            sys.exit(refusal(own.name, [given.address]))
        environment[WITH] = str(own)
    apps = next(folder for folder in APPS if folder.is_dir())
    port = free_port(given.port, given.address)
    served = ("monitor",) if given.runs else ("lab", "figures")
    files = [str(apps / f"{name}.py") for name in served]
    serve = [sys.executable, "-m", "panel", "serve", *files, "--address", given.address]
    serve += ["--port", str(port), "--index", served[0]]
    if given.runs:
        serve += ["--args", *given.runs]
    host = f"[{given.address}]" if ":" in given.address else given.address
    page = f"http://{host}:{port}/{served[0]}"
    if given.show:
        environment[SHOW] = page
    return serve, environment, page


def show(page, patience=120):
    """Opens a browser at the page once it is served; Panel itself would open one at every app."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{page}/metadata", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return webbrowser.open(page)
    return False


def main():
    """The command; the server takes this process's place."""
    serve, environment, page = command()
    print(f"The {page.rpartition('/')[2]}: {page} (Ctrl-C ends it)", flush=True)
    if page.endswith("/lab"):
        print(f"The figures: {page.removesuffix('lab')}figures", flush=True)
    if page := environment.pop(SHOW, None):
        code = "import sys; from toylab.lab import show; show(sys.argv[1])"
        subprocess.Popen([sys.executable, "-c", code, page])
    os.execve(serve[0], serve, environment)


if __name__ == "__main__":
    main()
