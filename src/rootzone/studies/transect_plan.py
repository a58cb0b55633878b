"""What is to come after the ensemble, checked before it: nobody waits hours for a wrong name."""

import importlib.util
from collections.abc import Collection

from rootzone.calibrate.searches import (
    first_of_chain,
    first_of_complexes,
    require_members,
    steps_of_starts,
)
from rootzone.config.transect import TransectStudy
from rootzone.config.transect_search import Dds, Gradient, Nuts, OtherSearch, SceUa, Smoother
from rootzone.config.transect_twin import TwinObservations, TwinTransfer
from rootzone.core import StudyError, nearest
from rootzone.studies.context import Context
from rootzone.studies.transect_input import Prepared
from rootzone.studies.transect_transfer_sites import Site, given_sites


def require_plan(
    study: TransectStudy, prepared: Prepared, selections: Collection[str], context: Context
) -> list[Site]:
    """Refuse searches and transfers that cannot be done, and return the sites of the study.

    Parameters
    ----------
    study, prepared : TransectStudy, Prepared
        The study and its input.
    selections : collection of str
        Names of the selections of sets.
    context : Context
        Where paths start, and where it is told what was read.

    Raises
    ------
    StudyError, DataError
        If a name is unknown, a library is missing, a budget is too small, a transfer wants
        another study, or one of its sites cannot be read.
    """
    _require_searches(study, prepared, selections)
    given = study.transfer
    if isinstance(given, TwinTransfer):
        if not isinstance(study.observations, TwinObservations):
            raise StudyError("transfer.method: twin wants observations.method: twin")
        if study.source.method != "synthetic" or study.source.preset != "rail_valley":
            raise StudyError("transfer.method: twin wants source.preset: rail_valley")
        for section in given.sites:
            if section not in prepared.places.sections:
                raise StudyError(
                    f"transfer.sites names '{section}', the sections of the line are "
                    f"{', '.join(prepared.places.sections)}"
                )
        return []
    names = [one.name for one in given or ()]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(
                f"transfer '{name}': two sites have this name, and results are told by name; give "
                "each its own"
            )
    for one in given or ():
        joint = () if len(selections) > 1 else prepared.places.sections
        known = list(dict.fromkeys((*selections, *joint)))
        if one.section not in known:
            raise StudyError(
                f"transfer '{one.name}': section is '{one.section}', there are sets of "
                f"{', '.join(known)}{nearest(one.section, known)}"
            )
    return given_sites(study, context)


def _require_searches(
    study: TransectStudy, prepared: Prepared, selections: Collection[str]
) -> None:
    if not study.search.beside:
        return
    name = study.search.beside_for
    if name is not None and name not in selections:
        raise StudyError(
            f"search.beside_for names '{name}', sets are searched for {', '.join(selections)}"
        )
    for settings in study.search.beside:
        wanted = {SceUa: "spotpy", Nuts: "numpyro"}.get(type(settings))
        if wanted is not None and importlib.util.find_spec(wanted) is None:
            raise StudyError(
                f"search.beside: {settings.method} wants the package '{wanted}': "
                "pip install 'rootzone[search]'"
            )
        try:
            _require_budget(settings, len(prepared.space))
        except StudyError as error:
            raise StudyError(f"search.beside, {settings.method}: {error}") from None
        for parameter in settings.parameters if isinstance(settings, Nuts) else ():
            if parameter not in prepared.space.names:
                raise StudyError(
                    f"search.beside: nuts.parameters names '{parameter}', which is not searched"
                    f"{nearest(parameter, prepared.space.names)}"
                )


def _require_budget(settings: OtherSearch, parameters: int) -> None:
    """Refuse a search that would end before it begins."""
    match settings:
        case Dds():
            first_of_chain(settings.budget, settings.chains)
        case SceUa():
            first_of_complexes(settings.budget, settings.complexes, parameters)
        case Gradient():
            steps_of_starts(settings.budget, settings.starts, settings.cost)
        case Smoother():
            require_members(settings.members, parameters)
        case Nuts():
            pass  # its length is given in draws
