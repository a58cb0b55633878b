"""What an ensemble of the study `column` shows: its members, quantiles over time, the cloud."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.column import ColumnStudy
from rootzone.data import variable
from rootzone.simulate import CountOperator, Members, NeutronSoil, Site, homogeneous_rates, pick
from rootzone.studies.column_output import (
    operator_coordinate,
    soil_variables,
    status_attributes,
)
from rootzone.studies.column_parts import MemberParts
from rootzone.studies.column_soil import Soils
from rootzone.water.richards import Status

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles over the members."""

POINTS = 6000
"""Points of the cloud of counts against water."""

_SNOW = 0.1  # mm, above which an instant is left out of the cloud
_BLOCK = 2048
_TOTALS = (
    "precipitation",
    "runoff",
    "evaporation",
    "transpiration",
    "interception_evaporation",
    "drainage",
)
_CUMULATIVE = ("evaporation", "transpiration", "drainage")


@eqx.filter_jit
def _homogeneous(
    operators: tuple[CountOperator, ...],
    edges: np.ndarray,
    theta: np.ndarray,
    soil: NeutronSoil,
    sensitivity: Any,
) -> jax.Array:
    """Return count rates (operator, point) [h-1]; compiled once for all blocks of a study."""
    return sensitivity * jnp.stack([homogeneous_rates(op, theta, edges, soil) for op in operators])


