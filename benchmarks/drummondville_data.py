"""The three soil covers of Drummondville, Quebec: what was measured, and the weather they had.

Soil state and percolation: Cabral (2023), doi:10.5281/zenodo.7948797. Weather and HYPROP points:
github.com/Alireza-Amani/SVS_percolation (MIT), which also holds the layers and the cores'
conductivities as its authors modeled them (`provide_information.py`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd

from rootzone.water.evapotranspiration import (
    penman_monteith_daily,
    saturation_vapor_pressure,
    wind_speed_at_2m,
)
from rootzone.water.radiation import clear_sky_radiation, extraterrestrial_radiation
from rootzone.water.retention_fit import (
    Fit,
    Population,
    before_cavitation,
    fit_brooks_corey,
    head_of_suction,
    population,
)

LATITUDE, ELEVATION = 45.82, 90.0  # the latitude as modeled by the source; the height is assumed
TIME_ZONE = "America/Toronto"  # of Quebec, days of the measurements
START, END = "2018-07-01", "2021-06-30"
CALIBRATION_END = "2019-06-30"
SAMPLES = {"CM": 14, "AB": 8, "BC": 1}
FROZEN = 0.5  # degC, soil at 7.5 cm


@dataclass(frozen=True)
class Cover:
    """A cover: its layers from the top, (material, bottom [cm])."""

    name: str
    layers: tuple[tuple[str, float], ...]


COVERS = (
    Cover("E1", (("top", 15.0), ("CM", 190.0))),
    Cover("E2", (("top", 15.0), ("CM", 30.0), ("BC", 110.0), ("CM", 190.0))),
    Cover("E3", (("top", 15.0), ("AB", 110.0), ("CM", 190.0))),
)


def weather(folder: Path) -> pd.DataFrame:
    """Return precipitation [mm], temperature [degC], reference evapotranspiration [mm], snow [cm].

    FAO-56 Penman-Monteith of days, from the hourly record of Saint-Germain and ERA5.
    """
    hourly = pd.read_csv(folder / "saint_g_ERA5.csv.gz", parse_dates=["datetime_utc"])
    time = hourly.pop("datetime_utc").dt.tz_localize("UTC").dt.tz_convert(TIME_ZONE)
    hourly["vapor"] = np.asarray(
        saturation_vapor_pressure(hourly["Dew point temperature (degC)"].to_numpy())
    )
    day = hourly.groupby(time.dt.tz_localize(None).dt.normalize())
    temperature = day["Air temperature (degC)"]
    mean = day.mean()
    sun = extraterrestrial_radiation(jnp.asarray(mean.index.day_of_year), LATITUDE)
    reference = penman_monteith_daily(
        temperature_min=temperature.min().to_numpy(),
        temperature_max=temperature.max().to_numpy(),
        vapor_pressure=mean["vapor"].to_numpy(),
        wind_speed=wind_speed_at_2m(mean["Wind speed (m.s-1)"].to_numpy(), 10.0),
        solar_radiation=mean["Shortwave radiation (W.m-2)"].to_numpy(),
        clear_sky_radiation=clear_sky_radiation(sun, ELEVATION),
        pressure=0.01 * mean["Atmospheric pressure (Pa)"].to_numpy(),
    )
    out = pd.DataFrame(
        {
            "precipitation": day["Precipitation (mm)"].sum(),
            "temperature": temperature.mean(),
            "reference": np.maximum(np.asarray(reference), 0.0),
        }
    )
    daily = pd.read_csv(folder / "daily_meteo.csv", parse_dates=["d_local"], index_col="d_local")
    out["snow_depth"] = daily["Snow depth (cm)"]
    return out.loc[START:END]


class Observed(NamedTuple):
    """Measurements of a cover by day."""

    water: pd.DataFrame
    """Water content at 7.5 cm by sensor [m3 m-3]."""
    percolation: pd.DataFrame
    """By lysimeter [mm d-1]."""
    open: np.ndarray
    """No snow lies and the soil is warmer than 0.5 degC at every sensor of the cover, or of the
    other covers where this one has no value."""
    first_year: np.ndarray


def observations(folder: Path, cover: str, weather: pd.DataFrame) -> Observed:
    """Return what was measured on a cover, on the days of the weather."""
    state = pd.read_csv(folder / "state_vars_daily_20180701_20210630.csv", parse_dates=["date"])
    keys = ["Variable", "Experimental Plot", "Sensor"]
    wide = state.pivot_table(index="date", columns=keys, values="Value")
    water = 0.01 * wide["Soil Volumetric Water Content"][cover].dropna(axis=1, how="all")
    warmth = wide["Soil Temperature"]
    coldest = warmth[cover].min(axis=1).fillna(warmth.min(axis=1))
    flow = pd.read_csv(folder / "percolation_daily_20180701_20210630.csv", parse_dates=["date"])
    flow = flow[flow["Experimental Plot"] == cover]
    flow = flow.pivot_table(index="date", columns="Lysimeter", values="Percolation (mm/day)")
    days = weather.index
    return Observed(
        water.reindex(days),
        flow.dropna(axis=1, how="all").reindex(days),
        ((coldest.reindex(days) > FROZEN) & (weather["snow_depth"] < 1.0)).to_numpy(),
        np.asarray(days <= pd.Timestamp(CALIBRATION_END)),
    )


def curves(folder: Path) -> dict[str, list[Fit]]:
    """Return the Brooks-Corey curve of every HYPROP sample, up to the cavitation of its sensors."""
    points = pd.read_csv(folder / "hyprop_data.csv")
    out: dict[str, list[Fit]] = {}
    for material, count in SAMPLES.items():
        for n in range(1, count + 1):
            pair = points[[f"{material}_smpl{n}_suction_kPa", f"{material}_smpl{n}_VWC_percent"]]
            suction, percent = pair.dropna().to_numpy().T
            head = head_of_suction(suction)
            good = before_cavitation(head)
            fit = fit_brooks_corey(head[good], 0.01 * percent[good])
            out.setdefault(material, []).append(fit)
    return out


def populations(fits: dict[str, list[Fit]]) -> dict[str, Population]:
    """Return the populations that soils are drawn from; the single BC sample varies as CM does."""
    cover, till = population(fits["CM"]), population(fits["AB"])
    found = fits["BC"][0].estimate
    share = found["theta_r"] / found["theta_s"]
    logit = lambda p: np.log(p / (1.0 - p))  # noqa: E731
    center = {
        "theta_s": logit(found["theta_s"]),
        "theta_r": logit(share),
        "alpha": np.log(found["alpha"]),
        "lam": np.log(found["lam"]),
    }
    mean = np.array([center[name] for name in cover.names])
    return {"CM": cover, "AB": till, "BC": replace(cover, mean=mean)}
