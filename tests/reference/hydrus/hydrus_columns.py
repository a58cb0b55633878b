"""The columns that HYDRUS-1D computed, as this package describes them."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd

from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import (
    BottomHead,
    Control,
    Forcing,
    FreeDrainage,
    Grid,
    Richards,
    Run,
)
from rootzone.water.roots import Feddes, Roots, hoffman_van_genuchten

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases.json").read_text())
GRID = Grid.uniform(150.0, 1.0)


def daily() -> pd.DataFrame:
    """Return what HYDRUS-1D wrote at the end of each day."""
    return pd.read_csv(HERE / "hydrus_R_daily.csv.gz")


def profiles() -> pd.DataFrame:
    """Return the water content every 10 cm at the end of every 73rd day."""
    return pd.read_csv(HERE / "hydrus_R_profiles.csv.gz")


def soil_of(names: list[str]) -> VanGenuchten:
    """Return the soils of some cases (node, case)."""
    parts = []
    for key in ("theta_r", "theta_s", "alpha_1_cm", "n", "Ks_cm_d", "l"):
        columns = [
            np.repeat(
                [material[key] for material in CASES[name]["materials"]],
                np.diff([*CASES[name]["first_node"], GRID.depth.size]),
            )
            for name in names
        ]
        parts.append(jnp.asarray(np.stack(columns, axis=1)))
    entry = jnp.asarray([CASES[name]["air_entry"] for name in names])[None]
    return VanGenuchten(*parts, air_entry=entry)


DEFAULT = Control()


def compute(names: list[str], control: Control = DEFAULT, dtype=np.float64) -> Run:
    """Run cases of one kind of boundary side by side; theta of 0-30 cm, then every 10 cm."""
    case = CASES[names[0]]
    roots = None
    if "feddes" in case:
        p = case["feddes"]
        stress = Feddes(p["P0"], p["POpt"], p["P2H"], p["P2L"], p["P3"], p["r2H"], p["r2L"])
        roots = Roots(hoffman_van_genuchten(GRID.depth, case["root_depth_cm"]), stress)
    column = Richards(
        soil_of(names),
        GRID,
        bottom=BottomHead(0.0) if case["bottom"] == "head 0" else FreeDrainage(),
        roots=roots,
        control=control,
    )
    depth = np.asarray(GRID.depth)
    heads = {"hydrostatic": depth - 150.0}
    start = [CASES[name]["initial_h"] for name in names]
    h = np.stack([heads.get(h, np.full(depth.size, h)) for h in start], axis=1)
    weather = pd.read_csv(HERE / "forcing_synthetic.csv")
    rain, pet = (weather[key].to_numpy() / 10.0 for key in ("rain_mm", "pet_mm"))
    share = case.get("transpiration_share", 0.0)
    observe = np.concatenate([GRID.layer_weights([0.0, 30.0]), np.eye(depth.size)[::10]])
    return column.run(
        column.initial(h.astype(dtype), len(names)),
        Forcing(rain, (1.0 - share) * pet, share * pet),
        observe=observe,
    )
