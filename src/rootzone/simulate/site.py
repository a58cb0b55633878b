"""A simulated site: weather, snow and leaves, the Richards column, and the neutrons above it.

Amounts of the water balance are mm here and in everything that is written; the column computes in
cm and days. :func:`to_column` and :func:`of_column` are the one place where the two meet.
"""

import itertools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.layers import interval_mean_weights
from rootzone.simulate.operators import DEEPEST, CountOperator, NeutronSoil, noisy
from rootzone.simulate.surface import Supply, Surface
from rootzone.simulate.weather import WeatherSource
from rootzone.water.retention import SoilHydraulics
from rootzone.water.richards import Control, Forcing, Grid, Richards, Run, State, Status
from rootzone.water.richards.boundary import Atmosphere, Bottom, FreeDrainage, Top
from rootzone.water.roots import Roots

LAYERS = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 70.0, 100.0, 150.0)
"""Edges of the stored layers [cm]: every 5 cm to 30 cm, then coarser."""

_FINE = (
    *np.arange(0.0, 3.0, 0.5),
    *np.arange(3.0, 10.0, 1.0),
    *np.arange(10.0, 20.0, 2.0),
    *np.arange(20.0, 50.0, 5.0),
    *np.arange(50.0, DEEPEST, 10.0),
)
"""Edges of the layers that neutron operators see [cm]: half a centimeter at the surface."""

_ROWS = 1500  # output intervals per segment: bounds the memory of the fine profiles
_MM = 10.0  # mm per cm


def to_column(amount: ArrayLike, *, days: float) -> jax.Array:
    """Return a rate of the column [cm d-1] from an amount [mm] in an interval [d]."""
    return jnp.asarray(amount) / (_MM * days)


def of_column(water: ArrayLike) -> jax.Array:
    """Return an amount [mm] from an amount of the column [cm]."""
    return jnp.asarray(water) * _MM


class Members(NamedTuple):
    """What differs between members; the last axis of every array is the member."""

    number: jax.Array
    """Number of the member, which seeds all that is random in it."""
    soil: SoilHydraulics
    """Closure with parameters (member), or (node, member) where the soil is layered."""
    neutrons: NeutronSoil
    """Density and bound water, (member) or (sight layer, member); see :meth:`Site.sight`."""
    head: jax.Array
    """Pressure head at the start, (node, member) or (1, member) [cm]."""
    sensitivity: jax.Array
    """Counts of the detector over those of the operators (member) [1]."""


class Simulated(NamedTuple):
    """Result, arrays (time, member) unless said otherwise; amounts in mm.

    Fluxes are sums of an output interval, states those at its end. Members that did not finish
    have NaN from the interval on in which they failed, and say why in ``status``.
    """

    theta: jax.Array
    """Mean water content of the stored layers (time, layer, member) [m3 m-3]."""
    root_zone: jax.Array
    """Mean water content from the surface to the depth of the root zone [m3 m-3]."""
    precipitation: jax.Array
    potential_evapotranspiration: jax.Array
    rain_on_soil: jax.Array
    """Rain, drip and melt water that reach the soil."""
    infiltration: jax.Array
    """Into the soil, negative where evaporation exceeds it."""
    runoff: jax.Array
    evaporation: jax.Array
    transpiration: jax.Array
    interception: jax.Array
    drainage: jax.Array
    """Outflow at the bottom, negative upward."""
    storage: jax.Array
    """Water in the column."""
    pond: jax.Array
    """Water standing on the soil."""
    snow: jax.Array
    canopy: jax.Array
    rate: jax.Array
    """Expected count rates (time, operator, member) [h-1]."""
    counted: jax.Array
    """Counted rates with Poisson noise (time, operator, member) [h-1]."""
    balance_error: jax.Array
    """Gain of the column since the start less what the fluxes have brought [mm]."""
    status: jax.Array
    """:class:`Status` (member)."""
    steps: jax.Array
    """Steps, and rejected steps (2, member)."""


