"""From stored scenarios to what a network reads: counts of a detector, inputs, attributes."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from rootzone.config.inverse import Errors, InverseStudy, attribute_columns, input_columns
from rootzone.config.inverse_scenarios import StoredScenarios
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

VALID, TEST = 2**31, 2**31 + 1
"""Numbers of noise draws; training has those from 0."""

HOURS = 24.0
"""Counted time of a day [h]."""

UNKNOWN_POROSITY = 0.65
"""Upper bound of answers where the porosity is not known [m3 m-3]."""

SNOW = 0.5
"""Snow water above which counts tell of the snow [mm]."""

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
    ("log_rate",),
)
"""Attributes that are missing together."""


@dataclass(frozen=True)
class Data:
    """Finished sites of a store; arrays (site, ...), series (site, day)."""

    number: np.ndarray
    rates: np.ndarray
    """Exact rates (site, operator, day) [h-1]."""
    N0s: np.ndarray
    """(site, operator) [h-1]"""
    N0s_known: np.ndarray
    which: np.ndarray
    """Place of the operator whose counts a site has."""
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
    operators: tuple[str, ...]

    @property
    def sites(self) -> int:
        """Number of sites."""
        return len(self.number)

    @property
    def days(self) -> int:
        """Number of days."""
        return self.rates.shape[2]

    @property
    def rate(self) -> np.ndarray:
        """Exact rates (site, day) of each site's operator [h-1]."""
        return self.rates[np.arange(self.sites), self.which]

    @property
    def N0(self) -> np.ndarray:
        """True N0 (site) of each site's operator [h-1]."""
        return self.N0s[np.arange(self.sites), self.which]

    @property
    def N0_known(self) -> np.ndarray:
        """N0 (site) as known [h-1]."""
        return self.N0s_known[np.arange(self.sites), self.which]

    def turned(self, draw: int) -> "Data":
        """Return the sites with their operators moved on by some places."""
        return replace(self, which=(self.number + draw) % len(self.operators))

    def pick(self, which: np.ndarray) -> "Data":
        """Return some sites."""
        whole = ("day_of_year", "depths", "operators", "static", "codes")
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
    places = [list(OPERATORS).index(name) for name in study.operator]
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
    N0 = of("N0")[:, places].astype(float)
    if not np.all(N0 > 0):
        raise DataError(f"{store.path}: sites without N0: counts cannot be told from water")
    return Data(
        number=number,
        rates=of("rate")[:, places],
        N0s=N0,
        N0s_known=_known_N0(study, number, N0, of("N0_known")[:, places].astype(float)),
        which=number % len(places),
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
        operators=tuple(study.operator),
    )


def _known_N0(
    study: InverseStudy, number: np.ndarray, true: np.ndarray, stored: np.ndarray
) -> np.ndarray:
    """Return N0 (site, operator) as known: as stored, or with the error of the study."""
    match study.scenarios:
        case StoredScenarios(N0_error=float(error)):
            rngs = (np.random.default_rng([study.seed, 76, int(n)]) for n in number)
            draws = np.array([rng.standard_normal() for rng in rngs])
            return true * np.exp(error * draws)[:, None]
        case _:
            return stored


# --- counts -----------------------------------------------------------------------------


class Slips(NamedTuple):
    """What a site's instruments tell with their errors; arrays (site, day), and (site)."""

    rain: np.ndarray
    pet: np.ndarray
    temperature: np.ndarray
    factor: np.ndarray
    """On the water of the inversion [1]."""
    offset: np.ndarray
    """To the water of the inversion [m3 m-3]."""


@dataclass(frozen=True)
class Counts:
    """Counts of a detector, and what is known of it."""

    rate: np.ndarray
    """(site, day) [h-1]"""
    N0: np.ndarray
    """As known at the site [h-1]."""
    slips: Slips | None = None
    """Left out: weather is exact."""

    def pick(self, which: np.ndarray) -> "Counts":
        """Return those of some sites."""
        slips = None if self.slips is None else Slips(*(x[which] for x in self.slips))
        return Counts(self.rate[which], self.N0[which], slips)


