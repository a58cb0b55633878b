"""Results of the study `station` as datasets and as a summary."""

from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.station import StationStudy
from rootzone.config.station_root_zone import ExponentialFilter
from rootzone.data import Flag, flag_attributes, time_coordinate, variable
from rootzone.studies.station import StationResult
from rootzone.studies.station_input import daily_sum
from rootzone.studies.station_retrieval import Retrieved

SHARES = {
    "count_rate": "counting",
    "n0_error": "N0",
    "bulk_density": "bulk density",
    "lattice_water": "lattice water",
    "organic_water": "organic water",
    "humidity_error": "humidity",
    "incoming_error": "incoming intensity",
    "biomass_error": "biomass",
}
"""Sources of uncertainty, as the report calls them."""


def _moisture(found: Retrieved, dims: tuple[str, ...]) -> dict[str, xr.Variable]:
    return {
        "count_rate": variable(dims, found.rate, "count_rate", comment="mean over the window"),
        "soil_moisture": variable(
            dims, found.theta, "soil_moisture", ancillary_variables="soil_moisture_sigma"
        ),
        "soil_moisture_sigma": variable(
            dims,
            found.sigma,
            "",
            units="m3 m-3",
            long_name="standard deviation of soil moisture, all sources",
        ),
        "soil_moisture_sigma_counting": variable(
            dims,
            found.sigma_counting,
            "",
            units="m3 m-3",
            long_name="standard deviation of soil moisture from counting",
        ),
        "soil_moisture_lower": variable(
            dims, found.lower, "", units="m3 m-3", long_name="soil moisture, 5 % quantile"
        ),
        "soil_moisture_upper": variable(
            dims, found.upper, "", units="m3 m-3", long_name="soil moisture, 95 % quantile"
        ),
        "penetration_depth": variable(dims, found.depth, "penetration_depth"),
        "footprint_radius": variable(dims, found.radius, "footprint_radius"),
    }


def station_datasets(study: StationStudy, result: StationResult) -> dict[str, xr.Dataset]:
    """Return ``results`` (step of the counts) and ``daily`` as CF datasets."""
    obs, corrected = result.observations, result.corrected
    t = ("time",)
    variables: dict[str, xr.Variable] = {
        "count_rate_raw": variable(t, obs.rate, "count_rate_raw"),
        "counted_hours": variable(
            t, obs.hours, "", units="h", long_name="counted time in the step"
        ),
        "count_rate_step": variable(
            t,
            corrected.rate,
            "count_rate",
            long_name="corrected neutron count rate of the step",
            comment="flagged counts included",
        ),
        "count_rate_step_sigma": variable(t, corrected.sigma, "count_rate_sigma"),
        "quality_flag": xr.Variable(t, obs.flags, flag_attributes()),
        "absolute_humidity": variable(t, obs.humidity, "absolute_humidity"),
        **_moisture(result.retrieved, t),
    }
    for name, factor in corrected.factors.items():
        variables[f"{name}_factor"] = variable(t, factor, f"{name}_factor")
    for name, values in obs.values.items():
        if name not in variables:
            variables[name] = variable(t, values, name)
    results = xr.Dataset(variables, coords={"time": time_coordinate(obs.axis)})
    if obs.sensors is not None:
        results["in_situ_soil_moisture"] = variable(
            ("sensor", "time"), obs.sensors.theta, "in_situ_soil_moisture"
        )
        results["sensor_depth"] = variable(("sensor",), obs.sensors.depth, "depth")
        results["sensor_name"] = xr.Variable(
            ("sensor",), np.array(obs.sensors.labels, dtype=object), {"long_name": "sensor"}
        )

    d = ("day",)
    daily = xr.Dataset(
        {
            **_moisture(result.daily, d),
            "snow_or_frost": xr.Variable(
                d, result.daily_snow.astype(np.int8), {"long_name": "snow cover or frozen soil"}
            ),
            "root_zone": variable(("depth", "day"), result.root_zone.mean, "root_zone"),
            **{
                f"root_zone_{name}": variable(
                    ("depth", "day"),
                    values,
                    "",
                    units="m3 m-3",
                    long_name=f"{words} of root-zone soil moisture",
                )
                for name, values, words in (
                    ("sigma", result.root_zone.sigma, "standard deviation"),
                    ("lower", result.root_zone.lower, "lower end of the 90 % band"),
                    ("upper", result.root_zone.upper, "upper end of the 90 % band"),
                )
            },
            "soil_moisture_share": variable(
                ("source", "day"),
                np.stack([result.daily.shares[k] for k in SHARES]),
                "",
                units="m3 m-3",
                long_name="standard deviation of soil moisture by source",
            ),
        },
        coords={
            "day": xr.Variable(d, *_day_coordinate(result)),
            "depth": variable(
                ("depth",),
                np.array(study.root_zone.depths),
                "depth",
                long_name="lower end of the root zone, from the surface",
                positive="down",
            ),
            "source": xr.Variable(("source",), np.array(list(SHARES.values()), dtype=object), {}),
        },
    )
    if "precipitation" in obs.values:
        daily["precipitation"] = _daily_rain(result)
    for name, pair in result.comparison.items():
        key = _key(name)
        daily[f"compare_{key}_retrieved"] = variable(
            d, pair["retrieved"], "soil_moisture", long_name=f"{name}, from neutrons"
        )
        daily[f"compare_{key}_sensors"] = variable(d, pair["sensors"], "in_situ_soil_moisture")
        daily[f"compare_{key}_used"] = xr.Variable(
            d, pair["used"].astype(np.int8), {"long_name": f"day used for the score of {name}"}
        )
        daily[f"compare_{key}_retrieved"].attrs["comparison"] = name
    _campaigns(daily, result)
    attrs = _attributes(study, result)
    results.attrs, daily.attrs = attrs, dict(attrs)
    found = {"results": results, "daily": daily}
    if result.root_zone.read is not None:
        read = result.root_zone.read
        found["network_inputs"] = read.assign_coords(day=daily["day"]).assign_attrs(attrs)
    return found


