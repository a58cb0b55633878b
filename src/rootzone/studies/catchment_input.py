"""What a catchment study starts from: domain, set-up, parameters, operators, observations."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from rootzone.config.catchment import CatchmentStudy, ChosenCell, Counts, ModelStudy
from rootzone.core import DataError, StudyError
from rootzone.data.cells import calendar_of, disaggregation_of, regionalization_of, weather_of
from rootzone.data.domain import Cases, Domain, SeriesStep, Setup
from rootzone.data.mhm import (
    MhmFolder,
    Observed,
    default_parameters,
    read_observed_counts,
    read_observed_saturation,
    read_restart,
)
from rootzone.neutrons.cell_counts import CosmicProfile, DesiletsSchroen2017
from rootzone.neutrons.cell_counts_mhm import CosmicMhm513, DesiletsMhm513
from rootzone.simulate.catchment import Catchment, processes_of_mhm
from rootzone.studies.catchment_domain import read_domain
from rootzone.studies.context import Context
from rootzone.studies.sites_input import Sites
from rootzone.water.cell import MHM_5_13, STANDARD, CellState, EveryStep, OnceADay
from rootzone.water.regionalization import GlobalParameter, ParameterTable

_COMPAT = {"mhm-5.13": MHM_5_13, "standard": STANDARD}
_OPERATORS = {
    "desilets_mhm": DesiletsMhm513,
    "cosmic_mhm": CosmicMhm513,
    "desilets_schroen_2017": DesiletsSchroen2017,
    "cosmic": CosmicProfile,
}


class Place(NamedTuple):
    """A cell with a name: where it stands among the active cells."""

    name: str
    cell: int


class Saturation(NamedTuple):
    """Observed degree of saturation of the upper horizons."""

    observed: Observed
    horizons: int
    step: SeriesStep


@dataclass
class Inputs:
    """Everything a run wants.

    Attributes
    ----------
    domain, setup : Domain, Setup
        Maps, weather, choices.
    catchment : Catchment
        The same, compiled.
    table : ParameterTable
        Global parameters.
    values : array (parameter)
        Their values.
    places : list of Place
        Cells whose series are kept.
    state : CellState or None
        States to begin with.
    counts, saturation : Observed, Saturation or None
        Observations.
    """

    domain: Domain
    setup: Setup
    catchment: Catchment
    table: ParameterTable
    values: np.ndarray
    places: list[Place]
    state: CellState | None
    counts: Observed | None
    saturation: Saturation | None


class Model(NamedTuple):
    """A domain made ready to run, with the global parameters of the study."""

    domain: Domain
    setup: Setup
    folder: MhmFolder | None
    catchment: Catchment
    table: ParameterTable
    values: np.ndarray
    sites: Sites | None = None


def read_model(study: ModelStudy, context: Context) -> Model:
    """Read domain and weather, and make the catchment of them."""
    context.progress("reading", 0.0)
    domain, setup, folder, sites = read_domain(study, context)
    table = _table(setup.cases, domain, folder)
    values = _values(study, table, context)
    context.progress("regionalizing", 0.05)
    compat = _COMPAT[study.compat]
    with jax.enable_x64(True):  # parameters in double precision whatever the run
        regionalization = regionalization_of(domain, setup, compat=compat)
    model, pet = processes_of_mhm(setup.cases.soil_moisture, setup.cases.pet)
    catchment = Catchment(
        regionalization,
        weather_of(domain, setup),
        calendar_of(domain, setup),
        disaggregation_of(domain, setup),
        model,
        pet,
        _counts(study.counts, setup, study.compat),
    )
    context.log.tell(
        f"{domain.name}: {domain.cells} cells of {domain.cellsize1:g} from "
        f"{int(domain.mask.sum())} of {domain.level0.cellsize:g}, {setup.horizons} horizons, "
        f"{setup.first_day} to {setup.last_day} after {setup.warming_days} days of warm-up"
    )
    return Model(domain, setup, folder, catchment, table, values, sites)


def read_inputs(study: CatchmentStudy, context: Context) -> Inputs:
    """Read and check everything that input can be wrong for."""
    domain, setup, folder, catchment, table, values, _ = read_model(study, context)
    return Inputs(
        domain,
        setup,
        catchment,
        table,
        values,
        _places(study.results.cells, domain),
        _state(study, folder, domain, setup, context),
        *_observations(folder, domain, setup, context),
    )


# --- parameters and operators -----------------------------------------------------------------


def _table(cases: Cases, domain: Domain, folder: MhmFolder | None) -> ParameterTable:
    """Return the parameters of the cases, with what the folder says of them."""
    table = default_parameters(cases, len(domain.geology_table.unit))
    if folder is None:
        return table
    known = {p.name: _row(p) for p in folder.parameters.parameters if p.name in table.names}
    return table.changed(known)


def _row(p: GlobalParameter) -> dict[str, Any]:
    return {
        "lower": p.lower,
        "upper": p.upper,
        "default": p.default,
        "calibrated": p.calibrated,
    }


def _values(study: ModelStudy, table: ParameterTable, context: Context) -> np.ndarray:
    """Return the values of the study: folder or defaults, then the table, then single values."""
    given = study.parameters
    chosen: dict[str, tuple[float, str]] = {}
    if given.table is not None:
        chosen |= _read_values(context.base / Path(given.table.path).expanduser(), table)
    for name, value in given.values.items():
        try:
            table[name]
        except StudyError as error:
            raise StudyError(f"parameters.values: {error}") from None
        chosen[name] = (value, "parameters.values")
    values = table.default.copy()
    for name, (value, where) in chosen.items():
        for sentence in table.outside({name: value}):
            if not given.beyond_bounds:
                accept = "parameters.beyond_bounds: true accepts it"
                raise StudyError(f"{where}: {sentence}; {accept}")
            context.log.warn(f"{where}: {sentence}")
        values[table.names.index(name)] = value
    return values


def _read_values(path: Path, table: ParameterTable) -> dict[str, tuple[float, str]]:
    """Return values by name, each with the file and line it stands in."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"name", "value"} <= set(reader.fieldnames or ()):
                raise DataError(f"{path}, line 1: the columns name and value are wanted")
            found: dict[str, tuple[float, str]] = {}
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                name = (row["name"] or "").strip()
                if name in found:
                    raise DataError(f"{where}: {name} stands in the table twice")
                try:
                    table[name]
                    found[name] = (float(row["value"]), where)
                except StudyError as error:
                    raise DataError(f"{where}: {error}") from None
                except (TypeError, ValueError):
                    raise DataError(
                        f"{where}: the value of {name} is {row['value']!r}, a number is wanted"
                    ) from None
                if not np.isfinite(found[name][0]):
                    raise DataError(f"{where}: the value of {name} is not finite")
            return found
    except (OSError, ValueError, csv.Error) as error:  # ValueError: no text, or no path
        raise DataError(f"{path}: cannot be read ({error})") from None


