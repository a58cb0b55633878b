"""Synthetic catchments in the terms of mHM, the same for the same seed.

Each preset is a function that returns a :class:`~rootzone.data.domain.Domain`: terrain, soils,
geology, land cover, leaf area, weather, and geographic coordinates, all made of seeded random
fields. `rootzone.data.mhm.write_folder` writes a domain as a folder that the real mHM runs on.

- :func:`hills`: small, with an irregular outline, two land-cover scenes and soils of all textures;
  it is there for tests, with any sizes of cells that nest.
- :func:`rail_valley`: a valley crossed by a winding railway that touches 29 model cells.

>>> from rootzone.data.synthetic_domain import hills
>>> domain = hills(seed=3, days=10)
>>> domain.cells, domain.weather.steps
(92, 10)
"""

import numpy as np

from rootzone.data.domain import Domain, Scene
from rootzone.data.rasters import Grid, geographic_coordinates, slope_and_aspect
from rootzone.data.synthetic.fields import block_means, masked, ranked_classes, smooth_field
from rootzone.data.synthetic.rail_valley import FOREST, IMPERVIOUS, PERVIOUS, rail_valley
from rootzone.data.synthetic.tables import geology_table, lai_table, soil_table
from rootzone.data.synthetic.weather import daily_weather

__all__ = ["PRESETS", "hills", "rail_valley"]

_CENTER = (51.0, 10.5)


def hills(
    seed: int = 1,
    *,
    cellsize0: float = 100.0,
    cellsize1: float = 400.0,
    cellsize2: float = 800.0,
    shape: tuple[int, int] = (36, 44),
    start: str = "1990-11-01",
    days: int = 120,
) -> Domain:
    """Return a small hilly catchment with an irregular outline and two land-cover scenes."""
    rng = np.random.default_rng(seed)
    grid = Grid(shape[1], shape[0], 4400000.0, 3200000.0, cellsize0)
    rows, cols = np.meshgrid(
        np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij"
    )
    rough = smooth_field(rng, shape, 6.0) + 0.3 * smooth_field(rng, shape, 2.0)
    dem = np.round(420.0 + 140.0 * np.abs(cols + 0.3 * rows) + 60.0 * rough, 2)
    mask = np.hypot(rows, cols) + 0.12 * smooth_field(rng, shape, 4.0) < 1.05
    slope, aspect = slope_and_aspect(dem, grid)
    soils, geology, leaves = soil_table(rng), geology_table(), lai_table()
    soil = ranked_classes(smooth_field(rng, shape, 4.0), np.ones(soils.soil.max()))
    unit = geology.unit[
        ranked_classes(smooth_field(rng, shape, 8.0), np.ones(len(geology.unit))) - 1
    ]
    wild = smooth_field(rng, shape, 3.0) + 0.008 * (dem - dem.mean())
    town = smooth_field(rng, shape, 2.0) - 0.006 * (dem - dem.mean())
    first = np.where(wild > 0.1, FOREST, np.where(town > 1.1, IMPERVIOUS, PERVIOUS))
    later = np.where(wild > 0.5, FOREST, np.where(town > 0.7, IMPERVIOUS, PERVIOUS))
    kind = ranked_classes(smooth_field(rng, shape, 3.0), np.ones(3)) - 1
    leaf = np.where(first == FOREST, kind, np.where(first == IMPERVIOUS, 5, 3 + kind % 2))
    coarse, weather_grid = grid.coarsened(cellsize1), grid.coarsened(cellsize2)
    latitude0, longitude0 = geographic_coordinates(grid, _CENTER)
    latitude1, longitude1 = geographic_coordinates(coarse, _CENTER)
    return Domain(
        level0=grid,
        cellsize1=cellsize1,
        level2=weather_grid,
        dem=masked(dem, mask),
        slope=masked(np.round(slope, 4), mask),
        aspect=masked(np.round(aspect, 3), mask),
        soil=masked(soil, mask)[None],
        geology=masked(unit, mask),
        land_cover=np.stack([masked(first, mask), masked(later, mask)]),
        scenes=(Scene(1980, 1990, "lc_1980.asc"), Scene(1991, 2030, "lc_1991.asc")),
        lai_class=masked(leaves.unit[leaf], mask),
        lai=None,
        soils=soils,
        geology_table=geology,
        lai_table=leaves,
        latitude0=latitude0,
        longitude0=longitude0,
        latitude1=latitude1,
        longitude1=longitude1,
        weather=daily_weather(
            rng, block_means(dem, grid, weather_grid), np.datetime64(start), days
        ),
        name="hills",
    )


PRESETS = {"hills": hills, "rail valley": rail_valley}
"""The presets by name."""
