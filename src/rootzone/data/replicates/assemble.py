"""Places with their series become the dataset of a network, on one axis and of one contract."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core import QUANTITIES, DataError, nearest
from rootzone.data.bridge import time_coordinate
from rootzone.data.grid import Series
from rootzone.data.replicates.axis import (
    input_on_axis,
    moved_text,
    refuse_coarse,
    sensor_axis,
    to_axis,
)
from rootzone.data.replicates.era5_land import GridPoints, Layer, layer_of
from rootzone.data.replicates.join import Station, join_inputs
from rootzone.data.replicates.network import (
    SENSOR_DIMS,
    UNKNOWN,
    PlaceRecord,
    attributes_of,
    check_depths,
    refuse_size,
)
from rootzone.data.replicates.quality import (
    Rules,
    bounded,
    clean,
    copied_years,
    excluded,
    frozen,
)
from rootzone.data.run_folder import Log
from rootzone.water.radiation import (
    extraterrestrial_radiation,
    extraterrestrial_radiation_hourly,
)


@dataclass(frozen=True)
class Frame:
    """How places become a dataset: step, period, and the rules of readings and of joining."""

    step: str = "1h"
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    complete: float = 0.5
    farthest: float = 50.0
    rules: Rules = field(default_factory=Rules)
    computed: Sequence[str] = ()


def build_network(
    places: list[PlaceRecord], stations: list[Station], frame: Frame, log: Log
) -> xr.Dataset:
    """Return the dataset of places: readings cleaned, inputs joined, attributes beside.

    Parameters
    ----------
    places : list of PlaceRecord
        Places with their series.
    stations : list of Station
        Stations of inputs beside the places.
    frame : Frame
        Step, period and rules.
    log : Log
        Receives what was moved, left out, joined and computed.

    Raises
    ------
    DataError
        If series, positions or attributes do not fit together.
    """
    axis = sensor_axis(places, frame.step, frame.start, frame.end)
    depths = np.array(sorted({s.depth or 0.0 for p in places for s in p.sensors}), float)
    names = sorted({s.label for p in places for s in p.sensors}, key=_natural)
    theta = _readings(places, axis, depths, names, frame, log)
    found, joined = _inputs(places, stations, axis, frame, log)
    if (limit := frame.rules.frost) is not None:
        soil = found["soil_temperature"][1] if "soil_temperature" in found else None
        bad = frozen(theta, soil, limit)
        theta[bad] = np.nan
        log.tell(f"{int(bad.sum())} readings in soil below {limit:g} degC are left out")
    ds = xr.Dataset(
        {
            "soil_moisture": (
                SENSOR_DIMS,
                theta,
                {"units": "m3 m-3", "long_name": "soil moisture of the sensors", "role": "target"},
            )
        },
        coords={
            "place": ("place", np.array([p.name for p in places], dtype=object)),
            "depth": ("depth", depths, {"units": "cm", "long_name": "depth", "positive": "down"}),
            "replicate": ("replicate", np.array(names, dtype=object)),
            "time": time_coordinate(axis),
            "group": ("place", np.array([p.group for p in places], dtype=object)),
            "latitude": ("place", [p.latitude for p in places], attributes_of("latitude")),
            "longitude": ("place", [p.longitude for p in places], attributes_of("longitude")),
        },
        attrs={"step_hours": float((axis[1] - axis[0]) / pd.Timedelta("1h"))},
    )
    ds = ds.assign(found | _attributes(places, depths) | _classes(places, log))
    if "potential_radiation" in frame.computed:
        ds["potential_radiation"] = _potential_radiation(ds, log)
    ds.attrs["joined"] = json.dumps(joined)
    return ds


def _natural(word: str) -> tuple[Any, ...]:
    """Return a key that sorts 2 before 10."""
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", word))


# --- readings ---------------------------------------------------------------------------


def _readings(
    places: list[PlaceRecord],
    axis: pd.DatetimeIndex,
    depths: np.ndarray,
    names: list[str],
    frame: Frame,
    log: Log,
) -> np.ndarray:
    """Return readings (place, depth, replicate, time) on the axis, cleaned and told."""
    step = float((axis[1] - axis[0]) / pd.Timedelta("1h"))
    shape = (len(places), len(depths), len(names), len(axis))
    refuse_size(shape, "data")
    theta = np.full(shape, np.nan, dtype=np.float32)
    for place, values in zip(places, theta, strict=True):
        where = f"place {place.name}"
        check_depths((s.depth or 0.0 for s in place.sensors), where)
        moved: dict[str, float] = {}
        outside = 0
        for s in place.sensors:
            refuse_coarse(s, step, where)
            row = values[int(np.argmin(np.abs(depths - (s.depth or 0.0)))), names.index(s.label)]
            possible, bad = bounded(s.values, frame.rules)
            outside += bad
            s = replace(s, values=possible)
            new, shift = to_axis(s, axis, amount=False, complete=frame.complete)
            moved[s.source] = max(shift, moved.get(s.source, 0.0))
            if not np.isnan(row).all():
                log.tell(
                    f"{where}: {s.source} fills gaps of the tables before at {s.depth:g} cm, "
                    f"replicate {s.label}"
                )
            np.copyto(row, new.astype(np.float32), where=np.isnan(row))
        for source, shift in moved.items():
            if shift > 0.0:
                log.tell(f"{where}: {source}, {moved_text(shift)}")
        for exclusion in place.exclude:
            out = excluded(exclusion, axis, depths, names, where)
            number = int((out & ~np.isnan(values)).sum())
            log.tell(f"{where}: {number} readings are excluded, {exclusion.reason}")
            if number == 0:
                log.warn(f"{where}: the exclusion '{exclusion.reason}' meets no reading")
            values[out] = np.nan
        cleaned, told = clean(values, frame.rules, step)
        values[:] = cleaned
        if outside:
            told = {f"outside {frame.rules.low:g} to {frame.rules.high:g}": outside} | told
        if told:
            reasons = ", ".join(f"{count} {why}" for why, count in told.items())
            log.tell(f"{where}: readings left out: {reasons}")
        sensors = values.reshape(-1, len(axis))
        for first, second in copied_years(sensors[~np.isnan(sensors).all(axis=1)], axis):
            log.warn(
                f"{where}: the readings of {first} and {second} are the same, one year is a copy: "
                "exclude it"
            )
    return theta


# --- inputs -----------------------------------------------------------------------------


def _inputs(
    places: list[PlaceRecord],
    stations: list[Station],
    axis: pd.DatetimeIndex,
    frame: Frame,
    log: Log,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return inputs (place, time) by name, and what was joined to each place."""
    found: dict[str, np.ndarray] = {}
    units: dict[str, str] = {}
    joined: list[dict[str, Any]] = []
    made: dict[int, np.ndarray] = {}  # a station serves many places
    for p, place in enumerate(places):
        for name, entries in join_inputs(place, stations, frame.farthest).items():
            for entry in entries:
                if units.setdefault(name, entry.series.units) != entry.series.units:
                    raise DataError(
                        f"place {place.name}: {name} is in {entry.series.units}, elsewhere in "
                        f"{units[name]}: one kind is wanted at all places"
                    )
                if id(entry.series) not in made:
                    made[id(entry.series)], notes = input_on_axis(
                        entry.series, axis, frame.complete
                    )
                    for note in notes:
                        log.tell(note)
                row = found.setdefault(name, np.full((len(places), len(axis)), np.nan))[p]
                np.copyto(row, made[id(entry.series)], where=np.isnan(row))
            first = entries[0]
            km = None if np.isnan(first.distance) else round(first.distance, 3)
            joined.append(
                {"place": place.name, "quantity": name, "source": first.source, "distance_km": km}
            )
            if km is not None:
                log.tell(f"place {place.name}: {name} of {first.source}, {km:.1f} km away")
    for p, place in enumerate(places):
        for name, value in place.constants.items():
            if name not in found:
                raise DataError(
                    f"place {place.name}: {name} is said to be {value:g}, but no other place has "
                    "it: leave it out"
                )
            found[name][p] = value
    for name, values in found.items():
        empty = [places[p].name for p in np.flatnonzero(np.isnan(values).all(axis=1))]
        if empty:
            log.warn(f"{name}: no value at {', '.join(empty)} in the time of the sensors")
    return {
        name: (
            ("place", "time"),
            values.astype(np.float32),
            _input_attributes(name) | {"units": units[name], "role": "input"},
        )
        for name, values in found.items()
    }, joined


