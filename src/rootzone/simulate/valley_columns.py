"""Richards columns of a landscape under weather, snow, leaves and litter, counted by COSMIC.

A nature that is not that of a bucket model which is calibrated on its counts::

    columns = columns_of(ground, day_of_year, rain, demand, temperature, seed=1)
    run = run_columns(columns, layers=(0.0, 5.0, 25.0, 60.0))
    run.rate, run.theta            # (day, operator, column), (day, layer, column)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.simulate.ensemble import Chunk, chunk_count, run_ensemble
from rootzone.simulate.operators import Cosmic, NeutronSoil
from rootzone.simulate.scenario_members import Draws
from rootzone.simulate.scenarios import DrainageOrTable
from rootzone.simulate.site import Members, Simulated, Site
from rootzone.simulate.surface import Supply, Surface, wet_leaves
from rootzone.simulate.valley_ground import (
    DEPTH,
    Ground,
    Scatter,
    layer_means,
    plant_values,
    soils_of,
)
from rootzone.simulate.weather import Weather
from rootzone.water.canopy import Canopy, CanopyForcing, InterceptionStore, LeafAreaTable
from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Atmosphere, Grid
from rootzone.water.roots import Feddes, Roots, jackson
from rootzone.water.series import run_series
from rootzone.water.snow import DegreeDay

_AIR_ENTRY, _FINE = -2.0, 1.3  # cm; n below which plain van Genuchten soils are a trap
_LITTER_SHADE = 0.5  # of the evaporation that soil below litter is asked for
_SNOW = {"threshold": 1.0, "transition": 2.0, "retention": 0.1, "refreezing": 0.05}
_POND = 0.2  # cm
_COMPENSATED = 0.7  # critical stress index of the roots (Jarvis 1989)
_MONTHS = (np.arange(12) + 0.5) * (365.25 / 12.0)  # their middles, days of the year
_START = -100.0  # cm
_CHUNK = 64  # columns


class Columns(NamedTuple):
    """Columns ready to run; the column is the last axis of every array."""

    number: np.ndarray
    day_of_year: np.ndarray
    rain: np.ndarray
    demand: np.ndarray
    temperature: np.ndarray
    soil: VanGenuchten
    """(node, column)"""
    porosity: np.ndarray
    """(layer, column)"""
    bottom: np.ndarray
    """Lower ends of the layers (layer, column) [cm]."""
    neutrons: NeutronSoil
    """(layer, column)"""
    leaves: np.ndarray
    canopy: Canopy
    snow: DegreeDay
    litter: np.ndarray
    run_on: np.ndarray
    roots: np.ndarray
    """Density (node, column) [cm-1]."""
    stress: Feddes
    water_table: np.ndarray
    scale: np.ndarray


def _grid() -> Grid:
    return Grid.graded(DEPTH, 61, 0.25)


def _single(values: ArrayLike) -> Any:
    return np.asarray(values, np.float32)  # numpy stands in for the arrays of parameters


def columns_of(
    ground: Ground,
    day_of_year: np.ndarray,
    rain: np.ndarray,
    demand: np.ndarray,
    temperature: np.ndarray,
    *,
    seed: int,
    scale: float = 1.0,
    scatter: Scatter | None = None,
) -> Columns:
    """Return columns with their soils, plants and weather.

    Parameters
    ----------
    ground : Ground
        What is there.
    day_of_year : array (day)
        1 to 366.
    rain, demand, temperature : array (day, place)
        Precipitation and potential evapotranspiration [mm d-1], air temperature [degC].
    seed : int
        A column of the same identity has the same soil, whatever runs beside it.
    scale : float
        N of COSMIC [h-1].
    scatter : Scatter, optional
        How soils differ.
    """
    size, own = ground.place.size, scatter or Scatter()
    soil = soils_of(ground, seed, own)
    grid = _grid()
    nodes = np.round(np.asarray(grid.depth), 6)[:, None]
    layer = np.minimum((nodes[:, None] > ground.bottom[None]).sum(axis=1), len(ground.bottom) - 1)
    at = lambda x: _single(np.take_along_axis(np.asarray(x), layer, axis=0))  # noqa: E731
    hydraulics = VanGenuchten(
        *(at(x) for x in soil[:5]),
        l=_single(np.full_like(layer, 0.5, np.float32)),
        air_entry=at(np.where(soil.n < _FINE, _AIR_ENTRY, 0.0)),
    )
    kind = lambda name: plant_values(ground.cover, name)  # noqa: E731
    key = jax.random.fold_in(jax.random.key(seed), 12)
    drawn = 1.0 + own.biomass * Draws(key, ground.cover).normal()
    biomass = kind("biomass") * ground.leaf_area.mean(axis=0) + kind("standing")
    fast, slow, wilting = kind("heads")
    there = lambda x: _single(np.asarray(x)[:, ground.place])  # noqa: E731
    full = lambda x: np.full(size, x, np.float32)  # noqa: E731
    return Columns(
        np.arange(size, dtype=np.int32),
        np.repeat(_single(day_of_year)[:, None], size, axis=1),
        there(rain),
        there(demand) * _single(kind("demand")),
        there(temperature),
        hydraulics,
        soil.porosity,
        ground.bottom,
        NeutronSoil(soil.density, soil.bound, 0.0, _single(drawn * biomass + ground.biomass)),
        _single(ground.leaf_area),
        Canopy(_single(kind("extinction")), InterceptionStore(_single(kind("leaf_capacity")))),
        DegreeDay(_single(kind("melt")), **{name: full(x) for name, x in _SNOW.items()}),
        _single(kind("litter")),
        _single(ground.run_on),
        _single(np.asarray(jackson(grid.depth, kind("beta"))).T),
        Feddes(h_dry_fast=_single(fast), h_dry_slow=_single(slow), h_wilting=_single(wilting)),
        _single(ground.water_table),
        full(scale),
    )


# --- the run ------------------------------------------------------------------------------


class _Cover(Surface):
    """Snow, leaves and litter of each column's own."""

    leaves: jax.Array | None = None
    litter: jax.Array | None = None
    run_on: jax.Array | None = None

    def supply(self, weather: Weather, *, days: float) -> Supply:
        """Return what the soil gets of the weather."""
        rain, snow = self._melt(weather, days)
        assert self.leaves is not None
        assert self.litter is not None
        assert self.run_on is not None
        leaves = LeafAreaTable(_MONTHS, self.leaves)(weather.day_of_year).astype(rain.dtype)
        demand = weather.potential_evapotranspiration
        fluxes, stored = wet_leaves(self.canopy, CanopyForcing(rain, demand, leaves))
        room = self.litter

        def step(state: jax.Array, now: tuple[jax.Array, jax.Array]):
            drip, asked = now
            kept = jnp.minimum(state + drip, room)
            dried = jnp.minimum(kept, asked)
            return kept - dried, (kept - dried, dried, state + drip - kept)

        now = (fluxes.throughfall, fluxes.potential_evaporation)
        _, (held, dried, drip) = run_series(step, jnp.zeros_like(room), now)
        shade = jnp.where(room > 0.0, _LITTER_SHADE, 1.0)
        return Supply(
            drip * self.run_on,
            (fluxes.potential_evaporation - dried) * shade,
            fluxes.potential_transpiration,
            fluxes.interception_evaporation + dried,
            snow,
            stored + held,
            None,
        )