def _day_coordinate(result: StationResult) -> tuple[np.ndarray, dict[str, str]]:
    stamps = result.days.to_numpy().astype("datetime64[ns]")
    return stamps, {"standard_name": "time", "long_name": "day (UTC)", "axis": "T"}


def _daily_rain(result: StationResult) -> xr.Variable:
    return variable(
        ("day",),
        daily_sum(result.observations, result.days, "precipitation"),
        "precipitation",
        long_name="precipitation per day",
    )


def _key(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_").replace(".", "p")


def _campaigns(daily: xr.Dataset, result: StationResult) -> None:
    campaigns = result.calibrated.campaigns
    if campaigns is None:
        return
    c = ("campaign",)
    stamps = np.array(campaigns.time, dtype="datetime64[ns]")
    daily["campaign_time"] = xr.Variable(c, stamps, {"long_name": "campaign (UTC)"})
    daily["campaign_count_rate"] = variable(c, campaigns.rate, "count_rate")
    daily["campaign_count_rate_sigma"] = variable(c, campaigns.rate_sigma, "count_rate_sigma")
    daily["campaign_gravimetric_water"] = variable(c, campaigns.water, "gravimetric_water")
    daily["campaign_gravimetric_water_sigma"] = variable(
        c, campaigns.water_sigma, "", units="g g-1", long_name="standard deviation of the water"
    )
    daily["campaign_added_water"] = variable(
        c,
        campaigns.lattice_water + campaigns.organic_water,
        "",
        units="g g-1",
        long_name="lattice and organic water of the campaign",
    )
    daily["campaign_humidity"] = variable(c, campaigns.humidity, "absolute_humidity")
    daily["campaign_N0"] = variable(c, result.calibrated.per_campaign, "N0")
    if not campaigns.samples:
        return
    s = ("sample",)
    parts = campaigns.samples
    number = np.concatenate([np.full(len(p.depth), n) for n, p in enumerate(parts)])
    daily["sample_campaign"] = xr.Variable(s, number.astype(np.int16), {})
    for name in ("depth", "distance", "gravimetric_water", "bulk_density"):
        values = np.concatenate([getattr(p, name) for p in parts])
        daily[f"sample_{name}"] = variable(s, values, name)
    weights = np.concatenate([np.asarray(m.weight) for m in campaigns.means])
    daily["sample_weight"] = xr.Variable(
        s, weights, {"units": "1", "long_name": "footprint weight of the sample"}
    )


def _attributes(study: StationStudy, result: StationResult) -> dict[str, Any]:
    site, soil = study.station, result.soil
    return {
        "Conventions": "CF-1.11",
        "title": study.title or f"Soil moisture of station {site.name}",
        "station": site.name,
        "latitude": site.latitude,
        "longitude": site.longitude,
        "elevation_m": site.elevation,
        "source": site.source or "not stated",
        "license": site.license or "not stated",
        "law": study.law.method,
        "N0_per_hour": result.calibrated.N0,
        "N0_sigma_per_hour": result.calibrated.sigma,
        "beta_per_hPa": result.corrected.beta,
        "reference_pressure_hPa": result.corrected.reference_pressure,
        "reference_humidity_g_m3": result.corrected.reference_humidity,
        "pressure_method": study.corrections.pressure.method,
        "humidity_method": study.corrections.humidity.method,
        "incoming_method": study.corrections.incoming.method,
        "biomass_method": study.corrections.biomass.method,
        "organic_convention": site.organic_convention,
        "bulk_density_g_cm3": soil.bulk_density,
        "lattice_water_g_g": soil.lattice_water,
        "organic_water_g_g": soil.organic_water,
        "window_hours": study.time.window_hours,
        "root_zone_method": study.root_zone.method,
        **_root_zone_settings(study),
    }


def _root_zone_settings(study: StationStudy) -> dict[str, Any]:
    settings = study.root_zone
    if isinstance(settings, ExponentialFilter):
        return {"root_zone_T_days": [float(t) for t in settings.times()]}
    tuned = settings.fine_tuning
    return {
        "root_zone_model": settings.model,
        "root_zone_fine_tuning_days": 0 if tuned is None else tuned.days,
    }


def station_summary(study: StationStudy, result: StationResult) -> dict[str, Any]:
    """Return the station's own keys of ``summary.json``."""
    obs, daily = result.observations, result.daily
    attrs = _attributes(study, result)
    settings = {
        k: v for k, v in attrs.items() if k not in ("Conventions", "title", "source", "license")
    }
    per_campaign = [float(v) for v in result.calibrated.per_campaign]
    thawed = ~result.daily_snow
    means = {
        "days_without_snow_or_frost": int((thawed & np.isfinite(daily.theta)).sum()),
        "soil_moisture_mean": _mean(daily.theta[thawed]),
        "soil_moisture_min": _extreme(np.nanmin, daily.theta[thawed]),
        "soil_moisture_max": _extreme(np.nanmax, daily.theta[thawed]),
        "soil_moisture_sigma_mean": _mean(daily.sigma[thawed]),
        "penetration_depth_mean_cm": _mean(daily.depth[thawed]),
        "count_rate_mean": _mean(daily.rate[thawed]),
    }
    return {
        "period": [f"{obs.axis[0]:%Y-%m-%dT%H:%M:%SZ}", f"{obs.axis[-1]:%Y-%m-%dT%H:%M:%SZ}"],
        "steps": len(obs.axis),
        "step_hours": obs.step_hours,
        "settings": settings,
        "N0": {
            "value": result.calibrated.N0,
            "sigma": result.calibrated.sigma,
            "per_campaign": per_campaign,
            "assumed": result.calibrated.assumed,
        },
        "means": means,
        "flags": {f.name.lower(): int((obs.flags & f > 0).sum()) for f in Flag if f.name},
        "count_range": list(obs.count_range),
        "files": obs.sources,
    }


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _extreme(function, values: np.ndarray) -> float:
    return float(function(values)) if not np.isnan(values).all() else float("nan")
