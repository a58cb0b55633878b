"""Tables of the study `column`: soils, and points of a retention curve."""

from typing import Any

import numpy as np

from rootzone.config.column_soil import RetentionHydraulics, TableSoils
from rootzone.config.tables import ColumnSpec, FileTable
from rootzone.core import DataError, quantity
from rootzone.data import Column, Raw, column_values
from rootzone.data.tables import numbers, text_column
from rootzone.data.units import convert
from rootzone.neutrons import organic_water
from rootzone.studies.context import Context
from rootzone.studies.tables import read_text, tell_notes
from rootzone.water.retention import VanGenuchten
from rootzone.water.retention_fit import CM_PER_KPA, fit_van_genuchten
from rootzone.water.soil_classes import bulk_density


def _values(raw: Raw, table: FileTable, spec: ColumnSpec, name: str, where: str) -> np.ndarray:
    """Return a column in the unit of its quantity; every row must have a possible value."""
    column = Column(name, tuple(spec.column), spec.units, where)
    values = column_values(raw, column, decimal=table.decimal, hours=1.0, strict=True)
    gaps = np.flatnonzero(np.isnan(values))
    if gaps.size:
        raise DataError(
            f"{raw.name}: column '{spec.column[0]}' has no value in {raw.place(int(gaps[0]))} "
            f"({where})"
        )
    return values


# --- soils ------------------------------------------------------------------------------

_NAMES = {"bottom": "depth", "l": "pore_connectivity"}


def table_soils(soil: TableSoils, depth: float, context: Context) -> dict[str, Any]:
    """Return the soils of a table as arrays (horizon, member), see ``Soils``.

    Raises
    ------
    DataError, UnitError
        If a row is outside physics, or the layers of a soil do not fill the profile.
    """
    table, where = soil.table, "soil.table.columns"
    raw = read_text(table, context)
    found = {
        name: _values(raw, table, spec, _NAMES.get(name, name), f"{where}.{name}")
        for name, spec in table.columns.given().items()
    }
    rows = len(raw.frame)
    _check_physics(raw, found)
    if table.columns.name is None:
        names = [f"row {n + 1}" for n in range(rows)]
    else:
        text = text_column(raw, table.columns.name, where=f"{where}.name")
        names = text.fillna("").tolist()
    bottom = found.pop("bottom", np.full(rows, depth))
    soils: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        soils.setdefault(name, []).append(row)
    if table.columns.bottom is None and len(soils) < rows:
        twice = next(name for name, its in soils.items() if len(its) > 1)
        raise DataError(
            f"{raw.name}: soil '{twice}' has several rows but there is no column for the lower end "
            f"of its layers ({where}.bottom)"
        )
    for name, its in soils.items():
        _check_layers(raw, name, bottom[its], depth)
    most = max(len(its) for its in soils.values())
    place = np.array([[its[min(n, len(its) - 1)] for its in soils.values()] for n in range(most)])
    found.setdefault("l", np.full(rows, 0.5))
    carbon = found.pop("soil_organic_carbon", np.zeros(rows))
    density = found.pop("bulk_density", None)
    if density is None:
        density = np.asarray(bulk_density(found["theta_s"]), float)
    lattice = found.pop("lattice_water", None)
    if lattice is None:
        lattice = np.zeros(rows)
        context.log.warn(f"{raw.name}: no lattice water, taken as 0: counts come out too high")
    found["air_entry"] = np.zeros(rows)
    tell_notes(raw, context)
    context.log.tell(f"{raw.name}: {len(soils)} soils in {rows} rows")
    return {
        "bottom": bottom[place],
        "parameters": {name: values[place] for name, values in found.items()},
        "bulk_density": density[place],
        "lattice_water": lattice[place],
        "organic_water": np.asarray(organic_water(carbon, convention=soil.convention()), float)[
            place
        ],
        "names": list(soils),
    }


