"""The sections on the replicates study of docs/benchmarks.md."""

_NAMES = {"3G": "three Gaussians, sensors in one pass", "cond": "one Gaussian, told the sensor"}


def replicates(found: dict) -> list[str]:
    """Return the section on a job of the published size."""
    job, seeds = found["job"], found["seeds"]
    lines = [
        "## Replicates: the published job, 387 hourly sensors",
        "",
        f"`python benchmarks/replicates.py`: {job['sensors']} sensors, {job['targets'] / 1e6:.0f} "
        f"million readings of which {100 * job['train_share']:.0f} % are learned from, "
        f"{job['hidden']} hidden, {job['epochs']} epochs, float32; wall time on two cores of "
        f"{100 * found['measured_share']:.0f} % of the places, extrapolated by the number of "
        "readings. Whole sequences: a window of 30 days has a target at every hour; one target a "
        "window: 128 h for each, as published. Mean log-likelihood of the same held-out readings "
        "after equal time, and after all epochs. Asked: the job in under an hour, an equal or "
        "better likelihood.",
        "",
        "| network | way | µs per reading | job [h] | epochs in "
        f"{_time_of(found):.0f} s | log-likelihood then | after {job['epochs']} epochs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, model in found["models"].items():
        for way in ("whole sequences", "one target a window"):
            r = model[way]
            end = r.get("all_epochs")
            last = "-" if end is None else f"{end['log_likelihood']:.3f} ({end['seconds']:.0f} s)"
            equal = r["equal_time"]
            lines.append(
                f"| {_NAMES[name]} | {way} | {r['microseconds_per_target']:.1f} | "
                f"{r['hours_of_the_full_job']:.2f} | {equal['epochs']:.1f} | "
                f"{equal['log_likelihood']:.3f} | {last} |"
            )
    ratios = ", ".join(f"{m['ratio_per_target']:.0f}" for m in found["models"].values())
    lines += [
        "",
        f"Times the cost of whole sequences, per reading: {ratios}. Replicates of a place share "
        "one pass unless a network is told the sensor.",
        "",
        f"Ten seeds side by side: a step takes {1e3 * seeds['ten']:.0f} ms, of one "
        f"{1e3 * seeds['one']:.0f} ms: {seeds['ratio']:.1f} times one (asked: less than 4). One "
        "thread for each core; both are bound by products of matrices, so that ten cannot cost "
        "less than five that run alone on a core.",
    ]
    return lines


def _time_of(found: dict) -> float:
    return next(iter(found["models"].values()))["whole sequences"]["equal_time"]["seconds"]


def kills(found: dict) -> list[str]:
    """Return the section on killed trainings."""
    return [
        "## Replicates: killed at random moments",
        "",
        "`python benchmarks/kill_replicates.py`: a study of three models killed "
        "(kill -9) at random moments and gone on with; weights of all models and scores against "
        "those of an undisturbed run, bit by bit.",
        "",
        "| kills | finished runs | models and datasets that differ |",
        "|---|---|---|",
        f"| {found['kills']} | {found['runs']} | {len(found['different_files'])} |",
    ]
