"""Chunks on all devices at once, handed on in their order.

Every device runs the same program on a chunk of its own: numbers do not depend on how many devices
there are, and no device waits for the slowest of a step.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import jax

Device = Any
"""A device of JAX, whose class the type checker does not see."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def use_all_cores() -> int:
    """Make a device of every CPU core, if JAX has not started yet; return the number of devices.

    Where there are accelerators, these are the devices.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with suppress(RuntimeError):  # JAX has started: its devices stay as they are
        jax.config.update("jax_num_cpu_devices", count or 1)
    return len(jax.local_devices())


def in_turn(
    work: Callable[[_Job, Device], _Result],
    jobs: Iterable[_Job],
    devices: Sequence[Device] | None = None,
) -> Iterator[_Result]:
    """Yield ``work(job, device)`` in the order of the jobs, which take turns with the devices.

    The first job is always that of the first device, the second that of the second.

    Parameters
    ----------
    work : callable
        Runs on the thread of its device.
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
    double = jax.dtypes.canonicalize_dtype(float).itemsize == 8

    def one(job: _Job, device: Device) -> _Result:
        with jax.enable_x64(double):  # threads do not inherit it
            return work(job, device)

    with contextlib.ExitStack() as stack:
        threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in devices]
        waiting: deque[Future[_Result]] = deque()
        try:
            for number, job in enumerate(jobs):
                turn = number % len(devices)
                waiting.append(threads[turn].submit(one, job, devices[turn]))
                if len(waiting) > len(devices):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
