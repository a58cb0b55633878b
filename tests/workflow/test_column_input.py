"""From the words and tables of a study `column` to soils and weather."""

import numpy as np
import pandas as pd
import pytest
import yaml

from rootzone.config import ColumnStudy, load_study
from rootzone.data import Log
from rootzone.studies.column_soil import soils_of
from rootzone.studies.column_weather import weather_of
from rootzone.studies.context import Context
from rootzone.water.retention import VanGenuchten
from rootzone.water.retention_fit import CM_PER_KPA
from rootzone.water.soil_classes import soil_class

BARE = {
    "kind": "column",
    "site": {"name": "Feld"},
    "soil": {"method": "classes", "classes": "loam"},
    "grid": {"method": "uniform", "depth": 60, "spacing": 10},
}


def study_with(**parts) -> ColumnStudy:
    loaded = load_study(BARE | parts)
    assert isinstance(loaded, ColumnStudy)
    return loaded


def soils_with(folder, **soil):
    """Return the soils of a study, and what was told of them."""
    log = Log()
    return soils_of(study_with(soil=soil), Context(base=folder, log=log)), log


# --- soils ------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["head", "suction"])
def test_measured_retention_is_fitted(tmp_path, column):
    """Points of a known curve, as heads in cm or suctions in kPa, give it back."""
    truth = VanGenuchten(0.06, 0.42, 0.025, 1.6, 30.0)
    head = -np.geomspace(3.0, 8000.0, 25)
    given = head if column == "head" else -head / CM_PER_KPA
    frame = pd.DataFrame({"x": given, "water": 100.0 * np.asarray(truth.theta(head))})
    frame.to_csv(tmp_path / "points.csv", index=False)
    table = {
        "files": "points.csv",
        "columns": {
            column: {"column": "x", "units": "cm" if column == "head" else "kPa"},
            "theta": {"column": "water", "units": "percent"},
        },
    }
    hydraulics = {"method": "retention", "K_s": 30.0, "table": table}
    soils, log = soils_with(
        tmp_path, method="layers", layers={"bottom": 60, "hydraulics": hydraulics}
    )
    for name, value in {"theta_r": 0.06, "theta_s": 0.42, "alpha": 0.025, "n": 1.6}.items():
        assert float(soils.parameters[name][0, 0]) == pytest.approx(value, rel=1e-3), name
    assert "van Genuchten through 25 points" in log.text()


def test_layers_of_a_table_lie_where_they_should(tmp_path):
    """Node and neutron layers of two soils, one of them with a single horizon."""
    frame = pd.DataFrame(
        {
            "soil": ["a", "b", "a"],
            "bottom_m": [0.25, 0.6, 0.6],
            "theta_r": 0.05,
            "theta_s": [0.40, 0.42, 0.44],
            "alpha": [2.0, 3.0, 4.0],
            "n": 1.5,
            "K": [1.0, 2.0, 3.0],
            "rho": [1.2, 1.3, 1.5],
            "lattice": [1.0, 2.0, 3.0],
        }
    )
    frame.to_csv(tmp_path / "soils.csv", index=False)
    units = {
        "bottom": ("bottom_m", "m"),
        "theta_r": ("theta_r", "m3 m-3"),
        "theta_s": ("theta_s", "m3 m-3"),
        "alpha": ("alpha", "m-1"),
        "n": ("n", "1"),
        "K_s": ("K", "m d-1"),
        "bulk_density": ("rho", "kg dm-3"),
        "lattice_water": ("lattice", "percent"),
    }
    columns = {k: {"column": c, "units": u} for k, (c, u) in units.items()}
    table = {"files": "soils.csv", "columns": {"name": "soil"} | columns}
    soils, _ = soils_with(tmp_path, method="table", table=table)
    assert soils.names == ["a", "b"]
    closure = soils.at_nodes(np.arange(0.0, 61.0, 10.0))
    alpha = np.array([[0.02, 0.03]] * 3 + [[0.04, 0.03]] * 4)
    np.testing.assert_allclose(closure.alpha, alpha)
    np.testing.assert_allclose(np.asarray(closure.K_s)[[0, -1]], [[100, 200], [300, 200]])
    seen = soils.seen(np.array([0.0, 20.0, 30.0, 300.0]), biomass_water=0.0)
    np.testing.assert_allclose(seen.bulk_density, [[1.2, 1.3], [1.35, 1.3], [1.5, 1.3]])
    bound = np.array([0.01 * 1.2 * 0.5 + 0.03 * 1.5 * 0.5, 0.02 * 1.3])
    np.testing.assert_allclose(np.asarray(seen.bound())[1], bound)


def test_a_trap_is_told_and_mended(tmp_path):
    clay = {"bottom": 60, "hydraulics": {"method": "class", "name": "clay"}}
    _, log = soils_with(tmp_path, method="layers", layers=clay)
    assert any("n below 1.3 without air entry" in w for w in log.warnings)
    assert any("lattice_water is not given" in w for w in log.warnings)
    soils, log = soils_with(tmp_path, method="layers", layers=clay, air_entry=-2)
    assert soils.parameters["air_entry"].item() == -2.0
    assert not any("air entry" in w for w in log.warnings)


