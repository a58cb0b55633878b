"""How good the best of n model runs is: of a search as it went, and of a random ensemble."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from rootzone.core.errors import DataError


def best_so_far(objective: ArrayLike, cost: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the best objective that was known after a number of model runs.

    Parameters
    ----------
    objective : array (n)
        In the order of evaluation; sets without a finite number failed.
    cost : array (n)
        Model runs of each.

    Returns
    -------
    runs, best : array (n)
        Sum of the cost so far, and the largest objective so far (NaN before the first success).

    Examples
    --------
    >>> [x.tolist() for x in best_so_far([0.5, np.nan, 0.2, 0.7], [1, 1, 1, 3])]
    [[1.0, 2.0, 3.0, 6.0], [0.5, 0.5, 0.5, 0.7]]
    """
    objective, cost = np.asarray(objective, float), np.asarray(cost, float)
    if objective.shape != cost.shape or objective.ndim != 1:
        raise ValueError(f"objective {objective.shape} and cost {cost.shape}: one row is wanted")
    return np.cumsum(cost), np.fmax.accumulate(np.where(np.isfinite(objective), objective, np.nan))


def expected_best(objective: ArrayLike, sizes: ArrayLike) -> np.ndarray:
    r"""Return the mean of the best objective of all samples of n out of an ensemble.

    The sets of an ensemble have no order. With :math:`x_1 \le \dots \le x_N` the best of n sets
    drawn without replacement is at most :math:`x_k` with the probability

    .. math:: F_k = \binom{k}{n} \Big/ \binom{N}{n}

    and the mean is :math:`x_N - \sum_{k<N} (x_{k+1} - x_k) F_k`.

    Parameters
    ----------
    objective : array (member)
        NaN for failed sets; they take part in the draw but cannot be the best. The mean is then
        that of the samples in which at least one set succeeded.
    sizes : array (size) of int
        Sample sizes n, 1 to N.

    Returns
    -------
    array (size)
        Means, exact but for rounding.

    Raises
    ------
    DataError
        If all sets failed, or a size is not within 1 and N.

    Examples
    --------
    >>> expected_best([1.0, 2.0, 4.0], [1, 2, 3]).round(12).tolist()
    [2.333333333333, 3.333333333333, 4.0]
    """
    objective, sizes = np.asarray(objective, float), np.atleast_1d(np.asarray(sizes))
    total = len(objective)
    x = np.sort(objective[np.isfinite(objective)])
    if not x.size:
        raise DataError(f"all {total} parameter sets failed: there is no best one")
    if sizes.min() < 1 or sizes.max() > total:
        raise DataError(
            f"the best of {sizes.min()} to {sizes.max()} sets is asked for, the ensemble has "
            f"{total}"
        )
    failed = total - len(x)
    number = np.arange(failed, total, dtype=float)  # k, from all failed sets to all but the best
    log_factorial = gammaln(np.arange(total + 1) + 1.0)
    found = np.empty(len(sizes))
    for i, n in enumerate(sizes.astype(int)):
        enough = number >= n
        k = number[enough].astype(int)
        log_chance = (
            log_factorial[k] - log_factorial[k - n] - log_factorial[-1] + log_factorial[total - n]
        )
        chance = np.zeros(len(number))
        chance[enough] = np.exp(log_chance)
        none = chance[0] if failed else 0.0
        mean = x[-1] - np.sum(np.diff(x) * (chance[1:] - none)) / (1.0 - none)
        found[i] = mean
    return found
