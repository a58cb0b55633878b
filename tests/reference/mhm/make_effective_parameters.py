"""Make effective_parameters.npz: maps and tables of a tiny domain, and what mHM makes of them.

Run once with the real mHM at hand (``pip install mhm==5.13.4``, or ``ROOTZONE_MHM``)::

    python tests/reference/mhm/make_effective_parameters.py

The file holds the inputs as arrays, so that the test needs neither mHM nor the synthetic domain.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
jax.config.update("jax_enable_x64", True)

import real_mhm  # noqa: E402

from rootzone.data.cells import maps_of, regionalization_of  # noqa: E402
from rootzone.data.domain import Cases  # noqa: E402
from rootzone.data.mhm.restart import read_restart  # noqa: E402
from rootzone.data.synthetic_domain import hills  # noqa: E402
from rootzone.water.cell import CellParameters, declared  # noqa: E402

TARGET = Path(__file__).parent / "effective_parameters.npz"
RUNS = [(1, 0, 1), (2, -1, 2), (3, 3, 2), (4, 2, 1), (1, 1, 2), (4, 3, 2)]
MAPS = [
    "cell_of",
    "soil",
    "land_cover",
    "geology",
    "slope",
    "aspect",
    "latitude",
    "lai_class",
    "cell_latitude",
]
SOILS = ["soil", "upper", "lower", "clay", "sand", "bulk_density"]


def domain():
    """Return a tiny domain with two karstic units, the equator in its middle and odd soils."""
    start = hills(8, shape=(12, 12), cellsize1=800.0, cellsize2=800.0, start="1990-12-30", days=4)
    karstic = np.zeros(len(start.geology_table.unit), dtype=bool)
    karstic[[0, 2]] = True
    common, other = np.argsort(np.bincount(start.soil[0][start.mask]))[[-1, -2]]
    soils = {name: getattr(start.soils, name).copy() for name in ("clay", "sand", "bulk_density")}
    dense, sandy = start.soils.soil == common, start.soils.soil == other
    soils["clay"][dense], soils["sand"][dense], soils["bulk_density"][dense] = 1.5, 2.0, 2.6
    soils["clay"][sandy], soils["sand"][sandy] = 0.2, 99.7
    return replace(
        start,
        soils=replace(start.soils, **soils),
        geology_table=replace(start.geology_table, karstic=karstic),
        latitude0=start.latitude0 - np.mean(start.latitude0),
    )


def main():
    """Run mHM and save."""
    tiny = domain()
    maps = maps_of(tiny)
    saved = {f"maps/{name}": getattr(maps, name) for name in MAPS}
    saved |= {f"soils/{name}": getattr(tiny.soils, name) for name in SOILS}
    saved |= {
        "geology/unit": tiny.geology_table.unit,
        "geology/karstic": tiny.geology_table.karstic,
    }
    saved |= {"leaves/unit": tiny.lai_table.unit, "leaves/values": tiny.lai_table.values}
    for number, cases in enumerate(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            setup = real_mhm.write_domain(tiny, Path(folder), cases=Cases(*cases))
            table = regionalization_of(tiny, setup).parameter_table
            # A quarter of the values at each bound; the last run has all at the lower ones.
            u = np.random.default_rng(number).uniform(-0.5, 1.5, len(table)).clip(0.0, 1.0)
            u = np.zeros(len(table)) if number == len(RUNS) - 1 else u
            values = np.clip(table.lower + u * (table.upper - table.lower), None, table.upper)
            named = dict(zip(table.names, map(float, values), strict=True))
            real_mhm.write_domain(tiny, Path(folder), setup=setup, parameters=named, outputs=(1,))
            scenes = read_restart(real_mhm.run_mhm(Path(folder)).restart).parameters
        saved[f"run{number}/values"] = values
        for i, scene in enumerate(scenes):
            for name in declared(CellParameters):
                field = getattr(scene, name)
                if field is not None and name not in ("horizon_thickness", "evap_coefficient"):
                    saved[f"run{number}/scene{i}/{name}"] = np.asarray(field)
    np.savez_compressed(TARGET, **saved)


if __name__ == "__main__":
    main()
