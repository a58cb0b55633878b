"""Jobs on the workers of a dask cluster: what dies, raises or is not there changes no number."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import distributed  # noqa: F401  brings its defaults: config.set would take them away again
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dask import config

from rootzone.calibrate import cluster_pool, cluster_worker
from rootzone.calibrate.cluster import cluster
from rootzone.core import RunError, StudyError
from rootzone.data.cells import calendar_of, disaggregation_of, regionalization_of, weather_of
from rootzone.data.domain import Cases, Setup
from rootzone.data.synthetic_domain import rail_valley
from rootzone.neutrons.cell_counts_mhm import DesiletsMhm513
from rootzone.simulate.catchment import Catchment
from rootzone.simulate.readings import Reading, Simulator
from rootzone.water.cell import OnceADay

DAYS, MEMBERS = 12, 11
START = np.datetime64("2020-01-01")


@pytest.fixture(scope="module")
def simulator():
    """Some cells of a valley, of which two members are computed together, in single precision."""
    domain, setup = rail_valley(days=DAYS), Setup(Cases(1, 0, 1), START, START + (DAYS - 1))
    catchment = Catchment(
        regionalization_of(domain, setup),
        weather_of(domain, setup),
        calendar_of(domain, setup),
        disaggregation_of(domain, setup),
        counts=OnceADay(DesiletsMhm513()),
    )
    reading = {"counts": Reading("neutrons", np.eye(catchment.cells)[::12])}
    return Simulator.of(catchment, reading, first_day=2, chunk=60, dtype=np.float32)


@pytest.fixture(scope="module")
def values(simulator):
    table = simulator.catchment.regionalization.parameter_table
    low, high = np.asarray(table.lower), np.asarray(table.upper)
    share = np.random.default_rng(0).uniform(0.2, 0.8, (MEMBERS, len(low)))
    return low + share * (high - low)


@pytest.fixture(scope="module")
def pool():
    # the scheduler gives up a job when its worker dies: it is handed out again here
    with config.set({"distributed.scheduler.allowed-failures": 0}), cluster("local", 2) as pool:
        yield pool


def equal_to_the_bit(found, expected):
    assert [p.number for p in found] == [p.number for p in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.members, other.members)
        assert one.values.keys() == other.values.keys()
        for name, array in other.values.items():
            assert one.values[name].dtype == array.dtype
            assert one.values[name].tobytes() == array.tobytes()


def worker_processes(pool):
    return list(pool._client.run(os.getpid).values())


# --- numbers ----------------------------------------------------------------------------


def test_parts_are_those_of_one_process_also_if_a_worker_dies(pool, simulator, values):
    expected = list(simulator.parts(values))
    assert len(expected) == 6
    found = []
    before = worker_processes(pool)
    for part in pool.parts(simulator, values):
        found.append(part)
        if len(found) == 1:
            os.kill(before[0], signal.SIGKILL)
    equal_to_the_bit(found, expected)
    pool._client.wait_for_workers(2, timeout=60)
    assert len({*before, *worker_processes(pool)}) == 3  # one is new


def test_the_worker_that_came_later_has_what_was_sent_before(pool, simulator, values):
    expected = list(simulator.parts(values, done=[0, 3]))
    equal_to_the_bit(list(pool.parts(simulator, values, done=[0, 3])), expected)
    assert len(pool._sources) == 1  # it was not sent again


def test_precision_is_that_of_the_caller(pool, simulator, values):
    """Parameters in double, run in single precision, as studies do it."""
    single = simulator._replace(dtype=None)
    with jax.enable_x64(False):
        expected = list(single.parts(values[:4]))
        found = list(pool.parts(single, values[:4]))
    assert expected[0].values["counts"].dtype == np.float32
    equal_to_the_bit(found, expected)


def kinds(shared):
    def work(number):
        return {
            "shared": [str(x.dtype) for x in jax.tree.leaves(shared)],
            "weak": shared["weak"].weak_type,
            "made": jnp.zeros(number, float),
            "double": np.float64(1.0) / 3.0,
        }

    return work


@pytest.mark.parametrize("double", [True, False])
def test_arrays_keep_their_precision_on_the_way(pool, double):
    shared = {
        "double": jnp.asarray([1.0], jnp.float64),
        "numpy": np.ones(2),
        "single": jnp.asarray([1.0], jnp.float32),
        "weak": jnp.asarray(1.0),
    }
    with jax.enable_x64(double):
        results = list(pool.in_turn(kinds, shared, [3, 5]))
    assert [job for job, _ in results] == [3, 5]
    for job, result in results:
        assert result["shared"] == ["float64", "float64", "float32", "float64"]
        assert result["weak"] == shared["weak"].weak_type
        assert isinstance(result["made"], jax.Array)
        assert result["made"].shape == (job,)
        assert result["made"].dtype == (np.float64 if double else np.float32)
        assert result["double"] == 1.0 / 3.0


# --- order, errors, ends ----------------------------------------------------------------


def slow_first(_):
    def work(number):
        time.sleep(0.3 if number == 0 else 0.0)
        return number**2

    return work


def test_results_come_in_the_order_of_the_jobs_and_few_are_under_way(pool):
    taken = []

    def jobs():
        for number in range(30):
            taken.append(number)
            yield number

    for count, (job, result) in enumerate(pool.in_turn(slow_first, None, jobs())):
        assert (job, result) == (count, count**2)
        assert len(taken) <= count + 2 * 2 + 1
    assert len(taken) == 30


def refuse(limit):
    def work(number):
        if number == limit:
            raise StudyError(f"{number} is too many")
        return number

    return work


def test_what_the_work_raises_comes_back_and_the_pool_goes_on(pool):
    run = pool.in_turn(refuse, 3, range(8))
    assert [next(run)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StudyError, match=r"^3 is too many$"):
        next(run)
    assert [n for n, _ in pool.in_turn(refuse, 9, range(4))] == [0, 1, 2, 3]


def without(_):
    def work(number):
        raise ModuleNotFoundError("No module named 'rootzone'", name="rootzone")

    return work


def test_a_worker_without_the_package_is_told(pool):
    with pytest.raises(RunError, match=r"^a worker of local has no rootzone: install"):
        next(pool.in_turn(without, None, range(1)))


def wait(_):
    def work(number):
        time.sleep(0.05)
        return number

    return work


def test_a_run_that_is_closed_takes_back_what_it_handed_out(pool):
    taken = []

    def jobs():
        for number in range(10_000):
            taken.append(number)
            yield number

    sent = lambda: pool._client.run(lambda dask_worker: len(dask_worker.plugins))  # noqa: E731
    before = sent()
    run = pool.in_turn(wait, None, jobs())
    assert next(run) == (0, 0)
    assert min(sent().values()) > min(before.values())
    run.close()
    assert len(taken) <= 2 * 2 + 1
    assert sent() == before
    deadline = time.monotonic() + 60
    while any(pool._client.processing().values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def listening(process: int) -> list[str]:
    """Return the addresses, as the system writes them, on which a process listens."""
    own = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            own.add(str(link.readlink()))
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{name}").read_text().splitlines()[1:]
    ]
    return [w[1].split(":")[0] for w in lines if w[3] == "0A" and f"socket:[{w[9]}]" in own]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads what Linux tells")
def test_only_this_machine_can_reach_a_local_cluster(pool):
    found = [a for p in (os.getpid(), *worker_processes(pool)) for a in listening(p)]
    assert len(found) >= 4
    assert set(found) == {"0100007F"}  # 127.0.0.1


def die(_):
    def work(number):
        os.kill(os.getpid(), signal.SIGKILL)

    return work


def test_a_job_that_ends_one_worker_after_another_ends_itself(pool, monkeypatch, capfd):
    monkeypatch.setattr(cluster_pool, "_DEATHS", 2)
    with pytest.raises(RunError, match="a job ends one worker after another, most likely"):
        list(pool.in_turn(die, None, range(1)))
    assert capfd.readouterr() == ("", "")


# --- schedulers elsewhere ---------------------------------------------------------------


@contextmanager
def elsewhere(workers: int):
    """Start a scheduler and workers as a user would, and yield its address and the processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    commands = [[*dask, "scheduler", *here, "--port", str(port)]]
    commands += [[*dask, "worker", address, *here, "--nthreads", "1", "--no-nanny"]] * workers
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(c, **quiet) for c in commands]
    try:
        yield address, processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def test_a_scheduler_elsewhere_and_all_that_can_be_wrong_there(monkeypatch, capfd):
    with elsewhere(workers=1) as (address, processes):
        with monkeypatch.context() as patch:
            patch.setattr(cluster_worker, "version", lambda _: "0.0.0")
            with (
                pytest.raises(RunError, match=r"has rootzone .* instead of 0\.0\.0: .* versions"),
                cluster(address, connect_seconds=60, worker_seconds=60),
            ):
                pytest.fail("connected")
        with (
            pytest.raises(RunError, match="1 workers within 0 s, 2 wanted"),
            cluster(address, 2, worker_seconds=0.1),
        ):
            pytest.fail("connected")
        with cluster(address, connect_seconds=2, worker_seconds=1) as pool:
            assert list(pool.in_turn(wait, None, range(5))) == [(n, n) for n in range(5)]
            with monkeypatch.context() as patch:  # as a worker of other versions that came later
                patch.setattr(cluster_worker, "version", lambda _: "0.0.0")
                run = pool.in_turn(wait, None, range(3))
                with pytest.raises(RunError, match=r"instead of 0\.0\.0: numbers could differ"):
                    next(run)
            monkeypatch.setattr(cluster_pool, "_LOOK_SECONDS", 0.2)
            run = pool.in_turn(wait, None, range(1000))
            next(run)
            processes[1].kill()
            with pytest.raises(RunError, match="no worker has been there for 1 s; what is done"):
                list(run)
            run = pool.in_turn(wait, None, range(1000))
            processes[0].kill()
            with pytest.raises(RunError, match="the scheduler went away; what is done is kept"):
                list(run)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("what", ["nothing", "silence", "nonsense", "no address", "a word"])