def _input_attributes(name: str) -> dict[str, str]:
    words = {"counts": "neutron count rate", "irrigation": "irrigation per time step"}
    return {"long_name": words[name]} if name in words else attributes_of(name)


def _potential_radiation(ds: xr.Dataset, log: Log) -> xr.Variable:
    """Return the radiation at the top of the atmosphere (place, time) [W m-2]."""
    lost = ds["place"].values[np.isnan(ds["latitude"].values)]
    if lost.size:
        raise DataError(
            f"data.computed: potential_radiation wants latitude and longitude of {lost[0]}"
        )
    axis = pd.DatetimeIndex(ds["time"].values)
    day = axis.day_of_year.to_numpy().astype(float)
    hour = (axis.hour + axis.minute / 60.0).to_numpy()
    step = float(ds.attrs["step_hours"])
    values = np.empty((ds.sizes["place"], len(axis)), dtype=np.float32)
    daily = jax.jit(extraterrestrial_radiation)
    hourly = jax.jit(partial(extraterrestrial_radiation_hourly, step=step))
    for n, (lat, lon) in enumerate(zip(ds["latitude"].values, ds["longitude"].values, strict=True)):
        values[n] = np.asarray(daily(day, lat) if step >= 24.0 else hourly(day, hour, lat, lon))
    log.tell("potential_radiation is computed of position and time (FAO-56)")
    attrs = {
        "units": "W m-2",
        "long_name": "radiation at the top of the atmosphere",
        "role": "input",
    }
    return xr.Variable(("place", "time"), values, attrs)


