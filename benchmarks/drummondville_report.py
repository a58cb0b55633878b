"""Tables and figure of the three covers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from drummondville_data import CALIBRATION_END, END, START, Observed
from rootzone.report import style

ROOT = Path(__file__).resolve().parents[1]
TABLES, STATIC = ROOT / "docs" / "tables", ROOT / "docs" / "_static"
SOURCE_SKILL = {"E1": 0.13, "E2": -0.13, "E3": 0.33}
"""CRPS skill of SVS with soil freezing, from the abstract of its authors (Amani et al. 2023)."""

LAYERS = {
    "E1": "7.5 cm: 15 cm of topsoil on 175 cm of CM",
    "E2": "7.5 cm: topsoil, CM, 80 cm of BC, CM",
    "E3": "7.5 cm: topsoil, 95 cm of AB, CM",
}

# --- tables -----------------------------------------------------------------------------


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *(_row(r) for r in rows), ""]


def _name(text: str, what: str) -> str:
    if text == "second against first":
        return f"second {what} against the first"
    return f"mean of the {what}s" if text == "mean" else text.lower()


def _water(covers: Mapping[str, dict]) -> list[str]:
    """Return water content of the first year and of the years after it."""
    header = ["cover", "against", "days", "RMSE [m³ m⁻³]", "ubRMSE", "bias", "r", "KGE 2012"]
    header += ["NSE", "in the 90 % band"]
    forms = {"n": ".0f", "rmse": ".3f", "ubrmse": ".3f", "bias": "+.3f", "r": ".2f"}
    forms |= {"kge_2012": ".2f", "nse": ".2f"}
    rows = []
    for cover, found in covers.items():
        before, after = (found[p]["water"] for p in ("first year", "years after"))
        for against, s in after.items():
            cells = [f"{before[against][k]:{f}} / {s[k]:{f}}" for k, f in forms.items()]
            inside = [100 * x[against].get("coverage_90", np.nan) for x in (before, after)]
            band = "" if np.isnan(inside[0]) else f"{inside[0]:.0f} / {inside[1]:.0f} %"
            rows.append([cover, _name(against, "sensor"), *cells, band])
    return _table(header, rows)


def _percolation(covers: Mapping[str, dict], days: str) -> list[str]:
    """Return percolation of the years after the first, on a choice of days."""
    header = ["cover", "against", "valid days", "measured [mm]", "simulated [mm] (5 to 95 %)"]
    header += ["weeks", "RMSE [mm per week]", "r", "KGE 2012", "NSE", "daily r"]
    rows = []
    for cover, found in covers.items():
        for against, s in found["years after"]["percolation"][days].items():
            w = s["weekly"]
            low, high = s["sum_5_95"]
            simulated = f"{s['sum_simulated']:.0f}"
            if against != "second against first":
                simulated += f" ({low:.0f} to {high:.0f})"
            cells = [f"{s['daily']['n']:.0f}", f"{s['sum_observed']:.0f}", simulated]
            cells += [f"{w['n']:.0f}", f"{w['rmse']:.1f}", f"{w['r']:.2f}"]
            cells += [f"{w['kge_2012']:.2f}", f"{w['nse']:.2f}", f"{s['daily']['r']:.2f}"]
            rows.append([cover, _name(against, "lysimeter"), *cells])
    return _table(header, rows)


def _structures(found: list[dict]) -> list[str]:
    header = ["structure", "misfit of the first year", "ubRMSE of water [m³ m⁻³]", "bias"]
    header += ["percolation, simulated over measured", "weekly r", "weekly KGE", "CRPS skill"]
    rows = []
    for s in found:
        found_here = list(s["covers"].values())
        water, flow = ([c[k] for c in found_here] for k in ("water", "percolation"))
        join = lambda values, form: " / ".join(f"{v:{form}}" for v in values)  # noqa: E731
        rows.append(
            [
                s["name"],
                join([c["first_year_misfit"] for c in found_here], ".2f"),
                join([w["ubrmse"] for w in water], ".3f"),
                join([w["bias"] for w in water], "+.3f"),
                join([f["sum_simulated"] / f["sum_observed"] for f in flow], ".2f"),
                join([f["weekly"]["r"] for f in flow], ".2f"),
                join([f["weekly"]["kge_2012"] for f in flow], ".2f"),
                join([c["crps_skill"] for c in found_here], ".2f"),
            ]
        )
    return _table(header, rows)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def _priors(result: dict) -> list[str]:
    covers = result["covers"]
    header = ["drawn", "unit", "uniform between", "why"]
    header += [f"kept, {name}: median (5 to 95 %)" for name in covers]
    rows = []
    for name, p in result["priors"].items():
        between = f"{p['low']:g} and {p['high']:g}" + (", logarithm" if p["log"] else "")
        cells = [f"`{name}`", p["unit"], between, p["reason"]]
        for found in covers.values():
            low, middle, high = (_short(q) for q in found["kept"][name])
            cells.append(f"{middle} ({low} to {high})")
        rows.append(cells)
    return _table(header, rows)


def _skill(covers: Mapping[str, dict]) -> list[str]:
    header = ["cover", "ours", "SVS, by its authors"]
    rows = []
    for name, found in covers.items():
        skill = found["years after"]["percolation"]["crps_skill"]
        each = [v for k, v in skill.items() if k != "mean"]
        rows.append([name, " / ".join(f"{v:.2f}" for v in each), f"{SOURCE_SKILL[name]:.2f}"])
    return _table(header, rows)


def write_tables(result: dict) -> None:
    """Write the tables of the docs."""
    covers = result["covers"]
    text = {
        "drummondville_water": _water(covers),
        "drummondville": [
            "Days without snow on soil above 0.5 °C:",
            "",
            *_percolation(covers, "open"),
            "All valid days, winter and melt among them:",
            "",
            *_percolation(covers, "all"),
        ],
        "drummondville_skill": _skill(covers),
        "drummondville_structures": _structures(result["structures"]),
        "drummondville_priors": _priors(result),
    }
    TABLES.mkdir(parents=True, exist_ok=True)
    for name, lines in text.items():
        (TABLES / f"{name}.md").write_text("\n".join(lines).strip() + "\n")


# --- figure -----------------------------------------------------------------------------


def _shade(axes: Axes, days: pd.DatetimeIndex, closed: np.ndarray) -> None:
    """Gray where the soil is frozen, under snow or unmeasured."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    for start, stop in edges.reshape(-1, 2):
        last = days[min(stop, days.size - 1)]
        axes.axvspan(days[start], last, color="#ececec", lw=0, zorder=0)


