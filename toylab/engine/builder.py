"""The builder at the engine's end: one process at a time, of the lowest priority, for one step.

builder.ask(key, settings, now)        # again and again, for as long as it is wanted
builder.look(now)                      # as often as may be; never waits
builder.answers.get(key)               # None: not yet; "": built; else why it cannot be
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile

log = logging.getLogger(__name__)

PRIORITY = 19  # the lowest
LONGEST = 300.0  # seconds of one build
FRESH = 5.0  # seconds for which what was asked is wanted
LOOK_EVERY = 0.5  # seconds between two looks at what is being built
WORDS = 200  # characters of a reason


class Builder:
    """What is being built, what waits, and what became of the rest."""

    def __init__(self):
        self.process, self.key, self.began = None, None, 0.0
        self.waiting, self.answers = {}, {}

    def ask(self, key, settings, now):
        """This step is wanted; `settings` as JSON carries them."""
        if key != self.key and key not in self.answers:
            self.waiting[key] = settings, now

    def look(self, now):
        """Takes note of what has ended, ends what takes too long, and starts what waits."""
        if self.process is not None:
            code = self.process.poll()
            if code is not None:
                self._ended("" if code == 0 else self._words(code))
            elif now - self.began > LONGEST:
                self._ended(f"building it took more than {LONGEST / 60:g} minutes")
        self.waiting = {k: (s, at) for k, (s, at) in self.waiting.items() if now - at < FRESH}
        if self.process is None and self.waiting:
            self.key = next(iter(self.waiting))
            settings, _ = self.waiting.pop(self.key)
            self.began = now
            self._start(settings)

    def _start(self, settings):
        self.said = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                ["nice", "-n", f"{PRIORITY}", sys.executable, "-m", "toylab.engine.build"],
                stdin=subprocess.PIPE,
                stdout=self.said,
                stderr=subprocess.DEVNULL,  # what compilers have to say; its reason is in `said`
                start_new_session=True,  # with its compilers it is one group, and ends as one
                env={**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": "1"},
            )
            # Its input stays open: when this process is gone, so is the other end.
            self.process.stdin.write(json.dumps({"settings": settings}).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            self._ended(f"the builder did not start: {error}")

    def _words(self, code):
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        if code == 1 and lines:
            return lines[-1][:WORDS]
        return f"the builder ended ({f'signal {-code}' if code < 0 else f'code {code}'})"

    def _ended(self, problem):
        self.close()
        if problem:
            log.warning("the step goes on uncompiled: %s", problem)
        self.answers[self.key], self.key = problem, None

    def close(self):
        """Ends the process that builds, if there is one, with everything that it started."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except OSError:
                pass  # it had ended, and all of it
            self.process.wait()
            self.process.stdin.close()
            self.said.close()
            self.process = None
