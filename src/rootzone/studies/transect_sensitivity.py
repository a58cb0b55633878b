"""Which parameters the counts inform, read from the ensemble itself."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rootzone.calibrate.problem import Aim
from rootzone.calibrate.sensitivity import (
    LEAST,
    Sensitivity,
    first_order,
    identifiability,
    pawn,
    ranks,
    regional,
)
from rootzone.config.transect import TransectStudy
from rootzone.studies.context import Context
from rootzone.studies.transect_ensemble import Ensemble
from rootzone.studies.transect_input import Prepared

_MOST = 20_000
"""Sets that indices are computed from at most: the first of the ensemble, which has no order."""
_BEHAVIORAL = 0.01
"""Share of the best sets that the regional indices take for behavioral."""
_WORDS = {
    "regional": "distance of the best hundredth of the sets from the others (Kolmogorov-Smirnov)",
    "identifiability": "share by which the best hundredth of the sets is less spread than all",
    "first_order": "share of the variance of the ranks that the parameter explains alone",
    "pawn": "change of the distribution of the ranks when the parameter is known (PAWN)",
}


@dataclass
class Informed:
    """Indices (selection, parameter) by name, and what chance reaches (selection)."""

    indices: dict[str, np.ndarray]
    thresholds: dict[str, np.ndarray]
    words: dict[str, str]


def sensitivity(
    study: TransectStudy,
    prepared: Prepared,
    ensemble: Ensemble,
    aims: Mapping[str, Aim],
    context: Context,
) -> Informed | None:
    """Return sensitivity indices of the objective of each selection."""
    known = {}
    values = ensemble.values[:_MOST]
    some = {name: array[:_MOST] for name, array in ensemble.scores.items()}
    library = importlib.util.find_spec("SALib") is not None
    if not library:
        context.log.warn(
            "sensitivity: first-order and PAWN indices are left out, they want SALib "
            "(pip install 'rootzone[search]')"
        )
    for name, aim in aims.items():
        objective = aim.of(some, prepared.problem.groups)
        finite = np.isfinite(objective)
        if finite.sum() < 2 * LEAST:
            context.log.warn(f"sensitivity: {int(finite.sum())} sets are too few, none is computed")
            return None
        known[name] = _indices(values[finite], objective[finite], library, study.seed)
    which = next(iter(known.values()))
    return Informed(
        {n: np.stack([k[n].strength for k in known.values()]) for n in which},
        {f"{n}_chance": np.array([k[n].threshold for k in known.values()]) for n in which},
        {n: _WORDS[n] for n in which},
    )


def _indices(
    values: np.ndarray, objective: np.ndarray, library: bool, seed: int
) -> dict[str, Sensitivity]:
    count = max(10, round(_BEHAVIORAL * len(objective)))
    best = np.zeros(len(objective), bool)
    best[np.argsort(-objective, kind="stable")[:count]] = True
    found = {
        "regional": regional(values, best, seed=seed),
        "identifiability": identifiability(values, best, seed=seed),
    }
    if library:
        order = ranks(objective)
        found["first_order"] = first_order(values, order, seed=seed)
        found["pawn"] = pawn(values, order, seed=seed)
    return found
