"""Soil databases and the horizons that the model lays over them.

Both kinds of database end in the same :class:`SoilProfiles`: profiles made of texture rows, with
the share of each row in every model horizon. Depths are whole millimeters, positive down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rootzone.core import DataError, StudyError
from rootzone.water.cell.compat import Compat
from rootzone.water.regionalization.maps import Maps

SMALLEST_SHARE = 1.0  # % clay or sand, below which the transfer functions have no data


@dataclass(frozen=True)
class SoilLayers:
    """How the model divides the soil.

    Attributes
    ----------
    depths : tuple of float
        Lower depths of the model horizons [mm]. With a :class:`ProfileDatabase` one more horizon
        follows, down to the end of the soil.
    tillage_depth : float
        Depth to which organic matter of the land cover changes the soil [mm].

    Raises
    ------
    StudyError
        If depths do not increase or are no whole millimeters.
    """

    depths: tuple[float, ...]
    tillage_depth: float

    def __post_init__(self) -> None:
        """Check the depths."""
        edges = np.asarray([0.0, *self.depths], dtype=float)
        if np.any(np.diff(edges) <= 0.0):
            raise StudyError(
                f"soil depths must be positive and increase, {list(self.depths)} mm given"
            )
        if np.any(edges != np.round(edges)) or self.tillage_depth != round(self.tillage_depth):
            raise StudyError(
                f"soil depths and tillage depth must be whole millimeters, {list(self.depths)} "
                f"and {self.tillage_depth:g} given"
            )
        if self.tillage_depth <= 0.0:
            raise StudyError(f"tillage depth must be above 0 mm, {self.tillage_depth:g} given")


@dataclass(frozen=True)
class SoilProfiles:
    """Soil as the model sees it, whatever the database.

    Attributes
    ----------
    clay, sand : array (row)
        Texture of the rows [%].
    bulk_density : array (row)
        Of the mineral soil [g cm-3].
    tilled : array (row) of bool
        Rows above the tillage depth, where land cover matters.
    row : array (part) of int
        Texture row of each part of a profile.
    profile : array (part) of int
        Profile of the part.
    weight : array (part, horizon)
        Share of the part in each model horizon; they sum to one over the parts of a profile.
    bottom : array (horizon, profile)
        Lower depth of the model horizons [mm].
    profile_of : array (cell0) of int
        Profile of each fine cell.
    per_horizon : bool
        One map for every model horizon.
    """

    clay: np.ndarray
    sand: np.ndarray
    bulk_density: np.ndarray
    tilled: np.ndarray
    row: np.ndarray
    profile: np.ndarray
    weight: np.ndarray
    bottom: np.ndarray
    profile_of: np.ndarray
    per_horizon: bool

    @property
    def thickness(self) -> np.ndarray:
        """Return the thickness (horizon, profile) of the model horizons [mm]."""
        return np.diff(self.bottom, axis=0, prepend=0.0)


class SoilDatabase(Protocol):
    """What regionalization asks of a soil database."""

    def profiles(self, maps: Maps, layers: SoilLayers, compat: Compat) -> SoilProfiles:
        """Return the profiles that occur on the maps."""
        ...


@dataclass(frozen=True)
class ProfileDatabase:
    """Soil types with horizons of their own, one map.

    Attributes
    ----------
    soil : array (row) of int
        Soil type, rows in ascending depth.
    upper, lower : array (row)
        Depths of the horizon [mm].
    clay, sand : array (row)
        Texture of the mineral soil [%].
    bulk_density : array (row)
        Of the mineral soil [g cm-3].
    """

    soil: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    clay: np.ndarray
    sand: np.ndarray
    bulk_density: np.ndarray

    def profiles(self, maps: Maps, layers: SoilLayers, compat: Compat) -> SoilProfiles:
        """Return the profiles that occur on the map; horizons are split at the tillage depth.

        Raises
        ------
        DataError
            If a soil type on the map has no rows, or rows leave gaps or hold impossible values.
        StudyError
            If the given depths or the tillage depth reach beyond a soil.
        """
        if np.ndim(maps.soil) != 1:
            raise DataError("soil types with horizons of their own want one soil map, not several")
        soil = np.asarray(self.soil)
        maps.require_known("soil", np.asarray(maps.soil), np.unique(soil))
        used, profile_of = np.unique(maps.soil, return_inverse=True)
        parts = [self._parts(int(s), layers) for s in used]
        row, upper, lower = (np.concatenate(x) for x in zip(*parts, strict=True))
        profile = np.repeat(np.arange(used.size), [len(x[0]) for x in parts])
        ends = np.array([x[2][-1] for x in parts])
        tilled = lower <= layers.tillage_depth
        given = np.asarray(layers.depths, dtype=float)
        bottom = np.vstack([np.tile(given[:, None], used.size), ends])
        top = np.vstack([np.zeros(used.size), bottom[:-1]])
        overlap = np.minimum(lower, bottom[:, profile]) - np.maximum(upper, top[:, profile])
        weight = np.maximum(overlap, 0.0) / (bottom - top)[:, profile]

        def name(i: int) -> str:
            return f"soil type {soil[row[i]]}, horizon from {upper[i]:g} mm"

        clay, sand = _texture(self.clay[row], self.sand[row], compat, name)
        density = _density(self.bulk_density[row], name)
        return SoilProfiles(
            clay=clay,
            sand=sand,
            bulk_density=density,
            tilled=tilled,
            row=np.arange(row.size),
            profile=profile,
            weight=weight.T,
            bottom=bottom,
            profile_of=profile_of,
            per_horizon=False,
        )

    def _parts(self, soil: int, layers: SoilLayers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, upper and lower depths of a soil type, split at the tillage depth."""
        rows = np.nonzero(np.asarray(self.soil) == soil)[0]
        upper = _whole(np.asarray(self.upper, dtype=float)[rows])
        lower = _whole(np.asarray(self.lower, dtype=float)[rows])
        if upper[0] != 0.0 or np.any(lower <= upper) or np.any(upper[1:] != lower[:-1]):
            depths = ", ".join(f"{u:g}-{v:g}" for u, v in zip(upper, lower, strict=True))
            raise DataError(
                f"soil type {soil}: horizons must start at 0 and follow one another without gaps, "
                f"{depths} mm given"
            )
        end, tillage = lower[-1], layers.tillage_depth
        if layers.depths and layers.depths[-1] >= end:
            raise StudyError(
                "the given soil depths must lie above the end of every soil: "
                f"{layers.depths[-1]:g} mm given, soil type {soil} ends at {end:g} mm"
            )
        if tillage > end:
            raise StudyError(
                f"the tillage depth of {tillage:g} mm lies below the end of soil type {soil} at "
                f"{end:g} mm"
            )
        inside = np.nonzero((upper < tillage) & (tillage < lower))[0]
        if inside.size:
            rows = np.insert(rows, inside[0], rows[inside[0]])
            upper = np.insert(upper, inside[0] + 1, tillage)
            lower = np.insert(lower, inside[0], tillage)
        return rows, upper, lower


