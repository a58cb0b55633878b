"""Many members: chunk by chunk, on all cores or accelerators, with the same numbers for any.

Every worker runs the same compiled program on its own chunk, and a chunk is a multiple of
:data:`~rootzone.core.compiling.LANES` columns wide, the last one filled up: a member does not know
its neighbors, and the vector units treat every column alike. (A program partitioned over devices
would be compiled to other roundings for every number of devices, and step control turns these into
differences as large as its tolerance.)
"""

import os
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import jax
import numpy as np

from rootzone.core.compiling import LANES, WIDE_VECTORS
from rootzone.simulate.site import Members, Simulated, Site

Device = Any  # jax.Device, which is no type to a checker

CHUNK = 128
"""Columns that a worker computes together, by default."""


class Chunk(NamedTuple):
    """Members computed together, and what came of them as numpy arrays (..., member)."""

    number: int
    """Number of the chunk."""
    members: np.ndarray
    """Numbers of its members."""
    result: Simulated


def workers() -> list[Device]:
    """Return the devices that compute: every accelerator once, or the CPU once for each core.

    Programs on one CPU device run side by side when threads start them, and are compiled once.
    """
    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        return devices
    return [devices[n % len(devices)] for n in range(max(_cores(), len(devices)))]


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chunk_width(members: int, chunk: int = CHUNK) -> int:
    """Return the width of the chunks: whole vectors, and not wider than the ensemble needs.

    >>> chunk_width(1), chunk_width(100), chunk_width(5000), chunk_width(5000, chunk=50)
    (16, 112, 128, 64)
    """
    whole = lambda n: -(-n // LANES) * LANES  # noqa: E731
    return min(whole(chunk), whole(members))


def chunk_count(members: int, chunk: int = CHUNK) -> int:
    """Return the number of chunks of an ensemble."""
    return -(-members // chunk_width(members, chunk))


def pick(members: Members, places: np.ndarray) -> Members:
    """Return some of the members, by their places on the last axis."""
    size = members.number.shape[0]

    def some(x):
        x = np.asarray(x)
        return x[..., places] if x.ndim and x.shape[-1] == size else x

    return jax.tree.map(some, members)


def run_ensemble(
    site: Site,
    members: Members,
    *,
    chunk: int = CHUNK,
    done: Collection[int] = (),
    on: Sequence[Device] | None = None,
) -> Iterator[Chunk]:
    """Run an ensemble chunk by chunk and yield the chunks as they end.

    Parameters
    ----------
    site : Site
        What the members share.
    members : Members
        All members; every array has the members on its last axis, or is a scalar.
    chunk : int
        Columns that a worker computes together; rounded up to whole vectors. Results do not
        depend on it.
    done : collection of int
        Numbers of chunks that are known already, and are left out.
    on : sequence of Device, optional
        The workers, by default :func:`workers`. Results do not depend on their number.

    Yields
    ------
    Chunk
        In the order in which they end. At most one chunk for each worker is held.
    """
    size = members.number.shape[0]
    width = chunk_width(size, chunk)
    waiting = [n for n in range(chunk_count(size, chunk)) if n not in done]
    chosen = list(on or workers())[: max(1, len(waiting))]

    def simulate(some: Members) -> Simulated:  # a bound method would be hashed with its arrays
        return site.simulate(some)

    program = jax.jit(simulate)
    free: queue.SimpleQueue[Device] = queue.SimpleQueue()
    for device in chosen:
        free.put(device)
    programs: dict[Device, Callable[[Members], Simulated]] = {}
    compiling = threading.Lock()
    double = bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]

    def compute(number: int) -> Chunk:
        places = np.arange(number * width, (number + 1) * width)
        filled = pick(members, np.minimum(places, size - 1))
        device = free.get()
        try:
            with jax.enable_x64(double):  # threads do not inherit the precision
                there = jax.device_put(filled, device)
                with compiling:  # once for each device, not once for each thread
                    if device not in programs:
                        programs[device] = program.lower(there).compile(WIDE_VECTORS)
                found = jax.tree.map(np.asarray, programs[device](there))
        finally:
            free.put(device)
        kept = int(np.sum(places < size))
        trimmed = jax.tree.map(lambda x: np.ascontiguousarray(x[..., :kept]), found)
        return Chunk(number, np.asarray(filled.number)[:kept], trimmed)

    yield from _in_threads(compute, waiting, len(chosen))


def _in_threads(
    compute: Callable[[int], Chunk], waiting: list[int], threads: int
) -> Iterator[Chunk]:
    """Yield the chunks as they end, as many at a time as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        running: set[Future[Chunk]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < threads:
                    running.add(pool.submit(compute, waiting.pop(0)))
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()
