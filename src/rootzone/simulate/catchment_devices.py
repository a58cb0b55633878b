"""Chunks on all devices at once, handed on in their order.

Every device runs the same program on a chunk of its own: numbers do not depend on how many devices
there are, and no device waits for the slowest of a step.
"""

import os
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import jax

LANES = 16
"""Chunks are multiples of so many columns: the widest vector of float32."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def use_all_cores() -> int:
    """Make a device of every CPU core, if JAX has not started yet; return the number of devices.

    Where there are accelerators, these are the devices.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        jax.config.update("jax_num_cpu_devices", count or 1)
    except RuntimeError:  # JAX has started: its devices stay as they are
        pass
    return len(jax.local_devices())


def in_turn(
    work: Callable[[_Job, jax.Device], _Result],
    jobs: Iterable[_Job],
    devices: Sequence[jax.Device] | None = None,
) -> Iterator[_Result]:
    """Yield ``work(job, device)`` in the order of the jobs, as many at once as there are devices.

    Parameters
    ----------
    work : callable
        Runs on a thread of its own.
    jobs : iterable
        What to do.
    devices : sequence of Device, optional
        By default all local devices.

    Yields
    ------
    object
        Results; at most two for each device are held.
    """
    devices = list(devices or jax.local_devices())
    double = bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]
    free: queue.SimpleQueue[jax.Device] = queue.SimpleQueue()
    for device in devices:
        free.put(device)

    def one(job: _Job) -> _Result:
        device = free.get()
        try:
            with jax.enable_x64(double):  # threads do not inherit it
                return work(job, device)
        finally:
            free.put(device)

    ahead = len(devices) + 1
    with ThreadPoolExecutor(len(devices)) as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(one, job))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
