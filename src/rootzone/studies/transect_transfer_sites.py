"""Sites that a study names to take its sets to: their domain, cell and observed soil water.

They are read before anything is run, so that nobody waits hours for a wrong path.
"""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rootzone.config.transect import TransectStudy, TransferSite
from rootzone.config.transect_twin import TwinTransfer
from rootzone.core import DataError, RootzoneError, StudyError
from rootzone.data import Raw
from rootzone.data.cells import cell_of
from rootzone.simulate.catchment_columns import Catchment
from rootzone.studies.catchment_input import Model, read_model
from rootzone.studies.context import Context
from rootzone.studies.transect_files import column_names, plain_numbers, read_plain, texts
from rootzone.studies.transect_input import share_between, share_of_horizons
from rootzone.water.regionalization import ParameterTable, ProfileDatabase


@dataclass
class Site:
    """A cell elsewhere, and what is known of its water.

    Attributes
    ----------
    name, section : str
        The site, and whose sets are taken to it.
    catchment : Catchment
        Its cell alone.
    table : ParameterTable
        Global parameters of its domain.
    values : array (parameter)
        Their values.
    days : DatetimeIndex
        Evaluated days.
    warming_days : int
        Days before them.
    reference : array (day, depth) or None
        Observed or true soil water, NaN where there is none [m3 m-3].
    shares : array (depth, horizon)
        Shares of the horizons in each depth interval.
    depths : tuple of str
        Names of the intervals.
    """

    name: str
    section: str
    catchment: Catchment
    table: ParameterTable
    values: np.ndarray
    days: pd.DatetimeIndex
    warming_days: int
    reference: np.ndarray | None
    shares: np.ndarray
    depths: tuple[str, ...]

    @classmethod
    def of_cell(
        cls,
        model: Model,
        cell: int,
        *,
        name: str,
        section: str,
        reference: np.ndarray | None,
        shares: np.ndarray,
        depths: tuple[str, ...],
    ) -> "Site":
        """Return the site of one cell; the rest of its domain is not kept."""
        return cls(
            name,
            section,
            model.catchment.of_cells(np.array([cell])),
            model.table,
            model.values,
            days_of(model),
            model.setup.warming_days,
            reference,
            shares,
            depths,
        )


def given_sites(study: TransectStudy, context: Context) -> list[Site]:
    """Read the sites that the study names: none where it names none, or twins.

    Raises
    ------
    RootzoneError
        With the name of the site and one sentence.
    """
    if study.transfer is None or isinstance(study.transfer, TwinTransfer):
        return []
    # reading a domain says that it is at the start, which the run no longer is
    quiet = replace(context, progress=lambda stage, share: None)
    found = []
    for one in study.transfer:
        try:
            found.append(_given_site(study, one, quiet))
        except RootzoneError as error:
            raise type(error)(f"transfer '{one.name}': {error}") from None
    return found


def _given_site(study: TransectStudy, one: TransferSite, context: Context) -> Site:
    other = study.model_copy(update={"source": one.source, "period": one.period})
    model = read_model(other, context)
    cell = _cell(one, model)
    shares, depths = depths_of(model, study.evaluation.depth)
    reference = None
    if one.water is not None:
        path = context.base / Path(one.water.path).expanduser()
        water, top, bottom = _read_water(path, days_of(model), context)
        days = int(np.isfinite(water).sum())
        if days < 2:
            raise DataError(
                f"{path}: holds values of {days} of the evaluated days, two or more are wanted to "
                "score them; give more, or leave it out"
            )
        edges = soil_edges(model, cell)
        interval = f"{top:g}-{bottom:g} cm"
        if top >= edges[-1]:
            raise DataError(
                f"{path}: the water of {interval} lies below the soil of the model, which ends at "
                f"{edges[-1]:g} cm; give water of less depth, or leave it out"
            )
        if bottom > edges[-1]:
            context.log.warn(
                f"transfer '{one.name}': the water of {interval} is compared with that of "
                f"{top:g}-{edges[-1]:g} cm, where the soil of the model ends"
            )
        shares = np.vstack([shares, share_between(edges, top, bottom)])
        depths = (*depths, f"observed {interval}")
        reference = np.full((len(water), len(depths)), np.nan)
        reference[:, -1] = water
    return Site.of_cell(
        model,
        cell,
        name=one.name,
        section=one.section,
        reference=reference,
        shares=shares,
        depths=depths,
    )


def days_of(model: Model) -> pd.DatetimeIndex:
    """Return the evaluated days."""
    return pd.date_range(model.setup.first_day, model.setup.last_day, freq="D")


