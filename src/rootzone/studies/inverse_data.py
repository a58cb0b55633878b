"""From stored scenarios to what a network reads: counts of a detector, inputs, attributes."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rootzone.config.inverse import InverseStudy
from rootzone.core import DataError
from rootzone.data.scenario_store import ScenarioStore
from rootzone.learn import Sequences
from rootzone.neutrons import (
    CosmicParameters,
    Desilets2010,
    Koehli2021,
    cosmic_homogeneous,
)
from rootzone.simulate.operators import BIOMASS_SLOPE
from rootzone.simulate.scenarios import OPERATORS
from rootzone.water.richards import Status

Detector = Literal["exact", "own"] | float
"""Exact counts, those of the site's own detector, or of one with a mean rate [h-1]."""

HOURS = 24.0
"""Counted time of a day [h]."""

UNKNOWN_POROSITY = 0.65
"""Upper bound of answers where the porosity is not known [m3 m-3]."""

_GRID = 96  # points of the table that turns counts into water
_HUMIDITY = 7.0  # g m-3, that of the scenarios' operators

GROUPS = (
    ("counts",),
    ("retrieval",),
    ("rain",),
    ("pet",),
    ("temperature",),
    ("season_cos", "season_sin"),
)
"""Daily inputs that are missing together."""

STATIC_GROUPS = (
    ("sand", "clay"),
    ("bulk_density", "porosity"),
    ("soil_organic_carbon",),
    ("lattice_water",),
    ("leaf_area_max", "rooting_depth"),
    ("biomass_water",),
    ("log_N0",),
)
"""Attributes that are missing together."""


@dataclass(frozen=True)
class Data:
    """Finished sites of a store; arrays (site, ...), series (site, day)."""

    number: np.ndarray
    rate: np.ndarray
    """Exact rates of the operator that is read [h-1]."""
    N0: np.ndarray
    N0_known: np.ndarray
    rain: np.ndarray
    pet: np.ndarray
    temperature: np.ndarray
    snow: np.ndarray
    theta: np.ndarray
    """(site, day, depth)"""
    surface: np.ndarray
    """Mean water of 0-5 cm."""
    day_of_year: np.ndarray
    depths: tuple[int, ...]
    static: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    operator: str

    @property
    def sites(self) -> int:
        """Number of sites."""
        return len(self.number)

    @property
    def days(self) -> int:
        """Number of days."""
        return self.rate.shape[1]

    def pick(self, which: np.ndarray) -> "Data":
        """Return some sites."""
        whole = ("day_of_year", "depths", "operator", "static", "codes")
        arrays = {k: v[which] for k, v in vars(self).items() if k not in whole}
        some = lambda parts: {k: v[which] for k, v in parts.items()}  # noqa: E731
        return replace(self, **arrays, static=some(self.static), codes=some(self.codes))


_STORED = (
    "sand",
    "clay",
    "bulk_density",
    "porosity",
    "soil_organic_carbon",
    "lattice_water",
    "organic_water",
    "leaf_area_max",
    "rooting_depth",
    "biomass_water",
)


def load(study: InverseStudy, store: ScenarioStore, limit: int | None = None) -> Data:
    """Return the sites of a store that finished.

    Raises
    ------
    DataError
        If the store lacks something, or holds impossible water.
    """
    good = np.flatnonzero(store.read("status") == int(Status.DONE))[:limit]
    number = store.numbers()[good]
    operator = list(OPERATORS).index(study.operator)
    of = lambda name: store.read(name)[good]  # noqa: E731
    depth = store.read("depth").astype(int).tolist()
    wanted = tuple(study.network.depths)
    all_depths = of("theta")
    theta = all_depths[:, [depth.index(d) for d in wanted]].transpose(0, 2, 1)
    static = {name: of(name).astype(float) for name in _STORED}
    impossible = ~(theta > 0.0) | (theta >= static["porosity"][:, None, None])
    if impossible.any():
        site = int(np.flatnonzero(impossible.any(axis=(1, 2)))[0])
        raise DataError(
            f"{store.path}: site {number[site]} has water contents from {np.nanmin(theta[site]):g} "
            f"to {np.nanmax(theta[site]):g} m3 m-3, wanted between 0 and its porosity of "
            f"{static['porosity'][site]:.3f}: make the scenarios again or leave the site out"
        )
    N0 = of("N0")[:, operator].astype(float)
    if not np.all(N0 > 0):
        raise DataError(f"{store.path}: sites without N0: counts cannot be told from water")
    return Data(
        number=number,
        rate=of("rate")[:, operator],
        N0=N0,
        N0_known=of("N0_known")[:, operator].astype(float),
        rain=of("rain"),
        pet=of("pet"),
        temperature=of("temperature"),
        snow=of("snow"),
        theta=theta,
        surface=all_depths[:, depth.index(5)],
        day_of_year=store.read("day_of_year"),
        depths=wanted,
        static=static,
        codes={name: of(name) for name in ("climate", "station", "soil_class", "vegetation")},
        operator=study.operator,
    )


