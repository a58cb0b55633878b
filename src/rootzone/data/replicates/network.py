"""Networks of replicate sensors as a dataset: its parts, and the contract that all readers keep.

Dimensions ``place``, ``depth`` [cm], ``replicate`` and ``time`` (UTC, start of the interval,
regular). Every variable says by its attribute ``role`` what it is: ``target`` (soil_moisture),
``input`` (place, time), ``attribute`` (numbers of a place, or of its depths), ``class`` (words of a
place), ``reference`` (place, depth, time), and ``truth`` of a twin.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core import QUANTITIES, DataError, nearest
from rootzone.data.grid import Series

SENSOR_DIMS = ("place", "depth", "replicate", "time")
ROLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "target": (SENSOR_DIMS,),
    "input": (("place", "time"),),
    "attribute": (("place",), ("place", "depth")),
    "class": (("place",),),
    "reference": (("place", "depth", "time"),),
    "truth": (("place", "depth", "column", "time"),),
}
"""What a variable of a role may be of."""
UNKNOWN = "unknown"
"""The word of a place whose class is not given."""
NO_GROUP = "all"
"""The group of places where groups are not given."""
_MOST = 4e9
"""Largest array of readings [bytes]."""


@dataclass
class InputSeries(Series):
    """A series that drives the water, with what its gaps mean.

    Attributes
    ----------
    units : str
        Unit of the values.
    amount : bool
        An amount of an interval (added up), otherwise a state or a rate (averaged).
    gaps : str
        ``missing``, ``zero`` or ``interpolate``.
    longest_hours : float
        Longest gap that is interpolated [h].
    """

    units: str = ""
    amount: bool = False
    gaps: str = "missing"
    longest_hours: float = 0.0


@dataclass
class Exclusion:
    """Readings that are known to be wrong; None or empty: all."""

    reason: str
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    depths: tuple[float, ...] = ()
    replicates: tuple[str, ...] = ()


@dataclass
class PlaceRecord:
    """All that is known of a place.

    Attributes
    ----------
    sensors : list of Series
        Readings [m3 m-3] with their depth [cm] and replicate (``label``).
    inputs : list of InputSeries
        Measured at the place.
    constants : dict
        Inputs that never change, in the unit of the other places.
    attributes : dict
        Numbers, or numbers by depth [cm].
    """

    name: str
    group: str = NO_GROUP
    latitude: float = np.nan
    longitude: float = np.nan
    elevation: float = np.nan
    attributes: dict[str, float | dict[float, float]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    sensors: list[Series] = field(default_factory=list)
    inputs: list[InputSeries] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    exclude: list[Exclusion] = field(default_factory=list)


# --- the contract -----------------------------------------------------------------------


def check_network(
    ds: xr.Dataset,
    *,
    source: str = "network",
    replicates: str = "several",
    inputs: Sequence[str] = (),
) -> xr.Dataset:
    """Return the dataset in the types of the contract, or say what breaks it.

    Parameters
    ----------
    ds : Dataset
        The network.
    source : str
        Where it comes from, for messages.
    replicates : {'several', 'any'}
        Whether one sensor of a place and depth is an error.
    inputs : sequence of str
        Inputs that are asked for.

    Raises
    ------
    DataError
        With one sentence.
    """
    try:
        sensors = ds["soil_moisture"]
    except KeyError:
        raise DataError(
            f"{source}: no variable soil_moisture, it is no network of sensors"
            f"{nearest('soil_moisture', map(str, ds.variables))}"
        ) from None
    if set(sensors.dims) != set(SENSOR_DIMS):
        raise DataError(
            f"{source}: soil_moisture is of {', '.join(map(str, sensors.dims))}, wanted "
            f"{', '.join(SENSOR_DIMS)}"
        )
    if min(sensors.shape) == 0:
        raise DataError(f"{source}: soil_moisture is empty")
    ds = _coordinates(ds, source)
    _regular(ds, source)
    ds = _roles(ds, source)
    values = ds["soil_moisture"].to_numpy()
    check_range(values, source)
    check_replicates(values, ds, replicates, source)
    _joined(ds, source)
    require_inputs(ds, inputs, source)
    return ds


def check_depths(depths: Iterable[float], where: str) -> None:
    """Refuse depths that must be meters: no sensor lies within the first centimeter.

    Raises
    ------
    DataError
        If a depth is below 1 cm.
    """
    depths = sorted(set(depths))
    if depths and depths[0] < 1.0:
        shown, meant = (", ".join(f"{f * d:g}" for d in depths) for f in (1.0, 100.0))
        raise DataError(f"{where}: depths are {shown} cm, these look like meters: wanted {meant}")


def _coordinates(ds: xr.Dataset, source: str) -> xr.Dataset:
    absent = [c for c in (*SENSOR_DIMS, "group", "latitude", "longitude") if c not in ds.variables]
    if absent:
        raise DataError(f"{source}: no coordinate {absent[0]}")
    of = {"depth": "depth", "replicate": "replicate"}
    for name in ("place", "replicate", "group", "depth", "latitude", "longitude"):
        wanted = (of.get(name, "place"),)
        if ds[name].dims != wanted:
            shown = ", ".join(map(str, ds[name].dims)) or "nothing"
            raise DataError(f"{source}: {name} is of {shown}, wanted {wanted[0]}")
        if name in ("depth", "latitude", "longitude") and ds[name].dtype.kind not in "fiu":
            raise DataError(f"{source}: {name} holds no numbers")
    words = {n: [str(v) for v in ds[n].values] for n in ("place", "replicate", "group")}
    for name in ("place", "replicate"):
        twice = next((w for w in words[name] if words[name].count(w) > 1), None)
        if twice is not None:
            raise DataError(f"{source}: {name} '{twice}' stands twice")
    groups = sorted(set(words["group"]) - {NO_GROUP})
    if groups and NO_GROUP in words["group"]:
        lone = words["place"][words["group"].index(NO_GROUP)]
        raise DataError(
            f"{source}: {lone} is of no group, another place is of '{groups[0]}': wanted a group "
            f"for every place, of another name than '{NO_GROUP}'"
        )
    depth = np.asarray(ds["depth"].values, dtype=float)
    check_depths(depth.tolist(), source)
    if not np.all(np.diff(depth) > 0) or not np.isfinite(depth).all():
        raise DataError(f"{source}: depths are {depth.tolist()} cm, wanted from the top down")
    known = {n: ds[n].attrs for n in (*words, "depth", "latitude", "longitude")}
    ds = ds.assign_coords(
        place=("place", np.array(words["place"], dtype=object), known["place"]),
        replicate=("replicate", np.array(words["replicate"], dtype=object), known["replicate"]),
        group=("place", np.array(words["group"], dtype=object), known["group"]),
        depth=("depth", depth, {"units": "cm", "positive": "down"} | known["depth"]),
    )
    for name in ("latitude", "longitude"):
        values, most = np.asarray(ds[name].values, dtype=float), 90 if name == "latitude" else 360
        if np.any(np.abs(values) > most):
            worst = int(np.nanargmax(np.abs(values)))
            raise DataError(
                f"{source}: {name} of {words['place'][worst]} is {values[worst]:g}, wanted "
                f"{-most} to {most} degrees"
            )
        ds = ds.assign_coords({name: ("place", values, known[name])})
    return ds


def _regular(ds: xr.Dataset, source: str) -> None:
    """Refuse times that are not regular, or not of the step that the dataset names."""
    time = ds["time"]
    if time.dtype.kind != "M":
        raise DataError(f"{source}: time holds no times")
    steps = np.unique(np.diff(time.values))
    if not steps.size or len(steps) > 1 or steps[0] <= np.timedelta64(0, "s"):
        raise DataError(f"{source}: times are not regular, wanted two steps of one length at least")
    hours = float(steps[0] / np.timedelta64(1, "s")) / 3600.0
    given = ds.attrs.get("step_hours")
    known = isinstance(given, int | float | np.number)
    if not known or abs(float(given) - hours) > 1e-6:
        raise DataError(f"{source}: step_hours is {given}, but the times are {hours:g} h apart")


def _roles(ds: xr.Dataset, source: str) -> xr.Dataset:
    """Return the variables in their types and order of dimensions."""
    out = {}
    for name, variable in ds.data_vars.items():
        role = variable.attrs.get("role")
        if role not in ROLES:
            raise DataError(
                f"{source}: variable {name} has "
                + (f"the role '{role}'" if role else "no attribute role")
                + f", wanted {', '.join(ROLES)}"
            )
        fitting = next((d for d in ROLES[role] if set(d) == set(variable.dims)), None)
        if fitting is None:
            raise DataError(
                f"{source}: variable {name} of role {role} is of "
                f"{', '.join(map(str, variable.dims)) or 'nothing'}, wanted "
                + " or ".join("(" + ", ".join(d) + ")" for d in ROLES[role])
            )
        variable = variable.transpose(*fitting)
        if role == "class":
            out[name] = variable.astype(str).astype(object)
            continue
        if variable.dtype.kind not in "fiu":
            raise DataError(f"{source}: variable {name} of role {role} holds no numbers")
        variable = variable.astype(np.float32)
        if np.isinf(variable.to_numpy()).any():
            raise DataError(f"{source}: variable {name} holds infinite values")
        if role != "attribute" and "units" not in variable.attrs:
            raise DataError(f"{source}: variable {name} has no attribute units")
        out[name] = variable
    return ds.assign(out)


def check_range(values: np.ndarray, source: str) -> None:
    """Refuse readings that are no volume fraction.

    Raises
    ------
    DataError
        If there is no reading, or one is below 0 or above 1.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        raise DataError(f"{source}: there is no reading of soil moisture")
    low, high = float(known.min()), float(known.max())
    if low < 0.0 or high > 1.0:
        hint = ": they look like percent" if float(np.median(known)) > 1.0 else ""
        raise DataError(
            f"{source}: soil_moisture goes from {low:g} to {high:g}, wanted 0 to 1 m3 m-3{hint}"
        )


