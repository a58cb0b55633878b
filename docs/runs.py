"""Numbers of the documentation that come from runs and formulas; called by generate.py."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

STUDY = Path(__file__).parents[1] / "examples" / "station_c4" / "study.yaml"

SUMMARY = {
    "kind": "kind of study",
    "title": "title of the report",
    "study": "the whole study with every default filled in",
    "study_sha256": "hash of `study.yaml` in the folder; `--resume` compares it",
    "versions": "versions of the package, of Python and of the libraries that compute",
    "created": "time of the run (UTC)",
    "seed": "seed of everything random",
    "precision": "`float64` or `float32`",
    "scores": "comparison → score → value, days without snow and frost; `{}` without sensors. "
    "Scores: `n` (days), `bias`, `pbias` [%] (both retrieved minus sensors), `mae`, `rmse`, "
    "`ubrmse`, `r`, `spearman_r`, `nse`, `kge_2012` with `kge_gamma` and `kge_beta`",
    "warnings": "what the reader of the numbers must know; the report shows them at its head",
    "period": "first and last step (UTC)",
    "steps": "number of steps",
    "step_hours": "length of a step [h]",
    "settings": "every convention the numbers depend on: law, N0, barometric coefficient, "
    "reference values, methods, soil, window, T of the root zone",
    "N0": "`value`, `sigma` [h-1], `per_campaign` (list), `assumed` (true: water not measured)",
    "means": "means over days: `soil_moisture_mean`, `_min`, `_max`, `_sigma_mean` [m3 m-3], "
    "`penetration_depth_mean_cm`, `count_rate_mean` [h-1]; snow days included",
    "flags": "flag → number of steps",
    "count_range": "plausible raw count rates that were used [h-1]",
    "files": "names of the data files",
}

SCORES = {
    "n": ("days", "{:.0f}"),
    "bias": ("bias", "{:+.3f}"),
    "ubrmse": ("ubRMSE", "{:.3f}"),
    "rmse": ("RMSE", "{:.3f}"),
    "r": ("r", "{:.2f}"),
    "kge_2012": ("KGE 2012", "{:.2f}"),
}

Write = Callable[[str, str], None]
Table = Callable[[Iterable[str], Iterable[Iterable[Any]]], str]


def demo(write: Write, table: Table, static: Path, figure: bool) -> None:
    """Run the demo: its scores, the content of a run folder, and the figure of the README."""
    import rootzone

    result = rootzone.run(STUDY)
    unknown = set(result.summary) ^ set(SUMMARY)
    if unknown:
        raise SystemExit(
            f"docs/runs.py: keys of summary.json changed: {', '.join(sorted(unknown))}"
        )
    rows = [(f"`{k}`", SUMMARY[k]) for k in result.summary]
    write("summary_keys.inc.md", table(("key", "content"), rows))

    rows = [
        (name, *(form.format(scores[k]) for k, (_, form) in SCORES.items()))
        for name, scores in result.summary["scores"].items()
    ]
    header = ("comparison", *(label for label, _ in SCORES.values()))
    write("demo_scores.inc.md", table(header, rows))

    shares = result["daily"]["soil_moisture_share"]
    thawed = result["daily"]["snow_or_frost"] == 0
    rows = [
        (str(s), f"{float(shares.sel(source=s).where(thawed).mean()):.4f}")
        for s in shares["source"].to_numpy()
    ]
    write("demo_shares.inc.md", table(("source", "mean share [m3 m-3]"), rows))

    for name, dataset in result.items():
        rows = [
            (
                f"`{v}`",
                ", ".join(str(d) for d in dataset[v].dims),
                dataset[v].attrs.get("units", ""),
                dataset[v].attrs.get("long_name", ""),
            )
            for v in (*dataset.coords, *dataset.data_vars)
        ]
        write(
            f"{name}_variables.inc.md", table(("variable", "dimensions", "unit", "meaning"), rows)
        )
    if figure:
        from rootzone.report.station_figures import soil_moisture
        from rootzone.report.style import style

        with style():
            soil_moisture(result["daily"]).savefig(static / "demo_soil_moisture.png", dpi=130)


def conventions(write: Write, table: Table) -> None:
    """Change one convention of the demo at a time, with N0 found anew and with N0 kept."""
    import rootzone
    from rootzone import neutrons as ne

    def run(*overrides: str, kept: float | None = None) -> tuple[float, float, float]:
        result = rootzone.run(STUDY, overrides=("time.step=6h", *overrides))
        daily = result["daily"].where(result["daily"]["snow_or_frost"] == 0)
        theta = float(daily["soil_moisture"].mean())
        soil = daily.attrs
        with_kept = ne.soil_moisture(
            ne.Desilets2010(),
            count_rate=daily["count_rate"].to_numpy(),
            N0=soil["N0_per_hour"] if kept is None else kept,
            bulk_density=soil["bulk_density_g_cm3"],
            lattice_water=soil["lattice_water_g_g"],
            organic_water=soil["organic_water_g_g"],
        )
        found = np.asarray(with_kept)
        mean = float(np.nanmean(found)) if np.isfinite(found).any() else np.nan
        return soil["N0_per_hour"], theta, mean

    n0, theta, same = run()
    if abs(theta - same) > 1e-4:
        raise SystemExit(f"docs/runs.py: {theta} and {same} are the same retrieval twice")
    changes = {
        "reference pressure 1013.25 hPa": ["corrections.pressure.reference=1013.25"],
        "reference pressure: mean of the record": ["corrections.pressure.reference=mean"],
        "beta of Desilets and Zreda (2003)": ["corrections.pressure.method=desilets_zreda_2003"],
        "reference humidity: mean of the record": ["corrections.humidity.reference=mean"],
        "no humidity correction": ["corrections.humidity.method=none"],
        "no incoming correction": ["corrections.incoming.method=none"],
        "no lattice water": ["station.lattice_water=0"],
        "law of Köhli et al. (2021)": [
            "law.method=koehli_2021",
            "corrections.humidity.method=none",
        ],
    }
    rows = [("as shipped", f"{n0:.0f}", f"{theta:.3f}", "", "")]
    for name, overrides in changes.items():
        new_n0, found, with_old = run(*overrides, kept=n0)
        change = f"{with_old - theta:+.3f}" if np.isfinite(with_old) else "no water fits"
        if name.startswith("law"):
            change = "N0 has another scale"
        difference = f"{found - theta:+.3f}".replace("-0.000", "+0.000")
        rows.append((name, f"{new_n0:.0f}", f"{found:.3f}", difference, change))
    header = (
        "change",
        "N0 [h-1]",
        "mean soil moisture [m3 m-3]",
        "change, N0 found anew",
        "change, N0 kept",
    )
    write("conventions.inc.md", table(header, rows))


def cancellation(write: Write, table: Table) -> None:
    """Tabulate how an error of lattice water comes through when N0 was found with it."""
    import jax

    from rootzone.neutrons import Desilets2010

    law = Desilets2010()

    def slope(w: float) -> float:
        return float(jax.grad(lambda x: jax.numpy.log(law.relative_rate(x)))(w))

    waters = (0.05, 0.10, 0.20, 0.30, 0.40)
    rows = [
        (f"{at:.2f}", *(f"{slope(at) / slope(now) - 1.0:+.2f}" for now in waters)) for at in waters
    ]
    write("cancellation.inc.md", table(("calibrated at", *(f"{w:.2f}" for w in waters)), rows))


def laws(write: Write, table: Table) -> None:
    """Tabulate the laws, each relative to its own count rate at 0.20 g/g, h = 5 g m-3."""
    from rootzone import neutrons as ne

    waters = np.array([0.05, 0.10, 0.20, 0.30, 0.40])
    rows = []
    for name, law in (
        ("`desilets_2010`", ne.Desilets2010()),
        ("`koehli_2021`", ne.Koehli2021()),
        ("`koehli_2025`", ne.Koehli2025()),
    ):
        rate = np.asarray(law.relative_rate(waters, 5.0))
        rows.append((name, *(f"{r:.3f}" for r in rate / rate[2])))
    write("laws.inc.md", table(("law", *(f"{w:.2f}" for w in waters)), rows))


def cosmic(write: Write, table: Table) -> None:
    """Tabulate COSMIC over 100 cm of equal mean water with drier and wetter top 10 cm."""
    from rootzone import neutrons as ne

    density, mean = 1.4, 0.20
    p = ne.CosmicParameters.of_bulk_density(density)
    edges = np.array([0.0, 10.0, 100.0])
    rows = []
    for top in (0.05, 0.20, 0.35):
        theta = np.array([top, (100.0 * mean - 10.0 * top) / 90.0])
        rate = float(ne.cosmic(theta, edges, bulk_density=density, parameters=p))
        read = ne.cosmic_inverse(rate, bulk_density=density, parameters=p, depth=100.0)
        rows.append((f"{top:.2f}", f"{theta[1]:.3f}", f"{rate:.0f}", f"{float(read):.3f}"))
    header = ("top 10 cm", "10 to 100 cm", "count rate [h-1]", "read as homogeneous")
    write("cosmic.inc.md", table(header, rows))


def footprint(write: Write, table: Table) -> None:
    """Tabulate D86 and R86."""
    from rootzone import neutrons as ne

    rows = [
        (
            f"{t:.2f}",
            f"{float(ne.penetration_depth(t, bulk_density=1.4)):.0f}",
            f"{float(ne.footprint_radius(t, humidity=5.0)):.0f}",
            f"{float(ne.footprint_radius(t, humidity=5.0, pressure=800.0)):.0f}",
        )
        for t in (0.05, 0.10, 0.20, 0.30, 0.40)
    ]
    header = ("theta [m3 m-3]", "D86 [cm]", "R86 at 1013 hPa [m]", "R86 at 800 hPa [m]")
    write("footprint.inc.md", table(header, rows))


def rover(write: Write, table: Table) -> None:
    """Run the rover example with and without the road correction, N0 from the survey or given."""
    import rootzone

    study = STUDY.parents[1] / "rover_gypsum" / "study.yaml"
    given = "calibration={method: given, N0: 30000}"
    rows = []
    for label, calibration in (("from the survey itself", []), ("given, 30000 h-1", [given])):
        means = []
        for method in ("schroen_2018", "none"):
            overrides = [f"corrections.road.method={method}", *calibration]
            results = rootzone.run(study, overrides=overrides)["results"]
            means.append(f"{float(results['soil_moisture'].mean()):.3f}")
        rows.append((label, *means))
    write("rover.inc.md", table(("N0", "with road correction", "without"), rows))


def write_all(write: Write, table: Table, static: Path, *, figure: bool) -> None:
    import jax

    with jax.enable_x64(True):
        for part in (cancellation, laws, cosmic, footprint):
            part(write, table)
    demo(write, table, static, figure)
    conventions(write, table)
    rover(write, table)
