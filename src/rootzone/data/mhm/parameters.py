"""mhm_parameter.nml: the global parameters of a run, read with their bounds, and written."""

from pathlib import Path

from rootzone.core import DataError
from rootzone.data.domain import Cases
from rootzone.data.mhm.namelist import Group, Namelist, read_namelist
from rootzone.water.regionalization.declarations import (
    GEOLOGY_GROUP,
    GLOBAL_PARAMETERS,
    GlobalParameter,
    geology_parameters,
)
from rootzone.water.regionalization.parameters import ParameterTable

_PET = {-1: "PETminus1", 0: "PET0", 1: "PET1", 2: "PET2", 3: "PET3"}
_COLUMNS = "lower, upper, value, flag, scaling"


def parameter_groups(cases: Cases) -> list[str]:
    """Return the groups of mhm_parameter.nml that process cases use, without the geology.

    Examples
    --------
    >>> parameter_groups(Cases(soil_moisture=2, pet=-1, neutrons=0))[2]
    'soilmoisture2'
    """
    groups = ["interception1", "snow1", f"soilmoisture{cases.soil_moisture}", "directRunoff1"]
    groups += [_PET[cases.pet], "interflow1", "percolation1"]
    return groups + ([f"neutrons{cases.neutrons}"] if cases.neutrons else [])


def default_parameters(cases: Cases, geology_units: int) -> ParameterTable:
    """Return the parameters of process cases with the values and bounds of mHM."""
    return ParameterTable.of_groups(parameter_groups(cases), geology_units)


def read_parameters(path: Path, cases: Cases, geology_units: int) -> ParameterTable:
    """Read the parameters that the process cases use.

    Parameters
    ----------
    path : Path
        The file mhm_parameter.nml.
    cases : Cases
        Process cases; groups of other cases are not looked at.
    geology_units : int
        Number of units in the geology table.

    Returns
    -------
    ParameterTable
        Bounds, values (as ``default``) and flags of the file.

    Raises
    ------
    DataError
        For missing, unknown or ill-formed parameters, and values outside their bounds: file,
        line, name.
    """
    nml = read_namelist(path)
    table = default_parameters(cases, geology_units)
    _require_groups(nml, cases)
    geology = nml[GEOLOGY_GROUP]
    listed = {key[2][0] for key in geology.values}
    if max(listed, default=0) > geology_units:
        raise DataError(
            f"{geology.where('GeoParam')}: GeoParam({max(listed)},:) has no unit: "
            f"geology_classdefinition.txt lists {geology_units}"
        )
    changed = {}
    for i, parameter in enumerate(table.parameters):
        if parameter.group == GEOLOGY_GROUP:
            unit = int(parameter.name.removeprefix("GeoParam(").rstrip(")"))
            row = _row(geology, "GeoParam", (unit,))
        else:
            row = _row(nml[parameter.group], parameter.name, ())
        lower, upper, value, flag = row
        changed[table.names[i]] = {
            "lower": lower,
            "upper": upper,
            "default": value,
            "calibrated": flag,
        }
    return table.changed(changed)


def _require_groups(nml: Namelist, cases: Cases) -> None:
    for name in parameter_groups(cases):
        nml[name].require_known(tuple(p.name for p in GLOBAL_PARAMETERS[name]))
    nml[GEOLOGY_GROUP].require_known(("GeoParam",))


def _row(group: Group, name: str, before: tuple[int, ...]) -> tuple[float, float, float, bool]:
    """Return lower and upper bound, value and flag of a line."""
    found = [group.find(name, (*before, i)) for i in range(1, 6)]
    shown = f"{name}({before[0]},:)" if before else name
    first = found[0]
    if first is None:
        raise DataError(f"{group.path}, line {group.line}: &{group.name}: {shown} is not given")
    where = f"{group.path}, line {first.line}: {shown}"
    if None in found:
        given = sum(v is not None for v in found)
        raise DataError(f"{where}: five values are wanted ({_COLUMNS}), {given} given")
    lower, upper, value = (group.real(name, (*before, i)) for i in (1, 2, 3))
    flag = group.real(name, (*before, 4))
    if flag not in (0, 1):
        raise DataError(f"{where}: the flag (fourth value) is {flag:g}, 0 or 1 is wanted")
    if not lower <= upper:
        raise DataError(f"{where}: the lower bound {lower:g} lies above the upper one {upper:g}")
    if not lower <= value <= upper:
        raise DataError(
            f"{where}: the value {value:g} lies outside its bounds {lower:g} to {upper:g}"
        )
    return lower, upper, value, flag == 1


def parameter_groups_text(table: ParameterTable, geology_units: int) -> list[tuple[str, dict]]:
    """Return all groups of mhm_parameter.nml with the rows to write.

    Groups that the table does not have keep the values of mHM.
    """
    own = {(p.group, p.name): p for p in table.parameters}
    rows = []
    for group, parameters in GLOBAL_PARAMETERS.items():
        if group == GEOLOGY_GROUP:
            parameters = geology_parameters(geology_units)
        chosen = [own.get((group, p.name), p) for p in parameters]
        rows.append((group, {_written(p): _values(p) for p in chosen}))
    return rows


def _written(parameter: GlobalParameter) -> str:
    if parameter.group != GEOLOGY_GROUP:
        return parameter.name
    return parameter.name.replace(")", ",:)")


def _values(p: GlobalParameter) -> tuple[float | int, ...]:
    return float(p.lower), float(p.upper), float(p.default), int(p.calibrated), 1
