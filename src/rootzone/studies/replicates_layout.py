"""From a network of sensors to what a network learns from: series, attributes, bounds, parts.

A series is a place at a depth, with its replicates beside each other; or a place with an output
for every depth; or a single sensor, if it is named to the network or read in windows of its own.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.replicates_models import Settings
from rootzone.core import DataError, StudyError, nearest
from rootzone.evaluate.splits import Fold
from rootzone.learn import Names, Sequences
from rootzone.studies.replicates_splits import readings_of

AMOUNTS = ("precipitation", "irrigation", "discharge")
"""Inputs that enter as log(1 + x): most steps have little, some have much."""

SEASON = ("season_cos", "season_sin")

_YEAR = 365.25  # d


class Attributes(NamedTuple):
    """What is known of places."""

    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    """Columns that are missing together."""
    values: np.ndarray
    """(place, depth, column), the same at all depths where every depth has an output; NaN."""


class Frame(NamedTuple):
    """How a network of sensors is laid out for a model; the same for all its parts."""

    settings: Settings
    inputs: tuple[str, ...]
    """Columns of the inputs."""
    attributes: Attributes
    targets: tuple[str, ...]
    apart: bool
    """Every sensor is a series of its own."""
    replicates: tuple[str, ...]
    upper: np.ndarray | None
    """Upper bound (place, depth) [m3 m-3]."""
    left_out: tuple[str, ...]
    """Inputs and attributes with gaps, which version paper cannot read."""

    @property
    def static_names(self) -> tuple[str, ...]:
        """Return the columns of the attributes of a series."""
        sensor = self.replicates if self.settings.one_hot else ()
        return (*self.attributes.names, *(f"sensor: {name}" for name in sensor))

    @property
    def static_groups(self) -> tuple[tuple[int, ...], ...]:
        """Return the columns of the attributes of a series that are missing together."""
        n = len(self.attributes.names)
        sensor = (tuple(range(n, len(self.static_names))),) if self.settings.one_hot else ()
        return (*self.attributes.groups, *sensor)

    @property
    def names(self) -> Names:
        """Return the columns of inputs, attributes and targets."""
        return Names(self.inputs, self.static_names, self.targets)


def frame_of(settings: Settings, network: xr.Dataset, fold: Fold) -> Frame:
    """Return how a network of sensors is laid out for a model.

    Raises
    ------
    StudyError
        If inputs or attributes are not known, one is missing that may not be, or the split does
        not go with the layout.
    DataError
        If an amount is negative.
    """
    s = settings
    output = s.depth == "output"
    inputs, no_input = _inputs(s, network)
    attributes, no_attribute = _attributes(s, network)
    if not _common(fold.block, 2) and not s.apart and output:
        raise StudyError(_clash(s, fold))
    if output and not all(_common(part, 1) for part in (fold.train, fold.block)):
        raise StudyError(_clash(s, fold))
    depths = [f"{d:g} cm" for d in network["depth"].values]
    return Frame(
        s,
        inputs,
        attributes,
        tuple(depths) if output else ("soil_moisture",),
        s.apart or s.one_hot or not _common(fold.block, 2),
        tuple(network["replicate"].values.astype(str)),
        _upper(s, network, fold) if s.bounded else None,
        (*no_input, *no_attribute),
    )


def _clash(s: Settings, fold: Fold) -> str:
    return (
        f"models: {s.name} has an output for every depth, and the split '{fold.name}' treats "
        "depths apart: take depth: input"
    )


def _common(array: np.ndarray, axis: int) -> bool:
    """Return whether an array is the same along an axis."""
    return array.strides[axis] == 0 or bool((array == array.take([0], axis)).all())


# --- columns -----------------------------------------------------------------------------


def _of_role(network: xr.Dataset, role: str) -> list[str]:
    return [str(n) for n, v in network.data_vars.items() if v.attrs.get("role") == role]


def _chosen(s: Settings, wanted: tuple[str, ...], known: list[str], what: str) -> None:
    for name in wanted:
        if name not in known:
            raise StudyError(
                f"models: {s.name}: {what} has '{name}', the network has {', '.join(known)}"
                f"{nearest(name, known)}"
            )
    twice = next((n for n in wanted if wanted.count(n) > 1), None)
    if twice is not None:
        raise StudyError(f"models: {s.name}: {what} has '{twice}' twice")


def _inputs(s: Settings, network: xr.Dataset) -> tuple[tuple[str, ...], list[str]]:
    """Return the columns of the inputs, and what is left out because it has gaps."""
    known = _of_role(network, "input")
    paper = s.version == "paper"
    left_out: list[str] = []
    if s.inputs is not None:
        _chosen(s, s.inputs, [*known, "season"], "inputs")
        names = s.inputs
    else:
        read = {n: np.isfinite(network[n].values).any(axis=-1) for n in known}
        enough = {n: r.all() if paper else r.any() for n, r in read.items()}
        left_out = [n for n in known if not enough[n]]
        names = tuple(n for n in known if enough[n]) + (() if paper else ("season",))
    if not names:
        raise StudyError(f"models: {s.name} reads nothing: the network has no complete input")
    return tuple(c for n in names for c in (SEASON if n == "season" else (n,))), left_out


def _attributes(s: Settings, network: xr.Dataset) -> tuple[Attributes, list[str]]:
    """Return the attributes of places and depths, and what is left out because it has gaps."""
    numbers, classes = _of_role(network, "attribute"), _of_role(network, "class")
    known = [*numbers, *classes]
    if s.attributes is not None:
        _chosen(s, s.attributes, known, "attributes")
    names: list[str] = []
    groups: list[tuple[int, ...]] = []
    columns: list[np.ndarray] = []
    left_out: list[str] = []
    shape = (network.sizes["place"], network.sizes["depth"])

    def add(parts: dict[str, np.ndarray]) -> None:
        groups.append(tuple(range(len(names), len(names) + len(parts))))
        names.extend(parts)
        columns.extend(np.broadcast_to(x, shape) for x in parts.values())

    if s.depth == "input" and shape[1] > 1:
        add({"depth": network["depth"].values.astype(float)[None, :]})
    for name in known if s.attributes is None else s.attributes:
        parts = _class(network, name) if name in classes else _number(s, network, name)
        gaps = any(np.isnan(x).any() for x in parts.values())
        if gaps and s.version == "paper":
            if s.attributes is not None:
                raise StudyError(
                    f"models: {s.name}: '{name}' is not known at every place, and version paper "
                    "reads complete attributes alone: leave it out or take version corrected"
                )
            left_out.append(name)
        elif parts:
            add(parts)
    values = np.stack(columns, axis=-1) if columns else np.zeros((*shape, 0))
    return Attributes(tuple(names), tuple(groups), values.astype("f4")), left_out


def _number(s: Settings, network: xr.Dataset, name: str) -> dict[str, np.ndarray]:
    """Return the columns (place, depth) of a number; every depth in turn beside outputs."""
    variable = network[name]
    if "depth" not in variable.dims:
        return {name: variable.values.astype(float)[:, None]}
    values = variable.transpose("place", "depth").values.astype(float)
    if s.depth == "input":
        return {name: values}
    depths = network["depth"].values
    return {f"{name} at {d:g} cm": values[:, k : k + 1] for k, d in enumerate(depths)}


def _class(network: xr.Dataset, name: str) -> dict[str, np.ndarray]:
    """Return a column (place, 1) of 0 and 1 for each class; none where all are alike."""
    words = network[name].values.astype(str)
    unknown = np.isin(words, ("", "nan", "None"))
    found = sorted(set(words[~unknown].tolist()))
    if len(found) < 2:
        return {}
    one_hot = lambda word: np.where(unknown, np.nan, words == word)[:, None]  # noqa: E731
    return {f"{name}: {word}": one_hot(word) for word in found}


def _upper(s: Settings, network: xr.Dataset, fold: Fold) -> np.ndarray:
    """Return the upper bounds (place, depth) [m3 m-3]: porosity or highest reading, and a margin.

    A reading is water and an error: sensors read above the porosity, and all the more above an
    estimate of it.
    """
    if "porosity" not in network:
        raise StudyError(
            f"models: {s.name} is bounded, and the network has no attribute 'porosity': give it, "
            "or take bounded: false"
        )
    porosity = network["porosity"]
    shape = (network.sizes["place"], network.sizes["depth"])
    if "depth" in porosity.dims:
        porosity = porosity.transpose("place", "depth").values
    else:
        porosity = porosity.values[:, None]
    porosity = np.broadcast_to(porosity, shape).astype(float)
    if np.isnan(porosity).all():
        raise StudyError(f"models: {s.name} is bounded, and no porosity is known")
    porosity = np.where(np.isnan(porosity), np.nanmax(porosity), porosity)
    learned = np.where(fold.train | fold.valid, readings_of(network), -np.inf)
    highest = np.nanmax(learned, axis=(2, 3), initial=-np.inf)
    return (np.maximum(porosity, highest) + s.margin).astype("f4")


# --- series ------------------------------------------------------------------------------


def rows_of(frame: Frame, network: xr.Dataset, places: np.ndarray) -> np.ndarray:
    """Return place, depth and replicate (series, 3) of the series at some places.

    -1 where a series has all depths, or all replicates. Sensors without any reading are no
    series of their own.
    """
    sizes = [network.sizes[n] for n in ("depth", "replicate")]
    depths = [-1] if frame.settings.depth == "output" else range(sizes[0])
    replicates = range(sizes[1]) if frame.apart else [-1]
    rows = [(p, d, r) for p in places for d in depths for r in replicates]
    if frame.apart:
        read = np.isfinite(readings_of(network.isel(place=places)))
        there = dict(zip(map(int, places), np.asarray(read.any(axis=3)), strict=True))
        cell = lambda d: slice(None) if d < 0 else d  # noqa: E731
        rows = [(p, d, r) for p, d, r in rows if there[int(p)][cell(d), r].any()]
    return np.array(rows, int).reshape(-1, 3)


def inputs_of(frame: Frame, network: xr.Dataset, places: np.ndarray) -> np.ndarray:
    """Return the inputs (place, time, input) of some places, NaN where one is missing.

    Raises
    ------
    DataError
        If an amount is negative.
    """
    times = pd.DatetimeIndex(network["time"].values)
    angle = 2 * np.pi * (times.day_of_year + times.hour / 24.0).to_numpy() / _YEAR
    out = np.empty((len(places), len(times), len(frame.inputs)), "f4")
    for k, name in enumerate(frame.inputs):
        if name in SEASON:
            out[..., k] = np.cos(angle) if name == "season_cos" else np.sin(angle)
            continue
        values = network[name].transpose("place", "time").values[places]
        if name in AMOUNTS and frame.settings.log_amounts:
            if np.nanmin(values, initial=0.0) < 0:
                worst = int(places[np.nanargmin(np.nanmin(values, axis=1))])
                raise DataError(
                    f"{name} at {network['place'].values[worst]} is negative "
                    f"({np.nanmin(values):g}): mend it, or take amounts: plain"
                )
            values = np.log1p(values)
        out[..., k] = values
    return out


def sequences_of(
    frame: Frame, network: xr.Dataset, rows: np.ndarray, fold: Fold, part: str | None
) -> Sequences:
    """Return series with the targets of one part of a fold.

    Parameters
    ----------
    frame : Frame
        The layout.
    network : xarray.Dataset
        The network of sensors.
    rows : int array (series, 3)
        See :func:`rows_of`.
    fold : Fold
        The split.
    part : str or None
        ``train``, ``valid``, ``test``; None: no targets, and the blocks of all parts.
    """
    s, n_time = frame.settings, network.sizes["time"]
    places, at = np.unique(rows[:, 0], return_inverse=True)
    inputs = inputs_of(frame, network, places)[at]
    static = _static(frame, rows)
    upper = None
    if frame.upper is not None:
        upper = np.stack(
            [frame.upper[p] if d < 0 else frame.upper[p, d : d + 1] for p, d, _ in rows]
        )
    n_replicates = 1 if frame.apart else network.sizes["replicate"]
    shape = (len(rows), n_time, len(frame.targets), n_replicates)
    target = np.full((*shape[:3], 1) if part is None else shape, np.nan, "f4")
    block = np.full(shape[:2], -1, "i4")
    readings = None if part is None else readings_of(network.isel(place=places))
    for k, (p, d, r) in enumerate(rows):
        cell = (
            slice(None) if d < 0 else slice(d, d + 1),
            slice(None) if r < 0 else slice(r, r + 1),
        )
        if part is None or readings is None:
            block[k] = _joint(fold.block[p][cell])
            continue
        wanted = getattr(fold, part)[p][cell]
        values = np.where(wanted, readings[at[k]][cell], np.nan)
        target[k] = values.transpose(2, 0, 1)
        block[k] = np.where(wanted.any(axis=(0, 1)), fold.block[p][cell][0, 0], -1)
    if s.read == "record":
        block = np.zeros(shape[:2], "i4")
    return Sequences(inputs, target, static, upper, block)


def _joint(block: np.ndarray) -> np.ndarray:
    """Return numbers (time) that change wherever one of several (depth, replicate, time) does."""
    flat = block.reshape(-1, block.shape[-1])
    change = np.any(flat[:, 1:] != flat[:, :-1], axis=0)
    number = np.concatenate([[0], np.cumsum(change)])
    return np.where((flat >= 0).any(axis=0), number, -1)


def _static(frame: Frame, rows: np.ndarray) -> np.ndarray | None:
    """Return the attributes (series, attribute), or nothing."""
    if not frame.static_names:
        return None
    p, d, r = rows.T
    known = frame.attributes.values[p, np.maximum(d, 0)]
    if not frame.settings.one_hot:
        return known
    return np.concatenate([known, np.eye(len(frame.replicates), dtype="f4")[r]], axis=1)


def part_of(frame: Frame, network: xr.Dataset, fold: Fold, part: str) -> Sequences | None:
    """Return all series with targets in a part (train or valid), or nothing if there is none."""
    rows = rows_of(frame, network, fold.places(part))
    if not len(rows):
        return None
    data = sequences_of(frame, network, rows, fold, part)
    found = np.flatnonzero(np.isfinite(data.target).any(axis=(1, 2, 3)))
    return data.select(found) if found.size else None