def test_a_scheduler_that_is_not_there_is_told_in_a_sentence(what, capfd):
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        port = here.getsockname()[1]
        if what in ("silence", "nonsense"):
            here.listen()
        address = {"no address": "tcp://127.0.0.1:99999", "a word": "scheduler"}.get(
            what, f"127.0.0.1:{port}"
        )

        def answer():
            connection = here.accept()[0]
            connection.sendall(b"HTTP/1.1 400 Bad Request, and more than a header of it")
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        if what == "nonsense":
            thread.start()
        began = time.monotonic()
        with (
            pytest.raises(RunError, match=f"^'{address}': no dask scheduler answers there"),
            cluster(address, connect_seconds=1.0),
        ):
            pytest.fail("connected")
        assert time.monotonic() - began < 30
        if what == "nonsense":
            thread.join()
    assert capfd.readouterr() == ("", "")


def test_what_is_asked_for_must_be_possible(monkeypatch):
    with pytest.raises(StudyError, match="0 workers: at least one"), cluster("local", 0):
        pytest.fail("started")

    def no_main(**_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", no_main)
    with pytest.raises(RunError, match=r"cannot be started .* `if __name__ =="), cluster():
        pytest.fail("started")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r"pip install 'rootzone\[cluster\]'"), cluster():
        pytest.fail("started")


# --- a run that is stopped ---------------------------------------------------------------

SCRIPT = """
import os, sys, time
from rootzone.calibrate.cluster import cluster

def make(_):
    def work(number):
        time.sleep(0.05)
        return os.getpid()
    return work

if __name__ == "__main__":
    try:
        with cluster("local", 1) as pool:
            for _, process in pool.in_turn(make, None, range(100_000)):
                print(process, flush=True)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_no_worker_and_no_tracebacks(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    run = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    worker = int(run.stdout.readline())
    if how == signal.SIGINT:
        os.killpg(run.pid, how)  # as Ctrl-C does: to the workers too
    else:
        run.kill()
    try:
        _, told = run.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        # Python drops an interrupt that comes while it is in a callback: Ctrl-C again, as one does.
        os.killpg(run.pid, how)
        _, told = run.communicate(timeout=60)
    if how == signal.SIGINT:
        assert (run.returncode, told) == (130, "stopped\n")
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
