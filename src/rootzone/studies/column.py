"""The study `column`: weather, soil water and neutron counts of a site or an ensemble.

The page reads in the order of the work: soils and weather are read and checked, the columns run
chunk by chunk, and what they did is summed up. Members that failed are flagged, counted and told.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.column import ColumnStudy
from rootzone.core import StudyError
from rootzone.simulate import Members, Site, chunk_count, chunk_width, run_ensemble, workers
from rootzone.studies.column_ensemble import (
    cloud_dataset,
    members_dataset,
    quantiles_dataset,
    with_homogeneous,
)
from rootzone.studies.column_output import (
    attributes,
    closure,
    simulated_dataset,
    soil_variables,
)
from rootzone.studies.column_parts import MemberParts
from rootzone.studies.column_site import members_of, site_of
from rootzone.studies.column_soil import Soils, soils_of
from rootzone.studies.column_weather import ColumnWeather, weather_of
from rootzone.studies.context import Context
from rootzone.water.richards import Status


@dataclass
class Prepared:
    """Everything that is known before anything is computed."""

    soils: Soils
    weather: ColumnWeather
    site: Site
    members: Members


def prepare(study: ColumnStudy, context: Context) -> Prepared:
    """Read soils and weather and build the site: everything that input can be wrong for.

    Raises
    ------
    RootzoneError
        With one sentence that says what to mend.
    """
    context.progress("reading", 0.0)
    soils = soils_of(study, context)
    if study.output.member >= soils.size:
        raise StudyError(
            f"output.member is {study.output.member}, the ensemble has members 0 to "
            f"{soils.size - 1}"
        )
    weather = weather_of(study, context)
    site = site_of(study, weather)
    per_day = round(1.0 / (weather.interval * weather.every))
    if site.spin_up < study.start.spin_up * per_day:
        context.log.tell(
            f"start.spin_up of {study.start.spin_up} d is cut to the {site.spin_up // per_day} d "
            "of weather"
        )
    first, last = weather.axis[0], weather.axis[-1]
    context.log.tell(
        f"columns: {soils.size} of {len(np.asarray(site.grid.depth))} nodes, "
        f"{len(weather.axis)} output intervals from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    )
    return Prepared(soils, weather, site, members_of(study, soils, site))


def run_column(
    study: ColumnStudy, context: Context, *, made_with: str
) -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    """Run the study; return its datasets and its own keys of the summary."""
    ready = prepare(study, context)
    size, chunk = ready.soils.size, study.solver.chunk
    count, width = chunk_count(size, chunk), chunk_width(size, chunk)
    memory = width * ready.site.memory_per_member(np.dtype(study.precision))
    context.log.tell(
        f"{count} chunk{'s' if count > 1 else ''} of {width} columns, about {memory / 1e6:.0f} MB "
        f"each, {min(len(workers()), count)} at a time"
    )
    parts = MemberParts(context.folder if study.is_ensemble else None, made_with)
    done = parts.known(count)
    if done:
        context.log.tell(f"{len(done)} of {count} chunks were written before and are taken up")
    context.progress("columns", 0.05 + 0.65 * len(done) / count)
    for n, ended in enumerate(run_ensemble(ready.site, ready.members, chunk=chunk, done=done)):
        dataset = simulated_dataset(study, ready.weather.axis, ended)
        dataset.attrs = attributes(study)
        parts.write(ended.number, dataset)
        context.progress("columns", 0.05 + 0.65 * (len(done) + n + 1) / count)
    context.progress("summing up", 0.72)
    datasets = _datasets(study, ready, parts, count, context)
    for dataset in datasets.values():
        dataset.attrs = attributes(study) | {
            "member": study.output.member,
            "root_zone_cm": study.output.root_zone,
            "first_layer_cm": f"0-{study.layers()[1]:g}",
        }
    return datasets, _summary(study, ready, datasets, memory)


def _datasets(
    study: ColumnStudy, ready: Prepared, parts: MemberParts, count: int, context: Context
) -> dict[str, xr.Dataset]:
    """Return the member shown in detail, and for ensembles what all members did."""
    member = study.output.member
    width = chunk_width(ready.soils.size, study.solver.chunk)
    part = parts.read(member // width)
    shown = part.isel(member=member % width).drop_vars("member")
    shown = with_homogeneous(shown, study, ready.site, ready.members, member)
    if study.top.method != "head":
        shown["closure"] = closure(shown).assign_attrs(
            units="mm",
            long_name="what precipitation, outflows and all stores miss since the first interval",
        )
    for name, values in soil_variables(ready.soils).items():
        if name != "member_name":
            shown[name] = values.isel(member=member)
    datasets = {"results": shown}
    if not study.is_ensemble:
        tell_failed(shown["status"].to_numpy()[None], context)
        return datasets
    datasets["members"] = members_dataset(study, ready.soils, ready.members, parts, count)
    tell_failed(datasets["members"]["status"].to_numpy(), context)
    datasets["quantiles"] = quantiles_dataset(study, ready.weather.axis, parts, count)
    cloud = cloud_dataset(study, ready.site, ready.members, parts, count)
    if cloud is not None:
        datasets["cloud"] = cloud
    if context.folder is None:
        datasets["ensemble"] = xr.concat([parts.read(n) for n in range(count)], "member")
    return datasets


def tell_failed(status: np.ndarray, context: Context) -> None:
    """Warn of members that did not finish, with their numbers."""
    for code in Status:
        failed = np.flatnonzero(status == int(code))
        if code == Status.DONE or not failed.size:
            continue
        named = ", ".join(str(n) for n in failed[:10]) + (" ..." if failed.size > 10 else "")
        context.log.warn(
            f"{failed.size} of {status.size} members did not finish ({code.name.lower()}): "
            f"{named}; their values are missing from then on"
        )


def _summary(
    study: ColumnStudy, ready: Prepared, datasets: dict[str, xr.Dataset], memory: int
) -> dict[str, Any]:
    """Return the study's own keys of ``summary.json``."""
    shown, axis = datasets["results"], ready.weather.axis
    status = datasets["members"]["status"] if study.is_ensemble else shown["status"]
    status = np.atleast_1d(status.to_numpy())
    flagged = {s.name.lower(): int((status == int(s)).sum()) for s in Status if s != Status.DONE}
    sums = ("precipitation", "potential_evapotranspiration", "evaporation", "transpiration")
    sums = (*sums, "interception_evaporation", "runoff", "drainage")
    totals = {name: float(shown[name].astype(float).sum()) for name in sums}
    errors = np.abs(shown["balance_error"].to_numpy())
    worst = float(np.nanmax(errors)) if np.isfinite(errors).any() else float("nan")
    if study.is_ensemble:
        largest = datasets["members"]["largest_balance_error"].to_numpy()
        worst = float(np.nanmax(largest)) if np.isfinite(largest).any() else float("nan")
    closing = float(np.abs(shown["closure"]).max()) if "closure" in shown else float("nan")
    means = {
        "root_zone_mean": float(shown["root_zone"].mean()),
        "root_zone_min": float(shown["root_zone"].min()),
        "root_zone_max": float(shown["root_zone"].max()),
    }
    return {
        "period": [f"{axis[0]:%Y-%m-%dT%H:%M:%SZ}", f"{axis[-1]:%Y-%m-%dT%H:%M:%SZ}"],
        "steps": len(axis),
        "step_hours": 24.0 * ready.weather.interval * ready.weather.every,
        "members": {
            "total": int(status.size),
            "finished": int((status == int(Status.DONE)).sum()),
            "flagged": flagged,
        },
        "totals_mm": totals,
        "balance": {"largest_error_mm": worst, "closure_mm": closing},
        "means": means,
        "memory_per_chunk_bytes": memory,
        "soils": ready.soils.names[:1000],
        "files": ready.weather.files,
    }
