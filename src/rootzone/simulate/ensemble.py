"""Many members: chunk by chunk, on all devices, with the same numbers for any of both.

Every device runs the same program on its own chunk, and a chunk is a multiple of
:data:`LANES` columns wide, the last one filled up: a member does not know its neighbors, and the
vector units treat every column alike. A program partitioned over devices (``shard_map``) would be
compiled to other roundings for every number of devices, and step control turns these into
differences as large as its tolerance.
"""

import os
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import jax
import numpy as np

from rootzone.simulate.site import Members, Simulated, Site

LANES = 16
"""Chunks are multiples of so many columns: the widest vector of float32."""

CHUNK = 128
"""Columns that a device computes together, by default."""


class Chunk(NamedTuple):
    """Members computed together, and what came of them as numpy arrays (..., member)."""

    members: np.ndarray
    result: Simulated


def use_all_cores() -> int:
    """Make a device of every CPU core, if JAX has not started yet; return the number of devices.

    Where there are accelerators, these are the devices.
    """
    try:
        jax.config.update("jax_num_cpu_devices", max(1, _cores()))
    except RuntimeError:  # JAX has started: its devices stay as they are
        pass
    return len(jax.local_devices())


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
    done: Sequence[int] = (),
    devices: Sequence[jax.Device] | None = None,
) -> Iterator[Chunk]:
    """Run an ensemble chunk by chunk and yield the chunks as they end.

    Parameters
    ----------
    site : Site
        What the members share.
    members : Members
        All members.
    chunk : int
        Columns that a device computes together; rounded up to a multiple of :data:`LANES`.
        Results do not depend on it.
    done : sequence of int
        Numbers of chunks that are known already, and are left out.
    devices : sequence of Device, optional
        By default all local devices, see :func:`use_all_cores`. Results do not depend on them.

    Yields
    ------
    Chunk
        In the order in which they end. At most one chunk per device is held.
    """
    size = members.number.shape[0]
    width = chunk_width(size, chunk)
    waiting = [n for n in range(-(-size // width)) if n not in set(done)]
    devices = list(devices or jax.local_devices())[: max(1, len(waiting))]
    program = jax.jit(lambda chosen: site.simulate(chosen))  # a method is hashed with its arrays
    free: queue.SimpleQueue[jax.Device] = queue.SimpleQueue()
    for device in devices:
        free.put(device)
    double = bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]

    def compute(number: int) -> Chunk:
        places = np.arange(number * width, (number + 1) * width)
        filled = pick(members, np.minimum(places, size - 1))
        device = free.get()
        try:
            with _precision(double):
                result = program(jax.device_put(filled, device))
                found = jax.tree.map(np.asarray, result)
        finally:
            free.put(device)
        kept = int(np.sum(places < size))
        trimmed = jax.tree.map(lambda x: np.ascontiguousarray(x[..., :kept]), found)
        return Chunk(np.asarray(filled.number)[:kept], trimmed)

    with ThreadPoolExecutor(len(devices)) as pool:
        running: set[Future[Chunk]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < len(devices):
                    running.add(pool.submit(compute, waiting.pop(0)))
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()


def _precision(double: bool):
    """Return the context of a precision: threads do not inherit it."""
    return jax.enable_x64(double)