@dataclass(frozen=True)
class HorizonDatabase:
    """Soil classes without depth, one map for every model horizon.

    Attributes
    ----------
    soil : array (row) of int
        Soil class.
    clay, sand : array (row)
        Texture of the mineral soil [%].
    bulk_density : array (row)
        Of the mineral soil [g cm-3].
    """

    soil: np.ndarray
    clay: np.ndarray
    sand: np.ndarray
    bulk_density: np.ndarray

    def profiles(self, maps: Maps, layers: SoilLayers, compat: Compat) -> SoilProfiles:
        """Return the profiles that occur: each different column of soil classes is one.

        Raises
        ------
        DataError
            If the number of maps differs from that of the depths, or a class has no row.
        StudyError
            If the tillage depth is no depth of a horizon.
        """
        depths = np.asarray(layers.depths, dtype=float)
        soil_map = np.asarray(maps.soil)
        if soil_map.ndim != 2 or len(soil_map) != depths.size:
            given = len(soil_map) if soil_map.ndim == 2 else 1
            raise DataError(
                f"{depths.size} horizons want a soil map for each of them, {given} given"
            )
        if layers.tillage_depth not in depths:
            raise StudyError(
                f"with a soil map for each horizon the tillage depth must be one of the depths "
                f"{depths.tolist()} mm, {layers.tillage_depth:g} given"
            )
        known, first = np.unique(np.asarray(self.soil), return_index=True)
        for i, one in enumerate(soil_map):
            maps.require_known(f"soil of horizon {i + 1}", one, known)
        columns, profile_of = np.unique(soil_map, axis=1, return_inverse=True)
        tilled = np.broadcast_to((depths <= layers.tillage_depth)[:, None], columns.shape)
        entry = first[np.searchsorted(known, columns)]
        pairs, row = np.unique(entry * 2 + tilled, return_inverse=True)

        def name(i: int) -> str:
            return f"soil class {np.asarray(self.soil)[pairs[i] // 2]}"

        clay, sand = _texture(
            self.clay[pairs // 2], self.sand[pairs // 2], compat, name, scaled=False
        )
        count = columns.shape[1]
        return SoilProfiles(
            clay=clay,
            sand=sand,
            bulk_density=_density(self.bulk_density[pairs // 2], name),
            tilled=(pairs % 2).astype(bool),
            row=row.ravel(),
            profile=np.tile(np.arange(count), depths.size),
            weight=np.repeat(np.eye(depths.size), count, axis=0),
            bottom=np.tile(depths[:, None], count),
            profile_of=profile_of.ravel(),
            per_horizon=True,
        )


# --- checks -------------------------------------------------------------------------------


def _whole(depths: np.ndarray) -> np.ndarray:
    """Return depths rounded to whole millimeters, halves up."""
    return np.floor(depths + 0.5)


def _texture(
    clay: np.ndarray,
    sand: np.ndarray,
    compat: Compat,
    name: Callable[[int], str],
    *,
    scaled: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Return clay and sand [%], at least 1 % each and together at most 100 %.

    With ``compat.clay_and_sand_as_fractions`` more than 100 % become fractions, as in mHM
    (``scaled`` is False where mHM leaves them as they are).
    """
    clay, sand = np.asarray(clay, dtype=float), np.asarray(sand, dtype=float)
    for what, values in (("clay", clay), ("sand", sand)):
        bad = np.nonzero(~((values >= 0.0) & (values <= 100.0)))[0]
        if bad.size:
            raise DataError(f"{name(bad[0])}: {what} is {values[bad[0]]:g} %, 0 to 100 wanted")
    over = np.nonzero(clay + sand > 100.0 + 1e-9)[0]
    if over.size and not compat.clay_and_sand_as_fractions:
        i = over[0]
        raise DataError(
            f"{name(i)}: clay {clay[i]:g} % and sand {sand[i]:g} % exceed 100 % together: "
            "mend the table"
        )
    clay, sand = np.maximum(clay, SMALLEST_SHARE), np.maximum(sand, SMALLEST_SHARE)
    over = clay + sand > 100.0
    if compat.clay_and_sand_as_fractions:
        if not scaled:
            return clay, sand
        fraction = np.where(over, clay / (clay + sand), clay)
        return fraction, np.where(over, sand / (fraction + sand), sand)
    scale = np.where(over, 100.0 / (clay + sand), 1.0)
    return scale * clay, scale * sand


def _density(values: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    bad = np.nonzero(~((values > 0.0) & (values < 2.7)))[0]
    if bad.size:
        raise DataError(
            f"{name(bad[0])}: bulk density is {values[bad[0]]:g} g cm-3, between 0 and 2.7 "
            "(quartz) wanted"
        )
    return values
