"""Ten Roaring Fork stations: our retrieval and the source's own against sensors in the ground.

    python benchmarks/roaring_fork.py --data FOLDER

FOLDER holds the files of the source repository (`hourly_raw/`, `daily_site/`, `published_fit/`,
`Site_Calibration_data_summary.csv`, `RoaringFork_CRNS_metadata.csv`). Writes
`docs/tables/roaring_fork.md` and a JSON file beside it. Nothing is tuned here: N0 comes
from the gravimetric campaign of each station, all settings are defaults, and the same rows
(days without frost, with all three values) score ours and the source's retrieval.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

import rootzone
from rootzone.evaluate import deterministic_scores

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "tables"
FORMS = {"rmse": ".3f", "ubrmse": ".3f", "bias": "+.3f", "kge_2012": ".2f", "r": ".2f"}
PUBLISHED = ("rmse", "ubrmse", "kge_2012", "r")
SENSORS = {"SWC_5": 5, "SWC_10": 10, "SWC_20": 20, "SWC_50": 50}


def study_of(row: pd.Series, meta: pd.Series, raw: Path, incoming: bool) -> dict:
    """Return the study of one station as a mapping."""
    frame = pd.read_csv(raw, usecols=lambda c: c in {*SENSORS, "airRH", "datetime_UTC"})
    sensors = [
        {"column": c, "depth": z}
        for c, z in SENSORS.items()
        if c in frame and frame[c].notna().any()
    ]
    start = pd.Timestamp(row["CalDate"]) + pd.Timedelta("6h")  # the day in local time
    end = start + pd.Timedelta("24h")
    then = pd.to_datetime(frame["datetime_UTC"]).between(start, end)
    campaign: dict = {
        "start": f"{start}Z",
        "end": f"{end}Z",
        "gravimetric_water": {
            "value": float(row["Sample_total_swc_g"] - row["lw"] - row["soc_water"]),
            "sigma": 0.015,
        },
    }
    if frame.loc[then, "airRH"].notna().sum() < 12:  # the logger had none: measured by hand
        t, rh = float(row["airT"]), float(row["airRH"])
        e = rh / 100 * 6.112 * np.exp(17.67 * t / (243.5 + t))
        campaign["absolute_humidity"] = float(1e5 * e / (461.5 * (t + 273.15)))
    tables: list[dict] = [
        {
            "files": str(raw),
            "time": {"column": "datetime_UTC", "timezone": "UTC"},
            "interval": "30min",
            "columns": {
                "counts": {"column": "N1_cts", "units": "count"},
                "pressure": {"column": "BaroPress", "units": "hPa"},
                "temperature": {"column": "airT", "units": "degC"},
                "relative_humidity": {"column": "airRH", "units": "percent"},
                "soil_temperature": {"column": "sT_5", "units": "degC"},
                "soil_moisture": sensors,
            },
        }
    ]
    if incoming:
        tables.append(
            {
                "files": "example:station_c4/incoming_relative.csv",
                "time": {"column": "start_utc"},
                "interval": "24h",
                "columns": {"incoming_intensity": {"column": "relative_intensity", "units": "1"}},
            }
        )
    method = "zreda_2012" if incoming else "none"
    return {
        "kind": "station",
        "station": {
            "name": row["NewName"],
            "latitude": float(meta["Lat DD"]),
            "longitude": float(meta["Long DD"]),
            "elevation": float(row["Elev"]),
            "cutoff_rigidity": 2.7,
            "bulk_density": float(row["bd"]),
            "lattice_water": float(row["lw"]),
            "soil_organic_carbon": float(row["soc_water"]),
            "organic_convention": "water",
        },
        "tables": tables,
        "corrections": {"incoming": {"method": method, "reference_intensity": 1.0}},
        "calibration": {"method": "campaigns", "campaigns": [campaign]},
    }


def pair(result, name: str) -> pd.DataFrame | None:
    """Return retrieved and measured values of the used days."""
    daily = result["daily"]
    for v in daily:
        if daily[v].attrs.get("comparison") == name:
            key = str(v).removesuffix("_retrieved")
            frame = pd.DataFrame(
                {
                    "ours": daily[v].to_numpy(),
                    "sensors": daily[f"{key}_sensors"].to_numpy(),
                    "used": daily[f"{key}_used"].to_numpy() > 0,
                },
                index=pd.DatetimeIndex(daily["day"].to_numpy()),
            )
            return frame[frame.pop("used")]
    return None


def scores(sim: pd.Series, obs: pd.Series) -> dict:
    """Return n, RMSE, ubRMSE, bias, KGE 2012 and r."""
    s = deterministic_scores(sim=sim.to_numpy(), obs=obs.to_numpy())
    return {k: s[k] for k in ("n", *FORMS)}


def main() -> None:
    """Run all stations and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    summary = pd.read_csv(data / "Site_Calibration_data_summary.csv")
    meta = pd.read_csv(data / "RoaringFork_CRNS_metadata.csv").set_index("Original_ID")
    meta.index = meta.index.str.replace(" ", "")
    rows = []
    for _, row in summary.sort_values("NewName").iterrows():
        station = row["NewName"]
        raw = next((data / "hourly_raw").glob(f"{station}_*.csv.gz"))
        source = pd.read_csv(data / "daily_site" / f"{station}_CRNS_Site_Data.csv", index_col=0)
        source.index = pd.DatetimeIndex(source.index)
        fit = pd.read_csv(next((data / "published_fit").glob(f"{station}_*SiteSpecific*"))).iloc[0]
        place = meta.loc[row["OldName"].replace(" ", "")]
        with_i = rootzone.run(study_of(row, place, raw, incoming=True))
        without = rootzone.run(study_of(row, place, raw, incoming=False))
        for target in ("footprint", "root zone 0-30 cm", "footprint as 0-30 cm"):
            a, b = pair(with_i, target), pair(without, target)
            if a is None or b is None:
                continue
            both = a.join(b[["ours"]].rename(columns={"ours": "no_incoming"}), how="inner")
            both["source"] = source["SWC_Des_cm3_cm3"].reindex(both.index)
            both = both.dropna()
            entry = {"station": station, "target": target, "N0": with_i.summary["N0"]["value"]}
            for column in ("ours", "no_incoming", "source"):
                entry[column] = scores(both[column], both["sensors"])
            if target.startswith("root zone"):
                sigma = with_i["daily"]["root_zone_sigma"].isel(depth=0).to_series()
                error = (both["ours"] - both["sensors"]).abs()
                inside = error <= 1.645 * sigma.reindex(both.index)
                entry["coverage_90"] = float(inside.mean())
            entry["published"] = {
                "rmse": float(fit["RMSE"]),
                "ubrmse": float(fit["ubRMSE"]),
                "kge_2012": float(fit["KGE"]),
                "r": float(fit["r"]),
            }
            rows.append(entry)
        print(station, "done", flush=True)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "roaring_fork.json").write_text(json.dumps(rows, indent=1) + "\n")
    (OUT / "roaring_fork.md").write_text(table(rows))
    print(table(rows))


