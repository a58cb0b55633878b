"""Three soil covers in Quebec: the Richards column against sensors and lysimeters.

    python benchmarks/drummondville.py --data FOLDER

FOLDER holds the files of :mod:`drummondville_data`. Soils are drawn within the measured retention
curves, everything else from the priors below; the members that meet the first year best
(2018-07 to 2019-06) are kept and scored on the two years after it. Writes
`benchmarks/results/drummondville.json`, `docs/tables/drummondville*.md` and the figure.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from drummondville_data import (
    COVERS,
    Cover,
    curves,
    observations,
    populations,
    weather,
)

from rootzone.water.canopy import (
    Canopy,
    CanopyForcing,
    CanopyState,
    LeafAreaTable,
    days_since,
    run_canopy,
)
from rootzone.water.retention import BrooksCorey
from rootzone.water.retention_fit import Population
from rootzone.water.richards import (
    Forcing,
    FreeDrainage,
    Grid,
    Richards,
    Status,
)
from rootzone.water.hydraulics import Hydraulics
from rootzone.water.richards.boundary import Bottom, BottomCondition
from rootzone.water.roots import Roots, exponential_roots
from rootzone.water.soil_classes import CARSEL_PARRISH_1988, draw
from rootzone.water.snow import DegreeDay, SnowForcing, SnowState, run_snow, snow_fraction

MEMBERS, CHUNK, KEPT = 1024, 256, 52  # a twentieth of the members is kept
SEED = 2018


class Prior(NamedTuple):
    """Uniform between two values, of the logarithm where ``log``."""

    low: float
    high: float
    log: bool
    source: str


PRIORS = {
    "K_s_top": Prior(20.0, 1400.0, True, "as CM"),
    "K_s_CM": Prior(20.0, 1400.0, True, "cores 7e-6 to 5.4e-5 m/s, a factor of 3 to both sides"),
    "K_s_AB": Prior(1.2, 120.0, True, "cores 4.05e-7 to 4.61e-6 m/s, a factor of 3"),
    "K_s_BC": Prior(13.0, 1300.0, True, "cores 4.4e-6 to 4.93e-5 m/s, a factor of 3"),
    "l": Prior(-1.0, 2.0, False, "Mualem 0.5, Burdine about 2, fits often about -1"),
    "initial_head": Prior(-500.0, -30.0, True, "new covers"),
    "crop_coefficient": Prior(0.7, 1.1, False, "thin to full grass"),
    "leaf_area": Prior(0.5, 4.0, False, "of high summer, thin to full grass"),
    "root_depth": Prior(15.0, 60.0, False, "grass"),
    "snow_correction": Prior(1.0, 1.4, False, "gauge undercatch of snow"),
    "melt_factor": Prior(2.0, 6.0, False, "open ground"),
    "snow_threshold": Prior(-0.5, 2.0, False, "rain or snow"),
}