def _band(axes: Axes, days: pd.DatetimeIndex, members: np.ndarray) -> None:
    low, high = np.quantile(members, [0.05, 0.95], axis=1)
    axes.fill_between(days, low, high, color=style.SKY, alpha=0.45, lw=0)
    axes.plot(days, members.mean(axis=1), color=style.BLUE, lw=1.0)


INSTRUMENTS = (style.RED, style.ORANGE)


def _draw_water(axes: Axes, days: pd.DatetimeIndex, members: np.ndarray, observed: Observed):
    _shade(axes, days, ~observed.open)
    _band(axes, days, members)
    for color, (_, values) in zip(INSTRUMENTS, observed.water.items(), strict=False):
        axes.plot(days, values, color=color, lw=0.5, alpha=0.45)
        axes.plot(days, values.where(observed.open), color=color, lw=0.9)
    axes.set_ylim(0.0, 0.43)
    axes.set_yticks([0.0, 0.1, 0.2, 0.3, 0.4])
    axes.set_ylabel("water content [m³ m⁻³]")


def _draw_percolation(axes: Axes, days: pd.DatetimeIndex, members: np.ndarray, observed: Observed):
    table = observed.percolation
    valid = table.notna().all(axis=1).to_numpy()
    _shade(axes, days, ~valid)
    for part in (observed.first_year, ~observed.first_year):
        when, there = days[part], valid[part]
        _band(axes, when, np.cumsum(np.where(there[:, None], members[part], 0.0), axis=0))
        for color, name in zip(INSTRUMENTS, table, strict=False):
            measured = np.cumsum(np.where(there, table[name].to_numpy()[part], 0.0))
            axes.plot(when, measured, color=color, lw=1.3)
    axes.set_ylim(0.0, None)
    axes.set_ylabel("cumulative percolation [mm]")


def _legend(fig: Figure) -> None:
    handles = [
        Patch(color=style.SKY, alpha=0.45, lw=0, label="kept members, 5 to 95 %"),
        Line2D([], [], color=style.BLUE, label="kept members, mean"),
        Line2D([], [], color=style.RED, label="first sensor or lysimeter"),
        Line2D([], [], color=style.ORANGE, label="second sensor or lysimeter (E1)"),
        Patch(color="#ececec", lw=0, label="left: snow or frost; right: no value"),
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=5)


def figure(
    days: pd.DataFrame,
    chosen: Mapping[str, tuple[np.ndarray, np.ndarray]],
    observed: Mapping[str, Observed],
) -> None:
    """Draw water content and cumulative percolation of each cover."""
    when = pd.DatetimeIndex(days.index)
    middle = pd.Timestamp(CALIBRATION_END)
    with style.style():
        fig = style.figure(11.0, 7.6)
        grid = fig.subplots(len(chosen), 2, sharex=True, width_ratios=[1.25, 1.0])
        for row, (name, (water, percolation)) in zip(grid, chosen.items(), strict=True):
            _draw_water(row[0], when, water, observed[name])
            _draw_percolation(row[1], when, percolation, observed[name])
            for axes in row:
                axes.axvline(middle, color="black", lw=0.8, ls=(0, (4, 3)))
                axes.set_xlim(pd.Timestamp(START), pd.Timestamp(END))
                axes.grid(visible=False, axis="x")
                style.time_axis(axes)
            row[0].set_title(f"{name}, {LAYERS[name]}", loc="left")
            row[1].set_title(f"{name}, 190 cm", loc="left")
        for axes in grid[0]:
            place = {"xycoords": ("data", "axes fraction"), "fontsize": 8, "va": "top"}
            axes.annotate("fitted  ", (middle, 0.98), ha="right", **place)
            axes.annotate("  scored", (middle, 0.98), ha="left", **place)
        _legend(fig)
        fig.supxlabel(
            "Data: Cabral (2023), doi:10.5281/zenodo.7948797; weather: SVS_percolation (Amani, "
            "MIT). Percolation is summed over days on which every lysimeter of the cover has a "
            "value, anew for the scored years.",
            fontsize=7.5,
            color="#555555",
        )
        STATIC.mkdir(exist_ok=True)
        fig.savefig(STATIC / "drummondville.png", dpi=160)
