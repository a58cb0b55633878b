"""The study `station` from file to report, on the shipped examples."""

import json
import re

import numpy as np
import pytest
import xarray as xr

import rootzone
from rootzone.neutrons import Desilets2010
from rootzone.studies import find_demo, remake_report

C4 = find_demo("station-c4")
# A quarter of a year is enough for most of what is looked at here.
SHORT = ["time.end=2023-09-30T00:00:00Z"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "c4"
    return rootzone.run(C4, out=out, overrides=SHORT)


def test_run_folder_holds_what_it_promises(folder):
    names = {p.name for p in folder.folder.iterdir()}
    assert names == {
        "study.yaml",
        "results.nc",
        "daily.nc",
        "summary.json",
        "report.html",
        "log.txt",
    }
    summary = json.loads((folder.folder / "summary.json").read_text())
    for key in ("kind", "study", "versions", "seed", "precision", "scores", "warnings", "N0"):
        assert key in summary
    assert summary["kind"] == "station"
    assert summary["versions"]["rootzone"] == rootzone.__version__
    assert "WARNING" in (folder.folder / "log.txt").read_text()


def test_files_are_cf_and_equal_what_python_gets(folder):
    for name in ("results", "daily"):
        with xr.open_dataset(folder.folder / f"{name}.nc", engine="h5netcdf") as written:
            assert written.attrs["Conventions"].startswith("CF-")
            xr.testing.assert_allclose(written.load(), folder[name].load(), rtol=1e-12)
            for variable in written.data_vars.values():
                if variable.dtype.kind == "f":
                    assert "units" in variable.attrs, variable.name
    flag = folder["results"]["quality_flag"]
    assert len(flag.attrs["flag_masks"]) == len(flag.attrs["flag_meanings"].split())


def test_soil_moisture_is_the_law_of_the_corrected_counts(folder):
    """The arithmetic of the page, done again by hand from what it wrote."""
    r, a = folder["results"], folder["results"].attrs
    product = (
        r["count_rate_raw"]
        * r["pressure_factor"]
        * r["humidity_factor"]
        * r["incoming_factor"]
        * r["biomass_factor"]
        * r["road_factor"]
    )
    np.testing.assert_allclose(product, r["count_rate_step"], rtol=1e-12)
    total = np.asarray(Desilets2010().water(r["count_rate"].to_numpy() / a["N0_per_hour"]))
    theta = (total - a["lattice_water_g_g"] - a["organic_water_g_g"]) * a["bulk_density_g_cm3"]
    np.testing.assert_allclose(theta, r["soil_moisture"], rtol=1e-9)
    # Half-hourly counts of this detector: the noise of one step is sqrt(counts).
    counts = r["count_rate_raw"] * r["counted_hours"]
    relative = r["count_rate_step_sigma"] / r["count_rate_step"]
    known = np.isfinite(relative.to_numpy())
    assert known.mean() > 0.99
    np.testing.assert_allclose(relative[known], 1 / np.sqrt(counts[known]), rtol=1e-9)


def test_scores_against_the_sensors(folder):
    """The levels of the docs' table; far above the noise of platforms."""
    s = folder.summary["scores"]
    assert s["footprint"]["n"] > 80
    assert s["footprint"]["ubrmse"] < 0.03
    assert s["root zone 0-30 cm"]["ubrmse"] < 0.025
    assert s["root zone 0-30 cm"]["r"] > s["footprint as 0-30 cm"]["r"]


def test_uncertainty_grows_with_wetness_and_counts_fade_over_the_day(folder):
    d = folder["daily"]
    dry, wet = np.nanargmin(d["soil_moisture"]), np.nanargmax(d["soil_moisture"])
    assert d["soil_moisture_sigma"][wet] > d["soil_moisture_sigma"][dry]
    step = float(np.nanmedian(folder["results"]["count_rate_step_sigma"]))
    daily = float(
        np.nanmedian(d["soil_moisture_sigma_counting"])
        / np.nanmedian(np.abs(np.gradient(d["soil_moisture"]) / np.gradient(d["count_rate"])))
    )
    np.testing.assert_allclose(daily, step / np.sqrt(48), rtol=0.25)
    shares = d["soil_moisture_share"]
    np.testing.assert_allclose(
        np.sqrt((shares**2).sum("source", skipna=False)), d["soil_moisture_sigma"], rtol=1e-9
    )


def test_first_order_and_monte_carlo_agree(folder):
    drawn = rootzone.run(
        C4, overrides=[*SHORT, "uncertainty.method=monte_carlo", "uncertainty.members=400"]
    )["daily"]
    first = folder["daily"]
    np.testing.assert_allclose(drawn["soil_moisture"], first["soil_moisture"], rtol=1e-12)
    known = np.isfinite(first["soil_moisture"])
    np.testing.assert_allclose(
        drawn["soil_moisture_sigma"][known], first["soil_moisture_sigma"][known], rtol=0.2
    )
    assert (drawn["soil_moisture_lower"] < drawn["soil_moisture"])[known].all()


def test_report_opens_offline_and_can_be_remade(folder):
    path = folder.folder / "report.html"
    page = path.read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert page.count("data:image/png;base64,") >= 6
    assert "Roaring Fork C4" in page
    assert "BSD-2-Clause" in page
    path.unlink()
    assert remake_report(folder.folder) == path
    assert path.read_text() == page


def test_same_study_same_numbers(folder, tmp_path):
    again = rootzone.run(folder.folder / "study.yaml", out=tmp_path / "again")
    for name in folder:
        xr.testing.assert_identical(folder[name], again[name])


def test_resume_of_a_finished_run_returns_it(folder):
    before = (folder.folder / "results.nc").stat().st_mtime_ns
    again = rootzone.run(folder.folder / "study.yaml", out=folder.folder, resume=True)
    assert (folder.folder / "results.nc").stat().st_mtime_ns == before
    assert again.summary["scores"] == folder.summary["scores"]


def test_float32_run_agrees(folder):
    single = rootzone.run(C4, overrides=[*SHORT, "precision=float32"])
    np.testing.assert_allclose(
        single["daily"]["soil_moisture"], folder["daily"]["soil_moisture"], atol=2e-4
    )


def test_hostile_text_is_escaped_in_the_report():
    study = rootzone.load_study(C4, overrides=SHORT).model_dump(mode="json")
    study["station"]["name"] = "<script>alert(1)</script>"
    study["title"] = ""
    study["tables"] = [
        {**t, "files": [str(C4.parent / f) for f in t["files"]]} for t in study["tables"]
    ]
    from rootzone.report.station import station_page

    result = rootzone.run(study)
    page = station_page(result, json.loads(json.dumps(result.summary, default=float)))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["station-fsc001", "rover-gypsum"])
