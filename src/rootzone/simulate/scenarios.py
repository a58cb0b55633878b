"""Scenarios to learn from: many simulated sites, their weather, water and exact count rates.

A member is a site of its own: soil, plants, water table, detector and weather. The Richards column
gives its water, and every neutron operator counts above it. Rates are exact: counting noise is
drawn where the scenarios are used, anew for every use::

    ensemble = Ensemble(Recipe(), jax.random.key(0), years=3)
    for chunk in ensemble.run(np.arange(1000)):
        chunk.members, chunk.result.theta          # (day, depth, member)
"""

from collections.abc import Collection, Iterator
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.neutrons import Desilets2010, Koehli2021
from rootzone.simulate.ensemble import CHUNK, LANES, Chunk, run_ensemble
from rootzone.simulate.operators import (
    Cosmic,
    CountOperator,
    DepthWeighted,
    NeutronSoil,
    homogeneous_rates,
)
from rootzone.simulate.scenario_members import (
    HALF_MONTHS,
    Recipe,
    Sites,
    draw_sites,
)
from rootzone.simulate.scenario_stations import draw_stations
from rootzone.simulate.site import Members, Site
from rootzone.simulate.surface import Supply, Surface, wet_leaves
from rootzone.simulate.weather import Weather, WeatherSource
from rootzone.water.canopy import Canopy, CanopyForcing, LeafAreaTable
from rootzone.water.hydraulics import Hydraulics
from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Control, Grid
from rootzone.water.richards.boundary import BottomCondition, FreeDrainage, WaterTable
from rootzone.water.roots import Roots
from rootzone.water.snow import DegreeDay
from rootzone.water.weather_generator import Climate, generate, potential_evapotranspiration

DEPTHS = (5.0, 10.0, 30.0, 60.0, 100.0)
"""Depths to which water is averaged from the surface [cm]."""

OPERATORS: dict[str, CountOperator] = {
    "cosmic": Cosmic(1.0),
    "desilets_2010": DepthWeighted(1.0, Desilets2010()),
    "koehli_2021": DepthWeighted(1.0, Koehli2021()),
}
"""Operators that count above the members, with a scale of one."""

SNOW = DegreeDay(4.0, threshold=1.0, transition=2.0, retention=0.1, refreezing=0.05)
"""Snow of all members (the defaults of the study kind column)."""

_LAYERS = (0.0, *DEPTHS)
_MOIST, _DENSITY, _BOUND = 0.25, 1.4, 0.02  # the moist loam over which operators count the same
_SHALLOW = 5.0  # cm, rooting depth of a crop without leaves


class Scenarios(NamedTuple):
    """What is known of members, arrays (day, member) unless said otherwise."""

    rate: jax.Array
    """Exact count rates of the members' detectors (day, operator, member) [h-1]."""
    rain: jax.Array
    """Precipitation [mm d-1]."""
    pet: jax.Array
    """Potential evapotranspiration [mm d-1]."""
    temperature: jax.Array
    """Mean air temperature [degC]."""
    snow: jax.Array
    """Snow water equivalent at the end of the day [mm]."""
    theta: jax.Array
    """Mean water from the surface to each of ``DEPTHS`` (day, depth, member) [m3 m-3]."""
    status: jax.Array
    """:class:`~rootzone.water.richards.Status` (member); after a failure values are NaN."""


class DrainageOrTable(eqx.Module):
    """Free drainage, or a water table where its depth (column) [cm] is finite."""

    depth: jax.Array

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition for the hydraulics of the last node (column)."""
        wet = jnp.isfinite(self.depth)
        table = WaterTable(jnp.where(wet, self.depth, 0.0)).condition(last, full, bottom_depth)
        free = FreeDrainage().condition(last, full, bottom_depth)
        return jax.tree.map(lambda a, b: jnp.where(wet, a, b), table, free)


class _Cover(Surface):
    """Snow, and leaves of each member's own; roots grow by half months."""

    leaves: jax.Array | None = None

    def supply(self, weather: Weather, *, days: float) -> Supply:
        """Return what the soil gets of the weather."""
        rain, snow = self._melt(weather, days)
        half = 365.25 / HALF_MONTHS
        middle = 1.0 + half * (np.arange(HALF_MONTHS) + 0.5)
        assert self.leaves is not None
        leaves = LeafAreaTable(middle, self.leaves)(weather.day_of_year).astype(rain.dtype)
        demand = weather.potential_evapotranspiration
        fluxes, stored = wet_leaves(self.canopy, CanopyForcing(rain, demand, leaves))
        return Supply(
            fluxes.throughfall,
            fluxes.potential_evaporation,
            fluxes.potential_transpiration,
            fluxes.interception_evaporation,
            snow,
            stored,
            jnp.clip((weather.day_of_year - 1.0) / half, 0, HALF_MONTHS - 1).astype(jnp.int32),
        )