# --- what is known of the places --------------------------------------------------------


def _attributes(places: list[PlaceRecord], depths: np.ndarray) -> dict[str, Any]:
    """Return numbers of places (place) or (place, depth); NaN where they are not known."""
    given = [dict(p.attributes) for p in places]
    for values, place in zip(given, places, strict=True):
        if not np.isnan(place.elevation):
            values["elevation"] = place.elevation
    out = {}
    for name in dict.fromkeys(n for values in given for n in values):
        rows = np.full((len(places), len(depths)), np.nan)
        by_depth = any(isinstance(values.get(name), dict) for values in given)
        for p, values in enumerate(given):
            it = values.get(name, np.nan)
            rows[p] = _of_depths(it, depths, places[p], name) if isinstance(it, dict) else it
        _plausible(rows, name, places)
        dims = ("place", "depth") if by_depth else ("place",)
        attrs = {"units": ""} | attributes_of(name) | {"role": "attribute"}
        out[name] = (dims, (rows if by_depth else rows[:, 0]).astype(np.float32), attrs)
    return out


def _of_depths(
    value: Mapping[float, float], depths: np.ndarray, place: PlaceRecord, name: str
) -> np.ndarray:
    """Return a number by depth at the depths of the network; depths without one are NaN."""
    wrong = next((d for d in value if not np.isclose(depths, d).any()), None)
    if wrong is not None:
        raise DataError(
            f"place {place.name}: {name} is given for {wrong:g} cm, the sensors are at "
            f"{', '.join(f'{d:g}' for d in depths)} cm"
        )
    return np.array(
        [next((v for d, v in value.items() if np.isclose(d, x)), np.nan) for x in depths]
    )


