"""The real mHM 5.13.4 on a synthetic folder: write, run, say where the results are.

``pip install mhm==5.13.4`` brings it; ``ROOTZONE_MHM`` may point to an executable of another
environment.
"""

import atexit
import functools
import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rootzone.data.domain import Cases, Domain, Setup
from rootzone.data.mhm.output_names import OUTPUT_FLAGS
from rootzone.data.mhm.parameters import default_parameters
from rootzone.data.mhm.setup_reader import WEATHER_OF_PET
from rootzone.data.mhm.writer import write_folder


class Outputs(NamedTuple):
    """Files that a run leaves."""

    folder: Path
    restart: Path
    fluxes: Path
    log: str


def command() -> list[str] | None:
    """Return the command that starts mHM, or None where there is none."""
    named = os.environ.get("ROOTZONE_MHM")
    if named:
        return [named]
    if importlib.util.find_spec("mhm") is not None:
        return [sys.executable, "-m", "mhm"]
    return None


def write_domain(
    domain: Domain,
    folder: Path,
    *,
    cases: Cases | None = None,
    parameters: dict[str, float] | None = None,
    setup: Setup | None = None,
    every: int = -1,
    outputs=OUTPUT_FLAGS,
    restart_in: str = "",
    **choices,
) -> Setup:
    """Write a folder for mHM and return the set-up; its period is that of the weather.

    ``parameters`` maps names of mhm_parameter.nml to values, the others keep their defaults;
    ``choices`` are fields of :class:`Setup` (``horizon_depths``, ``warming_days``, ...).
    """
    if setup is None:
        times = domain.weather.times.astype("datetime64[D]")
        warming = choices.pop("warming_days", 0)
        setup = Setup(
            cases=cases or Cases(),
            first_day=times[0] + warming,
            last_day=times[-1],
            warming_days=warming,
            **choices,
        )
    needed = ("pre", "tavg", *WEATHER_OF_PET[setup.cases.pet])  # mHM reads no other weather
    fields = {name: domain.weather.fields[name] for name in needed}
    domain = replace(domain, weather=replace(domain.weather, fields=fields))
    table = default_parameters(setup.cases, len(domain.geology_table.unit))
    table = table.changed({name: {"default": value} for name, value in (parameters or {}).items()})
    write_folder(
        domain,
        Path(folder),
        setup,
        table,
        every=every,
        outputs=outputs,
        restart_in=restart_in,
    )
    return setup


_ONE_BY_ONE = """
import os, sys
from mhm import model
for line in sys.stdin:
    folder, log = line.rstrip("\\n").split("\\t")
    child = os.fork()  # every run has the model's global variables for itself
    if child == 0:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1), os.dup2(file, 2)
        model.set_verbosity(level=2)
        names = {"mhm": "mhm", "mhm_param": "mhm_parameter"}
        names |= {"mhm_output": "mhm_outputs", "mrm_output": "mrm_outputs"}
        model.init(cwd=folder, **{f"namelist_{k}": f"{v}.nml" for k, v in names.items()})
        model.run_or_optimize()
        model.finalize()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""What ``python -m mhm -q`` does, for one folder after the other: importing costs as much as a
run."""


class _Server:
    """A process that has imported mHM and runs it in a child for each folder."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ONE_BY_ONE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._stop)

    def run(self, folder: Path, log: Path) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\t{log}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _stop(self):
        self._process.communicate()


_server = functools.cache(_Server)


def run_mhm(folder: Path) -> Outputs:
    """Run mHM in a folder written by :func:`write_domain`; raise with its log where it fails."""
    start = command()
    if start is None:
        raise RuntimeError("mHM is not here: pip install mhm==5.13.4, or set ROOTZONE_MHM")
    folder = Path(folder)
    if os.environ.get("ROOTZONE_MHM"):
        done = subprocess.run(
            [*start, "-q", str(folder)], capture_output=True, text=True, check=False, timeout=600
        )
        code, log = done.returncode, done.stdout + done.stderr
    else:
        code = _server().run(folder, folder / "mhm.log")
        log = (folder / "mhm.log").read_text(encoding="utf-8", errors="replace")
    result = Outputs(
        folder,
        folder / "output" / "mHM_restart.nc",
        folder / "output" / "mHM_Fluxes_States.nc",
        log,
    )
    if code != 0 or not result.restart.is_file():
        raise RuntimeError(f"mHM failed in {folder} (exit code {code}):\n{log}")
    return result
