"""Write docs/benchmarks.md from the results of the benchmarks."""

import json
from pathlib import Path

from common import RESULTS
from learn_report import learn
from replicates_report import kills as kill_replicates
from replicates_report import replicates
from richards_report import random_columns, richards
from transect_report import kills, transect

DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def cosmic(found: dict) -> list[str]:
    """Return the section on COSMIC."""
    lines = [
        "## COSMIC: 16 angles, exact in depth, against the 0.1 cm, 0.5 degree rule",
        "",
        "`python benchmarks/cosmic.py`: both compiled by XLA, batches of "
        f"{found['profiles']} profiles, medians. Asked: at 1e-5 accuracy at least 100 times "
        "faster in the same run.",
        "",
        "| layers | ours, float64 [µs] | ours, float32 [µs] | rule, float64 [µs] | ratio float64 | "
        "error ours | error of the rule |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['layers']} | {r['ours_us_per_profile_float64']:.1f} | "
        f"{r['ours_us_per_profile_float32']:.1f} | {r['legacy_us_per_profile_float64']:.0f} | "
        f"{r['ratio_float64']:.0f} | {r['error_ours']:.1e} | {r['error_legacy']:.1e} |"
        for r in found["rows"]
    ]
    return lines


def station(found: dict) -> list[str]:
    """Return the section on the station study."""
    lines = [
        "## Station: `rootzone run` from start to report",
        "",
        "`python benchmarks/station.py`: each run is a process of its own (start, read, correct, "
        "calibrate, retrieve, write, report). Asked: the full record of FSC001 (56,245 hours) "
        "under 8 s wall on two cores, its arrays under 0.2 s.",
        "",
        "| record | median wall time [s] | runs |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {r['median_s']:.2f} | {', '.join(f'{t:.2f}' for t in r['all_s'])} |"
        for name, r in found["whole_run"].items()
    ]
    arrays = found["arrays_56245_hours_float64"]
    lines += [
        "",
        "Arrays alone, 56,245 hours, float64: corrections, 12-hour mean, retrieval, first-order "
        "errors, D86.",
        "",
        "| law | compiled [s] | first call, with compilation [s] |",
        "|---|---|---|",
    ]
    for law in ("desilets_2010", "koehli_2021"):
        lines.append(f"| {law} | {arrays[f'{law}_s']:.4f} | {arrays[f'{law}_first_call_s']:.2f} |")
    return lines


def catchment(found: dict) -> list[str]:
    """Return the section on the distributed model."""
    lines = [
        "## Catchment: the distributed model against mHM 5.13.4",
        "",
        f"`python benchmarks/catchment.py`: {found['cells']} cells from {found['fine_cells']} fine "
        f"ones, {found['days']} days of hourly steps, one core each in one run, CPU time, medians; "
        "ours in float32 with parameters in float64. Asked: 25 times mHM's cell-hours per CPU "
        "second with Desilets, 12 times without neutrons, a parameter set regionalized 20 times "
        "faster.",
        "",
        "| run | ours [ns per cell-hour] | chunk 1024 | 2048 | 4096 | mHM [ns per cell-hour] | "
        "ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in found["runs"]:
        chunks = " | ".join(f"{r[f'ns_per_cell_hour_chunk_{c}']:.1f}" for c in (1024, 2048, 4096))
        mhm = f"{r['mhm_ns_per_cell_hour']:.0f} | {r['ratio']:.1f}" if "ratio" in r else "- | -"
        lines.append(f"| {r['run']} | {r['ns_per_cell_hour']:.1f} | {chunks} | {mhm} |")
    one = found["regionalization"]
    lines += [
        "",
        f"Regionalization of {one['fine_cells']} fine cells, {one['scenes']} scenes: "
        f"{1e3 * one['seconds_per_set, batch of 32']:.2f} ms per parameter set in a batch of 32, "
        f"{1e3 * one['seconds_per_set, alone']:.2f} ms alone"
        + (
            f"; mHM {1e3 * one['mhm_seconds_per_set']:.0f} ms by its own clock, ratio "
            f"{one['ratio']:.0f}."
            if "ratio" in one
            else "."
        ),
        "",
        "| members of 29 cells | CPU [s] | ns per column-hour | peak memory of the process [MiB] |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {m['members']} | {m['cpu_seconds']:.2f} | {m['ns_per_column_hour']:.1f} | "
        f"{m['peak_memory_MiB']:.0f} |"
        for m in found["members"]
    ]
    lines += [
        "",
        "Largest difference of daily water content, float32 against float64: "
        f"{found['float32_theta_difference']:.1e} m3 m-3.",
    ]
    return lines


SECTIONS = {
    "cosmic": cosmic,
    "station": station,
    "richards": richards,
    "random_columns": random_columns,
    "catchment": catchment,
    "learn": learn,
    "transect": transect,
    "kill_transect": kills,
    "replicates": replicates,
    "kill_replicates": kill_replicates,
}


def main() -> None:
    """Put all results that exist on one page."""
    lines = ["# Benchmarks", "", "Generated by `python benchmarks/report.py`; do not edit.", ""]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if not path.exists():
            continue
        found = json.loads(path.read_text())
        machine = found["machine"]
        lines += [*section(found), ""]
        lines += [
            f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
            f"Python {machine['python']}, JAX {machine['jax']}.",
            "",
        ]
    DOCS.write_text("\n".join(lines).rstrip() + "\n")
    print(DOCS)


if __name__ == "__main__":
    main()
