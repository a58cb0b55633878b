"""The kept sets at other sites: cells of other domains, twin valleys, stations held out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rootzone.calibrate.behavioral import Behavioral
from rootzone.config.transect import TransectStudy
from rootzone.config.transect_twin import TwinObservations, TwinTransfer
from rootzone.core import StudyError
from rootzone.data.domain import Domain, Line
from rootzone.evaluate import deterministic_scores
from rootzone.studies.catchment_input import Model, read_model
from rootzone.studies.context import Context
from rootzone.studies.transect_evaluate import BAND, CALIBRATED, DEFAULT, at_cells
from rootzone.studies.transect_input import Prepared
from rootzone.studies.transect_places import places_of_line
from rootzone.studies.transect_transfer_sites import Site, depths_of, given_sites
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


def transfer(
    study: TransectStudy,
    prepared: Prepared,
    kept: Mapping[str, Behavioral],
    context: Context,
    sites: Sequence[Site] | None = None,
) -> list[Transferred]:
    """Run default parameters and kept sets at the other sites, and score them there.

    Parameters
    ----------
    study, prepared : TransectStudy, Prepared
        The study and its input.
    kept : dict of Behavioral
        The kept sets of each selection.
    context : Context
        Where it is told.
    sites : sequence of Site, optional
        Those that the study names; read here where they have not been.
    """
    found = []
    for site in _sites(study, prepared, context, sites):
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
    study: TransectStudy, prepared: Prepared, context: Context, sites: Sequence[Site] | None
) -> Iterator[Site]:
    if isinstance(study.transfer, TwinTransfer):
        yield from _twin_sites(study, study.transfer, prepared, context)
        return
    yield from given_sites(study, context) if sites is None else sites


# --- twin sites -----------------------------------------------------------------------------


def _twin_sites(
    study: TransectStudy, given: TwinTransfer, prepared: Prepared, context: Context
) -> Iterator[Site]:
    assert isinstance(study.observations, TwinObservations)
    rng = np.random.default_rng([study.observations.truth_seed, _SEEDS])
    number = 0
    for section, count in given.sites.items():
        for n in range(count):
            number += 1
            other = study.model_copy(update={"seed": study.seed + _SEEDS + number})
            model = read_model(other, Context(base=context.base))
            places = places_of_line(model.domain)
            if section not in places.sections:
                raise StudyError(
                    f"transfer.sites: the valley of the {number}. site has no {section}: take "
                    "fewer sites or another seed"
                )
            label = places.sections.index(section)
            place = int(rng.choice(np.flatnonzero(places.section == label)))
            theta = _true_water(study, prepared, model, places.cell[place], place, context)
            shares, depths = depths_of(model, study.evaluation.depth)
            reference = np.einsum("dh,kh->dk", theta, shares)
            yield Site.of_cell(
                model,
                int(places.cell[place]),
                name=f"twin {section} {n + 1}",
                section=section,
                reference=reference,
                shares=shares,
                depths=depths,
            )


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


# --- runs -----------------------------------------------------------------------------------


def _run(
    study: TransectStudy, prepared: Prepared, kept: Mapping[str, Behavioral], site: Site
) -> Transferred:
    chosen = kept[site.section] if site.section in kept else next(iter(kept.values()))
    sets = prepared.calibration.all_values(chosen.values)
    all_sets = np.concatenate([prepared.reference[None], sets])
    values = _by_name(prepared.calibration.table, site, all_sets)
    catchment, warming = site.catchment, site.warming_days
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
        site.days,
        site.depths,
        default,
        calibrated,
        lower,
        upper,
        missing if reference is None else reference,
        rain[:, 0].astype(float),
        scores,
    )


def _by_name(table: ParameterTable, site: Site, values: np.ndarray) -> np.ndarray:
    """Return parameters of another domain: those of the same name, otherwise its own."""
    found = np.broadcast_to(site.values, (len(values), len(site.table))).copy()
    for n, name in enumerate(site.table.names):
        if name in table.names:
            found[:, n] = values[:, table.names.index(name)]
    return found
