"""HYDRUS-1D as the peer of `richards.py`: its input files for bare columns, runs and CPU time.

The program is not part of this project: give the path of an executable built from the public
source of version 4.08.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Column(NamedTuple):
    """A bare column: soil, node depths, weather [cm and cm d-1]."""

    theta_r: float
    theta_s: float
    alpha: float
    n: float
    K_s: float
    air_entry: bool
    """The van Genuchten model with an air entry of -2 cm."""
    depth: np.ndarray
    rain: np.ndarray
    evaporation: np.ndarray
    h: float = -100.0


class Outcome(NamedTuple):
    """CPU time [s], amounts over the run [cm] and how far it came [d]."""

    cpu_s: float
    drainage: float
    reached: float


# Default-like settings with which it survives sand: tables, TolTh 1e-3, TolH 1 cm, dtMax 5 d.
SELECTOR = """Pcp_File_Version=4
*** BLOCK A: BASIC INFORMATION
Heading
bare column
LUnit TUnit MUnit
cm
days
mmol
lWat lChem lTemp lSink lRoot lShort lWDep lScreen AtmInf lEquil
t f f f f t f f t t
lSnow lHP1 lMeteo lVapor lActiveU lFluxes
f f f f f t
NMat NLay CosAlfa
1 1 1
*** BLOCK B: WATER FLOW INFORMATION
MaxIt TolTh TolH
20 0.001 1
TopInf WLayer KodTop InitCond
t f -1 f
BotInf qGWLF FreeD SeepF KodBot DrainF hSeep
f f t f -1 f 0
hTab1 hTabN
1e-006 10000
Model Hysteresis
{model} 0
thr ths Alfa n Ks l
{theta_r:.9g} {theta_s:.9g} {alpha:.9g} {n:.9g} {K_s:.9g} 0.5
*** BLOCK C: TIME INFORMATION
dt dtMin dtMax DMul DMul2 ItMin ItMax MPL
0.001 1e-008 5 1.3 0.7 3 7 {prints}
tInit tMax
0 {days}
lPrint nPrintSteps tPrintInterval lEnter
f 1 1 f
TPrint(1),TPrint(2),...,TPrint(MPL)
{times}
*** END OF INPUT FILE 'SELECTOR.IN'
"""


def write(column: Column, folder: Path, daily: bool) -> None:
    """Write the input files of a column."""
    days = column.rain.size
    times = np.arange(1, days + 1) if daily else np.array([days])
    rows = [" ".join(map(str, times[k : k + 6])) for k in range(0, times.size, 6)]
    folder.mkdir(parents=True, exist_ok=True)
    soil = column._asdict()
    model = 3 if column.air_entry else 0
    text = SELECTOR.format(**soil, model=model, days=days, prints=times.size, times="\n".join(rows))
    (folder / "SELECTOR.IN").write_text(text)
    nodes = [f"{k + 1} {-z:.7g} {column.h:g} 1 1 0 1 1 1" for k, z in enumerate(column.depth)]
    head = f"Pcp_File_Version=4\n0\n{column.depth.size} 0 0 1 x h Mat Lay Beta Axz Bxz Dxz\n"
    (folder / "PROFILE.DAT").write_text(head + "\n".join(nodes) + "\n0\n")
    weather = [
        f"{k + 1} {rain:.6g} {evaporation:.6g} 0 15000 0 0 0"
        for k, (rain, evaporation) in enumerate(zip(column.rain, column.evaporation, strict=True))
    ]
    (folder / "ATMOSPH.IN").write_text(
        "Pcp_File_Version=4\n*** BLOCK I: ATMOSPHERIC INFORMATION\nMaxAL\n"
        f"{days}\nDailyVar SinusVar lLay\nf f f\nhCritS\n0\n"
        "tAtm Prec rSoil rRoot hCritA rB hB ht\n" + "\n".join(weather) + "\nend\n"
    )


def run(executable: Path, folder: Path) -> Outcome:
    """Run it in a folder; its own CPU time, whatever else the machine does."""
    with Path(os.devnull).open("r+b") as nothing:
        child = subprocess.Popen(
            [executable, folder, "-1"], stdin=nothing, stdout=nothing, stderr=nothing, cwd=folder
        )
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    rows = [
        line.split()
        for line in (folder / "T_LEVEL.OUT").read_text().splitlines()
        if re.match(r"\s+\d", line)
    ]
    last = rows[-1] if rows else ["0"] * 11
    return Outcome(used.ru_utime + used.ru_stime, -float(last[10]), float(last[0]))


def run_all(executable: Path, folders: list[Path], cores: int) -> list[Outcome]:
    """Run it in all folders, as many at a time as there are cores."""
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(lambda folder: run(executable, folder), folders))
