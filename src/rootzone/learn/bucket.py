r"""A bucket for every place and depth: what a model of the water balance makes of the weather.

.. math:: C \frac{dS}{dt} = \text{inflow} - c\,E_p \min(S/s^*, 1) - K S^b, \qquad
          \theta = \theta_0 + \theta_1 S

with a relative storage S between 0 and 1. The inflow is a share of the rain behind a linear store
(the way down to the sensor); what does not fit runs off. The line from S to the water of a sensor
is least squares for any run, so that only seven parameters are searched: a Latin hypercube common
to all places, then gradients from the best of it.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.stats import qmc

from rootzone.core.errors import DataError

PARAMETERS: dict[str, tuple[float, float, bool]] = {
    "capacity": (10.0, 500.0, True),  # C [mm]
    "drainage": (0.5, 300.0, True),  # K [mm d-1]
    "exponent": (1.5, 20.0, True),  # b [1]
    "uptake": (0.2, 1.5, False),  # c [1]
    "stress": (0.1, 0.9, False),  # s* [1]
    "delay": (0.05, 20.0, True),  # of the linear store [d]
    "share": (0.2, 1.0, False),  # of the rain [1]
}
"""Bounds of the parameters, and whether they are searched in their logarithm."""

_WARM_UP = 365.0  # d, the first of the record run once before
_MELT = 3.0  # mm d-1 K-1
_STEPS = 60  # of the refinement
_STARTS = 4  # best runs that are refined
_SERIES = 32  # run together


class Weather(NamedTuple):
    """Water that reaches the ground, and potential evapotranspiration: (place, time) [mm]."""

    water: np.ndarray
    pet: np.ndarray


class Line(NamedTuple):
    """Water of a sensor from the storage: constant, slope (...) and the mean squared error."""

    constant: jax.Array
    slope: jax.Array
    mse: jax.Array


class Buckets(NamedTuple):
    """Calibrated buckets, one a series.

    Attributes
    ----------
    unit : array (series, parameter)
        Parameters between 0 and 1.
    constant, slope : array (series)
        Water at S = 0, and its rise to S = 1 [m3 m-3].
    """

    unit: np.ndarray
    constant: np.ndarray
    slope: np.ndarray


def values_of(unit: jax.Array) -> list[jax.Array]:
    """Return the parameters (...) of PARAMETERS in their units, of unit values (..., 7)."""
    found = []
    for k, (low, high, logarithmic) in enumerate(PARAMETERS.values()):
        u = unit[..., k]
        found.append(low * (high / low) ** u if logarithmic else low + (high - low) * u)
    return found


def melted(
    rain: np.ndarray, temperature: np.ndarray | None, days: float, *, melt: float = _MELT
) -> np.ndarray:
    """Return the water that reaches the ground (place, time): snow waits for a warm day.

    Parameters
    ----------
    rain : array (place, time)
        Precipitation [mm per step], without gaps.
    temperature : array (place, time) or None
        Air temperature [degC]; None or a gap: no snow.
    days : float
        Length of a step [d].
    melt : float
        Degree-day factor [mm d-1 K-1].
    """
    if temperature is None:
        return rain
    warm = np.where(np.isfinite(temperature), temperature, 10.0)
    snow, out = np.zeros(len(rain)), np.empty(rain.shape)
    for t in range(rain.shape[1]):
        cold = warm[:, t] < 0
        snow = snow + np.where(cold, rain[:, t], 0.0)
        gone = np.minimum(snow, melt * days * np.maximum(warm[:, t], 0.0))
        snow, out[:, t] = snow - gone, np.where(cold, 0.0, rain[:, t]) + gone
    return out


def _step(state, weather, p: list[jax.Array], days: float):
    """Advance storage and store by a step; all parts keep S between 0 and 1."""
    S, store = state
    water, pet = weather
    capacity, drainage, exponent, uptake, stress, delay, share = p
    store = store + share * water
    inflow = store * -jnp.expm1(-days / delay)
    S = jnp.minimum(S + inflow / capacity, 1.0)
    # Exact drainage of dS/dt = -K/C S^b over the step.
    m = exponent - 1
    S = S * (1 + m * (drainage * days / capacity) * S**m) ** (-1 / m)
    S = S * jnp.exp(-uptake * pet / capacity / jnp.maximum(stress, S))
    return S, store - inflow


def _storage(unit: jax.Array, weather: tuple[jax.Array, jax.Array], days: float) -> jax.Array:
    """Return the relative storage (time, ...) of weather (time, ...) after a first year."""
    p = values_of(unit)
    shape = jnp.broadcast_shapes(unit.shape[:-1], weather[0].shape[1:])
    start = jnp.full(shape, 0.5, unit.dtype), jnp.zeros(shape, unit.dtype)

    def advance(state, now):
        state = _step(state, now, p, days)
        return state, state[0]

    year = min(round(_WARM_UP / days), weather[0].shape[0])
    state, _ = jax.lax.scan(advance, start, tuple(w[:year] for w in weather))
    return jax.lax.scan(advance, state, weather)[1]


@partial(jax.jit, static_argnames="days")
def _runs(unit: jax.Array, water: jax.Array, pet: jax.Array, *, days: float) -> jax.Array:
    return _storage(unit, (water, pet), days)


def _line(sums: jax.Array) -> Line:
    """Return the line of sums (6, ...) of 1, S, y, SS, Sy, yy; the slope is not negative."""
    n = jnp.maximum(sums[0], 1.0)
    S, y, SS, Sy, yy = sums[1:] / n
    variance = SS - S**2
    # Storage that hardly moves tells nothing: the mean is the answer then.
    moves = variance > 1e-7
    slope = jnp.where(moves, (Sy - S * y) / jnp.where(moves, variance, 1.0), 0.0)
    slope = jnp.clip(slope, 0.0, 1.0)
    mse = yy - y**2 - 2 * slope * (Sy - S * y) + slope**2 * variance
    return Line(y - slope * S, slope, mse)


def _sums(S: jax.Array, y: jax.Array, seen: jax.Array) -> jax.Array:
    """Return sums over time of 1, S, y, SS, Sy, yy; ``y`` is around a constant, 0 in gaps."""
    S = S * seen
    S, y, seen = jnp.broadcast_arrays(S, y, seen)
    return jnp.stack([x.sum(axis=0) for x in (seen, S, y, S * S, S * y, y * y)])


@partial(jax.jit, static_argnames="days")
def _search(unit, water, pet, y, seen, *, days: float) -> jax.Array:
    """Return sums (6, run, depth) of all runs at one place: y and seen (time, depth)."""
    S = _storage(unit, (water[:, None], pet[:, None]), days)
    one, T = jnp.ones_like(S), (((0,), (0,)), ((), ()))
    dot = partial(jax.lax.dot_general, dimension_numbers=T, precision="highest")
    pairs = ((one, seen), (S, seen), (one, y), (S * S, seen), (S, y), (one, y * y))
    return jnp.stack([dot(a, b) for a, b in pairs])


@partial(jax.jit, static_argnames="days")
def _refine(unit, water, pet, y, seen, *, days: float) -> tuple[jax.Array, jax.Array]:
    """Return refined unit values (start, series, 7) and their mean squared errors."""
    bent = jnp.clip(unit, 0.01, 0.99)
    logit = jnp.log(bent) - jnp.log1p(-bent)

    def errors(logit):
        S = _storage(jax.nn.sigmoid(logit), (water[:, None], pet[:, None]), days)
        return _line(_sums(S, y[:, None], seen[:, None])).mse

    def total(logit):
        each = errors(logit)
        return each.sum(), each

    rule = optax.adam(0.1)

    def improve(carry, _):
        logit, state, best, least = carry
        (_, now), slope = jax.value_and_grad(total, has_aux=True)(logit)
        better = now < least
        best = jnp.where(better[..., None], logit, best)
        # Each series moves by its own error, whatever its size.
        slope = jnp.nan_to_num(slope / jnp.maximum(now, 1e-8)[..., None])
        change, state = rule.update(slope, state)
        return (logit + change, state, best, jnp.where(better, now, least)), None

    least = jnp.full(unit.shape[:-1], jnp.inf, unit.dtype)
    start = (logit, rule.init(logit), logit, least)
    (_, _, best, least), _ = jax.lax.scan(improve, start, None, length=_STEPS)
    return jax.nn.sigmoid(best), least


_CENTER = 0.25  # m3 m-3, around which sums are taken, against round-off


def calibrate(
    weather: Weather,
    obs: np.ndarray,
    own: np.ndarray,
    pools: Sequence[np.ndarray],
    *,
    days: float,
    runs: int = 500,
    seed: int = 0,
) -> tuple[Buckets, Buckets]:
    """Return buckets of the series with an own record, and one for each pool of series.

    Parameters
    ----------
    weather : Weather
        Of each place, without gaps.
    obs : array (place, depth, time)
        Mean of the sensors in the training part [m3 m-3], NaN elsewhere.
    own : bool array (place, depth)
        Series that are calibrated on their own record.
    pools : sequence of bool array (place, depth)
        Series that are calibrated together, with the same parameters and the same line; for
        places without a record.
    days : float
        Length of a step [d].
    runs : int
        Size of the Latin hypercube.
    seed : int
        Its randomness.

    Returns
    -------
    Buckets, Buckets
        Of the series of ``own`` in C order, refined by gradients; and of the pools, the best of
        the hypercube.

    Raises
    ------
    DataError
        If a series or a pool has no observation.
    """
    empty = ~np.isfinite(obs).any(axis=2)
    if (own & empty).any() or any((empty | ~pool).all() for pool in pools):
        raise DataError("a bucket wants at least one reading in the training part")
    unit = qmc.LatinHypercube(len(PARAMETERS), rng=seed).random(runs).astype("f4")
    seen = np.isfinite(obs)
    y = np.where(seen, obs - _CENTER, 0.0).astype("f4")
    seen = seen.astype("f4")
    water, pet = weather.water.astype("f4"), weather.pet.astype("f4")
    sums = np.zeros((len(obs), 6, runs, obs.shape[1]))
    used = np.any([own, *pools], axis=(0, 2))
    for p in np.flatnonzero(used):
        sums[p] = _search(unit, water[p], pet[p], y[p].T, seen[p].T, days=days)
    place, depth = np.nonzero(own)
    found = _refined(unit, sums, (water, pet, y, seen), place, depth, days)
    pooled = []
    for pool in pools:
        total = np.einsum("pskd,pd->sk", sums, pool.astype(float))
        line = _line(jnp.asarray(total))
        best = int(np.argmin(np.nan_to_num(np.asarray(line.mse), nan=np.inf)))
        pooled.append((unit[best], line.constant[best] + _CENTER, line.slope[best]))
    columns = zip(*pooled, strict=True) if pooled else ((), (), ())
    of_pools = Buckets(*(np.asarray(c, float) for c in columns))
    return found, of_pools


def _refined(unit, sums, arrays, place, depth, days: float) -> Buckets:
    """Return the buckets of some series from the best runs of each."""
    if not place.size:
        nothing = np.zeros(0)
        return Buckets(np.zeros((0, len(PARAMETERS))), nothing, nothing)
    water, pet, y, seen = arrays
    mse = np.asarray(_line(jnp.asarray(sums[place, :, :, depth].transpose(1, 2, 0))).mse)
    starts = np.argsort(np.nan_to_num(mse, nan=np.inf), axis=0)[:_STARTS]  # (start, series)
    parts = []
    for some, n in _chunks(place.size):
        p, d = place[some], depth[some]
        own = (water[p].T, pet[p].T, y[p, d].T, seen[p, d].T)
        better, error = (np.asarray(a) for a in _refine(unit[starts[:, some]], *own, days=days))
        best = np.argmin(np.nan_to_num(error, nan=np.inf), axis=0)
        chosen = better[best, np.arange(some.size)].astype("f4")
        line = _line(_sums(_runs(chosen, own[0], own[1], days=days), own[2], own[3]))
        found = (chosen, np.asarray(line.constant) + _CENTER, np.asarray(line.slope))
        parts.append(tuple(a[:n] for a in found))
    return Buckets(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _chunks(n: int) -> list[tuple[np.ndarray, int]]:
    """Return rows of chunks of one size, filled up with the last row, and how many are own.

    One size, so that what is compiled serves every fold.
    """
    starts = range(0, n, _SERIES)
    return [(np.minimum(np.arange(a, a + _SERIES), n - 1), min(_SERIES, n - a)) for a in starts]


def simulate(buckets: Buckets, weather: Weather, *, days: float) -> np.ndarray:
    """Return the water (series, time) of buckets, each under its own weather (series, time)."""
    unit, constant, slope = buckets
    out = np.empty(weather.water.shape)
    for some, n in _chunks(len(unit)):
        water, pet = weather.water[some].T.astype("f4"), weather.pet[some].T.astype("f4")
        S = np.asarray(_runs(jnp.asarray(unit[some], jnp.float32), water, pet, days=days))
        out[some[:n]] = constant[some[:n], None] + slope[some[:n], None] * S.T[:n]
    return out
