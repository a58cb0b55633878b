"""What was counted: a twin, a track, the file of an mHM folder, or stations."""

from dataclasses import replace

import numpy as np

from rootzone.calibrate import Space
from rootzone.config.transect import FolderObservations, TransectStudy
from rootzone.config.transect_points import PointsObservations, SegmentsObservations
from rootzone.config.transect_sites import SitesObservations
from rootzone.config.transect_twin import TwinObservations
from rootzone.core import DataError, StudyError
from rootzone.studies.catchment_input import Model, read_folder_counts
from rootzone.studies.context import Context
from rootzone.studies.transect_counted import Counted
from rootzone.studies.transect_places import Places, places_of_line
from rootzone.studies.transect_points import read_points
from rootzone.studies.transect_points_cells import model_weights
from rootzone.studies.transect_sites import read_sites
from rootzone.studies.transect_twin import (
    Truth,
    drawn_parameters,
    observe,
    require_finite,
    truth_of_model,
)
from rootzone.water.regionalization import Calibration

N0_NAME = "Desilets_N0"
SNOW = 1.0
"""Snow water [mm] above which the counts of a twin tell of the snow."""


def read_observations(
    study: TransectStudy,
    model: Model,
    calibration: Calibration,
    space: Space,
    N0: float | None,
    context: Context,
) -> tuple[Places, Counted, np.ndarray]:
    """Return places, counts, and which places are held out of the calibration.

    Raises
    ------
    DataError, StudyError
        If there is no count, or the source does not fit the observations.
    """
    given = study.observations
    if isinstance(given, SitesObservations):
        if N0_NAME not in calibration.table.names:
            raise StudyError(
                "observations.method: sites moves the counts of stations to one N0 of the law of "
                "Desilets, which the chosen counts.operator has not: set counts.operator: "
                "desilets_mhm or desilets_schroen_2017"
            )
        return read_sites(study, given, model, N0, context)
    if isinstance(given, PointsObservations | SegmentsObservations):
        places, counted = _of_track(study, given, model, context)
    else:
        places = places_of_line(model.domain)
        if isinstance(given, TwinObservations):
            counted = _twin(given, model, places, calibration, space, N0, context)
        else:
            counted = _of_folder(given, model, places, context)
    _require_counts(places, counted)
    return places, counted, np.zeros(len(places.cell), bool)


def _require_counts(places: Places, counted: Counted) -> None:
    known = np.isfinite(counted.rate)
    if not known.any():
        raise DataError("no place has a count within the evaluated days; look at the period")
    for n, name in enumerate(places.sections):
        days = int(known[:, places.section == n].any(axis=1).sum())
        if days < 2:
            raise DataError(
                f"section '{name}' has counts on {days} of the evaluated days: two or more are "
                "wanted to score it; change period.start and period.end, or join it with another "
                "section (line.sections)"
            )


def _of_track(
    study: TransectStudy,
    given: PointsObservations | SegmentsObservations,
    model: Model,
    context: Context,
) -> tuple[Places, Counted]:
    """Return the cells that a track passes, and its counts brought to them."""
    setup = model.setup
    found = read_points(given, model.domain, context, setup.first_day, setup.last_day)
    domain = replace(model.domain, line=found.line)
    places = places_of_line(domain)
    weights = None
    if study.reading.at == "track":
        weights = model_weights(given, domain, found, context)
    known = np.isfinite(found.segment_rate)
    number = known.sum(axis=0)
    mean = np.where(known, found.segment_rate, 0.0).sum(axis=0) / np.maximum(number, 1)
    segments = {
        "distance": found.segment_chainage,
        "x": found.segment_x,
        "y": found.segment_y,
        "counts": np.where(number > 0, mean, np.nan),
        "days": number.astype(float),
    }
    return places, Counted(
        found.rate, found.sigma, None, weights, segments, told={"records": dict(found.flags)}
    )


def _twin(
    given: TwinObservations,
    model: Model,
    places: Places,
    calibration: Calibration,
    space: Space,
    N0: float | None,
    context: Context,
) -> Counted:
    if N0_NAME not in calibration.table.names:
        raise StudyError(
            "observations.method: twin states its errors as gravimetric water by the law of "
            "Desilets, whose N0 the chosen counts.operator has not: set counts.operator: "
            "desilets_mhm or desilets_schroen_2017"
        )
    context.progress("making the truth", 0.06)
    warming = model.setup.warming_days
    if given.truth == "same_model":
        values = drawn_parameters(space, calibration, given.truth_seed, given.spread)
        truth = truth_of_model(model.catchment, values, places.cell, warming)
        require_finite(truth, given)
        at = calibration.table.names.index(N0_NAME)
        N0 = float(values[at])
    else:
        from rootzone.studies.transect_richards import richards_truth

        if N0 is None:
            raise StudyError(
                "observations.truth: richards wants N0 fixed "
                "(search.parameters.preset: railway_27_fixed_N0)"
            )
        made = richards_truth(
            model.domain,
            model.setup,
            given.truth_seed,
            N0=N0,
            progress=lambda stage, share: context.progress(f"truth, {stage}", 0.06 + 0.02 * share),
        )
        truth = Truth(made.counts, made.theta, None, made.snow > SNOW)
    noisy = observe(given, truth, places, N0)
    known = int(np.isfinite(noisy.rate).sum())
    context.log.tell(
        f"a twin: {known} counts of {noisy.rate.size} possible ones, truth {given.truth} with seed "
        f"{given.truth_seed}"
    )
    return Counted(noisy.rate, noisy.sigma, truth)


def _of_folder(
    given: FolderObservations, model: Model, places: Places, context: Context
) -> Counted:
    if model.folder is None:
        raise StudyError("observations.method: folder wants source.method: mhm_folder")
    found = read_folder_counts(model, context)
    if found is None:
        raise DataError("the mHM folder has no neutrons.nc with observed counts")
    days = model.setup.first_day + np.arange(
        int((model.setup.last_day - model.setup.first_day).astype(int)) + 1
    )
    rate = np.full((len(days), len(places.cell)), np.nan)
    at = (found.times.astype("datetime64[D]") - days[0]).astype(int)
    rate[at] = found.values[:, places.cell]
    return Counted(rate, np.where(np.isfinite(rate), given.error * rate, np.nan))
