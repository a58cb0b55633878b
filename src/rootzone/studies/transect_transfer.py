"""The kept sets at other sites: cells of other domains, twin valleys, stations held out."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rootzone.calibrate.behavioral import Behavioral
from rootzone.config.transect import TransectStudy, TransferSite
from rootzone.config.transect_twin import TwinObservations, TwinTransfer
from rootzone.core import DataError, StudyError
from rootzone.data import Raw
from rootzone.data.domain import Domain, Line
from rootzone.evaluate import deterministic_scores
from rootzone.simulate.catchment_columns import Catchment
from rootzone.studies.catchment_input import Model, read_model
from rootzone.studies.context import Context
from rootzone.studies.transect_evaluate import BAND, CALIBRATED, DEFAULT, at_cells
from rootzone.studies.transect_files import column_names, plain_numbers, read_plain, texts
from rootzone.studies.transect_input import Prepared, share_of_horizons
from rootzone.studies.transect_places import places_of_line
from rootzone.studies.transect_twin import truth_of_model
from rootzone.water.regionalization import ParameterTable

_SEEDS = 1000
"""Seeds of twin sites begin so far above that of the study."""


@dataclass
class Transferred:
    """One other site.

    Attributes
    ----------
    name, section : str
        The site, and whose sets were taken to it.
    days : DatetimeIndex
        Days.
    depths : tuple of str
        Depth intervals of the series.
    default, calibrated, lower, upper : array (day, depth)
        Soil water of the default parameters, mean and band of the kept sets [m3 m-3].
    reference : array (day, depth)
        Observed or true soil water, NaN where there is none.
    precipitation : array (day)
        [mm d-1].
    scores : dict
        ``scores[run][depth][score]``.
    """

    name: str
    section: str
    days: pd.DatetimeIndex
    depths: tuple[str, ...]
    default: np.ndarray
    calibrated: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reference: np.ndarray
    precipitation: np.ndarray
    scores: dict[str, dict[str, dict[str, float]]]


@dataclass
class _Site:
    """A cell elsewhere, what is known of its water (day, depth), and which depths these are."""

    name: str
    section: str
    model: Model
    cell: int
    reference: np.ndarray | None
    shares: np.ndarray
    depths: tuple[str, ...]


def transfer(
    study: TransectStudy,
    prepared: Prepared,
    kept: Mapping[str, Behavioral],
    context: Context,
) -> list[Transferred]:
    """Run default parameters and kept sets at the other sites, and score them there."""
    found = []
    for site in _sites(study, prepared, kept, context):
        found.append(_run(study, prepared, kept, site))
        scores = found[-1].scores
        last = site.depths[-1]
        if scores:
            before, after = (scores[n][last]["rmse"] for n in (DEFAULT, CALIBRATED))
            context.log.tell(
                f"{site.name}, sets of {site.section}: RMSE of {last} {before:.3f} -> {after:.3f}"
            )
    return found


def _sites(
    study: TransectStudy,
    prepared: Prepared,
    kept: Mapping[str, Behavioral],
    context: Context,
) -> Iterator[_Site]:
    given = study.transfer
    if given is None:
        return
    if isinstance(given, TwinTransfer):
        yield from _twin_sites(study, given, prepared, kept, context)
        return
    for one in given:
        yield _given_site(study, one, prepared, context)


# --- twin sites -----------------------------------------------------------------------------


def _twin_sites(
    study: TransectStudy,
    given: TwinTransfer,
    prepared: Prepared,
    kept: Mapping[str, Behavioral],
    context: Context,
) -> Iterator[_Site]:
    assert isinstance(study.observations, TwinObservations)
    rng = np.random.default_rng([study.observations.truth_seed, _SEEDS])
    number = 0
    for section, count in given.sites.items():
        for n in range(count):
            number += 1
            other = study.model_copy(update={"seed": study.seed + _SEEDS + number})
            model = read_model(other, Context(base=context.base))
            places = places_of_line(model.domain)
            label = places.sections.index(section)
            place = int(rng.choice(np.flatnonzero(places.section == label)))
            theta = _true_water(study, prepared, model, places.cell[place], place, context)
            shares, depths = _depths(model, study.evaluation.depth)
            reference = np.einsum("dh,kh->dk", theta, shares)
            name = f"twin {section} {n + 1}"
            yield _Site(name, section, model, int(places.cell[place]), reference, shares, depths)


def _true_water(
    study: TransectStudy,
    prepared: Prepared,
    model: Model,
    cell: int,
    place: int,
    context: Context,
) -> np.ndarray:
    """Return the true water (day, horizon) of a cell of a twin valley."""
    truth = prepared.counted.truth
    assert truth is not None
    if truth.values is not None:
        warming = model.setup.warming_days
        found = truth_of_model(model.catchment, truth.values, np.array([cell]), warming)
        return found.theta[..., 0]
    from rootzone.studies.transect_richards import richards_truth

    assert isinstance(study.observations, TwinObservations)
    assert prepared.N0 is not None
    made = richards_truth(
        _cut(model.domain, place),
        model.setup,
        study.observations.truth_seed,
        N0=prepared.N0,
        progress=lambda stage, share: context.progress(f"other sites, {stage}", 0.94),
    )
    return np.asarray(made.theta)[..., 0]


def _cut(domain: Domain, place: int) -> Domain:
    """Return the domain with the stretch of its line that lies in one cell."""
    line = domain.line
    assert line is not None
    kept = np.flatnonzero(line.number == place)
    only = Line(
        line.x[kept],
        line.y[kept],
        line.cells[[place]],
        (line.labels[place],),
        np.zeros(len(kept), int),
    )
    return replace(domain, line=only)


def _depths(model: Model, depth: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return shares (interval, horizon) of each horizon down to a depth, and of their mean."""
    edges = [0.0, *model.setup.horizon_depths]
    rows, names = [], []
    for n, (top, bottom) in enumerate(itertools.pairwise(edges)):
        if top < 10.0 * depth:
            rows.append(np.eye(model.setup.horizons)[n])
            names.append(f"{top / 10:g}-{bottom / 10:g} cm")
    mean = share_of_horizons(model, depth)
    return np.array([*rows, mean]), (*names, f"mean 0-{depth:g} cm")


