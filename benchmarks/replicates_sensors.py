"""How near a network comes to the distribution of a plot with more sensors to learn from.

The twin of 43 plots with 3, 6, 12 and 24 profiles in each; the same model of sensor effects with
little and with much noise on the attributes, two seeds, scored where segments were held out.

    python benchmarks/replicates_sensors.py --store FOLDER

FOLDER keeps the runs: a stopped one goes on. Writes docs/tables/replicates_sensors.md and, with the
numbers behind it, replicates_sensors.json.
"""

import argparse
import json
from pathlib import Path

import rootzone
from common import machine

TABLES = Path(__file__).resolve().parents[1] / "docs" / "tables"
COUNTS = (3, 6, 12, 24)
NOISES = (0.2, 0.7)
SCORES = {
    "w1_truth": "W₁ to the truth",
    "w1_sensors": "W₁ to the sensors",
    "crps": "CRPS of a reading",
    "belt_model": "belt",
    "belt_truth": "true belt",
}


def study(count: int) -> dict:
    """Return the study with so many profiles in a plot."""
    model = {
        "preset": "sensor_effect",
        "marginal": 0.3,
        "dropout": 0.1,
        "depth": "output",
        "read": "record",
        "window": 365,
        "warm_up": 180,
        "batch": 4,
        "epochs": 50,
        "ensemble": 2,
    }
    return {
        "kind": "replicates",
        "seed": 1,
        "data": {"method": "twin", "preset": "attert_like", "replicates": count},
        "models": [{"name": f"noise {n}", "attribute_noise": n, **model} for n in NOISES],
        "evaluation": {
            "splits": ["segments"],
            "baselines": ["annual_cycle"],
            "bootstrap": 0,
            "block_bootstrap": 0,
        },
    }


def main() -> None:
    """Run all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the runs")
    given = parser.parse_args()
    given.store.mkdir(parents=True, exist_ok=True)
    rows, numbers = [], {}
    for count in COUNTS:
        out = given.store / f"{count}"
        found = rootzone.run(
            study(count),
            out=out,
            resume=(out / "study.yaml").exists(),
            show=lambda prefix, text: print(prefix, text, flush=True),
        )
        table = found["scores"].sel(split="segments", group="all", layer="all")
        for noise in NOISES:
            one = {k: float(table[k].sel(model=f"noise {noise}")) for k in SCORES}
            numbers[f"{count} profiles, noise {noise}"] = one
            rows.append([f"{count}", f"{noise}", *(f"{one[k]:.4f}" for k in SCORES)])
    header = ["profiles in a plot", "noise on attributes", *SCORES.values()]
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    text = "All in m³ m⁻³, means over steps, places and depths held out; two seeds.\n\n"
    (TABLES / "replicates_sensors.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
    told = {"machine": machine(), "scores": numbers}
    (TABLES / "replicates_sensors.json").write_text(json.dumps(told, indent=1) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
