"""Input of the study `replicates`: any source of sensors becomes the dataset of a network.

::

    network = read_network(study.data, context, inputs=("precipitation",))
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.replicates_data import (
    Era5Land,
    Ismn,
    Neon,
    NeonPlace,
    NetworkPart,
    Place,
    PlaceBase,
    PlaceInputs,
    SensorTable,
    StoredNetwork,
    Tables,
)
from rootzone.config.replicates_data_parts import ExcludedTime
from rootzone.config.tables import FileTable
from rootzone.core import DataError
from rootzone.data import (
    Column,
    Raw,
    Series,
    clean_order,
    column_values,
    find_files,
    interval_hours,
    read_raw,
    time_index,
)
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.replicates import (
    Exclusion,
    Frame,
    InputSeries,
    Layer,
    PlaceRecord,
    Rules,
    SensorName,
    Station,
    Wanted,
    add_reference,
    build_network,
    check_network,
    columns_of_pattern,
    input_series,
    input_values,
    neon_series,
    read_archive,
    read_era5_land,
    single_places,
)
from rootzone.studies.context import Context
from rootzone.studies.station_input import naive_utc
from rootzone.studies.tables import read_table, starts, tell_notes, tell_rows

_HOUR = pd.Timedelta("1h")


def read_network(
    part: NetworkPart | StoredNetwork, context: Context, *, inputs: Sequence[str] = ()
) -> xr.Dataset:
    """Read the sensors of a study with all that is joined to them, and tell it.

    Parameters
    ----------
    part : Tables, Ismn, Neon or StoredNetwork
        The part ``data`` of the study.
    context : Context
        Where paths start, and where to tell.
    inputs : sequence of str
        Inputs that the study asks for.

    Returns
    -------
    Dataset
        As :mod:`rootzone.data.replicates.network` describes it.

    Raises
    ------
    DataError, UnitError, StudyError
        With one sentence that says what to mend.
    """
    if isinstance(part, StoredNetwork):
        path = find_files(part.files, base=context.base, examples=context.examples)[0]
        with open_netcdf(path) as stored:
            ds, source = stored.load(), path.name
    else:
        ds, source = _built(part, context), "data"
    ds = check_network(ds, source=source, replicates=part.replicates, inputs=inputs)
    for group in single_places(ds):
        context.log.warn(
            f"group {group} has one place: what is said of the group is said of this place, and "
            "without it nothing is known of the group"
        )
    _tell(ds, context)
    return ds


def _built(part: NetworkPart, context: Context) -> xr.Dataset:
    """Return the dataset of sensors that stand in tables or archives."""
    if isinstance(part, Tables):
        places = [_place(p, f"data.places[{n}]", part, context) for n, p in enumerate(part.places)]
    elif isinstance(part, Neon):
        places = [_neon_place(p, f"data.places[{n}]", context) for n, p in enumerate(part.places)]
    elif isinstance(part, Ismn):
        wanted = Wanted(part.networks, part.stations, part.depths, part.group_by, part.flags)
        folder = context.base / Path(part.folder).expanduser()
        places = read_archive(folder, wanted, context.log)
    else:
        raise TypeError(f"no reader for {type(part).__name__}")
    stations = [
        Station(s.name, s.latitude, s.longitude, _inputs(s, f"data.inputs[{n}]", context))
        for n, s in enumerate(part.inputs)
    ]
    quality = part.quality
    frame = Frame(
        step=part.step,
        start=None if part.start is None else naive_utc(part.start),
        end=None if part.end is None else naive_utc(part.end),
        complete=quality.complete,
        farthest=part.farthest,
        rules=Rules(
            low=quality.low,
            high=quality.high,
            dead_days=quality.dead_days,
            spike=quality.spike,
            all_replicates=quality.all_replicates,
            frost=quality.frost,
        ),
        computed=part.computed,
    )
    ds = build_network(places, stations, frame, context.log)
    return ds if part.era5_land is None else _with_reference(ds, part.era5_land, context)


def _record(place: PlaceBase, where: str, context: Context) -> PlaceRecord:
    """Return a place with all but its sensors."""
    return PlaceRecord(
        place.name,
        group=place.group,
        latitude=np.nan if place.latitude is None else place.latitude,
        longitude=np.nan if place.longitude is None else place.longitude,
        elevation=np.nan if place.elevation is None else place.elevation,
        attributes=dict(place.attributes),
        classes=dict(place.classes),
        constants={str(name): value for name, value in place.constants.items()},
        inputs=[
            s
            for n, table in enumerate(place.inputs)
            for s in _inputs(table, f"{where}.inputs[{n}]", context)
        ],
        exclude=[
            Exclusion(
                e.reason,
                None if e.start is None else naive_utc(e.start),
                None if e.end is None else naive_utc(e.end),
                tuple(e.depths),
                tuple(e.replicates),
            )
            for e in place.exclude
        ],
    )


# --- sensors ----------------------------------------------------------------------------


def _place(place: Place, where: str, part: Tables, context: Context) -> PlaceRecord:
    record = _record(place, where, context)
    zones: dict[str, bool] = {}
    for n, table in enumerate(place.sensors):
        here = f"{where}.sensors[{n}]"
        series, zoned = _sensors(table, here, part.quality.duplicates, context)
        zones[here] = zoned
        record.sensors += series
    _one_clock(zones, place.name)
    return record


def _sensors(
    table: SensorTable, where: str, duplicates: str, context: Context
) -> tuple[list[Series], bool]:
    """Return the sensors of a table, and whether the zone of its clock is known."""
    raw, times = read_table(table, context, where=where)
    zoned = not any("carry no zone" in note for note in raw.notes)
    keep, stamps, hours = _rows(raw, times, table, table.interval, where, duplicates)
    named = [
        SensorName(c.column, c.depth, c.replicate, c.units, f"{where}.columns[{n}]")
        for n, c in enumerate(table.columns)
    ]
    if table.pattern is not None:
        named = columns_of_pattern(
            raw, table.pattern, table.depths, table.replicate, table.units, where
        )
    _once(named, raw)
    out = []
    for name in named:
        column = Column("soil_moisture", (name.column,), name.units, name.where)
        values = column_values(raw, column, decimal=table.decimal, hours=hours)[keep]
        if np.isnan(values).all():
            tell = raw.warn if table.pattern is None else raw.notes.append
            tell(f"{raw.name}: column '{name.column}' holds no value and is left out")
            continue
        out.append(
            Series(
                "soil_moisture",
                stamps,
                values,
                hours,
                raw.name,
                depth=name.depth,
                label=name.replicate,
            )
        )
    depths = ", ".join(f"{d:g}" for d in sorted({n.depth for n in named}))
    tell_rows(raw, stamps, hours, [f"{len(out)} sensors at {depths} cm"], context)
    return out, zoned


def _rows(
    raw: Raw,
    times: pd.DatetimeIndex,
    table: FileTable,
    interval: str | None,
    where: str,
    duplicates: str = "first",
) -> tuple[np.ndarray, pd.DatetimeIndex, float]:
    """Return the rows of a table that are used, the starts of their intervals, their length."""
    keep, again, notes = clean_order(times, raw.name)
    if duplicates == "mean" and len(again):
        keep = np.flatnonzero(~times.isna())
        keep = keep[np.argsort(times[keep].to_numpy(), kind="stable")]
        notes = [f"{raw.name}: {len(again)} time stamps stand in several rows, which are averaged"]
    raw.notes += notes
    hours = interval_hours(times, interval, raw, where)
    return keep, starts(times[keep], table, hours), hours


def _one_clock(zones: dict[str, bool], name: str) -> None:
    """Refuse tables of a place of which some tell their zone: the others may be hours off."""
    if len(set(zones.values())) > 1:
        known, unknown = (next(w for w, z in zones.items() if z is k) for k in (True, False))
        raise DataError(
            f"place {name}: the stamps of {known} have a time zone, those of {unknown} have none: "
            f"set {unknown}.time.timezone, since replicates are compared hour by hour"
        )


def _once(named: list[SensorName], raw: Raw) -> None:
    """Refuse a table in which a sensor stands twice."""
    seen = set()
    for name in named:
        if (name.depth, name.replicate) in seen:
            raise DataError(
                f"{raw.name}: two columns are replicate {name.replicate} at {name.depth:g} cm "
                f"({name.where}): give each sensor its own replicate"
            )
        seen.add((name.depth, name.replicate))


def _neon_place(place: NeonPlace, where: str, context: Context) -> PlaceRecord:
    record = _record(place, where, context)
    files = find_files(place.files, base=context.base, examples=context.examples)
    raw = read_raw(files, layout="csv", separator=",", missing=[])
    times = time_index(
        raw,
        layout="csv",
        column="startDateTime",
        time_format=None,
        day_first=None,
        timezone="UTC",
        where=where,
    )
    record.sensors = neon_series(raw, times, place.depths, where)
    tell_notes(raw, context)
    return record


# --- inputs and the reference -----------------------------------------------------------


def _inputs(table: PlaceInputs, where: str, context: Context) -> list[InputSeries]:
    raw, times = read_table(table, context, where=where)
    keep, stamps, hours = _rows(raw, times, table, table.interval, where)
    out = []
    for quantity, spec in table.columns.given().items():
        column = Column(quantity, tuple(spec.column), spec.units, f"{where}.columns.{quantity}")
        values, units, amount = input_values(raw, column, decimal=table.decimal, hours=hours)
        longest = pd.Timedelta(spec.longest) / _HOUR
        values = values[keep]
        for gone in table.exclude:
            bad = _within(stamps, gone)
            raw.notes.append(
                f"{raw.name}: {int(bad.sum())} values of {quantity} are excluded, {gone.reason}"
            )
            values = np.where(bad, np.nan, values)
        read = (values, units, amount)
        out.append(input_series(column, read, stamps, hours, raw.name, spec.gaps, longest))
    tell_rows(raw, stamps, hours, (s.quantity for s in out), context)
    return out


def _within(stamps: pd.DatetimeIndex, gone: ExcludedTime) -> np.ndarray:
    """Return which stamps lie in a time that is left out."""
    inside = np.ones(len(stamps), dtype=bool)
    if gone.start is not None:
        inside &= np.asarray(stamps >= naive_utc(gone.start))
    if gone.end is not None:
        inside &= np.asarray(stamps < naive_utc(gone.end))
    return inside


def _with_reference(ds: xr.Dataset, era5: Era5Land, context: Context) -> xr.Dataset:
    files = find_files(era5.files, base=context.base, examples=context.examples)
    layers = [Layer(x.name, x.upper, x.lower) for x in era5.layers]
    points = read_era5_land(
        files,
        layers,
        ds["place"].values.tolist(),
        ds["latitude"].values,
        ds["longitude"].values,
        units=era5.units,
    )
    return add_reference(ds, points, layers, era5.layer_of_depth, context.log)


def _tell(ds: xr.Dataset, context: Context) -> None:
    """Tell what there is: sensors, hours, gaps and range of each place."""
    values = ds["soil_moisture"].to_numpy()
    reading = ~np.isnan(values)
    for n, name in enumerate(ds["place"].values):
        mine, known = reading[n], values[n][reading[n]]
        exists = mine.any(axis=-1)
        steps = np.flatnonzero(mine.any(axis=(0, 1)))
        span = steps[-1] - steps[0] + 1
        gaps = 100.0 * (1.0 - len(steps) / span)
        context.log.tell(
            f"place {name} (group {ds['group'].values[n]}): sensors {int(exists.sum())}, "
            f"{known.size} readings at {len(steps)} steps, gaps {gaps:.0f} % of the time, "
            f"{known.min():.3f} to {known.max():.3f} m3 m-3"
        )
    times = pd.DatetimeIndex(ds["time"].values)
    named = [str(k) for k, v in ds.data_vars.items() if v.attrs["role"] == "input"]
    context.log.tell(
        f"network: {ds.sizes['place']} places, {ds.sizes['depth']} depths, {len(times)} steps of "
        f"{ds.attrs['step_hours']:g} h, {times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M} "
        f"UTC; inputs: {', '.join(named) or 'none'}"
    )
