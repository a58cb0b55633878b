"""Class tables of synthetic catchments: soils, rocks, leaf area."""

import numpy as np

from rootzone.data.domain import GeologyTable, LaiTable
from rootzone.water.regionalization.soil_database import ProfileDatabase

# clay and sand [%] of the top horizon, bulk density of the top [g cm-3], depth of the soil [mm]
_TEXTURES = (
    (18.0, 32.0, 1.30, 1800.0),  # silt loam
    (5.0, 78.0, 1.45, 1500.0),  # loamy sand
    (34.0, 22.0, 1.28, 1200.0),  # clay loam
    (12.0, 58.0, 1.38, 1600.0),  # sandy loam
    (24.0, 40.0, 1.33, 1000.0),  # loam
    (3.0, 90.0, 1.50, 2000.0),  # sand
    (46.0, 14.0, 1.22, 1400.0),  # clay
    (15.0, 64.0, 1.36, 900.0),  # sandy loam over rock
)
_DEPTHS = ((300.0, 800.0), (150.0, 500.0, 1000.0), (250.0,), (200.0, 600.0))


def soil_table(rng: np.random.Generator, types: int = 8) -> ProfileDatabase:
    """Return soil types of two to four horizons; deeper ones are denser and vary in clay."""
    rows = []
    for i in range(types):
        clay, sand, density, depth = _TEXTURES[i % len(_TEXTURES)]
        edges = [0.0, *(d for d in _DEPTHS[i % len(_DEPTHS)] if d < depth), depth]
        clay += rng.uniform(-1.5, 1.5)
        sand += rng.uniform(-2.0, 2.0)
        for j in range(len(edges) - 1):
            c = np.clip(clay + j * rng.uniform(-1.0, 4.0), 2.0, 60.0)
            s = np.clip(sand + j * rng.uniform(-4.0, 2.0), 5.0, 95.0)
            s = min(s, 99.0 - c)
            d = min(density + 0.12 * j + rng.uniform(-0.03, 0.03), 1.75)
            rows.append((i + 1, edges[j], edges[j + 1], round(c, 1), round(s, 1), round(d, 2)))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return ProfileDatabase(columns[0].astype(int), *columns[1:])


def geology_table(units: int = 5) -> GeologyTable:
    """Return geological units whose ids leave gaps; the last but one is karstic."""
    unit = np.arange(1, units + 1) + np.arange(units) // 2
    karstic = np.arange(units) == units - 2
    return GeologyTable(unit, karstic, tuple(f"unit {i}" for i in unit))


def lai_table() -> LaiTable:
    """Return six classes of leaf area: coniferous, deciduous, mixed, crops, grass, town."""
    month = np.arange(12)
    season = 0.5 - 0.5 * np.cos(2.0 * np.pi * (month - 0.5) / 12.0)
    low_high = ((8.5, 11.0), (0.5, 6.5), (3.0, 8.0), (0.3, 4.2), (0.8, 3.5), (0.2, 0.9))
    names = ("coniferous", "deciduous", "mixed", "crops", "grass", "town")
    values = np.array([low + (high - low) * season**1.3 for low, high in low_high])
    return LaiTable(np.array([1, 2, 3, 5, 6, 8]), names, np.round(values, 3))