class _Given(eqx.Module):
    """Weather that is known already."""

    weather: Weather

    def __call__(self, members: jax.Array) -> Weather:
        """Return the weather."""
        del members
        return self.weather


def rate_ratios(operators: tuple[CountOperator, ...]) -> np.ndarray:
    """Return the rates (operator) [h-1] over a moist loam, by which scales are made equal."""
    soil = NeutronSoil(jnp.full(1, _DENSITY), jnp.full(1, _BOUND))
    edges = Site(_Given(None), Grid.uniform(100.0, 10.0), rows=1).sight()  # pyright: ignore[reportArgumentType]
    theta = jnp.full(1, _MOIST)
    rates = [homogeneous_rates(op, theta, edges, soil)[0] for op in operators]
    return np.asarray(rates, float)


class Ensemble:
    """Simulated sites by their numbers.

    Parameters
    ----------
    recipe : Recipe
        What sites are drawn from.
    key : jax.Array
        Key of the ensemble.
    years : int
        Length, years of 365 days.
    start_day_of_year : int
        Of the first day.
    warm_up : int
        First days that run once before, to forget the start [d].
    grid : Grid, optional
        Nodes of the column; left out, 61 that grow from 0.2 cm at the surface.
    control : Control
        Step control of the column.
    operators : dict of CountOperator
        What counts, with a scale of one.
    weather : WeatherSource, optional
        Daily weather instead of drawn weather.
    """

    def __init__(
        self,
        recipe: Recipe,
        key: jax.Array,
        *,
        years: int = 3,
        start_day_of_year: int = 1,
        warm_up: int = 365,
        grid: Grid | None = None,
        control: Control | None = None,
        operators: dict[str, CountOperator] | None = None,
        weather: WeatherSource | None = None,
    ):
        self.recipe, self.key = recipe, key
        self.days = 365 * years
        if weather is not None:
            self.days = int(np.size(weather(jnp.zeros(1, jnp.int32)).day_of_year))
        self.start, self.warm_up = start_day_of_year, min(warm_up, self.days)
        self.grid = Grid.graded(recipe.depth) if grid is None else grid
        self.control = control or Control()
        self.operators = OPERATORS if operators is None else operators
        self.weather = weather
        self.stations = draw_stations(recipe, jax.random.fold_in(key, 2))
        self.ratios = rate_ratios(tuple(self.operators.values()))

    def sites(self, members: np.ndarray) -> Sites:
        """Return the sites of members by their numbers."""
        return draw_sites(self.recipe, jax.random.fold_in(self.key, 1), members)

    def scale(self, sites: Sites) -> np.ndarray:
        """Return the true N0 (N of COSMIC) of the detectors (operator, member) [h-1]."""
        return sites.mean_rate / self.ratios[:, None]

    def run(
        self, members: np.ndarray, *, chunk: int = CHUNK, done: Collection[int] = ()
    ) -> Iterator[Chunk]:
        """Run members chunk by chunk in float32 and yield chunks of :class:`Scenarios`.

        See :func:`~rootzone.simulate.ensemble.run_ensemble`. Results do not depend on a ``chunk``
        of 32 or more; narrower programs are compiled to other roundings.
        """
        yield from self.run_sites(self.sites(members), chunk=chunk, done=done)

    def run_sites(
        self, sites: Sites, *, chunk: int = CHUNK, done: Collection[int] = ()
    ) -> Iterator[Chunk]:
        """Run sites that were drawn or changed, as :meth:`run` does."""

        def single(x: np.ndarray) -> np.ndarray:
            x = np.asarray(x)
            return x.astype(np.float32) if x.dtype.kind == "f" else x

        sites = jax.tree.map(single, sites)
        program = _Program(self)
        yield from run_ensemble(program, sites, chunk=chunk, done=done)  # pyright: ignore[reportArgumentType]