def row_of(heads: list[str], stations: list[dict]) -> str:
    """Return a row: heads, medians of ours / no incoming / the source's, the published scores."""

    def median(column: str, name: str) -> float:
        return float(np.median([r[column][name] for r in stations]))

    cells = [
        " / ".join(f"{median(c, name):{form}}" for c in ("ours", "no_incoming", "source"))
        for name, form in FORMS.items()
    ]
    published = ", ".join(f"{median('published', name):{FORMS[name]}}" for name in PUBLISHED)
    return "| " + " | ".join([*heads, *cells, published]) + " |"


def table(rows: list[dict]) -> str:
    """Return the tables as Markdown."""
    lines = []
    for target in ("footprint", "footprint as 0-30 cm", "root zone 0-30 cm"):
        some = [r for r in rows if r["target"] == target]
        lines += ["", f"### {target}", ""]
        lines.append(
            "| station | days | RMSE ours / no incoming / source | ubRMSE | bias | KGE 2012 | r | "
            "published RMSE, ubRMSE [g/g], KGE, r |"
        )
        lines.append("|---|---|---|---|---|---|---|---|")
        for r in some:
            lines.append(row_of([r["station"], f"{r['ours']['n']:.0f}"], [r]))
        lines.append(row_of(["**median**", ""], some))
        covered = [r["coverage_90"] for r in some if "coverage_90" in r]
        if covered:
            middle, least, most = (100 * f(covered) for f in (np.median, min, max))
            text = (
                f"The 90 % band of the root zone covers {middle:.0f} % of the days at the median "
                f"station ({least:.0f} to {most:.0f} %)."
            )
            lines += ["", text]
    return "\n".join(lines).strip() + "\n"


if __name__ == "__main__":
    main()