def homogeneous_of(site: Site, members: Members, theta: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Return count rates (operator, point) [h-1] of homogeneous profiles.

    Parameters
    ----------
    site : Site
        Its operators.
    members : Members
        The soils.
    theta : array (point)
        Water content [m3 m-3]; NaN gives NaN.
    who : array (point)
        Place of the member whose soil each point has.
    """
    edges = site.sight()
    out = np.full((len(site.operators), theta.size), np.nan)
    if not site.operators:
        return out
    known = np.flatnonzero(np.isfinite(theta))
    dtype = np.asarray(members.sensitivity).dtype
    for start in range(0, known.size, _BLOCK):
        here = known[start : start + _BLOCK]
        filled = np.resize(here, _BLOCK)  # one shape, one compilation
        some = pick(members, who[filled])
        rates = _homogeneous(
            site.operators, edges, theta[filled].astype(dtype), some.neutrons, some.sensitivity
        )
        out[:, here] = np.asarray(rates)[:, : here.size]
    return out


def with_homogeneous(
    dataset: xr.Dataset, study: ColumnStudy, site: Site, members: Members, member: int
) -> xr.Dataset:
    """Return the results of one member with the counts of homogeneous profiles beside them.

    For every interval those of a profile with the same mean water of the root zone, and a line
    over all water contents.
    """
    if not site.operators:
        return dataset
    theta = dataset["root_zone"].to_numpy()
    top = float(np.max(members.soil.theta_s[..., member]))  # pyright: ignore[reportIndexIssue]
    low = float(np.nanmin(theta)) if np.isfinite(theta).any() else 0.02
    line = np.linspace(max(0.01, 0.5 * low), max(top, 0.1), 100)
    both = homogeneous_of(
        site, members, np.concatenate([theta, line]), np.full(theta.size + line.size, member)
    )
    words = "expected neutron count rate of a profile with the water of the root zone everywhere"
    dataset["count_rate_homogeneous"] = variable(
        ("time", "operator"), both[:, : theta.size].T, "", units="h-1", long_name=words
    )
    dataset["line_rate"] = variable(
        ("operator", "line_water"),
        both[:, theta.size :],
        "",
        units="h-1",
        long_name="expected neutron count rate of homogeneous profiles",
    )
    dataset = dataset.assign_coords(
        line_water=variable(
            ("line_water",), line, "soil_moisture", long_name="water content of the profile"
        )
    )
    return dataset


def members_dataset(
    study: ColumnStudy, soils: Soils, members: Members, parts: MemberParts, count: int
) -> xr.Dataset:
    """Return soils, status, totals and means of all members."""
    d = ("member",)
    whole = lambda name: np.concatenate(list(parts.values(name, count)))  # noqa: E731
    dataset = xr.Dataset(soil_variables(soils))
    dataset["status"] = xr.Variable(d, whole("status"), status_attributes())
    for name in ("steps", "rejected_steps"):
        dataset[name] = xr.Variable(d, whole(name), {"units": "1"})
    if study.neutrons.operators:
        dataset["sensitivity"] = xr.Variable(
            d,
            np.asarray(members.sensitivity),
            {"units": "1", "long_name": "counts of the detector over those of the operators"},
        )
    for name in _TOTALS:
        total = np.concatenate([v.astype(float).sum(axis=1) for v in parts.values(name, count)])
        dataset[f"total_{name}"] = variable(d, total, "", units="mm", long_name=f"total {name}")
    means = [v.astype(float).mean(axis=1) for v in parts.values("root_zone", count)]
    dataset["mean_root_zone"] = variable(d, np.concatenate(means), "root_zone")
    spread = [v.astype(float).std(axis=1) for v in parts.values("root_zone", count)]
    dataset["sd_root_zone"] = variable(
        d,
        np.concatenate(spread),
        "",
        units="m3 m-3",
        long_name="standard deviation in time of the root-zone soil moisture",
    )
    worst = [_largest(v) for v in parts.values("balance_error", count)]
    dataset["largest_balance_error"] = variable(
        d, np.concatenate(worst), "balance_error", long_name="largest balance error"
    )
    if study.neutrons.operators:
        rates = [v.astype(float).mean(axis=1) for v in parts.values("count_rate", count)]
        dataset["mean_count_rate"] = variable(
            ("member", "operator"),
            np.concatenate(rates),
            "",
            units="h-1",
            long_name="mean count rate",
        )
        dataset = dataset.assign_coords(operator=operator_coordinate(study))
    return dataset.assign_coords(
        member=xr.Variable(d, np.arange(soils.size), {"long_name": "number of the member"})
    )


def _largest(values: np.ndarray) -> np.ndarray:
    """Return the largest absolute value of each row, NaN where it has none."""
    known = np.where(np.isfinite(values), np.abs(values), -1.0).max(axis=1)
    return np.where(known < 0, np.nan, known)


# --- over time --------------------------------------------------------------------------


def _by_day(values: np.ndarray, per_day: int, *, total: bool) -> np.ndarray:
    """Return daily sums or means of (member, time, ...)."""
    shape = (values.shape[0], -1, per_day, *values.shape[2:])
    grouped = values.reshape(shape)
    return grouped.sum(axis=2) if total else grouped.mean(axis=2)


def quantiles_dataset(
    study: ColumnStudy, axis: pd.DatetimeIndex, parts: MemberParts, count: int
) -> xr.Dataset:
    """Return daily quantiles over the members that finished."""
    per_day = 24 if study.output.step == "1h" else 1
    ended = np.concatenate(list(parts.values("status", count))) == int(Status.DONE)
    d = ("quantile", "time")

    def quantiles(name: str, *, total: bool, cumulative: bool = False) -> np.ndarray:
        values = np.concatenate(
            [_by_day(v, per_day, total=total) for v in parts.values(name, count)]
        )[ended]
        if not len(values):
            return np.full((len(LEVELS), *values.shape[1:]), np.nan)
        if cumulative:
            values = np.cumsum(values, axis=1, dtype=float)
        return np.quantile(values, LEVELS, axis=0)

    dataset = xr.Dataset()
    dataset["root_zone"] = variable(d, quantiles("root_zone", total=False), "root_zone")
    for name in _CUMULATIVE:
        dataset[f"cumulative_{name}"] = variable(
            d,
            quantiles(name, total=True, cumulative=True),
            "",
            units="mm",
            long_name=f"{name} since the start",
        )
    if study.neutrons.operators:
        dataset["count_rate"] = variable(
            (*d, "operator"),
            quantiles("count_rate", total=False),
            "",
            units="h-1",
            long_name="expected neutron count rate",
        )
        dataset = dataset.assign_coords(operator=operator_coordinate(study))
    days = axis[::per_day].to_numpy().astype("datetime64[ns]")
    time = {"standard_name": "time", "long_name": "day (UTC)", "axis": "T"}
    return dataset.assign_coords(
        time=xr.Variable(("time",), days, time),
        quantile=xr.Variable(
            ("quantile",), np.array(LEVELS), {"units": "1", "long_name": "share of the members"}
        ),
    )


# --- the cloud --------------------------------------------------------------------------


def cloud_dataset(
    study: ColumnStudy, site: Site, members: Members, parts: MemberParts, count: int
) -> xr.Dataset | None:
    """Return counts of real and of homogeneous profiles with equal root-zone water.

    At random instants of random members, without snow; None without operators, or if no member
    has values.
    """
    if not study.neutrons.operators:
        return None
    rng = np.random.default_rng([study.seed, 17])
    size = members.number.shape[0]
    # Drawn before the parts are read, so that it does not depend on how members were computed.
    chosen = np.sort(rng.integers(0, size, POINTS))
    instants = rng.integers(0, site.rows, POINTS)
    who, water, top, rate = [], [], [], []
    first = 0
    for number in range(count):
        part = parts.read(number)
        here = (chosen >= first) & (chosen < first + part.sizes["member"])
        m, t = chosen[here] - first, instants[here]
        bare = part["snow_water_equivalent"].to_numpy()[m, t] <= _SNOW
        good = bare & np.isfinite(part["root_zone"].to_numpy()[m, t])
        m, t = m[good], t[good]
        who.append(first + m)
        water.append(part["root_zone"].to_numpy()[m, t])
        top.append(part["soil_moisture"].to_numpy()[m, t, 0])
        rate.append(part["count_rate"].to_numpy()[m, t])
        first += part.sizes["member"]
    who, water = np.concatenate(who), np.concatenate(water)
    if not who.size:
        return None
    same = homogeneous_of(site, members, water, who)
    d = ("point",)
    dataset = xr.Dataset(
        {
            "member": xr.Variable(d, who, {"long_name": "number of the member"}),
            "root_zone": variable(d, water, "root_zone"),
            "top_layer": variable(
                d, np.concatenate(top), "soil_moisture", long_name="water of the first layer"
            ),
            "count_rate": variable(
                (*d, "operator"),
                np.concatenate(rate),
                "",
                units="h-1",
                long_name="expected neutron count rate",
            ),
            "count_rate_homogeneous": variable(
                (*d, "operator"),
                same.T,
                "",
                units="h-1",
                long_name="count rate of a profile with the water of the root zone everywhere",
            ),
        }
    )
    return dataset.assign_coords(operator=operator_coordinate(study))
