"""Whether a run trains, has ended, or was killed: from what its own folder says."""

import os
import platform
import re

SILENCE = 900.0  # seconds without a word, after which a run on another machine is held for dead
STATES = ("finished", "stopped", "diverged", "failed")


class Life:
    """Signs of life of one run.

    ended -- what ended.json says, {} where there is none · owner -- the text of .lock
    """

    def __init__(self):
        self.ended, self.owner, self.heard, self.rows = {}, "", None, None

    def changed(self, seen):
        """Takes the times of change of the run's files, {name: (inode, size, ns) or None}."""
        self.heard = max((told[2] for told in seen.values() if told), default=None)
        told = seen.get("metrics.jsonl")
        self.rows = told[2] if told else None

    def age(self, now):
        """Seconds since metrics.jsonl was written, None before it is."""
        return None if self.rows is None else max(0.0, now - self.rows / 1e9)

    def state(self, step, steps, now):
        """(name, words) of a run at a step of so many."""
        if self.ended.get("state") in STATES:
            words = self.ended.get("words")
            return self.ended["state"], words[:500] if isinstance(words, str) else ""
        done = step is not None and steps is not None and step >= steps
        lives = lives_here(self.owner)
        if lives:
            return "running", ""
        if done:
            return "finished", ""
        if lives is None and self.heard and now - self.heard / 1e9 < SILENCE:
            return "running", ""
        return "stopped", "It ended without a word: killed, or its machine went down."


def lives_here(owner):
    """Whether the process named in .lock is alive; None where this machine cannot know."""
    match = re.fullmatch(r"(.{1,256}), process (\d{1,9})", owner.strip())
    if match is None or match[1] != platform.node() or os.name != "posix":
        return None
    process = int(match[2])
    if process == 0:  # to the system 0 means the asking process's own group, which always lives
        return False
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