def _counts(counts: Counts, setup: Setup, compat: str) -> EveryStep | OnceADay | None:
    case = setup.cases.neutrons
    if case == 0:
        return None
    name = counts.operator
    own = ("desilets_mhm", "cosmic_mhm")
    if name == "as_folder":
        better = ("desilets_schroen_2017", "cosmic")
        name = (own if compat == "mhm-5.13" else better)[case - 1]
    if name in own and setup.horizons < 2:
        raise StudyError(
            f"counts.operator: {name} leaves out the lowest horizon, as mHM does: at least two are "
            f"wanted, or {'desilets_schroen_2017' if case == 1 else 'cosmic'}"
        )
    operator = _OPERATORS[name]()
    return EveryStep(operator) if counts.when == "every_step" else OnceADay(operator)


# --- cells, states, observations --------------------------------------------------------------


def _places(chosen: Sequence[ChosenCell], domain: Domain) -> list[Place]:
    """Return the positions of the cells chosen by row and column, or by coordinates."""
    grid, mask = domain.level1, domain.mask1
    number = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
    found = []
    for cell in chosen:
        if cell.row is not None and cell.column is not None:
            row, column = cell.row - 1, cell.column - 1
        else:
            assert cell.x is not None
            assert cell.y is not None
            row = int(np.floor((grid.north - cell.y) / grid.cellsize))
            column = int(np.floor((cell.x - grid.xll) / grid.cellsize))
        inside = 0 <= row < grid.nrows and 0 <= column < grid.ncols
        if not inside or not mask[row, column]:
            where = grid.cell_name(row, column) if inside else f"row {row + 1}, column {column + 1}"
            raise StudyError(f"results.cells: '{cell.name}' lies outside the catchment ({where})")
        found.append(Place(cell.name, int(number[row, column])))
    return found


def _state(
    study: CatchmentStudy,
    folder: MhmFolder | None,
    domain: Domain,
    setup: Setup,
    context: Context,
) -> CellState | None:
    path = None if folder is None else folder.paths.restart_in
    if study.restart is not None:
        path = context.base / Path(study.restart.path).expanduser()
    if path is None:
        return None
    found = read_restart(path)
    if found.mask.shape != domain.mask1.shape or not np.array_equal(found.mask, domain.mask1):
        raise DataError(f"{path}: its cells are not those of the domain")
    if found.state is None:
        raise DataError(f"{path}: holds no states, a restart file with states is wanted")
    horizons = np.shape(found.state.soil_moisture)[0]
    if horizons != setup.horizons:
        raise DataError(f"{path}: has {horizons} horizons, the run has {setup.horizons}")
    if found.day is not None and found.day != setup.start_day:
        context.log.warn(
            f"the states of {path} are of {found.day}, the run begins on {setup.start_day}"
        )
    context.log.tell(f"states from {path}; parameters are those of this study, not of that file")
    return found.state


def _observations(
    folder: MhmFolder | None, domain: Domain, setup: Setup, context: Context
) -> tuple[Observed | None, Saturation | None]:
    """Return observed counts and saturation where the folder has the files."""
    if folder is None:
        return None, None
    counts = saturation = None
    path = _file(folder.paths.neutrons, "neutrons.nc")
    if path is not None and setup.cases.neutrons:
        counts = read_observed_counts(path, domain, setup)
        context.log.tell(f"observed counts from {path}")
    path = _file(folder.paths.soil_moisture, "sm.nc")
    if path is not None:
        observed = read_observed_saturation(path, domain, setup, folder.sm_step)
        saturation = Saturation(observed, folder.sm_horizons, folder.sm_step)
        context.log.tell(f"observed degree of saturation from {path}")
    return counts, saturation


def read_folder_counts(model: Model, context: Context) -> Observed | None:
    """Return the observed counts of an mHM folder, where it has the file."""
    return _observations(model.folder, model.domain, model.setup, context)[0]


def _file(path: Path | None, name: str) -> Path | None:
    if path is None:
        return None
    path = path / name if path.suffix != ".nc" else path
    return path if path.is_file() else None
