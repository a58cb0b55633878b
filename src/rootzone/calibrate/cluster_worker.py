"""What the workers of a cluster know: how a job is computed, and what is sent once for all jobs."""

import pickle
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from rootzone.core.errors import RunError


class Source(Protocol):
    """What computes an ensemble part by part, such as a ``Simulator``.

    A part must depend on its own rows of the values and on the number of all rows only.
    """

    def block(self, members: int) -> int:
        """Return how many members of so many are a part."""
        ...

    def parts(self, values: np.ndarray, *, done: Sequence[int]) -> Iterator[Any]:
        """Yield the parts of values (member, parameter) in order but for those that are done."""
        ...


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the process that started the worker (dask calls it, see ``preload``)."""
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)


# --- versions -----------------------------------------------------------------------------

PACKAGES = ("rootzone", "jax", "jaxlib")
"""Packages whose versions must be the same on all workers."""


def versions() -> dict[str, str]:
    """Return the versions that must be the same on all workers."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {**{name: version(name) for name in PACKAGES}, "python": python}


def require_same(mine: Mapping[str, str], other: Mapping[str, str], where: str) -> None:
    """Refuse a worker of other versions.

    Raises
    ------
    RunError
        Naming the worker, and what it has.
    """
    differ = [f"{k} {other.get(k)} instead of {mine[k]}" for k in mine if mine[k] != other.get(k)]
    if differ:
        raise RunError(
            f"worker {where} has {', '.join(differ)}: numbers could differ; install the same "
            "versions on all workers"
        )


# --- what goes over the wire --------------------------------------------------------------


def packed(content: Any) -> bytes:
    """Return anything as bytes for another process of the same cluster."""
    from distributed.protocol.pickle import dumps

    return dumps(content)


def unpacked(content: bytes) -> Any:
    """Return what was packed; JAX arrays keep their precision, whatever JAX computes in."""
    with jax.enable_x64(True):
        return pickle.loads(content)  # noqa: S301  from a process of the same cluster


# --- what is sent once --------------------------------------------------------------------

_WORK: dict[str, Callable[[Any], Any]] = {}
_LOCK = threading.Lock()


def sharing(name: str, content: bytes) -> Any:
    """Return a plugin that brings the work of this name to every worker that is there or comes.

    Parameters
    ----------
    name : str
        Of the work.
    content : bytes
        ``(make_work, shared)``, packed.
    """
    from distributed import WorkerPlugin

    class Sharing(WorkerPlugin):
        def __init__(self, name: str, content: bytes) -> None:
            self.name, self.content, self.versions = name, content, versions()

        def teardown(self, worker: Any) -> None:
            from rootzone.calibrate.cluster_worker import forget

            forget(self.name)

    return Sharing(name, content)


def forget(name: str) -> None:
    """Forget a work."""
    _WORK.pop(name, None)


def compute(name: str, double: bool, job: Any) -> bytes:
    """Return the result of a job, packed; the work of this name is made for the first one.

    Raises
    ------
    RunError
        If the client has other versions.
    """
    with _LOCK:
        work = _WORK.get(name)
        if work is None:
            work = _WORK[name] = _made(name, double)
    with jax.enable_x64(double):  # threads do not inherit it
        return packed(work(job))


def _made(name: str, double: bool) -> Callable[[Any], Any]:
    from distributed import get_worker

    worker = get_worker()
    sent: Any = worker.plugins[name]
    require_same(sent.versions, versions(), worker.address)
    make_work, shared = unpacked(sent.content)
    with jax.enable_x64(double):
        return make_work(shared)


# --- parts of ensembles -------------------------------------------------------------------


class PartJob(NamedTuple):
    """A part of an ensemble: its number, the size of the ensemble, and the rows of the part."""

    number: int
    members: int
    rows: np.ndarray


def part_of(source: Source) -> Callable[[PartJob], Any]:
    """Return a function that computes one part as if it ran them all."""

    def work(job: PartJob) -> Any:
        size = source.block(job.members)
        # Shapes follow from the number of all members; the rows of others are not looked at.
        values = np.repeat(job.rows[:1], job.members, axis=0)
        values[job.number * size : job.number * size + len(job.rows)] = job.rows
        others = [n for n in range(-(-job.members // size)) if n != job.number]
        (part,) = source.parts(values, done=others)
        return part

    return work
