"""Other machines: the same tasks on a Dask cluster that somebody has started.

    dask scheduler --host 127.0.0.1            on one machine
    dask worker tcp://…:8786 --nthreads 1 --nworkers 8     on each, with the same toylab

Whoever can reach a scheduler can make its workers run any code: keep it on a network of your own.
https://distributed.dask.org
"""

from toylab.sweep.runs import code
from toylab.sweep.training import failed, trained

SECONDS = 10  # to wait for the scheduler


class NoCluster(ValueError):
    """The scheduler cannot be used; the text says why."""


def remote(tasks, address):
    """Yields (task, its rows) as they are done by the workers of the scheduler at an address.

    Raises `NoCluster` where there is no scheduler, no worker, or a worker with other code.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise NoCluster('--scheduler needs Dask: pip install "toylab[sweep]"') from error
    try:
        client = Client(address, timeout=SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise NoCluster(f"no scheduler answers at {address}: {error}") from error
    with client:
        _alike(client, address)
        futures = {client.submit(trained, task, pure=False): task for task in tasks}
        try:
            for future in as_completed(futures):
                task = futures[future]
                error = future.exception()
                yield task, future.result() if error is None else failed(task, str(error))
        finally:
            client.cancel(list(futures))


def _alike(client, address):
    """Raises `NoCluster` unless there are workers and all have this toylab and this torch."""
    try:
        found = client.run(code)
    except Exception as error:  # whatever their Python says of our function
        raise NoCluster(f"the workers of {address} cannot run toylab.sweep: {error}") from error
    if not found:
        raise NoCluster(f"{address} has no workers: dask worker {address} --nthreads 1")
    if others := sorted(worker for worker, theirs in found.items() if theirs != code()):
        raise NoCluster(f"another toylab or torch runs on {', '.join(others)}: install this one")