def counted(
    data: Data, detector: Detector, seed: int, draw: int = 0, errors: Errors | None = None
) -> Counts:
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
    errors : Errors, optional
        Of the sites' own instruments.
    """
    exact, N0 = data.rate, data.N0
    if detector == "exact":
        scale = N0.max() / N0
        return Counts(exact * scale[:, None], N0 * scale)
    scale = np.ones(data.sites) if detector == "own" else float(detector) / exact.mean(axis=1)
    wrong = errors if detector == "own" else None
    out, parts = np.empty(exact.shape), []
    for k, number in enumerate(data.number):
        rng = np.random.default_rng([seed, int(number), draw])
        rate = scale[k] * np.asarray(exact[k], float)
        if wrong is not None:
            parts.append(_slips(data, k, wrong, rng))
            rate *= np.exp(wrong.rate * rng.standard_normal(data.days))
        out[k] = rng.poisson(HOURS * rate) / HOURS
    slips = Slips(*(np.stack(x) for x in zip(*parts, strict=True))) if parts else None
    return Counts(out, data.N0_known * scale, slips)


def _slips(data: Data, site: int, errors: Errors, rng: np.random.Generator) -> Slips:
    """Return what the instruments of one site tell, arrays (day) and numbers."""
    of_site = rng.standard_normal(5)
    daily = errors.rain_daily * rng.standard_normal(data.days)
    return Slips(
        rain=data.rain[site] * np.exp(errors.rain * of_site[0] + daily),
        pet=data.pet[site] * np.exp(errors.pet * of_site[1]),
        temperature=data.temperature[site] + errors.temperature * of_site[2],
        factor=np.exp(errors.retrieval * of_site[3]),
        offset=np.asarray(errors.retrieval_offset * of_site[4]),
    )


def retrieved(data: Data, counts: Counts) -> np.ndarray:
    """Return the water (site, day) of homogeneous profiles with these counts [m3 m-3].

    The operator of the site, inverted with the N0, density and bound water that are known of it;
    counts beyond those of dry or of saturated soil give 0 or the porosity. Days with snow are NaN.
    """
    s = data.static
    share = np.linspace(0.0, 1.0, _GRID)
    theta = s["porosity"][:, None] * share
    tables = np.stack([_relative(data, name, theta) for name in data.operators])
    relative = tables[data.which, np.arange(data.sites)]
    measured = counts.rate / counts.N0[:, None]
    rows = (np.interp(-m, -r, t) for m, r, t in zip(measured, relative, theta, strict=True))
    found = np.stack(list(rows))
    if counts.slips is not None:
        found = found * counts.slips.factor[:, None] + counts.slips.offset[:, None]
        found = np.clip(found, 0.0, s["porosity"][:, None])
    return np.where(data.snow > SNOW, np.nan, found)


def _relative(data: Data, operator: str, theta: np.ndarray) -> np.ndarray:
    """Return the rates of homogeneous profiles (site, ...) by an operator, relative to N0."""
    s = {name: value[:, None] for name, value in data.static.items()}
    bound = s["lattice_water"] + s["organic_water"]
    if operator == "cosmic":
        rho = s["bulk_density"] + 0.0 * theta
        relative = cosmic_homogeneous(
            theta,
            bulk_density=rho,
            lattice_water=bound * rho,
            parameters=CosmicParameters.of_bulk_density(rho, N=1.0),
        )
    else:
        law = Desilets2010() if operator == "desilets_2010" else Koehli2021()
        relative = law.relative_rate(theta / s["bulk_density"] + bound, _HUMIDITY)
    return np.asarray(relative) * (1.0 - BIOMASS_SLOPE * s["biomass_water"])


# --- inputs and attributes --------------------------------------------------------------


def input_names(study: InverseStudy) -> tuple[str, ...]:
    """Return the columns of the inputs."""
    return input_columns(study.network.inputs)


def static_names(study: InverseStudy) -> tuple[str, ...]:
    """Return the columns of the attributes."""
    return attribute_columns(study.network.static)


def grouped(names: tuple[str, ...], groups: tuple[tuple[str, ...], ...]) -> list[list[int]]:
    """Return the positions of the names of each group that has any."""
    found = [[names.index(n) for n in group if n in names] for group in groups]
    return [group for group in found if group]


def sequences(study: InverseStudy, data: Data, counts: Counts) -> Sequences:
    """Return what the network reads: inputs, targets, attributes, upper bounds.

    Counts of days with snow are missing, as are targets: they tell of the snow.
    """
    angle = 2.0 * np.pi * data.day_of_year / 365.25
    rows = np.ones((data.sites, 1))
    covered = data.snow > SNOW
    seen = data if counts.slips is None else counts.slips
    columns = {
        "counts": lambda: np.where(covered, np.nan, counts.rate / counts.N0[:, None]),
        "retrieval": lambda: retrieved(data, counts),
        "rain": lambda: np.log1p(seen.rain),
        "pet": lambda: seen.pet,
        "temperature": lambda: seen.temperature,
        "season_cos": lambda: np.cos(angle) * rows,
        "season_sin": lambda: np.sin(angle) * rows,
    }
    inputs = np.stack([np.asarray(columns[n](), "f4") for n in input_names(study)], axis=-1)
    rate = np.where(covered, np.nan, counts.rate)
    free = (~covered).sum(axis=1)
    mean_rate = np.where(free > 0, np.nansum(rate, axis=1) / np.maximum(free, 1), np.nan)
    known = data.static | {"log_N0": np.log(counts.N0), "log_rate": np.log(mean_rate)}
    names = static_names(study)
    static = np.stack([known[n] for n in names], axis=-1).astype("f4") if names else None
    porosity = data.static["porosity"]
    if "porosity" not in names:
        porosity = np.full(data.sites, UNKNOWN_POROSITY)
    upper = np.repeat(porosity[:, None], len(data.depths), axis=1).astype("f4")
    target = np.where(covered[..., None], np.nan, data.theta).astype("f4")
    return Sequences(inputs, target, static, upper)
