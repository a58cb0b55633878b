"""Sites as cells of their own: from a station's run to counts, weather rules, and bad input."""

import copy
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import yaml

import rootzone
from rootzone.config import load_study
from rootzone.config.catchment import CatchmentStudy
from rootzone.core import DataError, RootzoneError, StudyError
from rootzone.data import Log
from rootzone.data.cells import regionalization_of
from rootzone.data.domain import Cases, Setup, Weather
from rootzone.data.sites_domain import (
    GapRule,
    domain_of_sites,
    mineral_density,
    weather_of_sites,
    with_spin_up,
)
from rootzone.data.station_results import (
    DailySeries,
    Layer,
    Sensor,
    SiteRecord,
    read_station_run,
    site_observations,
)
from rootzone.studies import check_study, find_demo
from rootzone.studies.catchment_domain import read_domain
from rootzone.studies.context import Context
from rootzone.studies.sites_input import read_sites, textured_sites
from rootzone.water.regionalization.soil import density_with_organic_matter


@pytest.fixture(scope="module", autouse=True)
def _one_device():
    """Start JAX with one device: a run makes one of every core, and compiles for each."""
    jax.devices()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with the run of a station and a table of daily weather without counts."""
    folder = tmp_path_factory.mktemp("sites")
    rootzone.run(
        find_demo("station-c4"),
        overrides=["time.step=6h", "time.end=2024-08-12", "root_zone.depths=[30]"],
        out=folder / "C4",
    )
    days = pd.date_range("2023-07-01", "2024-08-31")
    warmth = 6.0 - 11.0 * np.cos(2 * np.pi * (days.day_of_year - 20) / 365.25)
    rain = np.random.default_rng(5).gamma(0.3, 6.0, len(days))
    table = {"date": days.strftime("%Y-%m-%d"), "rain": rain.round(2), "twice": 2.0 * rain.round(2)}
    table |= {"mean": warmth, "low": warmth - 7.0, "high": warmth + 8.0}
    pd.DataFrame(table).to_csv(folder / "meadow.csv", index=False)
    return folder


STUDY = {
    "kind": "catchment",
    "title": "Two sites",
    "precision": "float64",
    "compat": "standard",
    "source": {
        "method": "sites",
        "sites": [
            {"name": "C4", "run": "C4", "land_cover": "forest", "leaf_area": "deciduous"},
            {
                "name": "meadow",
                "land_cover": "pervious",
                "latitude": 39.2,
                "longitude": -107.0,
                "elevation": 2900.0,
                "soil": {"sand": 70, "clay": 8, "bulk_density": 1.3, "depth": 1500},
                "tables": [
                    {
                        "files": "meadow.csv",
                        "columns": {
                            "precipitation": {"column": "rain", "units": "mm"},
                            "temperature": {"column": "mean", "units": "degC"},
                            "temperature_min": {"column": "low", "units": "degC"},
                            "temperature_max": {"column": "high", "units": "degC"},
                        },
                    }
                ],
            },
        ],
        "repeat_years": 1,
        "model": {"horizon_depths": [50, 300, 600], "step": "day"},
    },
    "counts": {"operator": "desilets_schroen_2017", "when": "once_a_day"},
    "results": {"cells": [{"name": "C4", "row": 1, "column": 1}]},
}


def changed(**keys):
    """Return the study with some keys changed: ``source__repeat_years=2``."""
    study = copy.deepcopy(STUDY)
    for key, value in keys.items():
        *path, last = key.split("__")
        here = study
        for part in path:
            here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
        here[int(last) if isinstance(here, list) else last] = value
    return study


@pytest.fixture(scope="module")
def run(place):
    return rootzone.run(STUDY, base=place)


def read(place, **keys):
    """Return sites, domain and set-up of the study, and what was told."""
    study = CatchmentStudy.model_validate(changed(**keys))
    context = Context(base=place, log=Log())
    sites = read_sites(study.source, context)
    domain, setup, *_ = read_domain(study, context)
    return sites, domain, setup, context.log


@eqx.filter_jit
def parameters(model):
    """Return the effective parameters of the defaults."""
    table = model.parameter_table
    return model(table.coefficients(jnp.asarray(table.default)))[0]


# --- from the run of a station to counts ------------------------------------------------------


def test_the_study_runs_and_its_balance_closes(run):
    assert run.summary["balance_largest_error_mm"] < 1e-9
    assert run.summary["domain"]["cells"] == 2
    assert run.summary["settings"]["pet_case"] == 1
    assert any("loam" in w and "C4" in w and "meadow" not in w for w in run.warnings)
    # all of the first year comes before the record, leap day included
    assert run.summary["period"][0] == "2023-08-05"
    assert run.summary["warm_up_days"] == 365
    evaporated = run["series"]["evapotranspiration"]
    assert 200.0 < 365.25 * float(evaporated.mean()) < 1200.0


def test_counts_of_the_model_are_of_the_size_of_those_of_the_detector(run, place):
    sites = read(place)[0]
    days = run["series"]["time"].values.astype("datetime64[D]")
    seen = site_observations(sites.records, days)
    simulated = run["series"]["cell_neutrons"].isel(cell=0).values
    used = np.isfinite(seen.rate[:, 0]) & ~seen.snow[:, 0]
    assert used.sum() > 200
    ratio = simulated[used].mean() / seen.rate[used, 0].mean()
    assert 0.75 < ratio < 1.25
    assert np.corrcoef(simulated[used], seen.rate[used, 0])[0, 1] > 0.7
    # the seasons of the soil are those of the sensors
    water = run["series"]["cell_theta"].isel(cell=0, horizon=1).values
    measured = seen.mean_to(30.0)[:, 0]
    both = np.isfinite(measured) & ~seen.snow[:, 0]
    assert np.corrcoef(water[both], measured[both])[0, 1] > 0.7


def test_domain_has_the_place_and_soil_of_the_run(place):
    sites, domain, setup, _ = read(place)
    settings = json.loads((place / "C4" / "summary.json").read_text())["settings"]
    assert domain.latitude1[0, 0] == settings["latitude"]
    assert domain.longitude1[0, 1] == -107.0
    assert domain.dem.tolist() == [[settings["elevation_m"], 2900.0]]
    assert domain.land_cover.tolist() == [[[1, 3]]]
    assert sites.records[0].bound_water == pytest.approx(0.0295 + 0.013)
    assert setup.cases == Cases(1, 1, 1)
    model = regionalization_of(domain, setup)
    p = parameters(model)
    # above the tillage depth the soil has the density that was measured
    np.testing.assert_allclose(p.bulk_density[0], [1.205, 1.3], rtol=1e-9)
    assert p.bulk_density[-1, 0] > 1.205
    np.testing.assert_allclose(domain.lai[[0, 6], 0, 0], [0.5, 5.0])
    model = textured_sites(model, sites.records)
    assert model.parameter_table.names[-2:] == ("sand_C4", "clay_share_C4")
    p = parameters(model)
    mass = p.bulk_density[:, 0] * p.horizon_thickness[:, 0]
    np.testing.assert_allclose(p.lattice_water[:, 0] / mass, 0.0425, rtol=1e-9)


def test_observations_are_those_of_the_run(place):
    found = read_station_run(place / "C4")
    sites = read(place)[0]
    daily = rootzone.data.RunFolder.open(place / "C4").read_dataset("daily.nc")
    days = daily["day"].values.astype("datetime64[D]")
    seen = site_observations(sites.records, days, N0=1200.0)
    assert seen.names == ("C4", "meadow")
    np.testing.assert_allclose(
        seen.rate[:, 0] / seen.scale[0], np.where(seen.rate[:, 0] > 0, daily["count_rate"], np.nan)
    )
    assert seen.scale[0] == pytest.approx(1200.0 / found.N0)
    assert np.isnan(seen.scale[1])
    assert np.all(np.isnan(seen.rate[:, 1]))
    # counting: a day of 24 h has raw counts of the corrected size within a factor of two
    raw = np.nanmedian(seen.rate[:, 0] / seen.scale[0]) * 24.0
    relative = np.nanmedian(seen.sigma[:, 0] / seen.rate[:, 0])
    assert 0.7 < relative * np.sqrt(raw) < 1.6
    np.testing.assert_array_equal(seen.snow[:, 0], daily["snow_or_frost"].values > 0)
    assert seen.depths_cm.tolist() == [5.0, 10.0, 20.0, 50.0]
    # the mean over depth is that of the station's own comparison
    used = daily["compare_root_zone_0_30_cm_used"].values > 0
    theirs = daily["compare_root_zone_0_30_cm_sensors"].values[used]
    np.testing.assert_allclose(seen.mean_to(30.0)[used, 0], theirs, rtol=1e-6)
    assert np.all(np.isnan(seen.mean_to(90.0)))


def test_period_and_warm_up(place):
    late = read(place, period__start="2024-05-01", period__end="2024-06-30")[2]
    assert late.start_day == np.datetime64("2022-08-05")
    assert late.last_day == np.datetime64("2024-06-30")
    short = read(place, period__start="2024-05-01", period__warm_up_days=10)[2]
    assert short.start_day == np.datetime64("2024-04-21")


def test_tables_go_before_the_run(place):
    table = {
        "files": "meadow.csv",
        "columns": {"precipitation": {"column": "twice", "units": "mm"}},
    }
    sites = read(place, source__sites__0__tables=[table])[0]
    rain = pd.read_csv(place / "meadow.csv", index_col="date")["rain"]
    day = sites.weather.times.astype("datetime64[D]").astype(str)
    found = pd.Series(sites.weather.fields["pre"][:, 0, 0], day)["2024-03-01":"2024-03-31"]
    np.testing.assert_allclose(found, 2.0 * rain["2024-03-01":"2024-03-31"])


def test_hourly_table_with_counts_and_frost(place):
    """Extremes come of the hours; a day wants 20 of them; counts without error have that of N."""
    hours = pd.date_range("2023-07-01", periods=24 * 40, freq="1h")
    local = (hours.hour - 12) / 12.0
    frame = pd.DataFrame(
        {
            "time": hours.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "t": 10.0 + 5.0 * local,
            "rain": 0.1,
            "n": 800.0,
            "ts": np.where(hours < "2023-07-11", -1.0, 8.0),
            "w": 0.2,
        }
    )
    frame.loc[24 * 20 : 24 * 20 + 4, ["t", "rain"]] = np.nan
    frame.to_csv(place / "hourly.csv", index=False)
    units = {"t": "degC", "rain": "mm", "n": "h-1", "ts": "degC"}
    names = {
        "temperature": "t",
        "precipitation": "rain",
        "count_rate": "n",
        "soil_temperature": "ts",
    }
    columns = {q: {"column": c, "units": units[c]} for q, c in names.items()}
    columns["soil_moisture"] = [{"column": "w", "depth": 8}]
    site = copy.deepcopy(STUDY["source"]["sites"][1])
    site |= {"name": "hours", "tables": [{"files": "hourly.csv", "columns": columns}], "N0": 1000}
    keys = {"source__sites": [site], "source__repeat_years": 0}
    gaps = {"precipitation": "zero"}
    sites, domain, setup, log = read(place, **keys, source__gaps=gaps)
    fields = {n: v[:, 0, 0] for n, v in domain.weather.fields.items()}
    assert setup.days == 40
    assert fields["pre"][0] == pytest.approx(2.4)
    assert fields["pre"][20] == 0.0
    assert fields["tmin"][0] == pytest.approx(5.0)
    assert fields["tmax"][0] == pytest.approx(10.0 + 5.0 * 11 / 12)
    assert fields["tavg"][20] == pytest.approx(fields["tavg"][0])  # between its neighbors
    assert any("dry" in w and "hours 1 d" in w for w in log.warnings)
    assert any("interpolated: hours 1 d" in w for w in log.warnings)
    seen = site_observations(sites.records, np.arange("2023-07-01", "2023-08-10", dtype="M8[D]"))
    np.testing.assert_allclose(seen.rate, 1200.0)
    np.testing.assert_allclose(seen.sigma, 1.5 * np.sqrt(800.0 / 24.0))
    assert seen.snow[:, 0].sum() == 10
    np.testing.assert_allclose(seen.theta, 0.2)
    with pytest.raises(DataError, match="no precipitation on 2023-07-21"):
        read(place, **keys)


# --- weather and soil by rule -----------------------------------------------------------------


def record(name="a", days=800, start="2022-03-01", **how):
    """Return a site with smooth weather."""
    index = pd.date_range(start, periods=days)
    warmth = pd.Series(10.0 + 8.0 * np.sin(np.arange(days) / 58.0), index) + how.pop("warmer", 0.0)
    values = {"pre": pd.Series(1.0, index), "tavg": warmth, "tmin": warmth - 4, "tmax": warmth + 4}
    facts = {
        "latitude": 45.0,
        "longitude": 8.0,
        "elevation": 500.0,
        "land_cover": 3,
        "leaf_area": np.ones(12),
        "layers": (Layer(1500.0, 40.0, 20.0, 1.3),),
        "texture_known": True,
        "slope": 0.0,
        "aspect": 90.0,
        "N0": 1500.0,
        "bound_water": None,
    }
    series = DailySeries(f"{name}.csv", values | how.pop("values", {}), how.pop("sensors", []))
    return SiteRecord(name=name, **(facts | how), series=series)


def without(site, first, count):
    """Return a site without temperature on some days."""
    for name in ("tavg", "tmin", "tmax"):
        site.series.values[name].iloc[first : first + count] = np.nan
    return site


@pytest.mark.parametrize("first", ["2022-03-01", "2023-10-05", "2024-02-29", "2021-02-28"])
@pytest.mark.parametrize("years", [1, 3, 5])
def test_repeated_years_have_the_weather_of_the_same_day_of_the_year(first, years):
    day = np.datetime64(first) + np.arange(400)
    start, fields = with_spin_up({"pre": np.arange(400.0)}, np.datetime64(first), years)
    long = start + np.arange(len(fields["pre"]))
    assert long[-1] == day[-1]
    before = long < np.datetime64(first)
    assert abs(before.sum() - 365.25 * years) <= 1.0
    source = day[fields["pre"].astype(int)]
    month_day = [np.array([str(d)[5:] for d in x]) for x in (long, source)]
    last = {"02-28", "02-29"}
    unlike = np.flatnonzero(month_day[0] != month_day[1])
    assert all({month_day[0][i], month_day[1][i]} == last for i in unlike)
    assert len(unlike) <= (years + 1 if first.endswith("02-29") else 1 + years // 4)
    assert np.all(source[before] < np.datetime64(first) + np.timedelta64(366, "D"))
    np.testing.assert_array_equal(fields["pre"][~before], np.arange(400.0))


def test_gaps_are_filled_as_told():
    rule = GapRule(interpolate_days=2, from_other_sites=True)
    whole, warm = record("whole"), without(without(record("warm", warmer=3.0), 100, 2), 200, 50)
    first, fields, notes = weather_of_sites([whole, warm], rule)
    assert first == np.datetime64("2022-03-01")
    # one day's curvature is what interpolation loses; the shift of the other site loses nothing
    np.testing.assert_allclose(fields["tavg"][:, 1] - fields["tavg"][:, 0], 3.0, atol=2e-2)
    np.testing.assert_allclose(fields["tavg"][200:250, 1] - fields["tavg"][200:250, 0], 3.0)
    assert "interpolated: warm 2 d" in notes[0]
    assert "from other sites: warm 50 d" in notes[0]
    assert np.all(fields["tmin"] <= fields["tavg"])
    assert np.all(fields["tavg"] <= fields["tmax"])


def test_the_record_is_what_all_sites_have():
    sites = [record("a", 500), record("b", 600, "2022-05-01")]
    first, fields, notes = weather_of_sites(sites, GapRule())
    assert first == np.datetime64("2022-05-01")
    assert fields["pre"].shape == (500 - 61, 2)
    assert notes == []


@pytest.mark.parametrize("organic", [0.1, 0.6, 4.0, 12.0])
def test_mineral_density_is_the_inverse_of_adding_organic_matter(organic):
    for density in (0.5, 0.9, 1.3, 1.6):
        mineral = mineral_density(density, organic)
        assert mineral > density
        again = density_with_organic_matter(np.asarray(organic), np.asarray(mineral))
        assert float(again) == pytest.approx(density, rel=1e-12)


def test_detectors_of_different_n0_are_on_one_scale():
    """The same soil under two detectors: what the model is compared with is the same."""
    days = pd.date_range("2022-03-01", periods=20)
    shape = pd.Series(0.5 + 0.01 * np.arange(20), days)
    sites = [
        record(name, N0=N0, values={"rate": N0 * shape, "sigma": 0.01 * N0 * shape})
        for name, N0 in (("small", 900.0), ("large", 15000.0))
    ]
    seen = site_observations(sites, days.values.astype("datetime64[D]"), N0=1300.0)
    np.testing.assert_allclose(seen.rate[:, 0], seen.rate[:, 1])
    np.testing.assert_allclose(seen.sigma[:, 0], seen.sigma[:, 1])
    np.testing.assert_allclose(seen.rate[:, 0], 1300.0 * shape)
    np.testing.assert_allclose(seen.rate / seen.scale, [[900.0, 15000.0]] * shape.values[:, None])


def test_sensors_of_equal_depth_are_averaged_and_sites_keep_their_own():
    days = pd.date_range("2022-03-01", periods=3)
    one = [Sensor(5.0, pd.Series(v, days)) for v in (0.1, 0.3)]
    two = [Sensor(20.0, pd.Series([0.2, np.nan, 0.4], days))]
    seen = site_observations(
        [record("a", sensors=one), record("b", sensors=two)], days.values.astype("datetime64[D]")
    )
    assert seen.depths_cm.tolist() == [5.0, 20.0]
    np.testing.assert_allclose(seen.theta[:, 0, 0], 0.2)
    assert np.all(np.isnan(seen.theta[:, 1, 0]))
    np.testing.assert_allclose(seen.theta[:, 1, 1], [0.2, np.nan, 0.4])
    np.testing.assert_allclose(seen.mean_to(30.0)[:, 1], [0.2, np.nan, 0.4])
    assert np.all(np.isnan(seen.mean_to(30.0)[:, 0]))


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sites", "rule", "words"),
    [
        ([without(record("a"), 100, 9)], GapRule(), ["'a'", "9 days from 2022-06-09", "longer"]),
        (
            [without(record("a"), 100, 9)],
            GapRule(from_other_sites=True),
            ["'a'", "no temperature on 2022-06-09", "30 days"],
        ),
        (
            [record("a", 400), record("b", 400, "2024-01-01")],
            GapRule(),
            ["no common day", "'a' ends on 2023-04-04", "'b' begins on 2024-01-01"],
        ),
        (
            [record("a", values={"pre": pd.Series(dtype=float)})],
            GapRule(),
            ["precipitation", "a.csv"],
        ),
        ([record("a", warmer=70.0)], GapRule(), ["'a'", "tavg", "degC", "-90 to 60"]),
    ],
)
def test_weather_that_is_refused(sites, rule, words):
    with pytest.raises(DataError) as caught:
        weather_of_sites(sites, rule)
    assert all(word in str(caught.value) for word in words), caught.value


def test_soils_that_are_refused():
    setup = Setup(Cases(1, 1, 1), np.datetime64("2022-03-01"), np.datetime64("2022-03-02"))
    weather = Weather(np.datetime64("2022-03-01T00"), 24, {"pre": np.ones((2, 1, 1))})
    organic = np.array([4.0, 0.1, 0.6])

    def domain(*layers, **how):
        return domain_of_sites([record("a", layers=layers, **how)], weather, setup, organic)

    with pytest.raises(StudyError, match=r"'a': the soil ends at 500 mm.*\(600 mm\)"):
        domain(Layer(500.0, 40.0, 20.0, 1.3))
    with pytest.raises(DataError, match=r"density 2.2 .* minerals of 3.\d+ g cm-3"):
        domain(Layer(1500.0, 40.0, 20.0, 2.2), land_cover=1)
    assert domain(Layer(1500.0, 40.0, 20.0, 1.3)).cells == 1


def test_counts_without_n0_are_refused():
    days = pd.date_range("2022-03-01", periods=3)
    counts = {"rate": pd.Series(900.0, days), "sigma": pd.Series(6.0, days)}
    with pytest.raises(DataError, match=r"'a' has counts and no N0: give sites\[0\].N0"):
        site_observations([record("a", N0=None, values=counts)], days.values)


def refusal(place, **keys):
    path = place / "bad.yaml"
    path.write_text(yaml.safe_dump(changed(**keys), sort_keys=False))
    with pytest.raises(RootzoneError) as caught:
        check_study(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


MEADOW = STUDY["source"]["sites"][1]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"source__sites__1": MEADOW | {"name": "C4"}}, ["two sites are called 'C4'"]),
        ({"source__sites__0__leaf_area": "decidous"}, ["leaf_area", "did you mean 'deciduous'"]),
        ({"source__sites__0__leaf_area": [1.0, 2.0]}, ["twelve values"]),
        ({"source__sites__1__soil__clay": 40}, ["sand 70 %", "clay 40 %", "100 %"]),
        ({"source__sites__1__soil__sand": None}, ["together, or not at all"]),
        (
            {"source__sites__1__soil": {"layers": [], "depth": 900}},
            ["'meadow'", "soil.bulk_density", "no run"],
        ),
        ({"source__sites__1__tables": []}, ["'meadow'", "run or tables"]),
        ({"source__sites__1__latitude": None}, ["'meadow'", "latitude wanted"]),
        ({"source__model__pet": "given_aspect"}, ["pet", "hargreaves_samani"]),
        ({"source__sites__0__run": "nowhere"}, ["nowhere", "no such run folder"]),
        ({"source__sites__0__run": "."}, ["not a run folder"]),
        ({"source__sites__1__soil__depth": 600}, ["'meadow'", "ends at 600 mm"]),
        ({"period__start": "2020-01-01"}, ["weather covers 2022-08-05", "needs 2020-01-01"]),
        (
            {
                "source__sites__1__tables__0__columns": {
                    "precipitation": {"column": "rain", "units": "mm"},
                    "temperature": {"column": "mean", "units": "degC"},
                }
            },
            ["'meadow'", "temperature (tmin of days)"],
        ),
        ({"source__sites__1__tables__0__columns__temperature__units": "hPa"}, ["does not convert"]),
    ],
)
def test_studies_that_are_refused(place, keys, words):
    answer = refusal(place, **keys)
    assert all(word in answer for word in words), answer


def test_a_run_of_another_kind_is_refused(place):
    folder = place / "other"
    folder.mkdir(exist_ok=True)
    (folder / "study.yaml").write_text("kind: column\n")
    (folder / "summary.json").write_text('{"kind": "column"}')
    assert "'column', one of 'station'" in refusal(place, source__sites__0__run="other")
    (folder / "summary.json").write_text('{"kind": "station", "settings": {"latitude": 1.0}}')
    assert "does not tell longitude" in refusal(place, source__sites__0__run="other")


def test_a_short_record_is_not_repeated():
    with pytest.raises(DataError, match="has 300 days, a full year is wanted"):
        with_spin_up({"pre": np.zeros(300)}, np.datetime64("2022-01-01"), 2)


def test_study_file_is_read_as_written(place):
    path = place / "good.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    assert load_study(path).source.method == "sites"
    assert any("2 sites" in line for line in check_study(path))