def check_replicates(values: np.ndarray, ds: xr.Dataset, wanted: str, source: str) -> None:
    """Refuse a single sensor, and sensors that never read together.

    Raises
    ------
    DataError
        For the first place and depth.
    """
    reading = np.isfinite(values)
    sensors = reading.any(axis=-1).sum(axis=-1)
    together = reading.sum(axis=2).max(axis=-1)
    for p, d in np.argwhere(sensors > 0):
        where = f"{source}: {ds['place'].values[p]} at {ds['depth'].values[d]:g} cm"
        if sensors[p, d] == 1 and wanted != "any":
            raise DataError(
                f"{where} has one sensor, whose spread nobody can learn: leave this depth out, or "
                "set data.replicates: any"
            )
        if sensors[p, d] > 1 and together[p, d] < 2:
            raise DataError(
                f"{where} has {sensors[p, d]} sensors that never read at the same time: are their "
                "clocks the same? exclude all but one and set data.replicates: any if they are"
            )
    empty = np.flatnonzero(sensors.sum(axis=1) == 0)
    if empty.size:
        raise DataError(
            f"{source}: {ds['place'].values[empty[0]]} has no reading left after what exclude and "
            "quality (bounds, dead sensors, all_replicates, frost) leave out: ease them, or leave "
            "the place out"
        )


