"""Numbered jobs on the workers of a dask cluster, their results in the order of the jobs.

Which worker computes a job, how many workers there are and which of them die makes no difference to
the results: a job is a whole part of an ensemble, in the shape that it has when one process runs
them all, and it is computed anew where it is lost::

    with cluster("tcp://node7:8786") as pool:
        for part in pool.parts(problem, sets, done=store.known()):
            store.write(part.number, part.scores)

The package distributed is imported when a cluster is asked for.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from rootzone.calibrate import cluster_worker
from rootzone.calibrate.cluster_pool import Pool
from rootzone.calibrate.cluster_worker import Source
from rootzone.core.errors import RunError, StudyError

__all__ = ["LOCAL", "Pool", "Source", "cluster"]

LOCAL = "local"
"""The address of a cluster that is started on this machine."""

CONNECT_SECONDS = 10.0
"""How long a scheduler is waited for."""

WORKER_SECONDS = 300.0
"""How long workers are waited for: at the start, and when all of them have gone."""


@contextmanager
def cluster(
    address: str | None = None,
    workers: int | None = None,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    worker_seconds: float = WORKER_SECONDS,
) -> Iterator[Pool]:
    """Start a cluster on this machine, or connect to one, for as long as the context lasts.

    Parameters
    ----------
    address : str, optional
        Of the scheduler, ``tcp://host:port``; left out or ``local``: processes on this machine
        that only this machine can reach, each with one thread and one CPU device.
    workers : int, optional
        Workers to start here, by default one for each core; of a cluster elsewhere, how many are
        waited for before jobs are handed out, by default one.
    connect_seconds, worker_seconds : float
        How long the scheduler, and workers, are waited for.

    Yields
    ------
    Pool
        Hands out jobs.

    Raises
    ------
    StudyError
        If distributed is not installed, or fewer than one worker is asked for.
    RunError
        If the scheduler or its workers are not there, or compute with other versions.
    """
    if workers is not None and workers < 1:
        raise StudyError(f"{workers} workers: at least one is wanted")
    try:
        import distributed
        from distributed.utils import silence_logging_cmgr
    except ModuleNotFoundError:
        raise StudyError(
            "to compute on several workers the package 'distributed' is needed: "
            "pip install 'rootzone[cluster]'"
        ) from None
    with ExitStack() as stack:
        # What goes wrong is told by exceptions; the loggers would tell it again, with tracebacks.
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
        heal = None
        if address in (None, LOCAL):
            target: Any = stack.enter_context(_local(count := workers or _cores()))
            heal = partial(target.scale, count)
        else:
            _require_scheduler(target := str(address), connect_seconds)
        client = distributed.Client(
            target, timeout=connect_seconds, set_as_default=False, name="rootzone"
        )
        stack.enter_context(client)
        pool = Pool(client, str(address or LOCAL), worker_seconds, heal)
        pool.require_workers(workers or 1)
        yield pool


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    """Start workers on this machine: listening on the loopback only, without dashboard."""
    from dask import config
    from distributed import LocalCluster

    here = "127.0.0.1"
    one = {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": "1",
        "NPROC": "1",  # XLA sizes its threads by it; the cores have workers of their own
    }
    # A worker is started again at once; one that died as it started is replaced after this.
    with config.set({"distributed.deploy.lost-worker-timeout": "60s"}):
        try:
            local = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host=here,
                # The scheduler's page cannot be left out altogether: on a free port, and plain.
                dashboard_address=f"{here}:0",
                scheduler_kwargs={"dashboard": False},
                memory_limit=0,  # parts are small; a limit would stop them when others take memory
                silence_logs=logging.CRITICAL,
                env=one,
                preload=[cluster_worker.__name__],
            )
        except (OSError, RuntimeError) as error:
            raise RunError(
                f"workers cannot be started on this machine ({error}); a script of your own must "
                "begin its run below `if __name__ == '__main__':`, as workers read it too"
            ) from None
        with local:
            yield local


def _require_scheduler(address: str, seconds: float) -> None:
    """Refuse an address where no scheduler answers; a client would wait for some of them for ever.

    Raises
    ------
    RunError
        Saying what is there instead.
    """
    from distributed import Security
    from distributed.comm.core import connect
    from distributed.core import send_recv

    async def identity() -> Any:
        async with asyncio.timeout(seconds):
            how = Security().get_connection_args("client")
            comm = await connect(address, timeout=seconds, **how)
            try:
                return await send_recv(comm, op="identity")
            finally:
                comm.abort()

    with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
        try:
            kind = thread.submit(asyncio.run, identity()).result()["type"]
        except Exception as error:  # anything may answer, and with anything
            why = next(iter(str(error).splitlines()), "") or f"no answer within {seconds:g} s"
        else:
            why = "" if kind == "Scheduler" else f"a {kind} does"
    if why:
        raise RunError(
            f"'{address}': no dask scheduler answers there ({why}); start one or mend the address"
        )


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