def _cell(one: TransferSite, model: Model) -> int:
    domain = model.domain
    if one.x is None or one.y is None:
        if domain.cells > 1:
            raise StudyError(
                f"{domain.name} has {domain.cells} cells: give x and y, they say which is meant"
            )
        return 0
    grid, mask = domain.level1, domain.mask1
    row = int(np.floor((grid.north - one.y) / grid.cellsize))
    column = int(np.floor((one.x - grid.xll) / grid.cellsize))
    inside = 0 <= row < grid.nrows and 0 <= column < grid.ncols
    if not inside or not mask[row, column]:
        raise StudyError(
            f"x = {one.x:g}, y = {one.y:g} lies outside {domain.name}; give a position within "
            "one of its cells, in the coordinates of its grid"
        )
    return int(np.cumsum(mask.ravel())[row * grid.ncols + column]) - 1


# --- depths ---------------------------------------------------------------------------------


def soil_edges(model: Model, cell: int) -> np.ndarray:
    """Return the edges (horizon + 1) of the horizons of a cell down to its deepest soil [cm]."""
    domain, edges = model.domain, [0.0, *model.setup.horizon_depths]
    if isinstance(domain.soils, ProfileDatabase):  # the last horizon reaches to the end of a soil
        here = domain.soil[0][domain.mask][cell_of(domain) == cell]
        edges.append(float(np.max(domain.soils.lower[np.isin(domain.soils.soil, here)])))
    return np.array(edges) / 10.0


def depths_of(model: Model, depth: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return shares (interval, horizon) of each horizon down to a depth, and of their mean."""
    edges = [0.0, *model.setup.horizon_depths]
    rows, names = [], []
    for n, (top, bottom) in enumerate(itertools.pairwise(edges)):
        if top < 10.0 * depth:
            rows.append(np.eye(model.setup.horizons)[n])
            names.append(f"{top / 10:g}-{bottom / 10:g} cm")
    mean = share_of_horizons(model, depth)
    return np.array([*rows, mean]), (*names, f"mean 0-{depth:g} cm")


# --- observed water -------------------------------------------------------------------------


def _read_water(
    path: Path, days: pd.DatetimeIndex, context: Context
) -> tuple[np.ndarray, float, float]:
    """Return observed water (day) of a table, and its upper and lower depth [cm]."""
    raw = read_plain(path, context)
    names = column_names(raw)
    if not {"date", "theta"} <= set(names):
        raise DataError(f"{path}, line {raw.header_line}: the columns date and theta are wanted")
    theta = plain_numbers(raw, "theta", gaps=True)
    wrong = np.flatnonzero((theta < 0) | (theta > 1))
    if len(wrong):
        raise DataError(
            f"{path}, {raw.place(int(wrong[0]))}: theta is {theta[wrong[0]]:g}, m3 m-3 are wanted"
        )
    water = pd.Series(np.nan, days)
    seen = set()
    for row, text in enumerate(texts(raw, "date")):
        day = _day(text)
        if day is None:
            raise DataError(f"{path}, {raw.place(row)}: date is {text!r}, a date is wanted")
        if day in seen:
            raise DataError(f"{path}, {raw.place(row)}: {text} stands twice")
        seen.add(day)
        if day in water.index:
            water[day] = theta[row]
    if not np.isfinite(water).any():
        raise DataError(f"{path}: holds no value within {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")
    top, bottom = (_depth(raw, name, default) for name, default in (("top", 0.0), ("bottom", 60.0)))
    if bottom <= top:
        raise DataError(f"{path}: bottom is {bottom:g} cm, not below top of {top:g} cm")
    return water.to_numpy(), top, bottom


def _day(text: str) -> pd.Timestamp | None:
    """Return the day of a text, None if it is none or has a time of day."""
    try:
        day = pd.Timestamp(text)
    except ValueError:
        return None
    if not isinstance(day, pd.Timestamp) or day.tzinfo or day != day.normalize():
        return None  # NaT is no time stamp
    return day


def _depth(raw: Raw, name: str, default: float) -> float:
    """Return the one depth [cm] that a column holds."""
    if name not in raw.names:
        return default
    values = plain_numbers(raw, name, gaps=True)
    found = np.unique(values[np.isfinite(values)])
    if len(found) > 1:
        raise DataError(
            f"{raw.files[0]}: {name} is {found[0]:g} and {found[1]:g} cm, one interval is wanted"
        )
    return float(found[0]) if len(found) else default
