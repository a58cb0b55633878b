"""What a transect study starts from: model, places, observations, the space that is searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from rootzone.calibrate import Space
from rootzone.calibrate.objectives import Observed
from rootzone.calibrate.problem import COUNTS, WATER, Problem
from rootzone.config.transect import TransectStudy
from rootzone.config.transect_search import Parameters
from rootzone.config.transect_sites import SitesObservations
from rootzone.core import StudyError, nearest
from rootzone.simulate.readings import Reading, Simulator
from rootzone.studies.catchment_input import Model, read_model
from rootzone.studies.context import Context
from rootzone.studies.transect_counted import Counted
from rootzone.studies.transect_observations import N0_NAME, read_observations
from rootzone.studies.transect_places import Places, with_line
from rootzone.studies.transect_sites import with_texture
from rootzone.water.regionalization import (
    Calibration,
    ParameterTable,
    railway_27,
    railway_27_with_fixed_N0,
)
from rootzone.water.regionalization.textured import GROUP as TEXTURE

_SLOPE = "PTF_Ks_curveSlope"


@dataclass
class Prepared:
    """Everything a run wants.

    Attributes
    ----------
    model : Model
        Domain, set-up, catchment, global parameters.
    places : Places
        Cells that are looked at.
    counted : Counted
        Observations.
    calibration : Calibration
        Which parameters are searched.
    space : Space
        The same with bounds.
    problem : Problem
        Model, observations of the days that are calibrated on, scores.
    judged : dict of Observed
        Observations of the days that are scored at the end, by variable.
    held_out : array (place) of bool
        Places that are not calibrated on.
    N0 : float or None
        Count rate over dry soil where it is no searched parameter [h-1].
    """

    model: Model
    places: Places
    counted: Counted
    calibration: Calibration
    space: Space
    problem: Problem
    judged: dict[str, Observed]
    held_out: np.ndarray
    N0: float | None

    @property
    def by_desilets(self) -> bool:
        """Return whether the counts follow the law of Desilets, so that they say water."""
        return N0_NAME in self.calibration.table.names

    @property
    def days(self) -> pd.DatetimeIndex:
        """Return the evaluated days."""
        setup = self.model.setup
        return pd.date_range(setup.first_day, setup.last_day, freq="D")

    @property
    def reference(self) -> np.ndarray:
        """Return all global parameters of the model before calibration."""
        return self.calibration.start


def prepare(study: TransectStudy, context: Context) -> Prepared:
    """Read and check everything that input can be wrong for.

    Raises
    ------
    DataError, StudyError
        With one sentence.
    """
    model = read_model(study, context)
    if model.catchment.counts is None:
        raise StudyError("counts.operator: none, a transect study wants counts of the model")
    model = model._replace(domain=with_line(study, model.domain, context))
    model = with_texture(study.search.parameters, model)
    beyond = study.parameters.beyond_bounds
    calibration, space, N0 = searched(study.search.parameters, model, context, beyond_bounds=beyond)
    places, counted, held_out = read_observations(study, model, calibration, space, N0, context)
    observed, judged = _observed(study, model, places, counted, held_out, context)
    readings = _readings(study, model, places, counted, held_out)
    simulator = Simulator.of(
        model.catchment,
        readings,
        first_day=model.setup.warming_days,
        chunk=study.computation.chunk,
        dtype=np.dtype(study.precision),
    )
    problem = Problem(space, calibration, simulator, observed)
    return Prepared(model, places, counted, calibration, space, problem, judged, held_out, N0)


# --- what is searched -----------------------------------------------------------------------


def searched(
    settings: Parameters, model: Model, context: Context, *, beyond_bounds: bool = False
) -> tuple[Calibration, Space, float | None]:
    """Return which parameters are searched, their space, and N0 where it is fixed.

    Raises
    ------
    StudyError
        If a name is unknown, or bounds leave no room or leave those that are declared.
    """
    table = model.table
    for name in (*settings.bounds, *settings.add, *settings.leave):
        if name not in table.names:
            raise StudyError(
                f"search.parameters: the model has no parameter '{name}'"
                f"{nearest(name, table.names)}"
            )
    for name, (low, high) in settings.bounds.items():
        if not low < high:
            raise StudyError(
                f"search.parameters.bounds: {name} is searched from {low:g} to {high:g}, the first "
                "must lie below the second; to fix it, name it under leave and give its value "
                "under parameters.values"
            )
        _require_declared(name, (low, high), table, context, accepted=beyond_bounds)
    defaults = dict(zip(table.names, model.values.tolist(), strict=True))
    changes = {name: {"default": value} for name, value in defaults.items()}
    for name, (low, high) in settings.bounds.items():
        changes[name] |= {"lower": low, "upper": high}
    table = table.changed(changes)
    free, fixed = _preset(settings, table)
    texture = [p.name for p in table.parameters if p.group == TEXTURE]
    free = [n for n in dict.fromkeys([*free, *settings.add, *texture]) if n not in settings.leave]
    free = [n for n in free if n not in fixed or n in settings.add]
    fixed = {n: v for n, v in fixed.items() if n not in free}
    if settings.preset != "none" and _SLOPE in free and _SLOPE not in settings.bounds:
        free.remove(_SLOPE)
        context.log.tell(
            f"{_SLOPE} converts units and keeps its value of {table[_SLOPE].default:g}; "
            f"search.parameters.bounds: {{{_SLOPE}: [LOW, HIGH]}} has it searched"
        )
    calibration = Calibration(table, tuple(free), fixed)
    space = Space(
        calibration.free,
        calibration.lower,
        calibration.upper,
        calibration.start[calibration.where],
        tuple(table[name].unit for name in calibration.free),
    )
    N0 = None
    if N0_NAME in table.names and N0_NAME not in free:
        N0 = float(calibration.start[table.names.index(N0_NAME)])
    context.log.tell(f"{len(space)} parameters are searched")
    return calibration, space, N0


def _preset(settings: Parameters, table: ParameterTable) -> tuple[list[str], dict[str, float]]:
    if settings.preset == "none":
        fixed = {N0_NAME: settings.N0} if N0_NAME in table.names else {}
        return [], fixed
    if N0_NAME not in table.names:
        raise StudyError(
            f"search.parameters.preset: {settings.preset} has parameters of the law of Desilets, "
            "counts.operator is another: set search.parameters.preset: none and name what is "
            "searched under search.parameters.add, or counts.operator: desilets_mhm"
        )
    try:
        if settings.preset == "railway_27":
            return list(railway_27(table).free), {}
        chosen = railway_27_with_fixed_N0(table, settings.N0)
    except StudyError as error:
        raise StudyError(
            f"search.parameters.preset: {settings.preset}: {error}; with preset: none those of "
            "search.parameters.add are searched"
        ) from None
    return list(chosen.free), dict(chosen.fixed)


def _require_declared(
    name: str,
    bounds: tuple[float, float],
    table: ParameterTable,
    context: Context,
    *,
    accepted: bool,
) -> None:
    """Refuse bounds beyond the declared ones, as values beyond them are refused."""
    declared = table[name]
    # declared as fixed, there is no range to leave; N0 is that of any detector
    if declared.lower == declared.upper or name in (N0_NAME, "COSMIC_N0"):
        return
    for value in bounds:
        for sentence in table.outside({name: value}):
            if not accepted:
                raise StudyError(
                    f"search.parameters.bounds: {sentence}; parameters.beyond_bounds: true "
                    "accepts it"
                )
            context.log.warn(f"search.parameters.bounds: {sentence}")


def _observed(
    study: TransectStudy,
    model: Model,
    places: Places,
    counted: Counted,
    held_out: np.ndarray,
    context: Context,
) -> tuple[dict[str, Observed], dict[str, Observed]]:
    """Return what is calibrated on, and what is scored at the end, by variable."""
    days = model.setup.first_day + np.arange(len(counted.rate))
    end = study.evaluation.calibration_end
    before = np.ones(len(days), bool)
    if end is not None:
        before = days <= np.datetime64(end.isoformat(), "D")
        if before.all() or not before.any():
            raise StudyError(
                f"evaluation.calibration_end is {end}, the evaluated days are {days[0]} to "
                f"{days[-1]}: it must lie within them"
            )
    variables = {COUNTS: (counted.rate, counted.sigma)}
    if counted.water is not None:
        variables[WATER] = (counted.water, np.where(np.isfinite(counted.water), 0.03, np.nan))
    elif study.search.objective.water > 0:
        raise StudyError("search.objective.water is above 0, the observations hold no soil water")
    kept = np.flatnonzero(~held_out)
    used = np.unique(places.section[kept])
    names = tuple(places.sections[n] for n in used)
    section = np.searchsorted(used, places.section[kept])
    first, judged = {}, {}
    for name, (values, sigma) in variables.items():
        factor = study.reading.factor if name == COUNTS else "none"
        early = np.where(before[:, None], values, np.nan)
        late = values if end is None else np.where(before[:, None], np.nan, values)
        first[name] = Observed(early[:, kept], sigma[:, kept], section, names, factor)
        judged[name] = Observed(late, sigma, places.section, places.sections, factor)
        if name == COUNTS or study.search.objective.water > 0:
            _require_scores(first[name], f"observed {name}", end, late=False)
            if end is not None:
                scored = Observed(late[:, kept], sigma[:, kept], section, names, factor)
                _require_scores(scored, f"observed {name}", end, late=True)
    # what is held out may lack counts; its scores are then missing, which is told
    for n in np.setdiff1d(places.section, used):
        own = places.section == n
        one = Observed(
            np.asarray(judged[COUNTS].values)[:, own],
            counted.sigma[:, own],
            np.zeros(int(own.sum()), int),
            (places.sections[n],),
        )
        found = one.unscored()
        if found is not None:
            context.log.warn(
                f"observed counts of '{found[0]}', which is held out: {found[1]}; its scores are "
                "missing"
            )
    return first, judged


def _require_scores(observed: Observed, what: str, end: date | None, *, late: bool) -> None:
    """Refuse sections whose days that are calibrated on, or scored, make no score."""
    days, remedy = "", "change period.start and period.end"
    if end is not None:
        days = " after it, which are scored" if late else " up to it"
        days = f"evaluation.calibration_end is {end}, on the days{days}: "
        remedy = f"choose {'an earlier' if late else 'a later'} evaluation.calibration_end"
    observed.require_variance(
        f"{days}{what}",
        f"{remedy}, or join the section with another one (line.sections; of stations "
        "observations.sections, observations.hold_out)",
    )


def _readings(
    study: TransectStudy, model: Model, places: Places, counted: Counted, held_out: np.ndarray
) -> dict[str, Reading]:
    """Return how the variables are read off the cells, at the places that are calibrated on."""
    kept = np.flatnonzero(~held_out)
    own = np.zeros((len(kept), model.catchment.cells))
    own[np.arange(len(kept)), places.cell[kept]] = 1.0
    if study.reading.at == "track" and counted.weights is None:
        raise StudyError(
            "reading.at: track wants counts along a track (observations.method: points or segments)"
        )
    weights = own if counted.weights is None else counted.weights[kept]
    found = {COUNTS: Reading("neutrons", weights)}
    if counted.water is not None and isinstance(study.observations, SitesObservations):
        share = share_of_horizons(model, study.observations.water_depth)
        found[WATER] = Reading("theta", own[:, None, :] * share[None, :, None])
    return found


def share_of_horizons(model: Model, depth: float) -> np.ndarray:
    """Return the share (horizon) of the horizons in the mean water down to a depth [cm]."""
    setup = model.setup
    edges = np.array([0.0, *setup.horizon_depths, *([1e6] if setup.soil_maps == 0 else [])])
    return share_between(edges / 10.0, 0.0, depth)


def share_between(edges: Sequence[float] | np.ndarray, top: float, bottom: float) -> np.ndarray:
    """Return the share (horizon) of the horizons in the mean water between two depths.

    Parameters
    ----------
    edges : array (horizon + 1)
        Edges of the horizons from the surface down [cm].
    top, bottom : float
        Depths [cm], the upper one above the end of the soil; what is below that does not count.

    Examples
    --------
    >>> share_between([0.0, 5.0, 25.0, 60.0], 15.0, 35.0).tolist()
    [0.0, 0.5, 0.5]
    >>> share_between([0.0, 5.0, 25.0, 60.0], 30.0, 100.0).tolist()
    [0.0, 0.0, 1.0]
    """
    edges = np.asarray(edges, float)
    inside = np.clip(np.minimum(edges[1:], bottom) - np.maximum(edges[:-1], top), 0.0, None)
    return inside / inside.sum()
