"""Closures fitted to measured retention and conductivity points, and populations of them.

Samples of one material differ; :func:`population` turns their fits into a distribution from
which parameter sets are drawn that stay within the measured curves. (Longer than a page because
both halves share the scales of the parameters.)
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from scipy.optimize import least_squares

from rootzone.core.errors import DataError
from rootzone.water.retention import BrooksCorey, VanGenuchten

CM_PER_KPA = 10.19716
"""Head of a kilopascal: 1000 Pa / (1000 kg m-3 * 9.80665 m s-2) [cm]."""

Closure = TypeVar("Closure", VanGenuchten, BrooksCorey)


def head_of_suction(suction_kPa: ArrayLike) -> np.ndarray:
    """Return the pressure head [cm] of a suction [kPa], positive as instruments log it.

    >>> float(head_of_suction(10.0).round(1))
    -102.0
    """
    return -CM_PER_KPA * np.asarray(suction_kPa, dtype=float)


def before_cavitation(head: ArrayLike) -> np.ndarray:
    """Return which points (points) of a drying sample precede the failure of its tensiometers.

    While a sample dries its suction rises; where it falls again, air has entered the tensiometer
    and the rest of the record is worthless. True up to the lowest head, in the order measured.
    """
    h = np.asarray(head, dtype=float)
    return np.arange(h.size) <= int(np.argmin(h))


class Conductivity(NamedTuple):
    """Measured conductivity: head (points) [cm], K (points) [cm d-1], their error in log10 K."""

    head: ArrayLike
    K: ArrayLike
    sigma: float = 0.2


@dataclass(frozen=True, eq=False)
class Fit(Generic[Closure]):
    """A fitted closure and how well it is known.

    Attributes
    ----------
    closure : VanGenuchten or BrooksCorey
        With the best parameters.
    names : tuple of str
        What was fitted; the rest was held.
    estimate, standard_error : dict
        By name, in the units of the closure.
    covariance : array (parameters, parameters)
        Of the estimates, linear at the optimum; errors of the points taken as independent and
        of the size of the residuals. NaN in rows of parameters that ran into a bound.
    at_bound : tuple of str
        Parameters at a bound: the points do not determine them.
    rmse : float
        Of the water contents [m3 m-3].
    rmse_log10_K : float
        Of log10 K, NaN without conductivity points.
    points : int
        Water contents used.
    """

    closure: Closure
    names: tuple[str, ...]
    estimate: dict[str, float]
    standard_error: dict[str, float]
    covariance: np.ndarray
    at_bound: tuple[str, ...]
    rmse: float
    rmse_log10_K: float
    points: int


# --- parameters -------------------------------------------------------------------------


class _Scale(NamedTuple):
    """How a parameter is searched: its coordinate, the way back, and bounds of the coordinate."""

    to: Callable[[Any], Any]
    back: Callable[[Any], Any]
    low: float
    high: float


def _same(x: Any) -> Any:
    return x


_LOGARITHMIC = (np.log, jnp.exp)
_SCALES = {
    "theta_r": _Scale(_same, _same, 0.0, 1.0),
    "theta_s": _Scale(_same, _same, 0.0, 1.0),
    "alpha": _Scale(*_LOGARITHMIC, math.log(1e-4), math.log(5.0)),
    "n": _Scale(
        lambda n: np.log(n - 1.0), lambda y: 1.0 + jnp.exp(y), math.log(0.01), math.log(12.0)
    ),
    "lam": _Scale(*_LOGARITHMIC, math.log(0.01), math.log(10.0)),
    "K_s": _Scale(*_LOGARITHMIC, math.log(1e-5), math.log(1e6)),
    "l": _Scale(_same, _same, -15.0, 15.0),
    "air_entry": _Scale(
        lambda h: np.log(-h), lambda y: -jnp.exp(y), math.log(0.1), math.log(200.0)
    ),
}


def _bounds(names: tuple[str, ...], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds of the coordinates: theta_r below and theta_s about what was measured."""
    wet, dry = float(y.max()), float(y.min())
    measured = {
        "theta_r": (0.0, max(dry, 1e-6)),
        "theta_s": (max(dry, 0.8 * wet), min(1.0, 1.5 * wet)),
    }
    pairs = [measured.get(name, _SCALES[name][2:]) for name in names]
    return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])


