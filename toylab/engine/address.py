"""Who may bring code of his own: only whoever sits at the machine that serves.

A user's file runs with the server's rights, so it is taken only where nobody but this machine can
reach the server. Which file it is stands in an environment variable; no page can name one.
"""

import ipaddress
import os
import socket
import stat

WITH = "TOYLAB_WITH"  # the environment variable: path of the user's file


def loopback(address):
    """Whether only this machine can reach a server bound to this address (or name).

    None, "" and "0.0.0.0" mean every network that the machine is on.
    """
    try:
        found = {place[4][0] for place in socket.getaddrinfo(address or "0.0.0.0", None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(place.partition("%")[0]).is_loopback for place in found)


def listening():
    """The addresses at which this process takes connections, however it was started."""
    found = set()
    for number in os.listdir("/dev/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(number)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(number))) as copy:
                internet = copy.family in (socket.AF_INET, socket.AF_INET6)
                if internet and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    found.add(copy.getsockname()[0])
        except OSError:
            continue  # closed since it was listed
    return found


def refusal(file, addresses):
    """Why a user's file is not run by a server at these addresses; "" where it is."""
    open_ones = sorted(address for address in addresses if not loopback(address))
    if not open_ones:
        return ""
    return (
        f"{file} is not run, because other machines reach this server at {', '.join(open_ones)}: "
        "start it with --address 127.0.0.1"
    )