def test_other_examples_run(name, tmp_path):
    result = rootzone.run(find_demo(name), out=tmp_path / "run")
    assert result.summary["N0"]["value"] > 0
    assert np.isfinite(result["results"]["soil_moisture"]).mean() > 0.9
    if name == "rover-gypsum":
        assert any("ASSUMED" in w for w in result.warnings)
    else:
        assert len(result.summary["N0"]["per_campaign"]) == 2
        assert any("intensity is missing" in w for w in result.warnings)


def test_calibration_by_reference_sensors_and_given_n0():
    reference = rootzone.run(
        C4,
        overrides=[
            *SHORT,
            "calibration={method: reference, start: 2023-07-10, end: 2023-07-20}",
        ],
    )
    d = reference["daily"].sel(day=slice("2023-07-10", "2023-07-20"))
    bias = float((d["compare_footprint_retrieved"] - d["compare_footprint_sensors"]).mean())
    assert abs(bias) < 0.003
    n0 = reference.summary["N0"]["value"]
    given = rootzone.run(C4, overrides=[*SHORT, f"calibration={{method: given, N0: {n0}}}"])
    np.testing.assert_allclose(
        given["daily"]["soil_moisture"], reference["daily"]["soil_moisture"], rtol=1e-9
    )


def test_koehli_law_wants_no_humidity_factor():
    with pytest.raises(rootzone.core.StudyError, match=r"corrections\.humidity\.method"):
        rootzone.run(C4, overrides=[*SHORT, "law.method=koehli_2021"])
    result = rootzone.run(
        C4,
        overrides=[*SHORT, "law.method=koehli_2021", "corrections.humidity.method=none"],
    )
    assert result.summary["scores"]["footprint"]["ubrmse"] < 0.03


