"""The subcommands of ``python -m toylab.image``: a file each, with `arguments` and `execute`.

`arguments(parser)` declares; `execute(parsed)` returns an exit code, or raises what
`toylab.image.__main__` turns into one line and a code.
"""

import json
import sys

DONE, WRONG, DIVERGED, STOPPED = 0, 2, 3, 75
BROKEN_OFF = 130  # as a shell calls Ctrl-C: there may be no checkpoint to go on from


def reports(parser):
    """Lets a command that reports something do it as JSON."""
    parser.add_argument("--json", action="store_true", help="as one line of JSON")


def report(parsed, found, lines):
    """Prints what was found: the lines, or with --json the found values as one line of JSON."""
    print(json.dumps(found) if parsed.json else "\n".join(lines), flush=True)
    return DONE


def told(words):
    """Says what is going on, beside what is reported."""
    print(words, file=sys.stderr, flush=True)
