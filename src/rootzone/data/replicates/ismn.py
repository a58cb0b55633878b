"""Archives of the International Soil Moisture Network, as downloaded, by the package ismn.

Stations become places; the soil moisture sensors of a station at one depth are its replicates.
Source: Dorigo et al. 2021, https://doi.org/10.5194/hess-25-5749-2021.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rootzone.core import DataError, StudyError, nearest, quantity
from rootzone.data.grid import Series
from rootzone.data.replicates.network import UNKNOWN, InputSeries, PlaceRecord
from rootzone.data.replicates.tables import AMOUNTS
from rootzone.data.run_folder import Log

_INPUTS = {"precipitation": "precipitation", "air_temperature": "temperature"}
"""Variables of the archive that are inputs, and their names here; units are the same."""
_FRACTIONS = {"sand_fraction": "sand", "clay_fraction": "clay"}
_CLASSES = {"climate": "climate_KG", "land_cover": "lc_2010"}
_WITHIN = 1.0
"""A sensor is at a depth of the study if it is so near [cm]."""


class Wanted(NamedTuple):
    """What is wanted of an archive; empty: all. ``group_by``: network, climate or land_cover."""

    networks: Sequence[str] = ()
    stations: Sequence[str] = ()
    depths: Sequence[float] = ()
    group_by: str = "network"
    flags: Sequence[str] = ("G",)


class _Record(NamedTuple):
    """A file of the archive: its metadata as plain values, depth [cm], values with their flags."""

    meta: dict[str, Any]
    depth: float
    data: pd.DataFrame
    name: str


def read_archive(path: Path, wanted: Wanted, log: Log) -> list[PlaceRecord]:
    """Read the stations of an archive, a folder or the zip file as downloaded.

    Parameters
    ----------
    path : Path
        Networks lie in it, stations in these.
    wanted : Wanted
        Networks, stations, depths, groups and quality flags.
    log : Log
        Receives what was read and left out.

    Raises
    ------
    StudyError
        If the package ismn is not installed.
    DataError
        If the archive cannot be read, or holds nothing that is wanted.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such archive (data.folder)")
    places: dict[str, PlaceRecord] = {}
    taken: dict[str, set[str]] = {}
    words = _class_words()
    for record in _records(path, wanted, log):
        meta, variable = record.meta, record.meta["variable"]
        name = f"{meta['network']} {meta['station']}"
        if name not in places:
            places[name] = _place(name, meta, wanted.group_by, words)
        place = places[name]
        if variable in _INPUTS:
            _add_input(place, record, wanted, log)
            continue
        depth = _depth(record.depth, wanted.depths)
        if depth is None:
            continue
        series = _series(record, wanted.flags, log, "soil_moisture")
        if series is None:
            continue
        used = taken.setdefault(f"{name} {depth}", set())
        series.depth, series.label = depth, _letter(len(used))
        used.add(series.label)
        place.sensors.append(series)
        _soil(place, depth, meta)
    out = [p for p in places.values() if p.sensors]
    if not out:
        flags = ", ".join(wanted.flags)
        raise DataError(
            f"{path}: no station has soil moisture of the flags {flags}"
            + (f" at {', '.join(f'{d:g}' for d in wanted.depths)} cm" if wanted.depths else "")
        )
    sensors = sum(len(p.sensors) for p in out)
    log.tell(f"{path.name}: {len(out)} stations with {sensors} sensors of the flags {wanted.flags}")
    return out


