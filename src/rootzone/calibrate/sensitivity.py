"""Which parameters the observations inform: read from an ensemble that is there already.

All functions take the values (member, parameter) of a space-filling ensemble and what came of
them, and answer with an index for each parameter beside a threshold: what a parameter that the
model does not know would reach by chance.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rootzone.calibrate.searches.common import library
from rootzone.core.errors import DataError, StudyError

CHANCE = 0.95
"""Quantile of the indices of unknown parameters that is the threshold."""
LEAST = 50
"""Successful sets that variance and distributions are read from at least."""


class Sensitivity(NamedTuple):
    """How much each parameter matters.

    Attributes
    ----------
    strength : array (parameter)
        The index of each: the larger, the more it matters.
    threshold : float
        What 95 % of parameters without any influence stay below.
    error : array (parameter) or None
        Half the width of the 95 % interval of the index, of methods that give one.
    """

    strength: np.ndarray
    threshold: float
    error: np.ndarray | None = None

    @property
    def influential(self) -> np.ndarray:
        """Return which parameters (parameter) are above the threshold."""
        return self.strength > self.threshold


def regional(
    values: ArrayLike, behavioral: ArrayLike, *, seed: int = 0, repeats: int = 500
) -> Sensitivity:
    """Return how far behavioral sets lie apart from the others, parameter by parameter.

    The index is the Kolmogorov-Smirnov distance: the largest difference between the cumulative
    distributions of a parameter in both groups, 0 to 1.

    Parameters
    ----------
    values : array (member, parameter)
        Sets of the ensemble.
    behavioral : array (member) of bool
        Which of them agree with the observations. All sets that are given and do not are the
        others: leave out failed ones if their failure is not to count.
    seed, repeats : int
        Random groups of the same size that give the threshold.

    Raises
    ------
    DataError
        If one of the groups is empty.

    Notes
    -----
    Source: Spear and Hornberger (1980), doi:10.1016/0043-1354(80)90040-8.
    """
    values, behavioral = _groups(values, behavioral)
    index = np.array([_distance(column, behavioral) for column in values.T])
    rng = np.random.default_rng(seed)
    # distributions do not enter, only the order: one column of numbers stands for all
    order = np.arange(len(values))
    unknown = [_distance(order, rng.permutation(behavioral)) for _ in range(repeats)]
    return Sensitivity(index, float(np.quantile(unknown, CHANCE)))


def identifiability(
    values: ArrayLike, behavioral: ArrayLike, *, seed: int = 0, repeats: int = 500
) -> Sensitivity:
    r"""Return the share by which behavioral sets are less spread than all of them.

    .. math:: 1 - s_{behavioral} / s_{all}

    with standard deviations s: 1 if all behavioral sets have the same value, 0 if they are spread
    like the ensemble, negative if they gather at both ends.

    Parameters
    ----------
    values, behavioral
        As in :func:`regional`.
    seed, repeats : int
        Random groups of the same size that give the threshold: a few sets are less spread by
        chance.

    Raises
    ------
    DataError
        If there are fewer than two behavioral sets, or all sets have the same value.
    """
    values, behavioral = _groups(values, behavioral)
    if behavioral.sum() < 2:
        raise DataError("one behavioral set has no spread: select two at least")
    everywhere = values.std(axis=0, ddof=1)
    if not (everywhere > 0).all():
        raise DataError(
            f"parameter {int(np.argmin(everywhere))} has the same value in all sets: it has no "
            "spread that could become less; leave it out"
        )
    index = 1.0 - values[behavioral].std(axis=0, ddof=1) / everywhere
    rng = np.random.default_rng(seed)
    unit = values / everywhere
    unknown = [1.0 - unit[rng.permutation(behavioral)].std(axis=0, ddof=1) for _ in range(repeats)]
    return Sensitivity(index, float(np.quantile(np.concatenate(unknown), CHANCE)))


def first_order(
    values: ArrayLike, score: ArrayLike, *, harmonics: int = 10, unknown: int = 40, seed: int = 0
) -> Sensitivity:
    r"""Return the share of the variance of a score that each parameter explains alone.

    .. math:: S_i = Var(E(y | x_i)) / Var(y)

    Parameters
    ----------
    values : array (member, parameter)
        Sets of the ensemble, of independent parameters.
    score : array (member)
        What came of them; failed sets (not finite) are left out. Efficiencies have a long lower
        tail that takes all the variance: give their ranks (:func:`ranks`).
    harmonics : int
        Waves that are counted: more follow a less smooth dependence, and scatter more.
    unknown : int
        Random columns that give the threshold.
    seed : int
        Their randomness, and that of the error.

    Raises
    ------
    StudyError
        If SALib is not installed.
    DataError
        If fewer than 50 sets succeeded, or the score does not vary.

    Notes
    -----
    Source: sets sorted by a parameter after Plischke (2010), doi:10.1016/j.ress.2009.11.005, and
    corrected for bias after Tissot and Prieur (2012), doi:10.1016/j.ress.2012.06.010, in SALib
    (Herman and Usher 2017, doi:10.21105/joss.00097). The error comes from resampling halves of
    the ensemble.
    """
    values, score = _successful(values, score)
    if len(score) <= 4 * harmonics:
        raise DataError(
            f"{len(score)} sets are too few for {harmonics} harmonics: more than {4 * harmonics} "
            "are wanted; take fewer harmonics or a larger ensemble"
        )
    analyze = library("SALib.analyze.rbd_fast").analyze
    rng = np.random.default_rng(seed)
    found = analyze(_problem(values), values, score, M=harmonics, num_resamples=50, seed=rng)
    columns = rng.random((len(score), unknown))
    chance = analyze(_problem(columns), columns, score, M=harmonics, num_resamples=2, seed=rng)
    return Sensitivity(
        np.asarray(found["S1"], float),
        float(np.quantile(np.asarray(chance["S1"], float), CHANCE)),
        np.asarray(found["S1_conf"], float),
    )


def pawn(
    values: ArrayLike, score: ArrayLike, *, slices: int = 10, unknown: int = 20, seed: int = 0
) -> Sensitivity:
    """Return how much the distribution of a score changes when a parameter is known.

    The range of a parameter is cut into slices of equally many sets. The index is the median of
    the Kolmogorov-Smirnov distances between the score within a slice and in all sets. It does not
    need a variance, and sees every kind of influence.

    Parameters
    ----------
    values, score
        As in :func:`first_order`; ranks give the same.
    slices : int
        Number of slices.
    unknown : int
        Random columns that give the threshold.
    seed : int
        Their randomness.

    Raises
    ------
    StudyError
        If SALib is not installed, or cannot cut into so many slices.
    DataError
        If fewer than 50 sets succeeded, or the score does not vary.

    Notes
    -----
    Source: Pianosi and Wagener (2018), doi:10.1016/j.envsoft.2018.07.019, in SALib.
    """
    values, score = _successful(values, score)
    step = 1.0 / slices if slices > 0 else np.nan
    edges = np.arange(0, 1 + step, step) if slices > 1 else np.array([np.inf])
    if edges[-1] > 1 or slices > len(score) // 5:
        # the edges are added up, and those of some numbers end above one by rounding
        raise StudyError(
            f"{slices} slices of {len(score)} sets: SALib cannot cut so; 10 slices are usual, "
            "with five sets in each at least"
        )
    analyze = library("SALib.analyze.pawn").analyze
    columns = np.random.default_rng(seed).random((len(score), unknown))
    both = np.hstack([values, columns])
    with warnings.catch_warnings():
        # p-values that nobody asks for
        warnings.simplefilter("ignore")
        found = np.asarray(analyze(_problem(both), both, score, S=slices)["median"], float)
    n = values.shape[1]
    return Sensitivity(found[:n], float(np.quantile(found[n:], CHANCE)))


def ranks(score: ArrayLike) -> np.ndarray:
    """Return the ranks of scores between 0 (worst) and 1 (best), NaN for failed sets.

    >>> ranks([0.5, -1000.0, np.nan, 0.7]).tolist()
    [0.5, 0.0, nan, 1.0]
    """
    score = np.asarray(score, float)
    known = np.isfinite(score)
    _, place, count = np.unique(score[known], return_inverse=True, return_counts=True)
    last = np.cumsum(count) - 1
    middle = last - 0.5 * (count - 1)
    found = np.full(score.shape, np.nan)
    found[known] = middle[place] / max(known.sum() - 1, 1)
    return found


def _distance(column: np.ndarray, behavioral: np.ndarray) -> float:
    """Return the largest difference of the cumulative distributions of two groups."""
    order = np.argsort(column, kind="stable")
    inside = np.cumsum(behavioral[order]) / behavioral.sum()
    outside = np.cumsum(~behavioral[order]) / (~behavioral).sum()
    # sets with the same value are one step
    last = np.append(np.diff(column[order]) > 0, True)
    return float(np.abs(inside - outside)[last].max())


def _groups(values: ArrayLike, behavioral: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    values, behavioral = np.asarray(values, float), np.asarray(behavioral)
    if behavioral.dtype != bool or behavioral.shape != values.shape[:1]:
        raise ValueError(f"behavioral: {values.shape[:1]} of true and false are wanted")
    number = int(behavioral.sum())
    if number in (0, len(behavioral)):
        raise DataError(
            f"{number} of {len(behavioral)} sets are behavioral: both groups are wanted; select "
            "others"
        )
    return values, behavioral


def _successful(values: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    values, score = np.asarray(values, float), np.asarray(score, float)
    if score.shape != values.shape[:1]:
        raise ValueError(f"values {values.shape} and score {score.shape} do not fit")
    known = np.isfinite(score)
    if known.sum() < LEAST:
        raise DataError(
            f"{known.sum()} of {len(score)} sets have a score: at least {LEAST} are wanted to see "
            "what matters"
        )
    values, score = values[known], score[known]
    if np.ptp(score) == 0:
        raise DataError(f"the score is {score[0]:g} for all sets: nothing matters to it")
    return values, score


def _problem(values: np.ndarray) -> dict:
    """Return what SALib calls a problem."""
    names = [f"p{i}" for i in range(values.shape[1])]
    return {
        "num_vars": len(names),
        "names": names,
        "bounds": np.stack([values.min(axis=0), values.max(axis=0)], axis=1).tolist(),
    }
