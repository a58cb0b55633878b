"""A transect study killed again and again ends with the store of an undisturbed run.

Runs a small ensemble, kills the process (kill -9, with its workers) at random moments, goes on with
--resume until the run is done, and compares the store byte by byte with that of a run that nobody
disturbed; so on with new runs until ten kills have happened. Once on the devices of one process,
once with two workers.

    python benchmarks/kill_transect.py [--kills 10]
"""

import argparse
import tempfile
from pathlib import Path

from common import save
from kills import disturbed, undisturbed
from rootzone.data.ensemble_store import differences

STUDY = """kind: transect
seed: 1
source: {method: synthetic, preset: rail_valley, start: 2020-09-01, days: 423}
period: {warm_up_days: 365}
observations: {method: twin}
search: {ensemble: {sets: SETS}, sensitivity: false}
computation: {chunk: 512}
"""


def main() -> None:
    """Compare both ways."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--sets", type=int, default=6000)
    args = parser.parse_args()
    found = {"sets": args.sets}
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study.yaml"
        study.write_text(STUDY.replace("SETS", str(args.sets)))
        whole = Path(folder) / "whole"
        undisturbed(study, whole, [])
        for name, extra in (
            ("here", []),
            ("workers", ["--scheduler", "local", "--workers", "2"]),
        ):
            out = Path(folder) / name

            def compare(run: Path) -> list[str]:
                return differences(whole / "ensemble.zarr", run / "ensemble.zarr")

            row = disturbed(study, out, extra, args.kills, compare)
            found[name] = row
            print(name, row, flush=True)
    save("kill_transect", found)


if __name__ == "__main__":
    main()
