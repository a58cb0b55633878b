"""A twin: a truth that is known, and observations of it with errors and gaps.

The truth is the model itself with parameters drawn within their bounds, or Richards columns with
COSMIC (`rootzone.studies.transect_richards`). Errors are stated as gravimetric water and become
errors of counts by the slope of the Desilets law.
"""

from typing import NamedTuple

import numpy as np

from rootzone.calibrate import Space
from rootzone.config.transect_twin import TwinObservations
from rootzone.core import StudyError
from rootzone.neutrons.count_rate import Desilets2010
from rootzone.simulate.catchment import Catchment, run_members
from rootzone.studies.transect_places import Places
from rootzone.water.regionalization import Calibration

_GAPS, _ERRORS, _PARAMETERS = range(3)


class Truth(NamedTuple):
    """What is true at the places.

    Attributes
    ----------
    counts : array (day, place)
        Count rate without error [h-1].
    theta : array (day, horizon, place)
        Water of the horizons [m3 m-3].
    values : array (parameter) or None
        All global parameters, where the truth is the model.
    snow : array (day, place) of bool or None
        Where snow lies, whose counts are no observations.
    """

    counts: np.ndarray
    theta: np.ndarray
    values: np.ndarray | None
    snow: np.ndarray | None = None


def drawn_parameters(
    space: Space, calibration: Calibration, seed: int, spread: float
) -> np.ndarray:
    """Return all global parameters of a truth.

    The searched ones lie on the way from their defaults to random places between the bounds, a
    share ``spread`` of it: parameters drawn anywhere make soils that nobody has seen.
    """
    rng = np.random.default_rng([seed, _PARAMETERS])
    start = np.clip(space.to_unit(space.default), 0.0, 1.0)
    unit = start + spread * (rng.random(len(space)) - start)
    return calibration.all_values(space.from_unit(unit))


def truth_of_model(
    catchment: Catchment, values: np.ndarray, places: np.ndarray, warming_days: int
) -> Truth:
    """Return counts and water of the model with these parameters at cells (place).

    Parameters
    ----------
    values : array (parameter)
        All global parameters.
    """
    cells, back = np.unique(places, return_inverse=True)
    (part,) = run_members(
        catchment.of_cells(cells),
        values[None],
        outputs=("theta",),
        warming_days=warming_days,
        chunk=max(16, len(cells)),
        dtype=np.float32,
    )
    counts, theta = part.daily["neutrons"][0], part.daily["theta"][0]
    return Truth(counts[:, back].astype(float), theta[..., back].astype(float), values)


def require_finite(truth: Truth, settings: TwinObservations) -> None:
    """Refuse a truth that the model could not compute.

    Raises
    ------
    StudyError
        If counts or water are not finite.
    """
    finite = np.isfinite(truth.counts) & np.isfinite(truth.theta).all(axis=1)
    bad = np.flatnonzero(~finite.all(axis=0))
    if len(bad):
        raise StudyError(
            f"the truth of the twin is not finite at {len(bad)} of {finite.shape[1]} places: the "
            f"parameters drawn with observations.truth_seed {settings.truth_seed} failed in the "
            "model; take another seed, a smaller observations.spread, or narrower "
            "search.parameters.bounds"
        )


def gravimetric_water(rate: np.ndarray, N0: np.ndarray | float) -> np.ndarray:
    r"""Return gravimetric water of soil and lattice [g g-1] of a count rate.

    .. math:: w = \frac{a_0}{N/N_0 - a_1} - a_2

    NaN where a rate lies at or below what infinite water leaves.
    """
    law = Desilets2010()
    excess = np.asarray(rate, float) / N0 - law.a1
    return np.where(excess > 0, law.a0 / np.where(excess > 0, excess, 1.0) - law.a2, np.nan)


def count_error(rate: np.ndarray, error: np.ndarray, N0: float) -> np.ndarray:
    r"""Return the error [h-1] of a count rate that an error of gravimetric water amounts to.

    .. math:: \sigma_N = \sigma_w\,\frac{N_0 a_0}{(w + a_2)^2}
    """
    law = Desilets2010()
    water = gravimetric_water(rate, N0)
    return error * N0 * law.a0 / (water + law.a2) ** 2


class Noisy(NamedTuple):
    """Observations (day, place): count rate, NaN where there is none, and its error [h-1]."""

    rate: np.ndarray
    sigma: np.ndarray


def observe(settings: TwinObservations, truth: Truth, places: Places, N0: float) -> Noisy:
    """Return observations of a truth, the same for the same seed.

    Raises
    ------
    StudyError
        If a section has no error.
    """
    for name in places.sections:
        if name not in settings.errors:
            raise StudyError(
                f"observations.errors names no '{name}', a section of the line: the sections are "
                f"{', '.join(places.sections)}"
            )
    of_section = np.array([settings.errors[name] for name in places.sections])
    sigma = count_error(truth.counts, of_section[places.section], N0)
    rng = np.random.default_rng([settings.truth_seed, _ERRORS])
    rate = truth.counts + sigma * rng.standard_normal(truth.counts.shape)
    rng = np.random.default_rng([settings.truth_seed, _GAPS])
    no_train = rng.random(len(rate)) < settings.missing_days
    single = rng.random(rate.shape) < settings.missing_values
    gap = no_train[:, None] | single | ~(sigma > 0) | (rate <= 0)
    if truth.snow is not None:
        gap |= truth.snow
    return Noisy(np.where(gap, np.nan, rate), np.where(gap, np.nan, sigma))
