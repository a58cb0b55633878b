"""The study `transect`: counts along a line calibrate the distributed model.

The page reads in the order of the paper: read the line and its counts, run the ensemble of
parameter sets, choose the best sets of each land cover, look at what they give beside the default
parameters in time and space, take them to other sites.
"""

from dataclasses import dataclass, field
from typing import Any

from rootzone.calibrate.behavioral import Behavioral, behavioral
from rootzone.calibrate.objectives import TOGETHER, Objective
from rootzone.calibrate.problem import COUNTS, WATER, Aim
from rootzone.config.transect import TransectStudy
from rootzone.core import RunError
from rootzone.simulate.catchment_devices import use_all_cores
from rootzone.studies.context import Context
from rootzone.studies.transect_ensemble import Ensemble, run_ensemble
from rootzone.studies.transect_evaluate import Found, evaluate
from rootzone.studies.transect_input import Prepared, prepare
from rootzone.studies.transect_plan import require_plan
from rootzone.studies.transect_searches import compare_searches
from rootzone.studies.transect_sensitivity import Informed, sensitivity
from rootzone.studies.transect_target import Compared
from rootzone.studies.transect_transfer import Transferred, transfer

JOINT = "joint"
"""Name of the sets that serve all sections together."""


@dataclass
class TransectResult:
    """Everything the study found; :mod:`rootzone.studies.transect_output` writes it.

    Attributes
    ----------
    prepared : Prepared
        Model, places, observations, space.
    ensemble : Ensemble
        Sets and scores.
    aims : dict of Aim
        What is searched for, by the name of the selection (a section, joint, all).
    kept : dict of Behavioral
        The kept sets of each selection.
    found : Found
        Default and calibrated series and their scores.
    searches : list of Compared
        Other searches.
    informed : Informed or None
        Sensitivity.
    transferred : list of Transferred
        Other sites.
    """

    prepared: Prepared
    ensemble: Ensemble
    aims: dict[str, Aim]
    kept: dict[str, Behavioral]
    found: Found
    searches: list[Compared] = field(default_factory=list)
    informed: Informed | None = None
    transferred: list[Transferred] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)


def run_transect(study: TransectStudy, context: Context, *, made_with: str) -> TransectResult:
    """Run the study."""
    use_all_cores()
    prepared = prepare(study, context)
    aims = aims_of(study, prepared)
    sites = require_plan(study, prepared, aims, context)
    ensemble = run_ensemble(study, prepared, context, made_with=made_with)
    kept = {
        name: behavioral(
            ensemble.values,
            aim.of(ensemble.scores, prepared.problem.groups),
            best=study.search.behavioral.best,
            at_least=study.search.behavioral.at_least,
            most=study.search.behavioral.most,
        )
        for name, aim in aims.items()
    }
    for name, one in kept.items():
        context.log.tell(
            f"{name}: {len(one.members)} sets kept of {len(ensemble.values)}, "
            f"{study.search.objective.score} {one.objective[-1]:.3f} to {one.objective[0]:.3f}"
        )
    context.progress("evaluating", 0.72)
    found = evaluate(study, prepared, kept, context)
    result = TransectResult(prepared, ensemble, aims, kept, found)
    result.searches = compare_searches(
        study, prepared, ensemble, aims, context, made_with=made_with
    )
    if study.search.sensitivity:
        context.progress("sensitivity", 0.92)
        result.informed = sensitivity(study, prepared, ensemble, aims, context)
    context.progress("other sites", 0.94)
    result.transferred = transfer(study, prepared, kept, context, sites)
    return result


def check_transect(study: TransectStudy, context: Context) -> None:
    """Read all input and raise what is wrong with it."""
    prepared = prepare(study, context)
    require_plan(study, prepared, aims_of(study, prepared), context)


def aims_of(study: TransectStudy, prepared: Prepared) -> dict[str, Aim]:
    """Return what is searched for, by the name of the selection.

    Raises
    ------
    RunError
        If nothing is observed.
    """
    settings = study.search.objective
    shares = {COUNTS: 1.0 - settings.water, WATER: settings.water}
    shares = {k: v for k, v in shares.items() if v > 0 and k in prepared.problem.observed}
    if not shares:
        raise RunError("search.objective.water: 1 wants observed soil water, there is none")

    def aim(*groups: str) -> Aim:
        return Aim(Objective(settings.score, groups, settings.combine), shares)

    sections = prepared.problem.observed[COUNTS].sections
    if study.search.calibrate == "each":
        return {name: aim(name) for name in sections}
    if study.search.calibrate == "joint":
        return {JOINT: aim(*sections)}
    return {TOGETHER: aim(TOGETHER)}
