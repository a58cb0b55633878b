"""Handing out jobs to the workers of a cluster, and getting all results back in order."""

import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import jax
import numpy as np

from rootzone.calibrate.cluster_worker import (
    PartJob,
    Source,
    compute,
    packed,
    part_of,
    require_same,
    sharing,
    unpacked,
    versions,
)
from rootzone.core.errors import RunError

_DEATHS = 25  # how often a job is given again that the scheduler gave up; it tries four times
_LOOK_SECONDS = 5.0

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_Shared = TypeVar("_Shared")


class Pool:
    """Workers that compute jobs; made by :func:`rootzone.calibrate.cluster.cluster`."""

    def __init__(
        self,
        client: Any,
        address: str,
        worker_seconds: float,
        heal: Callable[[], None] | None = None,
    ):
        self._client, self._address, self._patience = client, address, worker_seconds
        self._heal = heal  # starts workers in the place of those that are gone for good
        self._sources: dict[int, tuple[Source, str]] = {}
        self._threads, self._looked = 0, -np.inf

    @property
    def workers(self) -> int:
        """Return the number of workers that are there now."""
        return len(self._there())

    def in_turn(
        self,
        make_work: Callable[[_Shared], Callable[[_Job], _Result]],
        shared: _Shared,
        jobs: Iterable[_Job],
    ) -> Iterator[tuple[_Job, _Result]]:
        """Yield jobs and the results of ``make_work(shared)(job)`` in the order of the jobs.

        Parameters
        ----------
        make_work : callable
            Called once on every worker.
        shared : object
            What it takes, with numpy and JAX arrays; sent once to every worker, also to those that
            come later.
        jobs : iterable
            Numbers, or other small things.

        Yields
        ------
        (job, result)
            At most twice as many jobs as there are threads are under way.

        Raises
        ------
        RunError
            If the scheduler or all workers go away, or a job kills one worker after another.
        Exception
            What the work raises.

        Notes
        -----
        Arrays keep their precision on the way, and the work runs with the same ``jax_enable_x64``
        as the caller.
        """
        with self._sharing(make_work, shared) as name:
            yield from self._run(name, jobs)

    def parts(
        self, source: Source, values: np.ndarray, *, done: Sequence[int] = ()
    ) -> Iterator[Any]:
        """Yield what ``source.parts(values, done=done)`` yields, computed by the workers.

        The source is sent once in the life of the pool, however often it is asked; it must not be
        changed in between.

        Parameters
        ----------
        source : Source
            Such as a ``Simulator``.
        values : array (member, parameter)
            Parameter sets.
        done : sequence of int
            Numbers of parts that are left out.

        Yields
        ------
        object
            Parts in order, equal to the bit to those of one process on the same kind of machine.
        """
        values = np.asarray(values)
        if not len(values):
            return
        if id(source) not in self._sources:
            # held, so that no other object gets its id
            self._sources[id(source)] = (source, self._share(part_of, source))
        name, size = self._sources[id(source)][1], source.block(len(values))
        known = frozenset(done)
        jobs = (
            PartJob(n, len(values), values[n * size : (n + 1) * size])
            for n in range(-(-len(values) // size))
            if n not in known
        )
        with closing(self._run(name, jobs)) as run:
            for _, part in run:
                yield part

    def _run(self, name: str, jobs: Iterable[Any]) -> Generator[tuple[Any, Any], None, None]:
        double = jax.dtypes.canonicalize_dtype(float).itemsize == 8
        numbers = itertools.count()
        run = uuid.uuid4().hex

        def submit(job: Any) -> Any:
            key = f"rootzone-{run}-{next(numbers)}"
            with self._calling():
                return self._client.submit(compute, name, double, job, key=key, pure=False)

        waiting: deque[tuple[Any, Any]] = deque()
        try:
            for job in jobs:
                waiting.append((job, submit(job)))
                while len(waiting) > 2 * self._all_threads():
                    yield self._first(waiting, submit)
            while waiting:
                yield self._first(waiting, submit)
        finally:
            with suppress(Exception):  # the scheduler may have gone
                self._client.cancel([future for _, future in waiting])

    def _first(
        self, waiting: deque[tuple[Any, Any]], submit: Callable[[Any], Any]
    ) -> tuple[Any, Any]:
        """Return the first job and its result; what is lost is computed again."""
        from distributed import KilledWorker

        job = waiting[0][0]
        for _ in range(_DEATHS):
            future = waiting[0][1]
            try:
                self._wait(future)
                result = unpacked(future.result())
                waiting.popleft()
                return job, result
            except KilledWorker:
                waiting[0] = (job, submit(job))
            except CancelledError:
                raise self._gone("the scheduler went away") from None
            except ModuleNotFoundError as error:
                if error.name != "rootzone":
                    raise
                raise RunError(
                    f"a worker of {self._address} has no rootzone: install the "
                    "same version on all workers"
                ) from None
        what = f"part {job.number}" if isinstance(job, PartJob) else "a job"
        raise RunError(
            f"{what} ends one worker after another, most likely for want of memory; what is done "
            "is kept"
        )

    def _wait(self, future: Any) -> None:
        """Wait for a future, as long as there is somebody who could compute it."""
        ready = threading.Event()
        future.add_done_callback(lambda _: ready.set())
        last = time.monotonic()
        while not ready.wait(_LOOK_SECONDS):
            if self._client.status in ("closed", "closing"):
                raise self._gone("the scheduler went away")
            if self._heal is not None:
                self._heal()
            if self._there():
                last = time.monotonic()
            elif time.monotonic() - last > self._patience:
                raise self._gone(f"no worker has been there for {self._patience:.0f} s")

    @contextmanager
    def _calling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError):  # the connection was closed, the client is
            raise self._gone("the scheduler went away") from None

    def _gone(self, what: str) -> RunError:
        return RunError(f"{self._address}: {what}; what is done is kept, go on with --resume")

    def _there(self) -> dict[str, int]:
        """Return the threads of the workers that are there."""
        try:
            return dict(self._client.nthreads())
        except (OSError, RuntimeError, ValueError):
            return {}

    def _all_threads(self) -> int:
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._threads, self._looked = sum(self._there().values()), time.monotonic()
        return max(1, self._threads)

    def require_workers(self, number: int) -> None:
        """Wait for so many workers, and refuse those that compute with other versions.

        Raises
        ------
        RunError
            If they do not come, or have other versions.
        """
        try:
            self._client.wait_for_workers(number, timeout=self._patience)
        except (OSError, TimeoutError):
            raise RunError(
                f"{self._address}: {self.workers} workers within {self._patience:.0f} s, {number} "
                "wanted; start workers (`dask worker ADDRESS --nthreads 1`) or ask for fewer"
            ) from None
        mine = versions()
        for where, other in self._client.run(versions, on_error="return").items():
            if isinstance(other, ModuleNotFoundError):
                other = {}
            elif isinstance(other, BaseException):
                raise other
            require_same(mine, other, where)

    # --- what workers share ---------------------------------------------------------------

    @contextmanager
    def _sharing(self, make_work: Callable, shared: Any) -> Iterator[str]:
        name = self._share(make_work, shared)
        try:
            yield name
        finally:
            with suppress(Exception):  # the scheduler may have gone
                self._client.unregister_worker_plugin(name)

    def _share(self, make_work: Callable, shared: Any) -> str:
        """Send what makes the work to all workers, present and future; return its name."""
        name = f"rootzone-{uuid.uuid4().hex}"
        content = packed((make_work, shared))
        with self._calling():
            self._client.register_plugin(sharing(name, content), name=name)
        return name