class _Points(NamedTuple):
    """Points padded to a common length with weight zero, so that few lengths are compiled."""

    head: np.ndarray
    value: np.ndarray
    weight: np.ndarray

    @classmethod
    def padded(cls, head: np.ndarray, value: np.ndarray, sigma: np.ndarray) -> "_Points":
        room = 2 ** math.ceil(math.log2(max(head.size, 128))) - head.size
        head, value = (np.pad(x, (0, room), mode="edge") for x in (head, value))
        return cls(head, value, np.pad(1.0 / sigma, (0, room)))


def _weighted(
    x: jax.Array,
    make: type,
    held: Mapping[str, ArrayLike],
    names: tuple[str, ...],
    water: _Points,
    flow: _Points | None,
) -> jax.Array:
    """Return weighted residuals of closure parameters ``x`` in search coordinates."""
    found = {name: _SCALES[name].back(x[i]) for i, name in enumerate(names)}
    soil = make(**held, **found)
    parts = [(soil.theta(water.head) - water.value) * water.weight]
    if flow is not None:
        parts.append((jnp.log10(soil.K(flow.head)) - flow.value) * flow.weight)
    return jnp.concatenate(parts)


_residuals = jax.jit(_weighted, static_argnums=(1, 3))
_jacobian = jax.jit(jax.jacfwd(_weighted), static_argnums=(1, 3))


def _double() -> AbstractContextManager[Any]:
    """Return the context in which JAX computes in double precision."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # pyright: ignore (older releases of jax)

    return enable_x64()


# --- checks at the door -----------------------------------------------------------------


def _heads(head: ArrayLike, what: str) -> np.ndarray:
    h = np.atleast_1d(np.asarray(head, dtype=float))
    if h.ndim != 1 or not np.all(np.isfinite(h)):
        raise DataError(f"heads of {what} must be one row of finite numbers: leave out the gaps")
    positive = int(np.sum(h > 0.0))
    if positive:
        raise DataError(
            f"{positive} of {h.size} heads of {what} are positive (up to {h.max():g}): a head is "
            "negative in cm when the soil is unsaturated; turn suction in cm over with -suction, "
            "suction in kPa with head_of_suction"
        )
    return h


def _check_water(head: ArrayLike, theta: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    h, y = _heads(head, "retention"), np.atleast_1d(np.asarray(theta, dtype=float))
    if h.shape != y.shape:
        raise DataError(f"{h.size} heads but {y.size} water contents: one of each for a point")
    if not np.all(np.isfinite(y)):
        raise DataError("a water content is not a finite number: leave out the gaps")
    if np.any(y > 1.0) or np.any(y < 0.0):
        raise DataError(
            f"water contents run from {y.min():g} to {y.max():g}: m3 m-3 between 0 and 1 wanted "
            "(divide percent by 100)"
        )
    order = np.argsort(h)
    wet, dry = y[order][-max(1, y.size // 4) :].mean(), y[order][: max(1, y.size // 4)].mean()
    if y.size > 3 and not wet > dry:
        raise DataError(
            f"the water content does not fall as the soil dries (mean {wet:.3f} at the wet end, "
            f"{dry:.3f} at the dry end): are the columns or the sign of the head exchanged?"
        )
    return h, y


def _check_flow(conductivity: Conductivity) -> _Points:
    h = _heads(conductivity.head, "conductivity")
    k = np.atleast_1d(np.asarray(conductivity.K, dtype=float))
    if h.shape != k.shape:
        raise DataError(f"{h.size} heads but {k.size} conductivities: one of each for a point")
    if not np.all(np.isfinite(k)) or np.any(k <= 0.0):
        raise DataError("a conductivity is not a positive number [cm d-1]: leave out the gaps")
    return _Points.padded(h, np.log10(k), np.full(h.shape, float(conductivity.sigma)))


# --- the fit ----------------------------------------------------------------------------


def _starts(
    names: tuple[str, ...], h: np.ndarray, y: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]
) -> list[np.ndarray]:
    """Return starting points: three scales (of alpha and air entry) times three shapes."""
    depth = -h[h < 0.0]
    out = []
    for alpha, shape in product(1.0 / np.quantile(depth, [0.05, 0.3, 0.7]), (0.2, 0.6, 1.5)):
        guess = {
            "theta_r": 0.5 * y.min(),
            "theta_s": y.max(),
            "alpha": alpha,
            "n": 1.0 + shape,
            "lam": shape,
            "K_s": 50.0,
            "l": 0.5,
            "air_entry": -0.7 / alpha,
        }
        start = np.array([float(_SCALES[name].to(guess[name])) for name in names])
        inset = 1e-3 * (bounds[1] - bounds[0])
        out.append(np.clip(start, bounds[0] + inset, bounds[1] - inset))
    return out


def _search(
    make: type,
    held: dict[str, float],
    names: tuple[str, ...],
    water: _Points,
    flow: _Points | None,
    starts: list[np.ndarray],
    bounds: tuple[np.ndarray, np.ndarray],
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return the best solution, the parameters and their slopes on the search coordinates."""
    args = (make, {k: np.asarray(v) for k, v in held.items()}, names, water, flow)
    with _double():
        solutions = [
            least_squares(
                lambda x: np.asarray(_residuals(jnp.asarray(x), *args)),
                start,
                jac=lambda x: np.asarray(_jacobian(jnp.asarray(x), *args)),  # pyright: ignore
                bounds=bounds,
                x_scale="jac",
            )
            for start in starts
        ]
        best = min(solutions, key=lambda s: s.cost)
        back = [_SCALES[name].back for name in names]
        values = np.array([float(f(x)) for f, x in zip(back, best.x, strict=True)])
        slopes = np.array([float(jax.grad(f)(x)) for f, x in zip(back, best.x, strict=True)])
    return best, values, slopes


