"""The sections on the transect study of docs/benchmarks.md."""

_HOURS = 24


def transect(found: dict) -> list[str]:
    """Return the section on the scale of an ensemble."""
    rows, days = found["rows"], found["days"]
    most = rows[-1]
    factor = 100_000 / most["sets"]
    lines = [
        "## Transect: 100,000 sets of 29 cells over six years",
        "",
        f"`python benchmarks/transect.py`: {days} days of hourly steps, counts once a day, all "
        "scores of four sections and SPAEF of every set written to the store; float32 with "
        "parameters in float64, a device for each of two cores. Wall time from the first part to "
        "the last score, compilation included; load average before: "
        f"{found['load_before']:.1f}. Asked: 100,000 sets within 60 minutes on two cores, memory "
        "under 4 GiB, cost linear in sets and cells, two workers at least 85 % of twice one.",
        "",
        "| sets | cells | wall [s] | CPU [s] | CPU ns per column-hour | peak memory [MiB] |",
        "|---|---|---|---|---|---|",
    ]
    for r in [*rows, *found["cells"]]:
        hours = r["sets"] * r["cells"] * days * _HOURS
        lines.append(
            f"| {r['sets']} | {r['cells']} | {r['wall_s']:.0f} | {r['cpu_s']:.0f} | "
            f"{1e9 * r['cpu_s'] / hours:.1f} | {r['peak_MiB']:.0f} |"
        )
    one, two = found["workers"]
    lines += [
        "",
        f"100,000 sets, extrapolated from {most['sets']} by {factor:g}: "
        f"{factor * most['wall_s'] / 60:.0f} minutes.",
        "",
        f"Dask workers on this machine, from one part to another: one {one['sets_per_s']:.1f} sets "
        f"per second, two {two['sets_per_s']:.1f}: "
        f"{50 * two['sets_per_s'] / one['sets_per_s']:.0f} % of twice one.",
    ]
    return lines


def kills(found: dict) -> list[str]:
    """Return the section on killed runs."""
    lines = [
        "## Transect: killed at random moments",
        "",
        f"`python benchmarks/kill_transect.py`: runs of {found['sets']} sets killed (kill -9, "
        "workers too) at random moments and gone on with; their stores against that of an "
        "undisturbed run, byte by byte.",
        "",
        "| where | kills | finished runs | files that differ |",
        "|---|---|---|---|",
    ]
    for name, words in (("here", "devices of one process"), ("workers", "two dask workers")):
        r = found[name]
        lines.append(f"| {words} | {r['kills']} | {r['runs']} | {len(r['different_files'])} |")
    return lines