# --- sites of the study ---------------------------------------------------------------------


def _given_site(
    study: TransectStudy, one: TransferSite, prepared: Prepared, context: Context
) -> _Site:
    del prepared
    other = study.model_copy(update={"source": one.source, "period": one.period})
    model = read_model(other, context)
    cell = _cell(one, model)
    shares, depths = _depths(model, study.evaluation.depth)
    reference = None
    if one.water is not None:
        path = context.base / Path(one.water.path).expanduser()
        water, top, bottom = _read_water(path, _days(model), context)
        share = share_of_horizons(model, bottom) * bottom
        if top > 0:
            share = share - share_of_horizons(model, top) * top
        shares = np.vstack([shares, share / share.sum()])
        depths = (*depths, f"observed {top:g}-{bottom:g} cm")
        reference = np.full((len(water), len(depths)), np.nan)
        reference[:, -1] = water
    return _Site(one.name, one.section, model, cell, reference, shares, depths)


def _cell(one: TransferSite, model: Model) -> int:
    domain = model.domain
    if one.x is None or one.y is None:
        if domain.cells > 1:
            raise StudyError(
                f"transfer: '{one.name}' has {domain.cells} cells, x and y say which is meant"
            )
        return 0
    grid, mask = domain.level1, domain.mask1
    row = int(np.floor((grid.north - one.y) / grid.cellsize))
    column = int(np.floor((one.x - grid.xll) / grid.cellsize))
    inside = 0 <= row < grid.nrows and 0 <= column < grid.ncols
    if not inside or not mask[row, column]:
        raise StudyError(f"transfer: '{one.name}' lies outside its domain")
    return int(np.cumsum(mask.ravel())[row * grid.ncols + column]) - 1


