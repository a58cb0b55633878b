"""Dynamically dimensioned search: from many parameters at once to one after the other."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from rootzone.calibrate.samplers import latin_hypercube
from rootzone.calibrate.searches.common import Evaluate, Evaluated, ask, rank_of, require_positive
from rootzone.calibrate.space import Space
from rootzone.core.errors import StudyError

FIRST_SHARE, FIRST_LEAST = 0.005, 5
"""Evaluations that find the first set of a chain: a share of them, and at least so many."""


def dds(
    evaluate: Evaluate,
    space: Space,
    *,
    budget: int,
    chains: int,
    r: float = 0.2,
    seed: int,
    start: ArrayLike | None = None,
    exchange: int | None = 1,
) -> Iterator[Evaluated]:
    r"""Search around the best set, in fewer and fewer dimensions.

    In step i of m each parameter is perturbed with the probability :math:`1 - \ln i / \ln m`, one
    drawn at random if none is, by a Gaussian number of standard deviation r times its range. The
    new set stays if it is not worse. A chain starts from the best of max(5, 0.005 m) sets, or from
    a given set.

    Parameters
    ----------
    evaluate : Evaluate
        The model, see there; asked for one set of each chain at a time.
    space : Space
        Parameters and bounds.
    budget : int
        Evaluations of all chains together.
    chains : int
        Chains side by side. Each has its part of the budget and narrows down within it.
    r : float
        Size of perturbations relative to the range of a parameter.
    seed : int
        The same seed gives the same search.
    start : array (parameter) or (chain, parameter), optional
        Where to start instead of from a Latin hypercube.
    exchange : int, optional
        Every so many steps all chains go on from the best set of all. With 1, all of them perturb
        the best set there is, which makes the most of few steps; with None they do not know each
        other, which is fair when chains are to be compared.

    Yields
    ------
    Evaluated
        One batch for each step; ``chain`` tells who asked.

    Raises
    ------
    StudyError
        If the budget does not let every chain take a step, r is not positive, or start does not
        fit the space.

    Notes
    -----
    Source: Tolson and Shoemaker (2007), doi:10.1029/2005WR004723, with bounds reflected as there.
    Chains side by side, their common Latin hypercube as first sets (there: uniform random sets of
    the one chain) and the exchange are ours.
    """
    if not r > 0:
        raise StudyError(f"r of the dynamically dimensioned search is {r:g}: above 0 is wanted")
    if exchange is not None:
        require_positive(exchange=exchange)
    first = first_of_chain(budget, chains, started=start is not None)
    # what is left over is spent by the first chains, one evaluation each
    steps = budget // chains - first + (np.arange(chains) < budget % chains)
    rngs = [np.random.default_rng([seed, chain]) for chain in range(chains)]
    everyone = np.arange(chains)

    if start is None:
        values = latin_hypercube(space, chains * first, seed)
    else:
        values = _start_of(space, start, chains)
    objective = ask(evaluate, values)
    yield Evaluated(values, objective, np.ones(len(values)), chain=np.repeat(everyone, first))
    ranks = rank_of(objective).reshape(chains, first)
    pick = np.argmax(ranks, axis=1)
    best = values.reshape(chains, first, -1)[everyone, pick]
    best_rank = ranks[everyone, pick]

    for i in range(1, int(steps.max()) + 1):
        walking = np.flatnonzero(i <= steps)
        new = np.stack([neighbor(best[c], space, i, int(steps[c]), r, rngs[c]) for c in walking])
        objective = ask(evaluate, new)
        yield Evaluated(new, objective, np.ones(len(new)), chain=walking)
        rank = rank_of(objective)
        # a failed set after nothing but failed sets is taken too: the chain walks until one runs
        better = rank >= best_rank[walking]
        best[walking[better]], best_rank[walking[better]] = new[better], rank[better]
        if exchange is not None and i % exchange == 0:
            leader = int(np.argmax(best_rank))
            best[:], best_rank[:] = best[leader], best_rank[leader]


def first_of_chain(budget: int, chains: int, *, started: bool = False) -> int:
    """Return how many sets each chain evaluates before its first step.

    Parameters
    ----------
    budget, chains : int
        Evaluations of all chains together, and their number.
    started : bool
        Whether the chains are given where to start.

    Raises
    ------
    StudyError
        If the budget does not let every chain take a step.
    """
    require_positive(budget=budget, chains=chains)
    share = budget // chains
    first = 1 if started else max(FIRST_LEAST, round(FIRST_SHARE * share))
    if share < first + 1:
        raise StudyError(
            f"a budget of {budget} for {chains} chains: each needs at least {first + 1} "
            "evaluations; take fewer chains or a larger budget"
        )
    return first


def neighbor(
    best: np.ndarray,
    space: Space,
    step: int,
    steps: int,
    r: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a set (parameter) near the best one, in a random choice of dimensions.

    Parameters
    ----------
    best : array (parameter)
        Set to perturb.
    space : Space
        Bounds.
    step, steps : int
        Number of the step, from 1, and of all steps: the later, the fewer dimensions.
    r : float
        Standard deviation of perturbations relative to the range.
    rng : numpy.random.Generator
        Randomness.
    """
    n = len(space)
    chance = 1.0 - np.log(step) / np.log(steps) if steps > 1 else 1.0
    moved = rng.random(n) < chance
    if not moved.any():
        moved[rng.integers(n)] = True
    jump = rng.standard_normal(n) * r * (space.upper - space.lower)
    return np.where(moved, reflect(best + jump, space), best)


def reflect(values: np.ndarray, space: Space) -> np.ndarray:
    """Return values (..., parameter) mirrored at a bound that they crossed.

    What the mirror throws beyond the other bound is set onto the bound that was crossed.
    """
    low, high = space.lower, space.upper
    below, above = 2.0 * low - values, 2.0 * high - values
    below = np.where(below > high, low, below)
    above = np.where(above < low, high, above)
    # rounding of the mirrored value may lie beyond by one bit
    return np.clip(np.where(values < low, below, np.where(values > high, above, values)), low, high)


def _start_of(space: Space, start: ArrayLike, chains: int) -> np.ndarray:
    """Return the first sets (chain, parameter)."""
    start = np.asarray(start, float)
    if start.shape not in ((len(space),), (chains, len(space))):
        raise StudyError(
            f"the start of the search has the shape {start.shape}: {len(space)} parameters are "
            f"wanted, or as many for each of {chains} chains"
        )
    outside = ~((start >= space.lower) & (start <= space.upper))
    if outside.any():
        first = int(np.argwhere(outside)[0][-1])
        raise StudyError(
            f"the start of the search lies outside the bounds of '{space.names[first]}' "
            f"({space.lower[first]:g} to {space.upper[first]:g}): move it inside, or widen them"
        )
    return np.broadcast_to(start, (chains, len(space))).copy()
