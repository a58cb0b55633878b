"""A replicates study killed again and again ends with the weights of an undisturbed run.

Trains the models of a small twin, kills the process (kill -9) at random moments, goes on with
--resume until the run is done, and compares the weights of all models and all scores with those of
a run that nobody disturbed, to the bit; so on with new runs until ten kills have happened.

    python benchmarks/kill_replicates.py [--kills 10]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

from common import save
from kills import disturbed, undisturbed

STUDY = """kind: replicates
seed: 1
data: {method: twin, preset: small, places: {schist: 2, marl: 2}, columns: 8, years: 2}
models:
  - {name: published, preset: gm_lstm, version: paper, epochs: 2}
  - {name: mixture, preset: gm_lstm, ensemble: 2, epochs: 60, save_every: 5}
  - {name: sensor effect, preset: sensor_effect, depth: output, ensemble: 2, epochs: 60}
evaluation: {splits: [segments], baselines: [annual_cycle], bootstrap: 5, block_bootstrap: 5}
"""


def differences(whole: Path, run: Path) -> list[str]:
    """Return the names of models and datasets that differ in a bit."""
    different = []
    names = sorted(p.name for p in whole.glob("model_*.npz"))
    if names != sorted(p.name for p in run.glob("model_*.npz")):
        return ["models"]
    for name in names:
        with np.load(whole / name) as a, np.load(run / name) as b:
            if a.files != b.files or any(a[k].tobytes() != b[k].tobytes() for k in a.files):
                different.append(name)
    for name in ("scores.nc", "series.nc", "months.nc"):
        with xr.open_dataset(whole / name) as a, xr.open_dataset(run / name) as b:
            if not a.load().equals(b.load()):
                different.append(name)
    return different


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study, whole = Path(folder) / "study.yaml", Path(folder) / "whole"
        study.write_text(STUDY)
        seconds = undisturbed(study, whole, [])
        print(f"undisturbed: {seconds:.0f} s", flush=True)
        out = Path(folder) / "run"
        row = disturbed(study, out, [], args.kills, lambda run: differences(whole, run))
    save("kill_replicates", {"undisturbed_s": seconds, **row})


if __name__ == "__main__":
    main()