class Site(eqx.Module):
    """What all members of an ensemble share.

    Attributes
    ----------
    weather : WeatherSource
        Weather of the members.
    grid : Grid
        Nodes of the column.
    rows : int
        Output intervals.
    interval : float
        Length of a weather interval [d].
    every : int
        Weather intervals in an output interval.
    spin_up : int
        Output intervals, from the start of the weather, that run once before it to forget the
        initial head.
    surface : Surface
        Snow and leaves.
    top, bottom, roots, control
        Of the Richards column.
    operators : tuple of CountOperator
        What counts.
    layers : array (layer + 1)
        Edges of the stored layers [cm].
    root_zone : float
        Depth of the mean water content [cm].
    key : jax.Array, optional
        Key of the counting noise; left out, counts are what is expected.
    """

    weather: WeatherSource
    grid: Grid
    rows: int = eqx.field(static=True)
    interval: float = eqx.field(static=True, default=1.0)
    every: int = eqx.field(static=True, default=1)
    spin_up: int = eqx.field(static=True, default=0)
    surface: Surface = Surface()
    top: Top = Atmosphere()
    bottom: Bottom = FreeDrainage()
    roots: Roots | None = None
    control: Control = Control()
    operators: tuple[CountOperator, ...] = ()
    layers: tuple[float, ...] = eqx.field(static=True, default=LAYERS)
    root_zone: float = eqx.field(static=True, default=30.0)
    key: jax.Array | None = None

    @property
    def depth(self) -> float:
        """Bottom of the column [cm]."""
        return float(np.asarray(self.grid.depth)[-1])

    def sight(self) -> np.ndarray:
        """Return the edges of the layers that operators see [cm].

        Fine near the surface, with every edge of the stored layers among them; below the column
        its last layer goes on to :data:`~rootzone.simulate.operators.DEEPEST`.
        """
        inside = np.concatenate([_FINE, self.layers, [self.root_zone]])
        inside = np.unique(np.round(inside[inside < self.depth - 1e-6], 6))
        return np.append(inside, max(self.depth, DEEPEST))

    def _weights(self) -> tuple[ArrayLike, ArrayLike, ArrayLike]:
        """Return weights of nodes in sight layers, of these in stored layers and root zone."""
        edges = np.minimum(self.sight(), self.depth)
        fine = self.grid.layer_weights(edges)
        stored = [interval_mean_weights(edges, *pair) for pair in itertools.pairwise(self.layers)]
        return fine, jnp.stack(stored), interval_mean_weights(edges, 0.0, self.root_zone)

    def segments(self) -> tuple[int, int]:
        """Return how many pieces the run is cut into, and their output intervals."""
        total = self.rows + self.spin_up
        count = max(1, math.ceil(total / _ROWS))
        return count, math.ceil(total / count)

    def memory_per_member(self, dtype: np.dtype | type = np.float32) -> int:
        """Return the memory that a member needs while its chunk is computed [bytes].

        Weather of all intervals, profiles of a segment, everything stored, and the solver's state:
        an upper estimate of what the compiled program holds at a time.
        """
        count, rows = self.segments()
        weather = 12 * count * rows * self.every
        segment = 3 * rows * (len(self.sight()) + 10)
        stored = 2 * count * rows * (len(self.layers) + 20 + 2 * len(self.operators))
        solver = 60 * np.asarray(self.grid.depth).size
        return int((weather + segment + stored + solver) * np.dtype(dtype).itemsize)

    def simulate(self, members: Members) -> Simulated:
        """Run all members at once; traceable, to be compiled with ``jax.jit``.

        Parameters
        ----------
        members : Members
            Their precision is that of the run.

        Returns
        -------
        Simulated
            Of the output intervals after the spin-up.
        """
        weather = self.weather(members.number)
        supply = self.surface.supply(weather, days=self.interval)
        size = members.number.shape[0]
        segments = self._cut(supply, weather.precipitation, weather.potential_evapotranspiration)
        column = Richards(
            members.soil,
            self.grid,
            top=self.top,
            bottom=self.bottom,
            roots=self.roots,
            control=self.control,
        )
        start = column.initial(members.head, size)
        fine, stored, root_zone = (jnp.asarray(w, start.h.dtype) for w in self._weights())

        def piece(carry: tuple[State, jax.Array, jax.Array], now: "_Piece"):
            state, status, before = carry
            run = column.run(
                state,
                Forcing(now.rain, now.evaporation, now.transpiration, now.stage),
                interval=self.interval,
                observe=fine,
                every=self.every,
            )
            ended = (status == Status.DONE)[None]
            theta = jnp.where(ended[None], run.theta, jnp.nan)
            above = of_column(run.pond) + now.snow + now.canopy
            # A failed column is put back to its start, so that it cannot hold up the others.
            failed = (status != Status.DONE) | (run.status != Status.DONE)
            state = jax.tree.map(lambda new, old: jnp.where(failed, old, new), run.state, start)
            out = _Out(
                jnp.einsum("ls,tsm->tlm", stored, theta),
                jnp.einsum("s,tsm->tm", root_zone, theta),
                _water(run, ended),
                self._rates(theta, above, members),
                jnp.where(ended, before + run.balance_error, jnp.nan),
                jnp.stack([run.steps, run.rejected]),
            )
            status = jnp.where(status == Status.DONE, run.status, status)
            return (state, status, before + run.balance_error[-1]), out

        carry = (start, jnp.zeros(size, jnp.int32), jnp.zeros(size, start.h.dtype))
        (_, status, _), out = jax.lax.scan(piece, carry, segments)
        return self._joined(out, segments, status, members)

    def _rates(self, theta: jax.Array, above: jax.Array, members: Members) -> jax.Array:
        """Return expected count rates (time, operator, member) [h-1]."""
        edges = jnp.asarray(self.sight(), theta.dtype)

        def instant(now: tuple[jax.Array, jax.Array]) -> jax.Array:
            rates = [op(now[0], edges, now[1], members.neutrons) for op in self.operators]
            empty = jnp.zeros((0, theta.shape[2]), theta.dtype)
            return members.sensitivity * jnp.stack(rates) if rates else empty

        above = jnp.broadcast_to(above, (theta.shape[0], theta.shape[2]))
        # One instant after the other: the angles of COSMIC would not fit the cache otherwise.
        return jax.lax.map(instant, (theta, above))

    def _cut(self, supply: Supply, precipitation: jax.Array, demand: jax.Array) -> "_Piece":
        """Return the forcing with its spin-up before it, in equal segments, padded with nothing."""
        count, rows = self.segments()
        spin = self.spin_up * self.every
        length = self.rows * self.every
        room = count * rows * self.every - length - spin

        def cut(x: jax.Array) -> jax.Array:
            x = jnp.concatenate([x[:spin], x[:length]])
            x = jnp.concatenate([x, jnp.zeros((room, *x.shape[1:]), x.dtype)])
            return x.reshape(count, rows * self.every, *x.shape[1:])

        def ends(x: jax.Array) -> jax.Array:
            x = cut(x)[:, self.every - 1 :: self.every]
            return x if x.ndim == 3 else x[..., None]

        def sums(x: jax.Array) -> jax.Array:
            x = cut(jnp.asarray(x))
            x = x if x.ndim == 3 else x[..., None]
            return x.reshape(count, rows, self.every, -1).sum(axis=2)

        rate = lambda x: cut(to_column(x, days=self.interval))  # noqa: E731
        return _Piece(
            rate(supply.rain),
            rate(supply.evaporation),
            rate(supply.transpiration),
            None if supply.stage is None else cut(supply.stage),
            ends(supply.snow),
            ends(supply.canopy),
            sums(precipitation),
            sums(jnp.maximum(demand, 0.0)),
            sums(supply.rain),
            sums(supply.interception),
        )

    def _joined(
        self, out: "_Out", segments: "_Piece", status: jax.Array, members: Members
    ) -> Simulated:
        """Return the output intervals after the spin-up, with their noise."""
        size = members.number.shape[0]

        def join(x: jax.Array) -> jax.Array:
            x = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
            x = x[self.spin_up : self.spin_up + self.rows]
            return jnp.broadcast_to(x, (*x.shape[:-1], size))

        water, rate = jax.tree.map(join, out.water), join(out.rate)
        error = join(out.balance_error)
        last = out.balance_error.reshape(-1, size)[self.spin_up - 1] if self.spin_up else 0.0
        hours = 24.0 * self.interval * self.every
        counted = rate
        if self.key is not None and self.operators:
            counted = noisy(self.key, rate, members.number, hours=hours)
        return Simulated(
            join(out.theta),
            join(out.root_zone),
            join(segments.precipitation),
            join(segments.demand),
            join(segments.on_soil),
            *water[:4],
            interception=join(segments.interception),
            drainage=water.drainage,
            storage=water.storage,
            pond=water.pond,
            snow=join(segments.snow),
            canopy=join(segments.canopy),
            rate=rate,
            counted=counted,
            balance_error=of_column(error - last),
            status=status,
            steps=out.steps.sum(axis=0),
        )


class _Piece(NamedTuple):
    """Forcing of the segments: rates of the column (segment, interval, ...), what is stored."""

    rain: jax.Array
    evaporation: jax.Array
    transpiration: jax.Array
    stage: jax.Array | None
    snow: jax.Array
    canopy: jax.Array
    precipitation: jax.Array
    demand: jax.Array
    on_soil: jax.Array
    interception: jax.Array


class _Balance(NamedTuple):
    infiltration: jax.Array
    runoff: jax.Array
    evaporation: jax.Array
    transpiration: jax.Array
    drainage: jax.Array
    storage: jax.Array
    pond: jax.Array


class _Out(NamedTuple):
    theta: jax.Array
    root_zone: jax.Array
    water: _Balance
    rate: jax.Array
    balance_error: jax.Array
    steps: jax.Array


def _water(run: Run, ended: jax.Array) -> _Balance:
    """Return fluxes and stores of a run [mm], NaN where a column failed before."""
    parts = _Balance(*run.fluxes, run.storage, run.pond)
    return jax.tree.map(lambda x: of_column(jnp.where(ended, x, jnp.nan)), parts)
