"""The section on learning of docs/benchmarks.md."""


def learn(found: dict) -> list[str]:
    """Return the section on the training of networks."""
    runs = found["runs"]
    lines = [
        "## Learning: CPU seconds per million training targets",
        "",
        "`python benchmarks/learn.py --neuralhydrology PYTHON`: an LSTM of 64 in float32 on "
        "windows of 365 days, one core for each run, CPU time of gradient steps alone "
        "(compilation apart). Asked: whole sequences at least 50 times cheaper per target than "
        "NeuralHydrology with one target per window, and not slower by more than a third than with "
        "all 365. Validation RMSE in standard deviations of the target; all runs reached "
        f"{found['common_score']:.3f}.",
        "",
        "| run | CPU s per million targets | last RMSE | CPU s to the common RMSE | "
        "compilation [s] |",
        "|---|---|---|---|---|",
    ]
    for name, r in runs.items():
        to_common = r["seconds_to_common_score"]
        lines.append(
            f"| {name} | {r['s_per_million']:.2f} | {r['curve'][-1][2]:.3f} | "
            f"{'-' if to_common is None else f'{to_common:.1f}'} | {r.get('compile_s', 0):.1f} |"
        )
    ours = runs["whole sequences"]["s_per_million"]
    ratios = [
        f"{name}: {r['s_per_million'] / ours:.2f}"
        for name, r in runs.items()
        if name != "whole sequences"
    ]
    lines += [
        "",
        f"Times the cost of whole sequences, per target: {'; '.join(ratios)}.",
        "",
        "| threads | windows per batch | CPU s per million targets |",
        "|---|---|---|",
    ]
    lines += [
        f"| {r['threads']} | {r['batch']} | {r['s_per_million']:.2f} |" for r in found["sizes"]
    ]
    return lines
