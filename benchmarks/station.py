"""A station from start to report: wall time of `rootzone run`, and of its arrays alone.

    python benchmarks/station.py [--fsc001 FOLDER]

Without the folder the shipped examples are run. FOLDER holds the full COSMOS-Europe record of
FSC001 (`FSC001_time_series.csv.gz`, 56,245 hours) and a neutron monitor series `oulu.csv` (columns
`date_time`, `incoming_neutron_intensity`). Asked: whole run under 8 s wall on two cores, the
arrays under 0.2 s.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from common import median_seconds, save

ROOT = Path(__file__).resolve().parents[1]


def whole_run(study: Path, repeats: int) -> list[float]:
    """Return wall times of the command, each in a process of its own."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for n in range(repeats):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "rootzone", "run", study, "--out", f"{folder}/{n}"],
                check=True,
                capture_output=True,
            )
            times.append(time.perf_counter() - start)
    return times


def full_study(folder: Path, to: Path) -> Path:
    """Write the study of the full record."""
    study = yaml.safe_load((ROOT / "examples/station_fsc001/study.yaml").read_text())
    first, second = study["tables"]
    first["files"] = str((folder / "FSC001_time_series.csv.gz").resolve())
    second["files"] = str((folder / "oulu.csv").resolve())
    second["time"] = {"column": "date_time"}
    second["columns"]["incoming_intensity"]["column"] = "incoming_neutron_intensity"
    incoming = study["corrections"]["incoming"]
    incoming |= {"monitor_cutoff_rigidity": 0.7, "reference_intensity": 113, "gaps": "exclude"}
    samples = ROOT / "examples/station_fsc001/FSCD001_calibration.csv"
    study["calibration"]["table"]["files"] = str(samples)
    path = to / "fsc001_full.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


def arrays_alone(hours: int = 56245) -> dict[str, float]:
    """Return the time of corrections, mean, retrieval, first-order errors and D86, compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    from rootzone import neutrons as ne

    rng = np.random.default_rng(0)
    pressure = jnp.asarray(1005 + 8 * rng.standard_normal(hours))
    temperature = jnp.asarray(10 + 8 * rng.standard_normal(hours))
    humidity = jnp.asarray(rng.uniform(40, 100, hours))
    intensity = jnp.asarray(rng.uniform(100, 120, hours))
    raw = jnp.asarray(rng.poisson(750, hours).astype(float))
    results = {}
    for name, law in (("desilets_2010", ne.Desilets2010()), ("koehli_2021", ne.Koehli2021())):

        @jax.jit
        def chain(raw, pressure, temperature, humidity, intensity, law=law):
            h = ne.absolute_humidity(temperature, humidity)
            factor = ne.pressure_factor(pressure, beta=0.0073, reference_pressure=1005.3)
            factor *= ne.incoming_factor(intensity, reference_intensity=113.0, scaling=0.86)
            if not law.needs_humidity:
                factor *= ne.humidity_factor(h, reference_humidity=0.0)
            sigma = ne.counting_sigma(raw, hours=1.0, factor=factor)
            mean, spread = ne.window_mean(raw * factor, sigma=sigma, width=12, min_count=8)

            def theta(count_rate, n0, bulk_density, lattice_water):
                return ne.soil_moisture(
                    law,
                    count_rate=count_rate,
                    N0=n0,
                    bulk_density=bulk_density,
                    lattice_water=lattice_water,
                    humidity=h,
                )

            n0 = 1350.0 if not law.needs_humidity else 2175.0
            inputs = {"count_rate": mean, "n0": n0, "bulk_density": 1.25, "lattice_water": 0.038}
            shares = ne.first_order(
                theta,
                inputs,
                {"count_rate": spread, "n0": 50.0, "bulk_density": 0.05, "lattice_water": 0.003},
            )
            moisture = theta(**inputs)
            return moisture, shares, ne.penetration_depth(moisture, bulk_density=1.25)

        args = (raw, pressure, temperature, humidity, intensity)
        start = time.perf_counter()
        jax.block_until_ready(chain(*args))
        results[f"{name}_first_call_s"] = time.perf_counter() - start
        results[f"{name}_s"] = median_seconds(
            lambda c=chain, a=args: jax.block_until_ready(c(*a)), 9
        )[0]
    return results


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fsc001", type=Path)
    folder = parser.parse_args().fsc001
    runs = {}
    for name in ("station_c4", "station_fsc001"):
        times = whole_run(ROOT / "examples" / name / "study.yaml", 3)
        runs[name] = {"median_s": float(np.median(times)), "all_s": times}
    if folder is not None:
        with tempfile.TemporaryDirectory() as place:
            times = whole_run(full_study(folder, Path(place)), 5)
        runs["fsc001 full, 56245 hours"] = {"median_s": float(np.median(times)), "all_s": times}
    save("station", {"whole_run": runs, "arrays_56245_hours_float64": arrays_alone()})


if __name__ == "__main__":
    main()