def test_second_order_counting_errors_exceed_the_first(folder):
    """Jakobi et al. 2020: more than first order, by little for this large detector."""
    found = rootzone.run(C4, overrides=[*SHORT, "uncertainty.method=second_order"])["results"]
    first = folder["results"]["soil_moisture_sigma_counting"]
    ratio = (found["soil_moisture_sigma_counting"] / first).to_numpy()
    ratio = ratio[np.isfinite(ratio)]
    assert (ratio > 1.0).all()
    assert ratio.max() < 1.01


def test_counts_that_are_corrected_already(folder, tmp_path):
    """Corrected counts go through unchanged when every correction is none."""
    corrected = folder["results"]["count_rate_step"].to_series().dropna()
    path = tmp_path / "corrected.csv"
    corrected.rename("rate").to_csv(path)
    found = rootzone.run(
        {
            "kind": "station",
            "station": {
                "name": "corrected",
                "latitude": 39.3,
                "longitude": -107.2,
                "elevation": 1976,
                "bulk_density": 1.205,
                "lattice_water": 0.0295,
                "soil_organic_carbon": 0.013,
                "organic_convention": "water",
            },
            "tables": [
                {"files": str(path), "columns": {"counts": {"column": "rate", "units": "h-1"}}}
            ],
            "corrections": {"pressure": {"method": "none"}, "humidity": {"method": "none"}},
            "calibration": {"method": "given", "N0": folder.summary["N0"]["value"]},
        }
    )
    mine, theirs = found["daily"]["soil_moisture"], folder["daily"]["soil_moisture"]
    np.testing.assert_allclose(mine, theirs.sel(day=mine["day"]), rtol=1e-6)
    assert any("pressure is NOT corrected" in w for w in found.warnings)


@pytest.mark.parametrize("n0", [5000, 90000])
def test_a_wrong_n0_leaves_no_moisture_and_says_so(n0, tmp_path):
    """All counts above dry soil, or all below any water: a report all the same, with the reason."""
    found = rootzone.run(
        C4, out=tmp_path / "run", overrides=[*SHORT, f"calibration={{method: given, N0: {n0}}}"]
    )
    assert np.isnan(found["results"]["soil_moisture"]).all()
    assert any("NO soil moisture" in w and f"{n0}" in w for w in found.warnings)
    assert "NO soil moisture" in (tmp_path / "run" / "report.html").read_text()


def test_resume_refuses_the_unfinished_run_of_another_study(folder, tmp_path):
    out = tmp_path / "unfinished"
    out.mkdir()
    (out / "study.yaml").write_text((folder.folder / "study.yaml").read_text() + "\n# other\n")
    with pytest.raises(rootzone.core.RunError, match="unfinished run of another study"):
        rootzone.run(C4, out=out, overrides=SHORT, resume=True)


def test_report_of_a_spoiled_summary_is_one_sentence(folder, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder.folder, copy)
    summary = json.loads((copy / "summary.json").read_text())
    del summary["means"]
    (copy / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(rootzone.core.RunError, match="run the study again"):
        remake_report(copy)


def test_root_zone_forgets_snow():
    """Water equivalent of snow must not enter the memory of the filter."""
    from types import SimpleNamespace

    import pandas as pd

    from rootzone.studies.station_root_zone import filter_root_zone

    days = pd.date_range("2024-01-01", periods=20)
    snow = np.zeros(20, bool)
    snow[5:8] = True
    theta = np.where(snow, 0.8, 0.2)
    still = 0.0 * theta
    daily = SimpleNamespace(theta=theta, sigma_counting=still, systematic=still + 0.01)
    mean = filter_root_zone(rootzone.load_study(C4).root_zone, days, daily, snow).mean
    assert np.isnan(mean[:, snow]).all()
    np.testing.assert_allclose(mean[:, ~snow], 0.2, rtol=1e-9)


def test_rover_counts_by_its_own_seconds():
    """The first record of the survey holds 159 counts of eight tubes in 39 seconds."""
    first = rootzone.run(find_demo("rover-gypsum"))["results"].isel(time=0)
    np.testing.assert_allclose(first["counted_hours"], 39.0 / 3600.0)
    np.testing.assert_allclose(first["count_rate_raw"] * first["counted_hours"], 159.0)
