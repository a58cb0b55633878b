"""Parameter sets that fill a space evenly, the same for the same seed."""

import numpy as np
from scipy.stats import qmc

from rootzone.calibrate.space import Space
from rootzone.core.errors import StudyError


def latin_hypercube(space: Space, members: int, seed: int) -> np.ndarray:
    """Return a Latin hypercube: every parameter has one value in each of ``members`` equal parts.

    Parameters
    ----------
    space : Space
        Parameters and bounds.
    members : int
        Number of sets.
    seed : int
        The same seed gives the same sets.

    Returns
    -------
    array (member, parameter)
        Values.

    Notes
    -----
    Source: McKay et al. (1979), doi:10.1080/00401706.1979.10489755. All sets are drawn at once: a
    part of a larger hypercube is none.

    Examples
    --------
    >>> space = Space(("a",), np.zeros(1), np.ones(1), np.zeros(1))
    >>> np.sort(latin_hypercube(space, 4, seed=1)[:, 0] * 4).astype(int).tolist()
    [0, 1, 2, 3]
    """
    _require_members(members)
    return space.from_unit(qmc.LatinHypercube(len(space), rng=seed).random(members))


def sobol(space: Space, members: int, seed: int) -> np.ndarray:
    """Return a scrambled Sobol sequence: its first sets fill the space as evenly as all of them.

    Parameters
    ----------
    space, members, seed
        As in :func:`latin_hypercube`; a power of two keeps the balance of the sequence.

    Returns
    -------
    array (member, parameter)
        Values.

    Notes
    -----
    Source: Sobol (1967), doi:10.1016/0041-5553(67)90144-9; scrambled after Owen (1998).
    """
    _require_members(members)
    power = int(np.ceil(np.log2(max(members, 1))))
    return space.from_unit(qmc.Sobol(len(space), rng=seed).random_base2(power)[:members])


def _require_members(members: int) -> None:
    if members < 1:
        raise StudyError(f"{members} parameter sets: at least one is wanted")
