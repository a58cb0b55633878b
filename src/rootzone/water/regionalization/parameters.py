"""Global parameters: the coefficients of the transfer functions, declared once.

Names, order and bounds are those of mHM's parameter namelist, so that a vector of values means
the same here and there. A process that a run does not choose brings no parameters.
:class:`ParameterTable` holds those of a run, :class:`Calibration` says which of them are searched.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.errors import StudyError, nearest
from rootzone.water.regionalization.declarations import (
    GEOLOGY_GROUP,
    GLOBAL_PARAMETERS,
    GlobalParameter,
    geology_parameters,
)

GEOLOGY = "GeoParam"
"""Name under which the coefficients of all geological units come as one array."""

Coefficients = Mapping[str, jax.Array]
"""Values of the global parameters by name; ``GeoParam`` has the axis ``unit`` at its end."""


@dataclass(frozen=True)
class ParameterTable:
    """The global parameters of a choice of processes, in the order of mHM's parameter vector.

    Attributes
    ----------
    parameters : tuple of GlobalParameter
        In the order of the vector.

    Examples
    --------
    >>> table = ParameterTable.of_groups(["snow1", "PET0"], geology_units=2)
    >>> len(table), table.names[0]
    (13, 'snowTreshholdTemperature')
    >>> c = table.coefficients(table.default)
    >>> float(c["aspectTresholdPET"]), c["GeoParam"].shape
    (180.0, (2,))
    """

    parameters: tuple[GlobalParameter, ...]

    @classmethod
    def of_groups(cls, groups: Iterable[str], geology_units: int) -> Self:
        """Return the parameters of these namelists and of the geological units.

        Parameters
        ----------
        groups : iterable of str
            Names of namelists, e.g. ``Processes.of_mhm(...).groups``; any order.
        geology_units : int
            Number of geological units.

        Raises
        ------
        StudyError
            If there is no such namelist.
        """
        wanted = list(groups)
        for group in wanted:
            if group not in GLOBAL_PARAMETERS:
                raise StudyError(
                    f"there is no parameter group '{group}'{nearest(group, GLOBAL_PARAMETERS)}"
                )
        chosen: list[GlobalParameter] = []
        for group, parameters in GLOBAL_PARAMETERS.items():
            if group == GEOLOGY_GROUP:
                chosen += geology_parameters(geology_units)
            elif group in wanted:
                chosen += parameters
        return cls(tuple(chosen))

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self.parameters)

    def __getitem__(self, name: str) -> GlobalParameter:
        """Return the parameter of that name.

        Raises
        ------
        StudyError
            If the chosen processes have no such parameter.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise StudyError(
            f"the chosen processes have no parameter '{name}'{nearest(name, self.names)}"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names."""
        return tuple(p.name for p in self.parameters)

    @property
    def lower(self) -> np.ndarray:
        """Return the lower bounds."""
        return np.array([p.lower for p in self.parameters])

    @property
    def upper(self) -> np.ndarray:
        """Return the upper bounds."""
        return np.array([p.upper for p in self.parameters])

    @property
    def default(self) -> np.ndarray:
        """Return the defaults."""
        return np.array([p.default for p in self.parameters])

    def changed(self, values: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return a table with other bounds, defaults or flags: ``{name: {"upper": 4.0}}``."""
        new = {name: replace(self[name], **what) for name, what in values.items()}
        return replace(self, parameters=tuple(new.get(p.name, p) for p in self.parameters))

    def coefficients(self, values: ArrayLike) -> dict[str, jax.Array]:
        """Return values (..., parameter) by name, each (...); GeoParam (..., unit).

        Raises
        ------
        ValueError
            If the number of values differs from that of the parameters.
        """
        values = jnp.asarray(values, dtype=float) if np.ndim(values) else jnp.zeros(0)
        if values.shape[-1] != len(self):
            raise ValueError(
                f"{values.shape[-1]} values for {len(self)} global parameters: order and number "
                "are those of the table"
            )
        units = [i for i, p in enumerate(self.parameters) if p.group == GEOLOGY_GROUP]
        named = {
            p.name: values[..., i]
            for i, p in enumerate(self.parameters)
            if p.group != GEOLOGY_GROUP
        }
        if units:
            named[GEOLOGY] = values[..., units[0] : units[-1] + 1]
        return named

    def outside(self, values: Mapping[str, float]) -> list[str]:
        """Return a sentence for each value outside its bounds."""
        return [
            f"{name} = {value:g} lies outside its bounds {p.lower:g} to {p.upper:g} {p.unit}"
            for name, value in values.items()
            for p in [self[name]]
            if not p.lower <= value <= p.upper
        ]


@dataclass(frozen=True)
class Calibration:
    """Which global parameters are searched; the others stay at a fixed value.

    Attributes
    ----------
    table : ParameterTable
        All parameters of the run.
    free : tuple of str
        Names of the searched ones, in the order of the table.
    fixed : mapping of str to float
        Values of others that differ from the defaults.

    Raises
    ------
    StudyError
        If a name is unknown, or searched and fixed at once.
    """

    table: ParameterTable
    free: tuple[str, ...]
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the names."""
        for name in (*self.free, *self.fixed):
            self.table[name]
        both = [name for name in self.free if name in self.fixed]
        if both:
            raise StudyError(f"parameter '{both[0]}' is searched and fixed at once: choose one")
        in_order = tuple(name for name in self.table.names if name in self.free)
        object.__setattr__(self, "free", in_order)

    @property
    def lower(self) -> np.ndarray:
        """Return the lower bounds of the searched parameters."""
        return np.array([self.table[name].lower for name in self.free])

    @property
    def upper(self) -> np.ndarray:
        """Return the upper bounds of the searched parameters."""
        return np.array([self.table[name].upper for name in self.free])

    @property
    def start(self) -> np.ndarray:
        """Return the values of all parameters where nothing is searched (parameter)."""
        start = self.table.default.copy()
        for name, value in self.fixed.items():
            start[self.table.names.index(name)] = value
        return start

    @property
    def where(self) -> np.ndarray:
        """Return the places of the searched parameters among all."""
        return np.array([self.table.names.index(name) for name in self.free], dtype=int)

    def all_values(self, values: ArrayLike) -> Any:
        """Return the values of all parameters (..., parameter) from the searched (..., searched).

        Arrays of JAX stay such, traceable; everything else becomes a numpy array.

        Raises
        ------
        ValueError
            If the number of values differs from that of the searched parameters.
        """
        if isinstance(values, jax.Array):
            self._require(values.shape[-1])
            start = jnp.asarray(self.start, values.dtype)
            full = jnp.broadcast_to(start, (*values.shape[:-1], len(self.table)))
            return full.at[..., self.where].set(values)
        values = np.asarray(values, dtype=float)
        self._require(values.shape[-1])
        full = np.broadcast_to(self.start, (*values.shape[:-1], len(self.table))).copy()
        full[..., self.where] = values
        return full

    def coefficients(self, values: ArrayLike) -> dict[str, jax.Array]:
        """Return all coefficients by name from values (..., searched)."""
        return self.table.coefficients(self.all_values(jnp.asarray(values, dtype=float)))

    def _require(self, number: int) -> None:
        if number != len(self.free):
            raise ValueError(f"{number} values for {len(self.free)} searched parameters")


# --- the 27 parameters of the railway study -----------------------------------------------

_SNOW = "snow1"
_SLOPE = "PTF_Ks_curveSlope"
_N0 = "Desilets_N0"
_LATTICE = ("Desilets_LW0", "Desilets_LW1")
RAILWAY_N0 = 22888.0
"""Count rate over dry soil of the railway detector [h-1]."""


def railway_27(table: ParameterTable) -> Calibration:
    """Return the 27 parameters of snow, soil moisture and neutrons with N0 among them.

    Eight of snow, sixteen of soil moisture (without the fixed slope of the conductivity), N0 and
    the two of lattice water.

    Parameters
    ----------
    table : ParameterTable
        Of soil-moisture case 1 and Desilets counts.

    Raises
    ------
    StudyError
        If the processes of the table do not give 27 parameters.
    """
    soil = [p.name for p in table.parameters if p.group.startswith("soilmoisture")]
    soil = [name for name in soil if name != _SLOPE]
    return _of_27(table, (*_snow(table), *soil, _N0, *_LATTICE), {})


def railway_27_with_fixed_N0(table: ParameterTable, N0: float = RAILWAY_N0) -> Calibration:
    """Return the 27 parameters with N0 fixed and the slope of the conductivity among them.

    The declared bounds of the slope are equal (60.96, the conversion of units), so that a sampler
    leaves it where it is unless the table is :meth:`ParameterTable.changed`.

    Parameters
    ----------
    table : ParameterTable
        Of soil-moisture case 1 and Desilets counts.
    N0 : float
        Count rate over dry soil [h-1].

    Raises
    ------
    StudyError
        If the processes of the table do not give 27 parameters.
    """
    soil = [p.name for p in table.parameters if p.group.startswith("soilmoisture")]
    return _of_27(table, (*_snow(table), *soil, *_LATTICE), {_N0: N0})


def _snow(table: ParameterTable) -> list[str]:
    return [p.name for p in table.parameters if p.group == _SNOW]


def _of_27(table: ParameterTable, free: tuple[str, ...], fixed: Mapping[str, float]) -> Calibration:
    if len(free) != 27:
        raise StudyError(
            f"these processes give {len(free)} parameters of snow, soil moisture and neutrons: "
            "soil-moisture case 1 and Desilets counts give 27"
        )
    return Calibration(table, free, fixed)
