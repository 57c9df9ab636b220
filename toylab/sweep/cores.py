"""This machine's cores: worker processes of one thread each, started anew (spawn).

No worker outlives the sweep: they end with it, also when it is killed.
"""

import collections
import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from toylab.sweep.training import failed, trained

DIED = "the process that trained it died (killed, or out of memory)"


def count():
    """The cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _begin():
    """In a new worker: Ctrl-C is the sweep's own matter, and the sweep's end is the worker's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def follow():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def local(tasks, jobs, work=trained, lost=failed):
    """Yields (task, what `work(task)` returns) as they are done, at most `jobs` at a time.

    When a worker dies, nobody can tell whose fault it was: those that were being trained go on one
    at a time, and who is then alone with a dying worker has failed: its result is that of `lost`,
    called with (task, why).
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the workers, before they import torch
    waiting = collections.deque(tasks)
    while waiting:
        suspects = yield from _pool(waiting, jobs, work)
        for task in suspects:
            if (yield from _pool(collections.deque([task]), 1, work)):
                yield task, lost(task, DIED)


def _pool(waiting, jobs, work):
    """Yields like `local`; returns the tasks that were being trained when a worker died."""
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(waiting)), spawn, initializer=_begin)
    running, suspects = {}, []
    try:
        while (waiting or running) and not suspects:
            while waiting and len(running) < jobs:
                task = waiting.popleft()
                running[pool.submit(work, task)] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                try:
                    rows = future.result()
                except BrokenProcessPool:
                    suspects.append(task)
                else:
                    yield task, rows
            if suspects:
                suspects += running.values()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children() if running else ():
            child.terminate()
    return suspects
