"""Ensemble smoother with multiple data assimilation: an ensemble drawn towards observations."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.special import ndtr, ndtri

from rootzone.calibrate.samplers import latin_hypercube
from rootzone.calibrate.searches.common import require_positive
from rootzone.calibrate.space import Space
from rootzone.core.errors import DataError, RunError, StudyError

LEAST_SURVIVORS = 0.25
"""Share of members that must have succeeded: fewer say nothing of the others."""
LEAST_MEMBERS = 3
"""Members that must have succeeded at least: two have no covariance worth the name."""

Simulate = Callable[[np.ndarray], np.ndarray]
"""Values (member, parameter) to predictions (member, observation), NaN rows for failed sets."""


class Assimilation(NamedTuple):
    """An ensemble of the smoother, and what it predicts.

    Attributes
    ----------
    iteration : int
        Updates that led to it: 0 for the prior, ``assimilations`` for the posterior.
    values : array (member, parameter)
        Parameter sets.
    predicted : array (member, observation)
        Their predictions.
    objective : array (member)
        Minus half the sum of squared errors relative to sigma: the log likelihood but for a
        constant; NaN for failed members.
    cost : array (member)
        Model runs of each.
    alpha : float
        Inflation of the error in the update that follows, NaN for the posterior.
    told : str
        A sentence on failed members, or nothing.
    """

    iteration: int
    values: np.ndarray
    predicted: np.ndarray
    objective: np.ndarray
    cost: np.ndarray
    alpha: float
    told: str = ""


def es_mda(
    simulate: Simulate,
    space: Space,
    observed: ArrayLike,
    sigma: ArrayLike,
    *,
    members: int,
    assimilations: int | None = 4,
    seed: int,
    inflation: Sequence[float] | None = None,
    energy: float = 0.999,
) -> Iterator[Assimilation]:
    r"""Draw an ensemble towards observations, several times with inflated errors.

    Parameters uniform between their bounds are standard normal as :math:`z = \Phi^{-1}(u)`. Each
    update moves member j by

    .. math:: C_{zd} (C_{dd} + \alpha C)^{-1} (d + \sqrt{\alpha} C^{1/2} \epsilon_j - d_j)

    with the ensemble's covariances, observations d, their error covariance C (independent errors)
    and standard normal :math:`\epsilon_j`; the sum of all :math:`1 / \alpha` is one. The inverse
    is taken in the space that the scaled anomalies of the predictions span, so that its size is
    that of the ensemble and not of the observations.

    Parameters
    ----------
    simulate : callable
        The model; asked for all members at once.
    space : Space
        Parameters and bounds: the prior.
    observed : array (observation)
        Observations; those that are NaN are left out.
    sigma : array (observation) or float
        Their standard deviations, positive.
    members : int
        Size of the ensemble.
    assimilations : int, optional
        Number of updates, all with alpha equal to it.
    seed : int
        The same seed gives the same ensembles.
    inflation : sequence of float, optional
        The alphas instead, one for each update.
    energy : float
        Share of the sum of squared singular values of the scaled anomalies that an update keeps,
        above 0, at most 1: what is left out is taken for noise of the ensemble.

    Yields
    ------
    Assimilation
        The prior, the ensemble after each update, at last the posterior: ``assimilations + 1``
        ensembles, each run once.

    Raises
    ------
    StudyError
        If the numbers do not make a smoother.
    DataError
        If no observation is left or a standard deviation is not positive.
    RunError
        If fewer than a quarter of the members succeeded, or fewer than three.

    Notes
    -----
    Source: Emerick and Reynolds (2013), doi:10.1016/j.cageo.2012.03.011; subspace inversion after
    Evensen (2004), doi:10.1007/s10236-004-0099-2. There is no localization. Failed members take
    no part in an update; each is drawn anew after it from the mean and covariance of the others.
    """
    require_members(members)
    alphas = _alphas(assimilations, inflation)
    if not 0 < energy <= 1:
        raise StudyError(f"energy {energy:g} of the smoother: above 0 and at most 1 is wanted")
    observed = np.asarray(observed, float).ravel()
    sigma = np.broadcast_to(np.asarray(sigma, float), observed.shape)
    known = np.isfinite(observed)
    _require_observations(known, sigma)
    scaled, scale = observed[known] / sigma[known], sigma[known]

    z = ndtri(_positions(space, members, seed))
    for iteration, alpha in enumerate([*alphas, float("nan")]):
        values = np.clip(space.from_unit(ndtr(z)), space.lower, space.upper)
        predicted = np.asarray(simulate(values.copy()))
        if predicted.shape != (members, len(observed)):
            raise ValueError(f"predictions {predicted.shape}, {(members, len(observed))} wanted")
        response = np.asarray(predicted[:, known], float) / scale
        kept = np.asarray(np.isfinite(response).all(axis=1))
        misfit = np.sum((response - scaled) ** 2, axis=1)
        yield Assimilation(
            iteration,
            values,
            predicted,
            np.where(kept, -0.5 * misfit, np.nan),
            np.ones(members),
            float(alpha),
            _told(kept, iteration),
        )
        if iteration == len(alphas):
            return
        _require_survivors(kept, iteration)
        rng = np.random.default_rng([seed, iteration])
        noise = rng.standard_normal((members, len(scaled)))
        weight = rng.standard_normal((int(np.sum(~kept)), int(np.sum(kept))))
        moved = update(z[kept], response[kept], scaled, alpha, noise[kept], energy)
        z[kept] = moved
        z[~kept] = _redrawn(moved, weight)


def require_members(members: int, parameters: int = 0) -> None:
    """Refuse an ensemble that is too small for what it searches.

    Updates move members along the differences between them: p parameters want more than p members
    to be reached in all directions.

    Parameters
    ----------
    members, parameters : int
        Their numbers.

    Raises
    ------
    StudyError
        If there are not more members than parameters, or fewer than three.
    """
    least = max(LEAST_MEMBERS, parameters + 1)
    if members < least:
        raise StudyError(
            f"{members} members of the smoother for {parameters} parameters: at least {least} are "
            "wanted, several times as many are better"
            if parameters
            else f"{members} members of the smoother: at least {least} are wanted"
        )


def update(
    z: np.ndarray,
    response: np.ndarray,
    observed: np.ndarray,
    alpha: float,
    noise: np.ndarray,
    energy: float,
) -> np.ndarray:
    """Return members after one assimilation.

    Parameters
    ----------
    z : array (member, parameter)
        Members.
    response : array (member, observation)
        Their predictions, relative to the standard deviations of the observations.
    observed : array (observation)
        Observations, relative to the same.
    alpha : float
        Inflation of the error variance.
    noise : array (member, observation)
        Standard normal numbers.
    energy : float
        Share of squared singular values to keep.
    """
    n = len(z)
    anomaly = (response - response.mean(axis=0)) / np.sqrt(n - 1)
    # (observation, member): as many singular values as members at most
    left, size, right = linalg.svd(anomaly.T, full_matrices=False)
    share = np.cumsum(size**2) / max(np.sum(size**2), np.finfo(float).tiny)
    rank = min(int(np.searchsorted(share, energy)) + 1, len(size))
    left, size, right = left[:, :rank], size[:rank], right[:rank]
    innovation = (observed + np.sqrt(alpha) * noise - response) @ left  # (member, rank)
    cross = (z - z.mean(axis=0)).T @ right.T / np.sqrt(n - 1)  # (parameter, rank)
    return z + (innovation * (size / (size**2 + alpha))) @ cross.T


def _positions(space: Space, members: int, seed: int) -> np.ndarray:
    """Return positions (member, parameter) of a Latin hypercube, none of them on a bound."""
    unit = space.to_unit(latin_hypercube(space, members, seed))
    return np.clip(unit, 0.01 / members, 1.0 - 0.01 / members)


def _redrawn(survivors: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return members (n, parameter) of the mean and covariance of others."""
    n = len(survivors)
    mean = survivors.mean(axis=0)
    return mean + weight @ (survivors - mean) / np.sqrt(n - 1)