# --- counts -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """Counts of a detector, and what is known of it."""

    rate: np.ndarray
    """(site, day) [h-1]"""
    N0: np.ndarray
    """As known at the site [h-1]."""


def counted(data: Data, detector: Detector, seed: int, draw: int = 0) -> Counts:
    """Return counts with Poisson noise that belongs to the site.

    Parameters
    ----------
    data : Data
        The sites.
    detector : "exact", "own" or float
        See :data:`Detector`. Exact counts go with the true N0 of the strongest detector, others
        with the N0 that is known.
    seed, draw : int
        Site n has the same noise in every company.
    """
    if detector == "exact":
        scale = data.N0.max() / data.N0
        return Counts(data.rate * scale[:, None], data.N0 * scale)
    scale = np.ones(data.sites) if detector == "own" else float(detector) / data.rate.mean(axis=1)
    out = np.empty(data.rate.shape)
    for k, number in enumerate(data.number):
        rng = np.random.default_rng([seed, int(number), draw])
        out[k] = rng.poisson(HOURS * scale[k] * np.asarray(data.rate[k], float)) / HOURS
    return Counts(out, data.N0_known * scale)


def retrieved(data: Data, counts: Counts) -> np.ndarray:
    """Return the water (site, day) of homogeneous profiles with these counts [m3 m-3].

    The operator that is read, inverted with the N0, density and bound water that are known of the
    site; counts beyond those of dry or of saturated soil give 0 or the porosity.
    """
    s = data.static
    share = np.linspace(0.0, 1.0, _GRID)
    theta = s["porosity"][:, None] * share
    bound = s["lattice_water"] + s["organic_water"]
    if data.operator == "cosmic":
        rho = s["bulk_density"][:, None] + 0.0 * theta
        relative = cosmic_homogeneous(
            theta,
            bulk_density=rho,
            lattice_water=bound[:, None] * rho,
            parameters=CosmicParameters.of_bulk_density(rho, N=1.0),
        )
    else:
        law = Desilets2010() if data.operator == "desilets_2010" else Koehli2021()
        relative = law.relative_rate(theta / s["bulk_density"][:, None] + bound[:, None], _HUMIDITY)
    relative = np.asarray(relative) * (1.0 - BIOMASS_SLOPE * s["biomass_water"])[:, None]
    measured = counts.rate / counts.N0[:, None]
    rows = (np.interp(-m, -r, t) for m, r, t in zip(measured, relative, theta, strict=True))
    return np.stack(list(rows))


# --- inputs and attributes --------------------------------------------------------------


def input_names(study: InverseStudy) -> tuple[str, ...]:
    """Return the columns of the inputs."""
    season = ("season_cos", "season_sin")
    names = (season if n == "season" else (n,) for n in study.network.inputs)
    return tuple(name for group in names for name in group)


def static_names(study: InverseStudy) -> tuple[str, ...]:
    """Return the columns of the attributes."""
    return tuple("log_N0" if n == "N0" else n for n in study.network.static)


def grouped(names: tuple[str, ...], groups: tuple[tuple[str, ...], ...]) -> list[list[int]]:
    """Return the positions of the names of each group that has any."""
    found = [[names.index(n) for n in group if n in names] for group in groups]
    return [group for group in found if group]


def sequences(study: InverseStudy, data: Data, counts: Counts) -> Sequences:
    """Return what the network reads: inputs, targets, attributes, upper bounds."""
    angle = 2.0 * np.pi * data.day_of_year / 365.25
    rows = np.ones((data.sites, 1))
    columns = {
        "counts": lambda: counts.rate / counts.N0[:, None],
        "retrieval": lambda: retrieved(data, counts),
        "rain": lambda: np.log1p(data.rain),
        "pet": lambda: data.pet,
        "temperature": lambda: data.temperature,
        "season_cos": lambda: np.cos(angle) * rows,
        "season_sin": lambda: np.sin(angle) * rows,
    }
    inputs = np.stack([np.asarray(columns[n](), "f4") for n in input_names(study)], axis=-1)
    known = data.static | {"log_N0": np.log(counts.N0)}
    names = static_names(study)
    static = np.stack([known[n] for n in names], axis=-1).astype("f4") if names else None
    porosity = data.static["porosity"]
    if "porosity" not in names:
        porosity = np.full(data.sites, UNKNOWN_POROSITY)
    upper = np.repeat(porosity[:, None], len(data.depths), axis=1).astype("f4")
    return Sequences(inputs, np.asarray(data.theta, "f4"), static, upper)