def _fit(
    make: type[Closure],
    held: dict[str, float],
    names: tuple[str, ...],
    head: ArrayLike,
    theta: ArrayLike,
    sigma: ArrayLike,
    conductivity: Conductivity | None,
) -> Fit[Closure]:
    h, y = _check_water(head, theta)
    sigmas = np.broadcast_to(np.asarray(sigma, dtype=float), y.shape)
    if np.any(~(sigmas > 0.0)):
        raise DataError("sigma, the error of the water contents, must be above 0")
    retention = [name for name in names if name not in ("K_s", "l")]
    levels = np.unique(h[h < 0.0]).size
    if levels < len(retention):
        raise DataError(
            f"{levels} different heads below 0 cannot determine {', '.join(retention)}: give at "
            f"least {len(retention)}, or hold a parameter (theta_r=0.0)"
        )
    water = _Points.padded(h, y, sigmas)
    flow = None if conductivity is None else _check_flow(conductivity)
    bounds = _bounds(names, y)
    starts = _starts(names, h, y, bounds)
    best, values, slopes = _search(make, held, names, water, flow, starts, bounds)
    weight = np.concatenate([p.weight for p in (water, flow) if p is not None])
    errors = best.fun[weight > 0.0] / weight[weight > 0.0]
    stuck = best.active_mask != 0
    spare = max(errors.size - len(names), 1)
    covariance = _covariance(best.jac, 2.0 * best.cost / spare, stuck) * np.outer(slopes, slopes)
    found = {name: float(v) for name, v in zip(names, values, strict=True)}
    return Fit(
        closure=make(**held, **found),
        names=names,
        estimate=found,
        standard_error=dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        covariance=covariance,
        at_bound=tuple(name for name, s in zip(names, stuck, strict=True) if s),
        rmse=float(np.sqrt(np.mean(errors[: y.size] ** 2))),
        rmse_log10_K=float(np.sqrt(np.mean(errors[y.size :] ** 2)))
        if flow is not None
        else math.nan,
        points=y.size,
    )


def _covariance(jacobian: np.ndarray, variance: float, stuck: np.ndarray) -> np.ndarray:
    """Return the linear covariance; NaN for parameters at a bound."""
    out = np.full((stuck.size, stuck.size), np.nan)
    loose = np.flatnonzero(~stuck)
    inner = jacobian[:, loose]
    out[np.ix_(loose, loose)] = variance * np.linalg.pinv(inner.T @ inner)
    return out


