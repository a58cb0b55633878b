"""The run folder: whole files or none, `summary.json` last, and nothing of others touched."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import rootzone
from rootzone import cli
from rootzone.core import RootzoneError, RunError
from rootzone.data import Log, RunFolder
from rootzone.studies import remake_report

FILES = {"study.yaml", "results.nc", "daily.nc", "report.html", "log.txt", "summary.json"}


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def assert_same_run(folder: Path, other: Path) -> None:
    """Everything but the dates of two runs is equal."""
    assert names(folder) == names(other) == FILES
    for name in ("results.nc", "daily.nc"):
        with (
            xr.open_dataset(folder / name, engine="h5netcdf") as a,
            xr.open_dataset(other / name, engine="h5netcdf") as b,
        ):
            xr.testing.assert_identical(a.load(), b.load())
    summaries = [json.loads((f / "summary.json").read_text()) for f in (folder, other)]
    for summary in summaries:
        summary.pop("created")
    assert summaries[0] == summaries[1]


@pytest.fixture
def out(station) -> Path:
    station.study()
    return station.folder / "out"


@pytest.fixture(scope="module")
def undisturbed(lasting_station) -> Path:
    """Return a run that nothing disturbed."""
    folder = lasting_station.folder / "undisturbed"
    run_here(lasting_station, folder)
    return folder


@pytest.fixture
def finished(undisturbed, tmp_path) -> Path:
    """Return a copy of a finished run."""
    return Path(shutil.copytree(undisturbed, tmp_path / "finished"))


def run_here(station, out: Path, *, resume: bool = False):
    """Run the study as it lies in the folder."""
    return rootzone.run(station.folder / "study.yaml", out=out, resume=resume)


def test_a_refused_run_leaves_a_folder_that_may_be_used(lasting_station, tmp_path):
    study = (lasting_station.folder / "study.yaml").read_text()
    bad = tmp_path / "study.yaml"
    for again in ({}, {"resume": True}):
        out = tmp_path / f"run{len(again)}"
        bad.write_text(study.replace(".csv", ".nowhere"))
        with pytest.raises(RootzoneError):
            rootzone.run(bad, out=out, base=lasting_station.folder)
        assert {p.name for p in out.iterdir()} == {"study.yaml", "log.txt"}
        bad.write_text(study)
        rootzone.run(bad, out=out, base=lasting_station.folder, **again)
        assert (out / "summary.json").is_file()


# --- disturbances -----------------------------------------------------------------------


def _break_writing(monkeypatch, name: str, error: BaseException) -> None:
    """Let the disk take half of a file and then fail."""
    write_bytes, write_text = Path.write_bytes, Path.write_text

    def half_bytes(self, data):
        if name not in self.name:
            return write_bytes(self, data)
        write_bytes(self, bytes(data)[: len(data) // 2])
        raise error

    def half_text(self, data, **how):
        if name not in self.name:
            return write_text(self, data, **how)
        write_text(self, data[: len(data) // 2], **how)
        raise error

    monkeypatch.setattr(Path, "write_bytes", half_bytes)
    monkeypatch.setattr(Path, "write_text", half_text)


@pytest.mark.parametrize(
    "name", ["study.yaml", "results.nc", "daily.nc", "report.html", "summary.json"]
)
def test_disk_full(out, station, name, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        _break_writing(patch, name, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(SystemExit) as left:
            cli.main(["run", str(station.folder / "study.yaml"), "--out", str(out)])
    assert left.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == f"{out / name}: not written, the disk is full"
    assert name not in names(out)
    assert "summary.json" not in names(out)
    assert not [n for n in names(out) if n.endswith(".part")]
    with pytest.raises(RunError):
        remake_report(out)


def test_interrupted_while_writing(out, station, monkeypatch):
    with monkeypatch.context() as patch:
        _break_writing(patch, "daily.nc", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run_here(station, out)
    assert names(out) == {"study.yaml", "results.nc", "log.txt"}
    assert "not finished: KeyboardInterrupt" in (out / "log.txt").read_text()
    with pytest.raises(RunError, match="was not finished") as caught:
        remake_report(out)
    assert f"--out {out} --resume" in str(caught.value)
    result = run_here(station, out, resume=True)
    assert result.folder == out
    assert names(out) == FILES
    again = run_here(station, out, resume=True)
    xr.testing.assert_allclose(again["daily"], result["daily"])


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("moment", ["study.yaml", "results.nc", "report.html"])
def test_killed(lasting_station, undisturbed, moment):
    """A run that is killed at any moment can be told from a finished one, and be finished."""
    out = lasting_station.folder / f"killed at {moment}"
    process = subprocess.Popen(
        [sys.executable, "-m", "rootzone", "run", "study.yaml", "--out", str(out)],
        cwd=lasting_station.folder,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limit = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < limit:
        if out.is_dir() and any(moment in name for name in names(out)):
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if "summary.json" in names(out):  # it was quicker
        assert names(out) == FILES
    else:
        with pytest.raises(RunError, match=r"not finished|not a run folder"):
            remake_report(out)
    run_here(lasting_station, out, resume=True)
    assert_same_run(out, undisturbed)
    assert remake_report(out) == out / "report.html"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the system")
def test_a_file_that_the_system_refuses(out, station):
    """A real failure while NetCDF is written: the library must not take the process with it."""
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
        "import sys; sys.argv = ['rootzone', 'run', 'study.yaml', '--out', 'out']; "
        "from rootzone.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=station.folder,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "out/results.nc: not written, File too large"
    assert names(out) == {"study.yaml", "log.txt"}


def test_bad_data_leaves_study_and_log_only(out, station):
    station.write("")
    with pytest.raises(RootzoneError, match="the file is empty"):
        run_here(station, out)
    assert names(out) == {"study.yaml", "log.txt"}
    assert "the file is empty" in (out / "log.txt").read_text()
    station.write(station.frame())
    run_here(station, out, resume=True)
    assert names(out) == FILES


def test_bad_study_makes_no_folder(out, station):
    station.values["station"]["latitude"] = 123
    station.study()
    with pytest.raises(RootzoneError):
        run_here(station, out)
    assert not out.exists()


# --- folders that are taken, or are none -------------------------------------------------


def test_folder_that_is_not_empty(out, station):
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "download.part").write_text("mine")
    with pytest.raises(RunError, match="not empty; choose another --out"):
        run_here(station, out)
    with pytest.raises(RunError, match="holds no unfinished run"):
        run_here(station, out, resume=True)
    assert names(out) == {"mine.txt", "download.part"}


def test_folder_that_cannot_be_made(station, out, monkeypatch):
    (station.folder / "file").write_text("")
    with pytest.raises(RunError, match="a file stands there"):
        run_here(station, station.folder / "file")
    for place in (station.folder / "file" / "out", station.folder / ("x" * 300)):
        with pytest.raises(RunError, match="cannot be made"):
            run_here(station, place)

    def refuse(self, *args, **how):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunError, match=r"out: cannot be made \(Permission denied\)"):
        run_here(station, out)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_folder_that_is_read_only(station, out):
    out.mkdir(mode=0o500)
    with pytest.raises(RunError, match=r"study.yaml: not written, Permission denied"):
        run_here(station, out)


def test_resume_of_a_finished_run(finished, monkeypatch):
    """The same study is not computed again; another one is refused."""
    study = finished / "study.yaml"
    before = {p.name: p.stat().st_mtime_ns for p in finished.iterdir()}

    def never(*args):
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr("rootzone.studies.runner._compute", never)
        result = rootzone.run(study, out=finished, resume=True)
    assert set(result) == {"results", "daily"}
    assert result.summary["N0"]["value"] == 2500.0
    with pytest.raises(RunError, match="a finished run of another study"):
        rootzone.run(study, out=finished, resume=True, overrides=["seed=1"])
    with pytest.raises(RunError, match="not empty"):
        rootzone.run(study, out=finished)
    assert {p.name: p.stat().st_mtime_ns for p in finished.iterdir()} == before


def test_report_of_what_is_no_run(finished, tmp_path):
    with pytest.raises(RunError, match="no such run folder"):
        remake_report(tmp_path / "nothing")
    with pytest.raises(RunError, match="not a run folder"):
        remake_report(tmp_path)
    with pytest.raises(RunError, match="no such run folder"):
        remake_report(finished / "summary.json")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\0"])
def test_summary_that_is_broken(finished, content):
    (finished / "summary.json").write_text(content)
    with pytest.raises(RunError, match=r"summary\.json: (cannot be read|not the summary)"):
        remake_report(finished)


def test_results_that_are_broken(finished):
    content = (finished / "results.nc").read_bytes()
    for spoiled in (b"", b"not a NetCDF file", content[: len(content) // 2]):
        (finished / "results.nc").write_bytes(spoiled)
        with pytest.raises(RunError, match=r"results\.nc: cannot be read"):
            remake_report(finished)


def test_a_dataset_that_cannot_be_written_leaves_nothing(tmp_path):
    folder = RunFolder.create(tmp_path / "run", resume=False)
    with pytest.raises(ValueError, match="dtype"):
        folder.write_dataset("a.nc", xr.Dataset({"a": ("x", np.array([{}, []], dtype=object))}))
    assert not names(folder.path)


def test_log_keeps_what_is_not_shown():
    shown = []
    log = Log(lambda prefix, text: shown.append(prefix + text))
    log.tell("a")
    log.warn("b")
    log.warn("b")
    log.keep("c")
    assert shown == ["a", "WARNING: b"]
    assert [line.split(" ", 2)[2] for line in log.text().splitlines()] == ["a", "WARNING: b", "c"]
    assert log.warnings == ["b"]