def _plausible(rows: np.ndarray, name: str, places: list[PlaceRecord]) -> None:
    if name not in QUANTITIES:
        hint = nearest(name, QUANTITIES)
        if hint and name.lower() in (q.lower() for q in QUANTITIES):
            raise DataError(f"attribute {name} is not known by this spelling{hint}")
        return
    low, high = QUANTITIES[name].bounds
    with np.errstate(invalid="ignore"):
        bad = np.argwhere((rows < low) | (rows > high))
    if len(bad):
        p, d = bad[0]
        raise DataError(
            f"place {places[p].name}: {name} is {rows[p, d]:g}, wanted {low:g} to {high:g} "
            f"{QUANTITIES[name].unit}"
        )


def _classes(places: list[PlaceRecord], log: Log) -> dict[str, Any]:
    """Return words of places; a place without one is of the class 'unknown', told."""
    out = {}
    for name in dict.fromkeys(n for p in places for n in p.classes):
        lacking = [p.name for p in places if name not in p.classes]
        if lacking:
            log.warn(f"{name} is not given for {', '.join(lacking)}: a class of its own, {UNKNOWN}")
        words = np.array([p.classes.get(name, UNKNOWN) for p in places], dtype=object)
        out[name] = (("place",), words, {"long_name": name.replace("_", " "), "role": "class"})
    return out


# --- the reference ----------------------------------------------------------------------


def add_reference(
    ds: xr.Dataset,
    points: GridPoints,
    layers: Sequence[Layer],
    rule: str | Mapping[float, int],
    log: Log,
) -> xr.Dataset:
    """Return the dataset with ``era5_land`` (place, depth, time) on its axis.

    Raises
    ------
    DataError
        If a depth has no layer, or nothing lies in the time of the sensors.
    """
    axis = pd.DatetimeIndex(ds["time"].values)
    chosen = [layer_of(float(d), layers, rule) for d in ds["depth"].values]
    steps, counts = np.unique(np.diff(points.times.to_numpy()), return_counts=True)
    if not steps.size:
        raise DataError("data.era5_land: one time is no time series, two are the least")
    hours = float(steps[np.argmax(counts)] / np.timedelta64(1, "s")) / 3600.0
    rows = np.empty((*points.values.shape[:2], len(axis)), dtype=np.float32)
    for index in np.ndindex(*points.values.shape[:2]):
        series = Series("era5_land", points.times, points.values[index], hours, "era5_land")
        rows[index] = to_axis(series, axis, amount=False, complete=0.5)[0]
    values = rows[chosen].swapaxes(0, 1)
    if np.isnan(values).all():
        raise DataError(
            f"data.era5_land: from {points.times.min()} to {points.times.max()} UTC, nothing in "
            f"the time of the sensors ({axis[0]} to {axis[-1]})"
        )
    entries = json.loads(ds.attrs["joined"])
    for place, km in zip(ds["place"].values, points.distance, strict=True):
        entry = {"place": place, "quantity": "era5_land", "source": "nearest grid point"}
        entries.append(entry | {"distance_km": round(float(km), 3)})
        log.tell(f"place {place}: era5_land of the grid point {km:.1f} km away")
    text = ", ".join(
        f"{d:g} cm: {layers[n].upper:g} to {layers[n].lower:g} cm"
        for d, n in zip(ds["depth"].values, chosen, strict=True)
    )
    log.tell(f"era5_land: layers of the depths are {text}; steps of {hours:g} h")
    ds["era5_land"] = xr.Variable(
        ("place", "depth", "time"),
        values,
        {
            "units": "m3 m-3",
            "long_name": "soil moisture of ERA5-Land",
            "role": "reference",
            "layers": text,
        },
    )
    ds.attrs["joined"] = json.dumps(entries)
    return ds