def _read_water(
    path: Path, days: pd.DatetimeIndex, context: Context
) -> tuple[np.ndarray, float, float]:
    """Return observed water (day) of a table, and its upper and lower depth [cm]."""
    raw = read_plain(path, context)
    names = column_names(raw)
    if not {"date", "theta"} <= set(names):
        raise DataError(f"{path}, line {raw.header_line}: the columns date and theta are wanted")
    theta = plain_numbers(raw, "theta", gaps=True)
    wrong = np.flatnonzero((theta < 0) | (theta > 1))
    if len(wrong):
        raise DataError(
            f"{path}, {raw.place(int(wrong[0]))}: theta is {theta[wrong[0]]:g}, m3 m-3 are wanted"
        )
    water = pd.Series(np.nan, days)
    seen = set()
    for row, text in enumerate(texts(raw, "date")):
        day = _day(text)
        if day is None:
            raise DataError(f"{path}, {raw.place(row)}: date is {text!r}, a date is wanted")
        if day in seen:
            raise DataError(f"{path}, {raw.place(row)}: {text} stands twice")
        seen.add(day)
        if day in water.index:
            water[day] = theta[row]
    if not np.isfinite(water).any():
        raise DataError(f"{path}: holds no value within {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")
    top, bottom = (_depth(raw, name, default) for name, default in (("top", 0.0), ("bottom", 60.0)))
    if bottom <= top:
        raise DataError(f"{path}: bottom is {bottom:g} cm, not below top of {top:g} cm")
    return water.to_numpy(), top, bottom


def _day(text: str) -> pd.Timestamp | None:
    """Return the day of a text, None if it is none or has a time of day."""
    try:
        day = pd.Timestamp(text)
    except ValueError:
        return None
    if not isinstance(day, pd.Timestamp) or day.tzinfo or day != day.normalize():
        return None  # NaT is no time stamp
    return day


def _depth(raw: Raw, name: str, default: float) -> float:
    """Return the one depth [cm] that a column holds."""
    if name not in raw.names:
        return default
    values = plain_numbers(raw, name, gaps=True)
    found = np.unique(values[np.isfinite(values)])
    if len(found) > 1:
        raise DataError(
            f"{raw.files[0]}: {name} is {found[0]:g} and {found[1]:g} cm, one interval is wanted"
        )
    return float(found[0]) if len(found) else default


# --- runs -----------------------------------------------------------------------------------


def _days(model: Model) -> pd.DatetimeIndex:
    return pd.date_range(model.setup.first_day, model.setup.last_day, freq="D")


def _run(
    study: TransectStudy, prepared: Prepared, kept: Mapping[str, Behavioral], site: _Site
) -> Transferred:
    chosen = kept[site.section] if site.section in kept else next(iter(kept.values()))
    sets = prepared.calibration.all_values(chosen.values)
    all_sets = np.concatenate([prepared.reference[None], sets])
    values = _by_name(prepared.calibration.table, site.model, all_sets)
    catchment: Catchment = site.model.catchment.of_cells(np.array([site.cell]))
    warming = site.model.setup.warming_days
    _, theta = at_cells(
        catchment, values, warming, np.dtype(study.precision), study.computation.chunk
    )
    series = np.einsum("sdh,kh->sdk", theta[..., 0], site.shares)
    default, calibrated = series[0], series[1:].mean(axis=0)
    lower, upper = (np.quantile(series[1:], q, axis=0) for q in BAND)
    reference = site.reference
    scores: dict[str, dict[str, dict[str, float]]] = {}
    if reference is not None:
        for name, run in ((DEFAULT, default), (CALIBRATED, calibrated)):
            scores[name] = {
                depth: deterministic_scores(sim=run[:, k], obs=reference[:, k])
                for k, depth in enumerate(site.depths)
                if np.isfinite(reference[:, k]).sum() > 1
            }
    rain = np.asarray(catchment.weather.precipitation)[warming:]
    rain = rain.sum(axis=1) if rain.ndim == 3 else rain
    missing = np.full_like(default, np.nan)
    return Transferred(
        site.name,
        site.section,
        _days(site.model),
        site.depths,
        default,
        calibrated,
        lower,
        upper,
        missing if reference is None else reference,
        rain[:, 0].astype(float),
        scores,
    )


def _by_name(table: ParameterTable, model: Model, values: np.ndarray) -> np.ndarray:
    """Return parameters of another domain: those of the same name, otherwise its own."""
    found = np.broadcast_to(model.values, (len(values), len(model.table))).copy()
    for n, name in enumerate(model.table.names):
        if name in table.names:
            found[:, n] = values[:, table.names.index(name)]
    return found