def _joined(ds: xr.Dataset, source: str) -> None:
    try:
        entries = json.loads(ds.attrs.get("joined", "[]"))
        fine = all({"place", "quantity", "source", "distance_km"} <= set(e) for e in entries)
        fine = fine and all(isinstance(e["distance_km"], int | float | None) for e in entries)
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise DataError(
            f"{source}: the attribute joined is no JSON list of place, quantity, source and "
            "distance_km"
        )


def require_inputs(ds: xr.Dataset, inputs: Sequence[str], source: str = "network") -> None:
    """Refuse a network that lacks an input which is asked for, anywhere.

    Raises
    ------
    DataError
        With what there is, or the place that has none.
    """
    known = [str(n) for n, v in ds.data_vars.items() if v.attrs["role"] == "input"]
    for name in inputs:
        if name not in known:
            raise DataError(
                f"{source}: the input {name} is asked for, but no table has it; there are "
                f"{', '.join(known) or 'no inputs'}{nearest(name, known)}"
            )
        empty = ds["place"].values[np.isnan(ds[name].to_numpy()).all(axis=1)]
        if empty.size:
            raise DataError(
                f"{source}: the input {name} is asked for, but has no value at {', '.join(empty)}"
            )


def single_places(ds: xr.Dataset) -> list[str]:
    """Return the groups that have one place only."""
    names, counts = np.unique(ds["group"].values.astype(str), return_counts=True)
    return [str(n) for n, c in zip(names, counts, strict=True) if c == 1]


def attributes_of(name: str) -> dict[str, str]:
    """Return unit and long name of a quantity; of an unknown one the name in words."""
    if name in QUANTITIES:
        return QUANTITIES[name].attrs()
    return {"long_name": name.replace("_", " ")}


def refuse_size(shape: tuple[int, ...], source: str) -> None:
    """Refuse an array that no machine holds.

    Raises
    ------
    DataError
        With its dimensions.
    """
    size = 4.0 * float(np.prod([float(n) for n in shape]))
    if size > _MOST:
        raise DataError(
            f"{source}: {shape[0]} places, {shape[1]} depths, {shape[2]} replicates and {shape[3]} "
            f"steps want {size / 1e9:.0f} GB: take fewer places or depths, a shorter time (start, "
            "end), or step: 1d"
        )
