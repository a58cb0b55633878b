"""Put a trained network into the package, and write its card.

    rootzone run examples/inverse_stations/study.yaml --out RUN
    python benchmarks/network_card.py RUN

Writes `src/rootzone/networks/general.npz` and `.json`, and `docs/tables/network_general.md`: what
it reads and the ranges that it was trained on, and its scores on the held-out sites of the run.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

import rootzone
from rootzone.data.network_file import read_network
from rootzone.learn import Model, model_from_arrays

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ROOT / "src" / "rootzone" / "networks"
CARD = ROOT / "docs" / "tables" / "network_general.md"
UNITS = {
    "retrieval": "m³ m⁻³",
    "rain": "mm d⁻¹",
    "pet": "mm d⁻¹",
    "temperature": "°C",
    "sand": "%",
    "clay": "%",
    "bulk_density": "g cm⁻³",
    "porosity": "m³ m⁻³",
    "soil_organic_carbon": "g g⁻¹",
    "lattice_water": "g g⁻¹",
    "leaf_area_max": "1",
    "rooting_depth": "cm",
    "log_rate": "h⁻¹",
}
BACK = {"rain": np.expm1, "log_rate": np.exp}


def ranges(model: Model) -> list[str]:
    """Return the table of inputs and attributes with the ranges of the training part."""
    lines = ["| input or attribute | unit | least | middle | most |", "|---|---|---|---|---|"]
    scalings = [(model.names.inputs, model.scaling.inputs)]
    if model.scaling.static is not None:
        scalings.append((model.names.static, model.scaling.static))
    for names, scaling in scalings:
        for k, name in enumerate(names):
            if name.startswith("season"):
                continue
            values = (
                BACK.get(name, lambda x: x)(x[k])
                for x in (scaling.low, scaling.center, scaling.high)
            )
            cells = " | ".join(f"{float(v):.3g}" for v in values)
            title = {"log_rate": "rate"}.get(name, name)
            lines.append(f"| `{title}` | {UNITS[name]} | {cells} |")
    return lines


def scores(run: Path, split: str) -> list[str]:
    """Return the table of scores on held-out sites."""
    with xr.open_dataset(run / "scores.nc") as file:
        table = file.load().sel(split=split)
    with xr.open_dataset(run / "reliability.nc") as file:
        sure = file.load().sel(split=split)
    heads = (
        "| counts | depth | RMSE | inversion | filter | RMSE, dry season | inversion | filter | "
    )
    lines = [heads + "90 % interval holds, before | after |", "|---" * 10 + "|"]
    for counts in table["counts"].to_numpy():
        for depth in table["depth"].to_numpy():
            at = {"counts": counts, "depth": depth}
            cells = [
                f"{float(table['rmse'].sel(**at, subset=subset, retrieval=method)):.4f}"
                for subset in ("all", "dry")
                for method in ("network", "homogeneous", "filter")
            ]
            cells += [
                f"{100 * float(sure[name].sel(**at, interval=0.9)):.1f} %"
                for name in ("coverage", "coverage_calibrated")
            ]
            cells = ["" if c in ("nan", "nan %") else c for c in cells]
            lines.append(f"| {counts} | 0-{depth:g} cm | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Copy the network and write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--split", default="site")
    given = parser.parse_args()
    stored = read_network(f"model_{given.split}.npz", base=given.run)
    model = model_from_arrays(stored.arrays, stored.description)
    summary = json.loads((given.run / "summary.json").read_text())
    NETWORKS.mkdir(exist_ok=True)
    np.savez_compressed(NETWORKS / "general.npz", **stored.arrays)
    words = stored.description | {
        "made_with": f"rootzone {rootzone.__version__}, examples/inverse_stations/study.yaml",
        "license": "BSD-3-Clause",
    }
    (NETWORKS / "general.json").write_text(json.dumps(words, indent=1) + "\n")
    size = sum(f.stat().st_size for f in NETWORKS.glob("general.*")) / 1e3
    numbers = summary["splits"][given.split]
    weights = sum(x.size for x in stored.arrays.values())
    lines = [
        f"{model.members} networks, {weights:,} numbers, {size:.0f} kB. Learned from "
        f"{numbers['sites'] - numbers['test_sites']} simulated sites (with those for validation), "
        f"tested on {numbers['test_sites']} others, {numbers['test_days']:,} days.",
        "",
        *ranges(model),
        "",
        *scores(given.run, given.split),
    ]
    CARD.write_text("\n".join(lines) + "\n")
    print(CARD.read_text())


if __name__ == "__main__":
    main()
