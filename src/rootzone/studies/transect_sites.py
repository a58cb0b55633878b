"""Stations that are sites of their own: their counts, and texture among the parameters."""

import numpy as np

from rootzone.config.transect import TransectStudy
from rootzone.config.transect_search import Parameters
from rootzone.config.transect_sites import SitesObservations
from rootzone.core import StudyError, nearest
from rootzone.data.station_results import site_observations
from rootzone.studies.catchment_input import Model
from rootzone.studies.context import Context
from rootzone.studies.sites_input import textured_sites
from rootzone.studies.transect_counted import Counted
from rootzone.studies.transect_places import Places
from rootzone.water.regionalization import Regionalization

_COVERS = {1: "forest", 2: "impervious", 3: "pervious"}


def with_texture(settings: Parameters, model: Model) -> Model:
    """Return the model of sites with their measured bound water, and texture as parameters.

    Raises
    ------
    StudyError
        If texture is to be searched and there are no sites.
    """
    if model.sites is None:
        if settings.texture != "none":
            raise StudyError("search.parameters.texture wants source.method: sites")
        return model
    plain = model.catchment.regionalization
    assert isinstance(plain, Regionalization)
    textured = textured_sites(
        plain,
        model.sites.records,
        searched=() if settings.texture == "none" else None,
        together=settings.texture == "all",
    )
    table = textured.parameter_table
    values = table.default.copy()
    for name, value in zip(model.table.names, model.values, strict=True):
        values[table.names.index(name)] = value
    catchment = model.catchment.of_soils(textured)
    return model._replace(catchment=catchment, table=table, values=values)


def read_sites(
    study: TransectStudy, given: SitesObservations, model: Model, N0: float | None, context: Context
) -> tuple[Places, Counted, np.ndarray]:
    """Return sites, their counts and water, and which are held out.

    Raises
    ------
    StudyError
        If the source has no sites, N0 is searched, or a name is unknown.
    """
    if model.sites is None:
        raise StudyError("observations.method: sites wants source.method: sites")
    if N0 is None:
        raise StudyError(
            "observations.method: sites wants N0 fixed (search.parameters.preset: "
            "railway_27_fixed_N0): every detector has its own, calibrated at its station"
        )
    setup, records = model.setup, model.sites.records
    days = setup.first_day + np.arange(int((setup.last_day - setup.first_day).astype(int)) + 1)
    seen = site_observations(records, days, N0=N0)
    names = list(seen.names)
    for name in given.hold_out:
        if name not in names:
            raise StudyError(f"observations.hold_out names '{name}', no site{nearest(name, names)}")
    held_out = np.isin(names, given.hold_out)
    if held_out.all():
        raise StudyError("observations.hold_out names all sites: none is left to calibrate on")
    rate = np.where(seen.snow, np.nan, seen.rate)
    sigma = np.where(np.isnan(rate), np.nan, np.hypot(seen.sigma, given.error * rate))
    water = np.where(seen.snow, np.nan, seen.mean_to(given.water_depth))
    counts = np.isfinite(rate).sum(axis=0)
    for name, count, out in zip(names, counts, held_out, strict=True):
        if count < 2 and not out:
            raise StudyError(
                f"site '{name}' has counts on {count} days without snow of the period: name it "
                "under observations.hold_out, or choose another period"
            )
    context.log.tell(
        "days with counts, without snow: "
        + ", ".join(f"{n} {c}" for n, c in zip(names, counts, strict=True))
    )
    labels = [_COVERS[r.land_cover] for r in records] if given.sections == "land_cover" else names
    sections = tuple(dict.fromkeys(labels))
    number = np.arange(len(names))
    places = Places(
        number,
        tuple(names),
        np.array([sections.index(label) for label in labels]),
        sections,
        number.astype(float),
        np.array([r.longitude for r in records]),
        np.array([r.latitude for r in records]),
    )
    told = {"sites": len(names), "held_out": list(given.hold_out)}
    known = water if np.isfinite(water).any() else None
    return places, Counted(rate, sigma, water=known, told=told), held_out