def test_members_of_classes_come_in_turn(tmp_path):
    wanted = {"method": "classes", "classes": ["loam", "clay"], "members": 6, "mean_first": True}
    soils, _ = soils_with(tmp_path, **wanted, air_entry=-2, air_entry_for="fine")
    assert [n.rsplit(" ", 1)[0] for n in soils.names] == ["loam", "clay"] * 3
    for member, name in enumerate(("loam", "clay")):
        mean = soil_class(name).mean()
        assert soils.parameters["n"][0, member] == pytest.approx(float(mean.n))
    fine = soils.parameters["n"][0] < 1.3
    np.testing.assert_array_equal(soils.parameters["air_entry"][0], np.where(fine, -2.0, 0.0))
    more, _ = soils_with(tmp_path, **(wanted | {"members": 9}))
    for name in ("alpha", "K_s"):  # a member does not know how many there are
        np.testing.assert_array_equal(more.parameters[name][:, :6], soils.parameters[name])


# --- weather ----------------------------------------------------------------------------


def test_evapotranspiration_of_records_is_that_of_fao_56(tmp_path):
    """Example 18 of FAO-56 (Allen et al. 1998): Uccle, 6 July, 3.88 mm d-1.

    Vapor pressure 1.409 kPa (dew point 12.06 degC), 2.78 m s-1 at 10 m, 22.07 MJ m-2 d-1.
    """
    frame = pd.DataFrame(
        {
            "day": ["05.07.2021", "06.07.2021"],
            "rain": ["0,0", "1,5"],
            "low": "12,3",
            "high": "21,5",
            "dew": "12,06",
            "sun": "22,07",
            "wind": "10,0",
        }
    )
    frame.to_csv(tmp_path / "uccle.csv", index=False, sep=";")
    units = {
        "precipitation": ("rain", "mm"),
        "temperature_min": ("low", "degC"),
        "temperature_max": ("high", "degC"),
        "dew_point": ("dew", "degC"),
        "solar_radiation": ("sun", "MJ m-2 d-1"),
        "wind_speed": ("wind", "km h-1"),
    }
    text = yaml.safe_dump(
        {
            "method": "tables",
            "potential_evapotranspiration": "penman_monteith",
            "wind_height": 10,
            "tables": {
                "files": "uccle.csv",
                "decimal": ",",
                "time": {"format": "%d.%m.%Y", "timezone": "UTC"},
                "columns": {k: {"column": c, "units": u} for k, (c, u) in units.items()},
            },
        }
    )
    study = study_with(
        weather=yaml.safe_load(text), site={"name": "Uccle", "latitude": 50.8, "elevation": 100}
    )
    found = weather_of(study, Context(base=tmp_path, log=Log()))
    drawn = found.source(np.arange(3))
    assert float(drawn.potential_evapotranspiration[1]) == pytest.approx(3.88, abs=0.02)
    np.testing.assert_allclose(drawn.precipitation, [0.0, 1.5])
    np.testing.assert_allclose(drawn.temperature, 16.9)
    np.testing.assert_array_equal(drawn.day_of_year, [186, 187])
    assert (found.interval, found.every, found.files) == (1.0, 1, ["uccle.csv"])


def test_daily_evaporation_is_spread_over_hourly_rain(tmp_path):
    """Two tables of other steps are put on the step of the rain; stamps may mark the end."""
    hours = pd.date_range("2021-05-01T01:00", periods=48, freq="1h")
    pd.DataFrame({"t": hours.strftime("%Y-%m-%d %H:%M"), "rain": np.arange(48) % 3}).to_csv(
        tmp_path / "hours.csv", index=False
    )
    pd.DataFrame({"t": ["2021-05-01", "2021-05-02"], "pet": [2.4, 4.8]}).to_csv(
        tmp_path / "days.csv", index=False
    )
    tables = [
        {
            "files": "hours.csv",
            "time": {"timezone": "UTC", "stamp": "end"},
            "columns": {"precipitation": {"column": "rain", "units": "mm"}},
        },
        {
            "files": "days.csv",
            "time": {"timezone": "UTC"},
            "interval": "1d",
            "columns": {"potential_evapotranspiration": {"column": "pet", "units": "mm"}},
        },
    ]
    study = study_with(weather={"method": "tables", "tables": tables})
    found = weather_of(study, Context(base=tmp_path, log=Log()))
    drawn = found.source(np.arange(1))
    np.testing.assert_allclose(drawn.precipitation, np.arange(48) % 3)
    pet = np.asarray(drawn.potential_evapotranspiration)
    np.testing.assert_allclose(pet, np.repeat([0.1, 0.2], 24))
    assert (len(found.axis), found.every) == (2, 24)
    assert str(found.axis[0]) == "2021-05-01 00:00:00"