def _package() -> tuple[Any, Any, Any]:
    """Return the readers of the package ismn."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ismn.base import IsmnRoot
            from ismn.filehandlers import DataFile, StaticMetaFile
    except ImportError:
        raise StudyError(
            "data.method: ismn wants the package ismn: pip install 'rootzone[networks]'"
        ) from None
    return IsmnRoot, DataFile, StaticMetaFile


def _class_words() -> dict[str, str]:
    """Return the names of the codes of land cover."""
    from ismn.const import LANDCOVER

    return {str(code): str(text) for text, code in LANDCOVER.items()}


def _records(path: Path, wanted: Wanted, log: Log) -> Iterator[_Record]:
    """Yield the files of the archive that may be of use, station by station."""
    root_type, data_type, meta_type = _package()
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        # The package was written for an older pandas and says so on every file.
        warnings.simplefilter("ignore")
        try:
            root = root_type(path)
            content = {str(n): [str(s) for s in stations] for n, stations in root.cont.items()}
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"{path}: cannot be read as an archive ({error})") from None
        _known(path, content, wanted)
        with root:
            for network, stations in content.items():
                if wanted.networks and network not in wanted.networks:
                    continue
                for station in stations:
                    if wanted.stations and Path(station).name not in wanted.stations:
                        continue
                    static = _static(root, station, meta_type, scratch, log)
                    for file in sorted(map(str, root.find_files(station, "*.stm"))):
                        record = _read(root, file, data_type, scratch, log)
                        if record is not None:
                            _nearest_layer(record, static)
                            yield record


def _known(path: Path, content: dict[str, list[str]], wanted: Wanted) -> None:
    """Refuse networks and stations that the archive lacks."""
    stations = [Path(s).name for names in content.values() for s in names]
    if not stations:
        raise DataError(
            f"{path}: no network with stations in it; wanted is the archive as downloaded"
        )
    for what, asked, known in (
        ("network", wanted.networks, list(content)),
        ("station", wanted.stations, stations),
    ):
        absent = next((x for x in asked if x not in known), None)
        if absent is not None:
            raise DataError(
                f"{path}: there is no {what} '{absent}', there are {', '.join(known[:12])}"
                + (" ..." if len(known) > 12 else "")
                + nearest(absent, known)
            )


def _static(root: Any, station: str, meta_type: Any, scratch: str, log: Log) -> list[Any]:
    """Return the metadata of a station; without, or with a file that cannot be read, none."""
    files = sorted(map(str, root.find_files(station, "*.csv")))
    if not files:
        log.warn(f"{station}: no table of static variables, its soil and classes are not known")
        return []
    try:
        return list(meta_type(root, files[0], temp_root=scratch).metadata.metadata)
    except (OSError, ValueError, LookupError, TypeError) as error:
        log.warn(f"{files[0]}: static variables cannot be read ({error})")
        return []


def _read(root: Any, file: str, data_type: Any, scratch: str, log: Log) -> _Record | None:
    """Return a file, or None if it is of no use; damaged ones are told."""
    if not any(f"_{word}_" in Path(file).name for word in ("sm", "p", "ta")):
        return None
    try:
        handler = data_type(root, file, temp_root=scratch)
        meta = {v.name: v.val for v in handler.metadata.metadata}
        depth = handler.metadata["variable"].depth
        if meta["variable"] not in ("soil_moisture", *_INPUTS):
            return None
        data = handler.read_data()
    except (OSError, ValueError, LookupError, TypeError) as error:
        log.warn(f"{file}: cannot be read and is left out ({str(error).splitlines()[0]})")
        return None
    middle = round(50.0 * (float(depth.start) + float(depth.end)), 2)
    return _Record(meta, middle, data, Path(file).name)


def _nearest_layer(record: _Record, static: list[Any]) -> None:
    """Add static values to a record's metadata; of several layers that next to its depth."""
    best: dict[str, float] = {}
    for variable in static:
        span = variable.depth
        middle = 0.0 if span is None else 50.0 * (float(span.start) + float(span.end))
        off = abs(middle - record.depth)
        if off < best.get(variable.name, np.inf):
            best[variable.name] = off
            record.meta[variable.name] = variable.val


def _place(name: str, meta: dict[str, Any], group_by: str, words: dict[str, str]) -> PlaceRecord:
    classes = {}
    for ours, theirs in _CLASSES.items():
        value = meta.get(theirs)
        known = value is not None and str(value) not in ("nan", UNKNOWN)
        classes[ours] = words.get(str(value), str(value)) if known else UNKNOWN
    group = str(meta["network"]) if group_by == "network" else classes[group_by]
    return PlaceRecord(
        name,
        group=group,
        latitude=float(meta["latitude"]),
        longitude=float(meta["longitude"]),
        elevation=float(meta["elevation"]),
        classes=classes,
    )


def _soil(place: PlaceRecord, depth: float, meta: dict[str, Any]) -> None:
    """Add the soil at a depth: sand and clay [%], porosity from saturation [m3 m-3]."""
    found = {ours: meta.get(theirs) for theirs, ours in _FRACTIONS.items()}
    saturation = _number(meta.get("saturation"))
    # The archive has fractions in most networks, percent in some.
    found["porosity"] = saturation / 100.0 if saturation > 1.0 else saturation
    for name, value in found.items():
        if np.isfinite(number := _number(value)):
            by_depth = place.attributes.setdefault(name, {})
            if isinstance(by_depth, dict):
                by_depth[depth] = number


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _depth(depth: float, wanted: Sequence[float]) -> float | None:
    if not wanted:
        return depth
    near = min(wanted, key=lambda d: abs(d - depth))
    return float(near) if abs(near - depth) <= _WITHIN else None


def _series(record: _Record, flags: Sequence[str], log: Log, name: str) -> Series | None:
    """Return the values of a file that have one of the flags."""
    variable = record.meta["variable"]
    data = record.data[~record.data.index.isna()].sort_index()
    values = np.array(pd.to_numeric(data[variable], errors="coerce"), dtype=float)
    flagged = data[f"{variable}_flag"].astype(str).str.strip().isin(list(flags)).to_numpy()
    low, high = quantity("in_situ_soil_moisture" if name == "soil_moisture" else name).bounds
    usable = flagged & (values >= low) & (values <= high)
    values[~usable] = np.nan
    times = pd.DatetimeIndex(data.index)
    keep = ~times.duplicated(keep="first")
    times, values = times[keep], values[keep]
    if len(times) < 2 or np.isnan(values).all():
        log.tell(f"{record.name}: no value of the flags {', '.join(flags)}, left out")
        return None
    steps, counts = np.unique(np.diff(times.to_numpy()), return_counts=True)
    hours = float(steps[np.argmax(counts)] / np.timedelta64(1, "s")) / 3600.0
    return Series(name, times, values, hours, record.name)


def _add_input(place: PlaceRecord, record: _Record, wanted: Wanted, log: Log) -> None:
    """Add the weather of a station; a second gauge fills gaps of the first."""
    name = _INPUTS[record.meta["variable"]]
    series = _series(record, wanted.flags, log, name)
    if series is not None:
        place.inputs.append(
            InputSeries(
                name,
                series.times,
                series.values,
                series.hours,
                series.source,
                units=quantity(name).unit,
                amount=name in AMOUNTS,
            )
        )


def _letter(number: int) -> str:
    """Return A, B, ... Z, AA, ... for the sensors of a depth."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
