"""Whom the page is for: whoever sits at the machine that serves, unless its owner said otherwise.

Without ``--address`` Panel takes connections from every network that the machine is on.
"""

import sys

from toylab.engine.address import loopback

CLOSED = (
    "This lab is for the machine that serves it. To open it to others start it with --address and "
    "--allow-websocket-origin."
)


def refusal(request, arguments=None):
    """What a visitor reads instead of the page, "" for one who is welcome.

    request -- with `remote_ip`, as Bokeh hands it on; arguments -- those that the server had
    """
    # Bokeh replaces `sys.argv` while a served script runs.
    arguments = sys.orig_argv if arguments is None else arguments
    told = any(argument.split("=")[0] == "--address" for argument in arguments)
    here = loopback(getattr(request, "remote_ip", None) or "0.0.0.0")
    return "" if told or here else CLOSED
