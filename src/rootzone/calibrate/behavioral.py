"""Behavioral sets: which sets of an ensemble are kept, and what they say of the parameters."""

from typing import NamedTuple

import numpy as np

from rootzone.calibrate.space import Space
from rootzone.core.errors import RunError


class Behavioral(NamedTuple):
    """The kept sets, the best first.

    Attributes
    ----------
    members : array (set) of int
        Their numbers in the ensemble.
    values : array (set, parameter)
        Their searched parameters.
    objective : array (set)
        Their objective.
    """

    members: np.ndarray
    values: np.ndarray
    objective: np.ndarray


def behavioral(
    values: np.ndarray,
    objective: np.ndarray,
    *,
    best: int | None = 10,
    at_least: float | None = None,
    most: int = 1000,
) -> Behavioral:
    """Return the best sets, or those that reach a threshold.

    Parameters
    ----------
    values : array (member, parameter)
        Searched parameters.
    objective : array (member)
        The larger the better; sets without a number are never kept.
    best : int, optional
        So many of the best; with a threshold too, at most so many of those that reach it.
    at_least : float, optional
        Threshold.
    most : int
        At most so many with a threshold alone.

    Raises
    ------
    RunError
        If no set has an objective, or none reaches the threshold.

    Examples
    --------
    >>> kept = behavioral(np.arange(4.0)[:, None], np.array([0.1, np.nan, 0.7, 0.3]), best=2)
    >>> kept.members.tolist()
    [2, 3]
    """
    objective = np.asarray(objective, float)
    known = np.isfinite(objective)
    if not known.any():
        raise RunError(
            "no parameter set has an objective that is a number: look at the observations and at "
            "the bounds"
        )
    # equal objectives in the order of the sets
    order = np.argsort(-np.where(known, objective, -np.inf), kind="stable")[: int(known.sum())]
    if at_least is not None:
        order = order[objective[order] >= at_least]
        if not len(order):
            raise RunError(
                f"no parameter set reaches the objective of {at_least:g}, the best has "
                f"{objective[known].max():.3g}: lower search.behavioral.at_least or draw more sets"
            )
    count = most if best is None else best
    order = order[:count]
    return Behavioral(order, np.asarray(values)[order], objective[order])


class Distribution(NamedTuple):
    """How kept sets spread between the bounds, all (parameter) or (quantile, parameter)."""

    mean: np.ndarray
    quantiles: np.ndarray
    narrowing: np.ndarray
    """One minus the width of the middle 90 % over that between the bounds, zero before."""


LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def distribution(space: Space, values: np.ndarray) -> Distribution:
    """Return mean and quantiles of kept sets (set, parameter), and how much narrower they are."""
    quantiles = np.quantile(values, LEVELS, axis=0)
    width = (quantiles[-1] - quantiles[0]) / (space.upper - space.lower)
    return Distribution(values.mean(axis=0), quantiles, 1.0 - width / (LEVELS[-1] - LEVELS[0]))