def _alphas(assimilations: int | None, inflation: Sequence[float] | None) -> list[float]:
    if inflation is None:
        if assimilations is None:
            raise StudyError("the smoother wants a number of assimilations, or their inflations")
        require_positive(assimilations=assimilations)
        return [float(assimilations)] * assimilations
    alphas = [float(alpha) for alpha in inflation]
    total = sum(1.0 / alpha for alpha in alphas if alpha > 0)
    if not alphas or min(alphas) <= 0 or abs(total - 1.0) > 1e-6:
        raise StudyError(
            f"the inflations {alphas} of the smoother: their inverses add up to {total:g}, to 1 "
            "is wanted, all positive"
        )
    return alphas


def _require_observations(known: np.ndarray, sigma: np.ndarray) -> None:
    if not known.any():
        raise DataError("the smoother has no observation: all are missing")
    if not (np.isfinite(sigma[known]) & (sigma[known] > 0)).all():
        raise DataError(
            "standard deviations of the observations are missing or not positive: the smoother "
            "wants one above 0 for each"
        )


def _require_survivors(kept: np.ndarray, iteration: int) -> None:
    if kept.sum() < max(LEAST_MEMBERS, LEAST_SURVIVORS * len(kept)):
        raise RunError(
            f"only {kept.sum()} of {len(kept)} members of the smoother could be run after "
            f"{iteration} updates: narrow the bounds of the parameters, or take more members"
        )


def _told(kept: np.ndarray, iteration: int) -> str:
    if kept.all():
        return ""
    return (
        f"{np.sum(~kept)} of {len(kept)} members of the smoother failed after {iteration} "
        "updates: they are drawn anew from the others"
    )