class _Given(eqx.Module):
    """Weather that is known already (day, column)."""

    day_of_year: jax.Array
    rain: jax.Array
    demand: jax.Array
    temperature: jax.Array

    def __call__(self, members: jax.Array) -> Weather:
        """Return the weather."""
        del members
        return Weather(self.day_of_year[:, 0], self.rain, self.demand, self.temperature)


class _Program:
    """What :func:`run_ensemble` calls: columns in, their run out."""

    def __init__(self, rows: int, layers: tuple[float, ...]):
        self.grid, self.rows, self.layers = _grid(), rows, layers

    def site(self, columns: Columns) -> Site:
        """Return what the columns share, and what the site takes of each."""
        c = columns
        leaves, litter, run_on, table = (
            jnp.asarray(x) for x in (c.leaves, c.litter, c.run_on, c.water_table)
        )
        weather = (jnp.asarray(x) for x in (c.day_of_year, c.rain, c.demand, c.temperature))
        return Site(
            _Given(*weather),
            self.grid,
            rows=self.rows,
            surface=_Cover(c.snow, canopy=c.canopy, leaves=leaves, litter=litter, run_on=run_on),
            top=Atmosphere(pond_max=_POND),
            bottom=DrainageOrTable(table),
            roots=Roots(jnp.asarray(c.roots)[None], c.stress, critical=_COMPENSATED),
            operators=(Cosmic(1.0),),
            layers=self.layers,
            root_zone=self.layers[-1],
        )

    def simulate(self, columns: Columns) -> Simulated:
        """Return the run of a chunk; traceable."""
        number = jnp.asarray(columns.number)
        start = jnp.full((1, number.shape[0]), _START, jnp.float32)
        scale = jnp.asarray(columns.scale)
        members = Members(number, columns.soil, columns.neutrons, start, scale)
        return self.site(columns).simulate(members)


def run_columns(
    columns: Columns,
    layers: tuple[float, ...],
    progress: Callable[[float], None] = lambda share: None,
) -> Simulated:
    """Run columns through all their days in float32, on all cores.

    Parameters
    ----------
    columns : Columns
        Of :func:`columns_of`.
    layers : tuple of float
        Edges of the layers whose water is kept [cm], from 0 on.
    progress : callable, optional
        Told the share of the columns that is done.

    Returns
    -------
    Simulated
        Arrays (day, ..., column) at the ends of the days; of one operator, COSMIC.
    """
    program = _Program(len(columns.rain), layers)
    sight = program.site(columns).sight()
    soil = columns.neutrons
    mean = lambda x: layer_means(columns.bottom, x, sight)  # noqa: E731
    density = mean(soil.bulk_density)
    bound = mean(soil.bulk_density * np.asarray(soil.lattice_water)) / density
    seen = NeutronSoil(_single(density), _single(bound), _single(0.0 * bound), soil.biomass_water)
    ready = columns._replace(neutrons=seen)
    chunks: list[Chunk] = []
    count = chunk_count(columns.number.size, _CHUNK)
    for chunk in run_ensemble(program, ready, chunk=_CHUNK):  # pyright: ignore[reportArgumentType]
        chunks.append(chunk)
        progress(len(chunks) / count)
    parts = [chunk.result for chunk in sorted(chunks, key=lambda chunk: chunk.number)]
    return jax.tree.map(lambda *x: np.concatenate(x, axis=-1), *parts)
