"""The real mHM 5.13.4 on a synthetic folder: write, run, say where the results are.

``pip install mhm==5.13.4`` brings it; ``ROOTZONE_MHM`` may point to an executable of another
environment.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rootzone.data.domain import Cases, Domain, Setup
from rootzone.data.mhm.output_names import OUTPUT_FLAGS
from rootzone.data.mhm.parameters import default_parameters
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


def run_mhm(folder: Path) -> Outputs:
    """Run mHM in a folder written by :func:`write_domain`; raise with its log where it fails."""
    start = command()
    if start is None:
        raise RuntimeError("mHM is not here: pip install mhm==5.13.4, or set ROOTZONE_MHM")
    folder = Path(folder)
    done = subprocess.run(
        [*start, "-q", str(folder)], capture_output=True, text=True, check=False, timeout=600
    )
    log = done.stdout + done.stderr
    result = Outputs(
        folder,
        folder / "output" / "mHM_restart.nc",
        folder / "output" / "mHM_Fluxes_States.nc",
        log,
    )
    if done.returncode != 0 or not result.restart.is_file():
        raise RuntimeError(f"mHM failed in {folder} (exit code {done.returncode}):\n{log}")
    return result
