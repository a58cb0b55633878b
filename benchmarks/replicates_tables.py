"""Tables of the documentation out of a finished study `replicates`.

The same tables as in its report: all scores of all models, KGE and rank correlation by group and
depth with block bootstrap, distributions by group and depth, coverage, splits and, of a twin, the
truth.

    rootzone run examples/replicates_nebraska/study.yaml --out RUN
    python benchmarks/replicates_tables.py RUN nebraska

Writes docs/tables/replicates_NAME.md and, with the numbers behind it, replicates_NAME.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

from common import machine
from rootzone.report.page import Table
from rootzone.report.replicates_style import with_kinds
from rootzone.report.replicates_tables import (
    coverage_table,
    error_table,
    modes_table,
    overall_table,
    part_table,
    split_table,
    truth_table,
    variability_table,
)

TABLES = Path(__file__).resolve().parents[1] / "docs" / "tables"
KEPT = (
    "kge_places",
    "spearman_places",
    "rmse",
    "crps",
    "log_likelihood",
    "w1_sensors",
    "w1_pooled",
    "w1_truth",
    "belt_obs",
    "belt_model",
    "belt_truth",
    "coverage_80",
)
"""Scores that stand in the JSON file."""


def tables(scores: xr.Dataset) -> list[tuple[str, Table]]:
    """Return the tables of a run and their titles."""
    bracket = "In brackets the 90 % of a bootstrap of blocks of 60 days."
    found = [
        ("All scores", overall_table(scores)),
        ("KGE of the mean", part_table(scores, "kge_places", cells="kge_places", caption=bracket)),
        ("Rank correlation of the mean", part_table(scores, "spearman_places", caption=bracket)),
        ("Distributions", variability_table(scores)),
        ("Errors of the mean", error_table(scores)),
        ("Inside intervals", coverage_table(scores)),
    ]
    if scores.sizes["split"] > 1:
        found.append(("What is held out", split_table(scores)))
    if "w1_truth" in scores:
        found.append(("Against the truth", truth_table(scores)))
    return [(title, table) for title, table in found if table.rows]


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    rows = [table.header, ["---"] * len(table.header), *table.rows]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([table.caption, "", *lines, ""])


def numbers(scores: xr.Dataset) -> dict:
    """Return the numbers behind the tables by split, model, group and layer."""
    found: dict = {}
    for name in (n for n in KEPT if n in scores):
        for at in np.argwhere(np.isfinite(scores[name].values)):
            split, model, group, layer = (
                str(scores[d].values[k]) for d, k in zip(scores[name].dims, at, strict=True)
            )
            value = float(scores[name].values[tuple(at)])
            key = f"{split}, {model}, {group}, {layer}"
            found.setdefault(key, {})[name] = float(f"{value:.5g}")
    return found


def main() -> None:
    """Write the tables of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the finished study")
    parser.add_argument("name", help="of the files")
    given = parser.parse_args()
    summary = json.loads((given.run / "summary.json").read_text(encoding="utf-8"))
    scores = with_kinds(xr.load_dataset(given.run / "scores.nc"), summary["study"])
    found = tables(scores)
    found.append(("Several maxima", modes_table(xr.load_dataset(given.run / "months.nc"))))
    parts = [f"**{title}.** {markdown(table)}" for title, table in found]
    text = "\n".join(parts)
    TABLES.mkdir(exist_ok=True)
    (TABLES / f"replicates_{given.name}.md").write_text(text, encoding="utf-8")
    told = {"machine": machine(), "network": summary["network"], "scores": numbers(scores)}
    told["network"].pop("joined", None)
    (TABLES / f"replicates_{given.name}.json").write_text(json.dumps(told, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