class _Program:
    """What :func:`run_ensemble` calls: sites in, scenarios out."""

    def __init__(self, ensemble: Ensemble):
        self.own = ensemble
        single = lambda x: np.asarray(x, np.float32)  # noqa: E731
        self.stations: Climate = jax.tree.map(single, ensemble.stations)
        self.ratios = single(ensemble.ratios)

    def simulate(self, sites: Sites) -> Scenarios:
        """Return the scenarios of a chunk; traceable."""
        own = self.own
        weather = self._weather(sites)
        site = Site(
            _Given(weather),
            own.grid,
            rows=own.days,
            spin_up=own.warm_up,
            surface=_Cover(SNOW, canopy=Canopy(), leaves=jnp.asarray(sites.leaf_area)),
            bottom=DrainageOrTable(jnp.asarray(sites.water_table)),
            roots=Roots(_root_density(own.grid, sites)),
            control=own.control,
            operators=tuple(own.operators.values()),
            layers=_LAYERS,
        )
        run = site.simulate(self._members(site, sites))
        thickness = np.diff(_LAYERS)[:, None].astype(np.float32)
        below = np.asarray(DEPTHS, np.float32)[:, None]
        shape = (own.days, sites.number.shape[0])
        whole = partial(jnp.broadcast_to, shape=shape)
        return Scenarios(
            run.rate / self.ratios[:, None],
            whole(weather.precipitation),
            whole(weather.potential_evapotranspiration),
            whole(weather.temperature),
            whole(run.snow),
            jnp.cumsum(run.theta * thickness, axis=1) / below,
            run.status,
        )

    def _weather(self, sites: Sites) -> Weather:
        """Return the weather (day, member), drawn in groups of one width."""
        own = self.own
        size = sites.number.shape[0]
        if own.weather is not None:
            given = own.weather(jnp.asarray(sites.number))
            wide = partial(_spread_out, members=size)
            return Weather(jnp.asarray(given.day_of_year), *(wide(x) for x in given[1:]))
        key = jax.random.fold_in(own.key, 3)

        def one(climate: Climate, number: jax.Array) -> tuple[jax.Array, ...]:
            drawn = generate(
                climate, key, number[None], days=own.days, start_day_of_year=own.start, chunk=1
            )
            demand = potential_evapotranspiration(drawn, climate)
            mean = 0.5 * (drawn.temperature_min + drawn.temperature_max)
            return drawn.rain[:, 0], demand[:, 0], mean[:, 0]

        def group(now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
            climates = jax.tree.map(lambda x: jnp.asarray(x)[now[0]], self.stations)
            return jax.vmap(one)(climates, now[1])

        # Two groups at least: a loop of one would be compiled to other roundings.
        places = np.arange(max(size, 2 * LANES)).reshape(-1, LANES) % size
        series = jax.lax.map(group, (sites.station[places], sites.number[places]))
        rain, demand, mean = (jnp.reshape(x, (-1, own.days))[:size].T for x in series)
        day = jnp.mod(own.start - 1 + jnp.arange(own.days), 365) + 1
        return Weather(day, rain, demand, mean)

    def _members(self, site: Site, sites: Sites) -> Members:
        """Return the columns: parameters at the nodes, density and bound water in the layers."""
        depth = np.round(np.asarray(self.own.grid.depth), 6)[:, None]
        upper = jnp.asarray(depth, jnp.float32) <= sites.topsoil
        at = lambda x: jnp.where(upper, x[0], x[1])  # noqa: E731
        names = ("theta_r", "theta_s", "alpha", "n", "K_s")
        half = jnp.full(sites.topsoil.shape, 0.5, jnp.float32)
        soil = VanGenuchten(
            *(at(getattr(sites, name)) for name in names),
            l=jnp.broadcast_to(half, upper.shape),
            air_entry=at(sites.air_entry),
        )
        edges = site.sight()[:, None].astype(np.float32)
        inside = jnp.clip(sites.topsoil, edges[:-1], edges[1:]) - edges[:-1]
        share = inside / np.diff(edges, axis=0)
        mix = lambda x: share * x[0] + (1.0 - share) * x[1]  # noqa: E731
        density = mix(sites.bulk_density)
        organic = sites.soil_organic_carbon * np.float32(0.556 * 1.724)
        seen = NeutronSoil(
            density,
            mix(sites.bulk_density * sites.lattice_water) / density,
            mix(sites.bulk_density * organic) / density,
            sites.biomass_water,
        )
        start = jnp.full((1, sites.number.shape[0]), -100.0, jnp.float32)
        return Members(sites.number, soil, seen, start, sites.mean_rate)  # pyright: ignore[reportArgumentType]


def _spread_out(series: ArrayLike, *, members: int) -> jax.Array:
    """Return a series (day) or (day, member) for every member (day, member)."""
    series = jnp.asarray(series, jnp.float32)
    series = series if series.ndim == 2 else series[:, None]
    return jnp.broadcast_to(series, (series.shape[0], members))


def _root_density(grid: Grid, sites: Sites) -> jax.Array:
    """Return root densities (half month, node, member): even above, then linear to zero.

    The form of Hoffman and van Genuchten (1983). Roots of crops grow with the leaves (an
    assumption); bare soils have roots that ask for nothing.
    """
    z = np.asarray(grid.depth, np.float32)[None, :, None]
    thickness = np.asarray(grid.thickness, np.float32)[None, :, None]
    leaves = jnp.asarray(sites.leaf_area)
    share = leaves / jnp.maximum(leaves.max(axis=0), 1e-3)
    full = jnp.maximum(jnp.asarray(sites.rooting_depth), _SHALLOW)
    depth = jnp.where(sites.growing, _SHALLOW + (full - _SHALLOW) * share, full)[:, None, :]
    density = jnp.clip((depth - z) / (0.8 * depth), 0.0, 1.0)
    density = density.at[:, -1].set(0.0)  # as in HYDRUS, the bottom node carries no roots
    return density / jnp.sum(density * thickness, axis=1, keepdims=True)