def _check_physics(raw: Raw, found: dict[str, np.ndarray]) -> None:
    """Refuse parameters that are no soil."""
    rules = (
        (
            found["theta_r"] >= found["theta_s"],
            lambda r: (
                f"theta_r is {found['theta_r'][r]:g}, wanted below theta_s "
                f"({found['theta_s'][r]:g})"
            ),
        ),
        (found["n"] <= 1.0, lambda r: f"n is {found['n'][r]:g}, wanted above 1"),
        (found["K_s"] <= 0.0, lambda r: f"K_s is {found['K_s'][r]:g} cm d-1, wanted above 0"),
    )
    for bad, sentence in rules:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            more = f" (and {int(bad.sum()) - 1} more rows)" if bad.sum() > 1 else ""
            raise DataError(f"{raw.name}, {raw.place(row)}: {sentence(row)}{more}")


def _check_layers(raw: Raw, name: str, bottom: np.ndarray, depth: float) -> None:
    """Refuse layers that do not increase or do not end at the bottom of the profile."""
    if np.any(np.diff(bottom) <= 0):
        raise DataError(
            f"{raw.name}: the layers of soil '{name}' end at {', '.join(f'{b:g}' for b in bottom)} "
            "cm, wanted each below the one before"
        )
    if abs(bottom[-1] - depth) > 1e-6:
        raise DataError(
            f"{raw.name}: the layers of soil '{name}' end at {bottom[-1]:g} cm, the profile "
            f"(grid.depth) at {depth:g} cm: the layers must fill it"
        )


# --- retention --------------------------------------------------------------------------


def fitted_retention(
    given: RetentionHydraulics, air_entry: float, context: Context, where: str
) -> VanGenuchten:
    """Return the curve through measured retention, and tell how well it fits.

    Raises
    ------
    DataError, UnitError
        If the table cannot be used, or the points are no retention curve.
    """
    table, columns = given.table, given.table.columns
    at = f"{where}.table.columns"
    raw = read_text(table, context)
    theta = _values(raw, table, columns.theta, "soil_moisture", f"{at}.theta")
    if columns.head is not None:
        head = _values(raw, table, columns.head, "pressure_head", f"{at}.head")
    else:
        assert columns.suction is not None
        head = -_suction(raw, table, columns.suction, f"{at}.suction")
    fit = fit_van_genuchten(
        head,
        theta,
        theta_r=given.theta_r,
        theta_s=given.theta_s,
        air_entry=air_entry,
        K_s=given.K_s,
    )
    tell_notes(raw, context)
    found = ", ".join(
        f"{name} {value:.4g} ± {fit.standard_error[name]:.2g}"
        for name, value in fit.estimate.items()
    )
    context.log.tell(
        f"{raw.name}: van Genuchten through {fit.points} points, rmse {fit.rmse:.4f} m3 m-3: "
        f"{found}"
    )
    if fit.at_bound:
        context.log.warn(
            f"{raw.name}: the points do not determine {', '.join(fit.at_bound)} (at the bound of "
            "the search)"
        )
    return fit.closure


_KPA = {"kpa": 1.0, "hpa": 0.1, "mbar": 0.1, "pa": 1e-3, "bar": 100.0, "mpa": 1000.0}


def _suction(raw: Raw, table: FileTable, spec: ColumnSpec, where: str) -> np.ndarray:
    """Return suctions [cm] from a length or a pressure."""
    values = numbers(raw, spec.column[0], decimal=table.decimal, where=where)
    label = f"{raw.name}, column '{spec.column[0]}' ({where}.units)"
    unit = spec.units.strip().lower()
    if unit in _KPA:
        values = values * _KPA[unit] * CM_PER_KPA
    else:
        values = -convert(-values, spec.units, quantity("pressure_head"), label)
    if np.isnan(values).any():
        raise DataError(f"{raw.name}: column '{spec.column[0]}' has gaps ({where})")
    if np.any(values < 0):
        raise DataError(
            f"{raw.name}: column '{spec.column[0]}' is negative, a suction is wanted: name it head"
        )
    return values