def _split(
    wanted: dict[str, float | None], conductivity: Conductivity | None
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return what is held and what is fitted; K_s without points is held at NaN."""
    if conductivity is None:
        if wanted["l"] is None:
            raise DataError("l can be fitted only to conductivity points: give conductivity=")
        if wanted["K_s"] is None:
            wanted = {**wanted, "K_s": math.nan}
    held = {name: float(v) for name, v in wanted.items() if v is not None}
    return held, tuple(name for name, v in wanted.items() if v is None)


def fit_van_genuchten(
    head: ArrayLike,
    theta: ArrayLike,
    *,
    sigma: ArrayLike = 0.005,
    theta_r: float | None = None,
    theta_s: float | None = None,
    air_entry: float | None = 0.0,
    K_s: float | None = None,
    l: float | None = 0.5,  # noqa: E741 (the symbol of the field)
    conductivity: Conductivity | None = None,
) -> Fit[VanGenuchten]:
    """Return van Genuchten's curve through measured points.

    Weighted least squares within bounds, from nine starts; a parameter that is None is found,
    a number is held.

    Parameters
    ----------
    head : array (points)
        Pressure head [cm], 0 or negative.
    theta : array (points)
        Water content [m3 m-3].
    sigma : array (points) or float
        Error of the water contents [m3 m-3]. Without conductivity points only its ratios matter.
    theta_r, theta_s : float, optional
        Residual and saturated water content [m3 m-3]; theta_r is found between 0 and the driest
        point, theta_s between 0.8 and 1.5 times the wettest.
    air_entry : float, optional
        Head of air entry [cm], 0 or negative; -2 for fine soils.
    K_s : float, optional
        [cm d-1]. None: found if there are conductivity points, otherwise NaN, for retention says
        nothing of it.
    l : float, optional
        Pore connectivity [1].
    conductivity : Conductivity, optional
        Points of K, fitted at the same time in log10 K.

    Returns
    -------
    Fit

    Raises
    ------
    DataError
        If heads or the air entry are positive, or water contents are percent, rise as the soil
        dries, or are too few.

    Examples
    --------
    >>> heads = [-1.0, -10.0, -50.0, -100.0, -500.0, -1000.0, -15000.0]
    >>> loam = VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96)
    >>> fit = fit_van_genuchten(heads, loam.theta(jnp.asarray(heads)))
    >>> round(fit.estimate["n"], 3), round(fit.estimate["alpha"], 4)
    (1.56, 0.036)
    """
    wanted = {"theta_r": theta_r, "theta_s": theta_s, "alpha": None, "n": None, "K_s": K_s}
    wanted |= {"l": l, "air_entry": air_entry}
    if air_entry is not None and air_entry > 0.0:
        raise DataError(f"air_entry is a head and cannot be {air_entry:g}: give it below 0, or 0")
    held, names = _split(wanted, conductivity)
    return _fit(VanGenuchten, held, names, head, theta, sigma, conductivity)


def fit_brooks_corey(
    head: ArrayLike,
    theta: ArrayLike,
    *,
    sigma: ArrayLike = 0.005,
    theta_r: float | None = None,
    theta_s: float | None = None,
    K_s: float | None = None,
    l: float | None = 1.0,  # noqa: E741
    conductivity: Conductivity | None = None,
) -> Fit[BrooksCorey]:
    """Return the curve of Brooks and Corey through measured points.

    Arguments, result and errors as in :func:`fit_van_genuchten`; the curve brings its own air
    entry, -1/alpha.
    """
    wanted = {
        "theta_r": theta_r,
        "theta_s": theta_s,
        "alpha": None,
        "lam": None,
        "K_s": K_s,
        "l": l,
    }
    held, names = _split(wanted, conductivity)
    return _fit(BrooksCorey, held, names, head, theta, sigma, conductivity)


# --- populations ------------------------------------------------------------------------


def _logit(p: Any) -> Any:
    p = np.clip(p, 1e-3, 1.0 - 1e-3)  # a theta_r of 0 is a thousandth of theta_s
    return np.log(p / (1.0 - p))


@dataclass(frozen=True, eq=False)
class Population(Generic[Closure]):
    """Parameters of several fitted curves as one normal distribution.

    Coordinates: logit of theta_s, logit of theta_r / theta_s, logarithms of alpha, n - 1, lambda,
    K_s and air entry, l as it is.

    Attributes
    ----------
    make : type
        Kind of the closures.
    names : tuple of str
        What differs between the curves.
    mean, covariance : array (names), array (names, names)
        In the coordinates; the covariance is that of a sample.
    held : dict
        What all curves share.
    """

    make: type[Closure]
    names: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray
    held: dict[str, float]

    def _found(self, x: jax.Array) -> dict[str, jax.Array]:
        """Return the parameters of coordinates (names)."""
        found = {
            name: _SHARES.get(name, _SCALES[name].back)(x[i]) for i, name in enumerate(self.names)
        }
        if "theta_r" in found:
            full = found["theta_s"] if "theta_s" in found else self.held["theta_s"]
            found["theta_r"] = found["theta_r"] * full
        return found

    def center(self) -> Closure:
        """Return the closure of the mean coordinates."""
        return self.make(**self.held, **self._found(jnp.asarray(self.mean)))

    def draw(self, key: jax.Array, members: int, *, first: int = 0, within: float = 2.0) -> Closure:
        """Return the closures of ``members`` soils, parameters (members).

        Parameters
        ----------
        key : PRNG key
            Member m uses ``fold_in(key, m)``, however many are drawn.
        members, first : int
            How many, and the number of the first.
        within : float
            Cut of each principal axis [standard deviations]; infinity for none. At 2 the spread
            is 0.88 of that of the curves.
        """
        size, axes = np.linalg.eigh(self.covariance)
        factor = jnp.asarray(axes * np.sqrt(np.clip(size, 0.0, None)))

        def one(member: jax.Array) -> dict[str, jax.Array]:
            z = jax.random.fold_in(key, member)
            z = jax.random.truncated_normal(z, -within, within, (len(self.names),), factor.dtype)
            return self._found(jnp.asarray(self.mean) + factor @ z)

        # One member after the other: the same in every company, to the last bit.
        found = jax.lax.map(one, jnp.arange(first, first + members))
        return self.make(**self.held, **found)


_SHARES = {"theta_r": jax.nn.sigmoid, "theta_s": jax.nn.sigmoid}


def population(fits: Sequence[Fit[Closure]]) -> Population[Closure]:
    """Return mean and covariance of the parameters of several fits of one kind.

    Raises
    ------
    DataError
        If there are fewer than two fits, or closures of different kinds.
    """
    kinds = {type(fit.closure) for fit in fits}
    if len(fits) < 2 or len(kinds) != 1:
        raise DataError(
            f"a population needs at least two fits of one kind of closure, got {len(fits)} of "
            f"{', '.join(sorted(kind.__name__ for kind in kinds)) or 'none'}"
        )
    make = kinds.pop()
    names = ("theta_s", "theta_r", "alpha", "n", "lam", "K_s", "l", "air_entry")
    table = {
        name: np.array([float(getattr(fit.closure, name)) for fit in fits])
        for name in names
        if hasattr(fits[0].closure, name)
    }
    held = {
        name: float(v[0]) for name, v in table.items() if np.all(v == v[0]) or np.all(np.isnan(v))
    }
    shares = {"theta_s": table["theta_s"], "theta_r": table["theta_r"] / table["theta_s"]}
    coordinates = {
        name: _logit(shares[name]) if name in shares else _SCALES[name].to(table[name])
        for name in table
        if name not in held
    }
    rows = np.array(list(coordinates.values()), dtype=float).reshape(len(coordinates), len(fits))
    if not np.all(np.isfinite(rows)):
        raise DataError("some fits have a K_s or an air entry and others have none: fit them alike")
    covariance = np.atleast_2d(np.cov(rows)) if rows.size else np.zeros((0, 0))
    return Population(make, tuple(coordinates), rows.mean(axis=1), covariance, held)
