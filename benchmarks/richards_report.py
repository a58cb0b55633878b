"""The section of docs/benchmarks.md on Richards columns."""

ASKED = {"uniform_151": 6, "graded_61": 20}


def richards(found: dict) -> list[str]:
    """Return the section."""
    lines = [
        "## Richards columns against HYDRUS-1D",
        "",
        f"`python benchmarks/richards.py --hydrus EXE`: {found['columns']} bare columns of "
        f"{found['days']} days, float32, a thread for each of two cores, default step control "
        f"(tolerance {found['tolerance']:g}). Soils after Carsel and Parrish with their "
        "parameters and rain days perturbed, all six in every chunk of 128; the rows of one soil "
        "are 128 columns in chunks of 64 over the first year. HYDRUS-1D 4.08 (`gfortran -O3`, "
        "tables, TolTh 1e-3, TolH 1 cm, steps up to 5 d, 1 cm nodes) computes three of the same "
        "columns of each soil, in turn with ours, and writes at the end only. CPU time per "
        f"column-year, medians of {found['repeats']} repetitions; other work ran on the machine "
        f"(load average {found['load_average'][0]:.1f} at the start, "
        f"{found['load_average'][1]:.1f} at the end), so wall times are not quoted from it. "
        "Asked: 6 times at equal grid, 20 times on a graded grid of equal 0-30 cm accuracy.",
        "",
        *_speed(found["cpu_per_column_year"]),
        "",
        *_accuracy(found),
        "",
        *_sizes(found),
    ]
    if "hydrus" in found:
        lines += ["", *_peer(found["hydrus"], found["cpu_per_column_year"])]
    return lines


def _speed(rows: dict) -> list[str]:
    lines = [
        "| soil | HYDRUS, 151 nodes [ms] | ours, 151 nodes [ms] | ratio | "
        "ours, 61 graded nodes [ms] | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = [name.replace("_", " ")]
        cells.append(f"{1e3 * row['hydrus_cpu_s']:.0f}" if "hydrus_cpu_s" in row else "-")
        for grid in ASKED:
            cells.append(f"{1e3 * row[f'{grid}_cpu_s']:.1f}")
            ratio = row.get(f"ratio_{grid}")
            cells.append("-" if ratio is None else f"{ratio:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _accuracy(found: dict) -> list[str]:
    lines = [
        "Accuracy in the same run, float32: daily 0-30 cm water content of the unperturbed bare "
        "columns on 151 nodes of 1 cm against HYDRUS-1D with tight settings on the same grid "
        "(bars: RMSE 0.0005, maximum 0.003, drainage 0.5 %, sand 1 %).",
        "",
        "| soil | RMSE | maximum | drainage |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name.replace('_', ' ')} | {r['theta_rmse']:.5f} | {r['theta_max']:.4f} | "
        f"{100 * r['drainage_relative']:+.2f} % |"
        for name, r in found["against_reference"].items()
    ]
    g, double = found["grading"], found["double"]
    lines += [
        "",
        f"Grading: {g['columns']} of the mixed columns against 151 graded nodes, 0.2 cm at the "
        f"top: 61 graded nodes have a daily 0-30 cm RMSE of {g['graded_61_rmse_median']:.5f} in "
        f"the median and {g['graded_61_rmse_max']:.5f} at worst (largest difference of a day "
        f"{g['graded_61_difference_max']:.4f}); 151 nodes of 1 cm have "
        f"{g['uniform_151_rmse_median']:.4f} and {g['uniform_151_rmse_max']:.4f}. The spacing at "
        "the top decides, not the number of nodes.",
        "",
        f"Double precision: {1e3 * double['cpu_s']:.1f} ms against "
        f"{1e3 * double['single_cpu_s']:.1f} ms (64 columns in chunks of 32); single precision "
        f"differs by a daily RMSE of at most {double['single_rmse_max']:.5f}; largest balance "
        f"error in double {double['balance_error_max_cm']:.1e} cm.",
    ]
    return lines


def _sizes(found: dict) -> list[str]:
    lines = [
        "| grid | compilation [s] | state and work [kB a column] | weather and soil [kB] | "
        "results [kB] | attempts a column-year | balance error at most [cm] | flagged |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in found["grids"].items():
        size = r["bytes_per_column"]
        lines.append(
            f"| {name.replace('_', ' ')} | {r['compile_s']:.1f} | "
            f"{size['state_and_work'] / 1e3:.0f} | {size['weather_and_soil'] / 1e3:.0f} | "
            f"{size['results'] / 1e3:.0f} | {r['attempts_per_column_year']:.0f} | "
            f"{r['balance_error_max_cm']:.1e} | {r['flagged']} |"
        )
    widths = ", ".join(
        f"{width}: {1e3 * value:.1f} ms" for width, value in found["cpu_s_by_chunk_width"].items()
    )
    return [
        *lines,
        "",
        f"CPU time by columns in a chunk (151 nodes, first year, once): {widths}.",
    ]


def _peer(hydrus: dict, rows: dict) -> list[str]:
    drained = "; ".join(
        f"{name.replace('_', ' ')} {r['drainage']:.2f} ({r['tight']:.2f})"
        for name, r in hydrus["drainage_cm"].items()
    )
    once = hydrus["cpu_s_first_year_once"]
    soils = [row["hydrus_cpu_s"] for name, row in rows.items() if name != "mixed"]
    ours = rows["mixed"]["graded_61_cpu_s"]
    return [
        "The peer is run right: its drainage of the unperturbed columns, and that of its tight "
        f"settings in brackets [cm]: {drained}. Its other costs, mean of the soils in the first "
        f"year, once: end only {1e3 * sum(soils) / len(soils):.0f} ms, with daily text "
        f"{1e3 * once['daily_text']:.0f} ms, on the 151 graded nodes "
        f"{1e3 * once['graded_151']:.0f} ms, on our 61 graded nodes "
        f"{1e3 * once['graded_61']:.0f} ms (about {once['graded_61'] / ours:.0f} times our mixed "
        "columns on that grid).",
    ]


def random_columns(found: dict) -> list[str]:
    """Return the section on columns drawn at random."""
    status = found["status"]
    return [
        "## Richards columns drawn at random",
        "",
        f"`python benchmarks/random_columns.py`: {found['members']} columns of {found['days']} "
        "days in single precision on 61 graded nodes; soils over the whole texture triangle, each "
        "with the spread of its class, five climates, bare and grass in turn, a storm of 100 mm "
        "on about three days a year on top. Asked: no failure without a flag, under 0.1 % "
        "flagged.",
        "",
        "| done | stalled | not finite | wrong without a flag | steps a day, mean | most | "
        "rejected | largest balance error [cm a-1] |",
        "|---|---|---|---|---|---|---|---|",
        f"| {status['DONE']} | {status['STALLED']} | {status['NOT_FINITE']} | "
        f"{found['unflagged']} | {found['steps_per_day']:.1f} | "
        f"{found['most_steps_per_day']:.1f} | {found['rejected_per_day']:.2f} | "
        f"{found['largest_balance_error_cm_per_year']:.0e} |",
    ]
