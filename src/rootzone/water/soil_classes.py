"""The twelve USDA texture classes: where they lie, their hydraulic parameters and the spread.

Means, spread and joint distributions are those of Carsel and Parrish (1988), the catalog of
HYDRUS. A class is an answer to "what soil is it" for a site without measurements: draw members
from it, not one curve. (Longer than a page because its last third is the printed table.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from scipy.special import ndtr

from rootzone.core.errors import DataError, nearest
from rootzone.water.retention import VanGenuchten

TEXTURE_CLASSES = (
    "sand",
    "loamy sand",
    "sandy loam",
    "loam",
    "silt loam",
    "silt",
    "sandy clay loam",
    "clay loam",
    "silty clay loam",
    "sandy clay",
    "silty clay",
    "clay",
)
"""Names of the classes; :func:`texture_index` counts them in this order."""

LOWEST_N = 1.01
"""Floor of a drawn n [1]: at 1 the retention curve is flat and m = 0; mHM has the same floor."""

_HOURS = 24.0  # h d-1


# --- the triangle -----------------------------------------------------------------------


def texture_index(sand: ArrayLike, clay: ArrayLike) -> jax.Array:
    """Return the position in ``TEXTURE_CLASSES``, -1 where sand and clay are impossible.

    Parameters
    ----------
    sand, clay : array (...)
        Mass shares of 0.05-2 mm and < 0.002 mm in the mineral fine earth [%].

    Returns
    -------
    array (...)
        Integers.

    Notes
    -----
    Source: USDA (2017), Soil Survey Manual, Handbook 18, chapter 3 (limits of the classes).

    Examples
    --------
    >>> [TEXTURE_CLASSES[i] for i in texture_index([92.0, 40.0, 10.0], [3.0, 20.0, 30.0])]
    ['sand', 'loam', 'silty clay loam']
    """
    sand, clay = jnp.asarray(sand), jnp.asarray(clay)
    silt = 100.0 - sand - clay
    low = (clay < 7.0) & (silt < 50.0)
    tests = (
        ~((sand >= 0.0) & (clay >= 0.0) & (silt >= -1e-4)),  # round-off of 100 - sand - clay
        silt + 1.5 * clay < 15.0,
        silt + 2.0 * clay < 30.0,
        low | ((clay >= 7.0) & (clay < 20.0) & (sand > 52.0)),
        (clay < 27.0) & (silt >= 28.0) & (silt < 50.0) & (sand <= 52.0),
        (silt >= 80.0) & (clay < 12.0),
        (silt >= 50.0) & (clay < 27.0),
        (clay < 35.0) & (sand > 45.0),
        (clay < 40.0) & (clay >= 27.0) & (sand <= 20.0),
        (clay < 40.0) & (sand <= 45.0),
        sand > 45.0,
        silt >= 40.0,
    )
    answers = (-1, 0, 1, 2, 3, 5, 4, 6, 8, 7, 9, 10)
    return jnp.select(list(tests), [jnp.full(silt.shape, i) for i in answers], 11)


def texture_class(sand: float, clay: float) -> str:
    """Return the name of the USDA texture class of one soil, see :func:`texture_index`.

    Raises
    ------
    DataError
        If the shares are negative or exceed 100 %.

    Examples
    --------
    >>> texture_class(sand=65.0, clay=10.0)
    'sandy loam'
    """
    index = int(texture_index(sand, clay))
    if index < 0:
        raise DataError(
            f"sand {sand:g} % and clay {clay:g} % are no texture: both must be 0 or more and "
            "their sum at most 100 % (fractions must be multiplied by 100)"
        )
    return TEXTURE_CLASSES[index]


def sample_triangle(key: jax.Array, members: int, *, first: int = 0) -> tuple[jax.Array, jax.Array]:
    """Return sand and clay (members) [%], uniform over the texture triangle.

    Member m uses ``fold_in(key, m)``; ``first`` is the number of the first member.
    """

    def one(member: jax.Array) -> jax.Array:
        cut = jnp.sort(jax.random.uniform(jax.random.fold_in(key, member), (2,)))
        return 100.0 * jnp.stack([cut[0], 1.0 - cut[1]])

    shares = jax.lax.map(one, jnp.arange(first, first + members))
    return shares[:, 0], shares[:, 1]


# --- bulk density -----------------------------------------------------------------------


def particle_density(organic_matter: ArrayLike = 0.0) -> jax.Array:
    r"""Return the density of the solids [g cm-3] for organic matter [g g-1].

    .. math:: \frac{1}{\rho_p} = \frac{OM}{1.3} + \frac{1 - OM}{2.65}

    Source: de Vries (1963), in van Wijk (ed.), Physics of Plant Environment: 2.65 g cm-3 for
    minerals, 1.3 g cm-3 for organic matter.
    """
    matter = jnp.asarray(organic_matter)
    return 1.0 / (matter / 1.3 + (1.0 - matter) / 2.65)


def bulk_density(
    theta_s: ArrayLike, *, organic_matter: ArrayLike = 0.0, filled: ArrayLike = 1.0
) -> jax.Array:
    r"""Return the dry bulk density [g cm-3] that belongs to a saturated water content.

    .. math:: \rho_b = \rho_p \left(1 - \frac{\theta_s}{f}\right)

    Parameters
    ----------
    theta_s : array (...)
        Saturated water content [m3 m-3].
    organic_matter : array (...)
        Organic matter of the solids [g g-1], see :func:`particle_density`.
    filled : array (...)
        Share f of the pores that water fills at saturation [1]. 1 takes theta_s for the
        porosity; in the field trapped air leaves about 0.9 to 0.95, and the density is lower.

    Returns
    -------
    array (...)
        Neutrons see gravimetric water: this density turns the parameters of a class into a
        soil for an operator. Where the density was measured, use that.

    Examples
    --------
    >>> round(float(bulk_density(0.43)), 4)
    1.5105
    """
    return particle_density(organic_matter) * (1.0 - jnp.asarray(theta_s) / filled)


# --- the distributions ------------------------------------------------------------------


class Transform(Enum):
    """What makes a parameter normal, x between A and B."""

    NO = "y = x"
    LN = "y = ln x"
    SB = "y = ln((x - A) / (B - x))"
    SU = "y = arcsinh((x - A) / (B - A))"


class Marginal(NamedTuple):
    """A parameter whose transform is normal, cut to what lies between ``lower`` and ``upper``.

    ``cut`` narrows the transformed variable further where the source prints a truncated form.
    """

    transform: Transform
    lower: float
    upper: float
    mean: float
    sd: float
    cut: tuple[float, float] = (-math.inf, math.inf)

    def forward(self, x: float) -> float:
        """Return the transformed value of ``x``."""
        share = (x - self.lower) / (self.upper - self.lower)
        match self.transform:
            case Transform.NO:
                return x
            case Transform.LN:
                return math.log(x) if x > 0.0 else -math.inf
            case Transform.SB:
                if not 0.0 < share < 1.0:
                    return math.copysign(math.inf, share - 0.5)
                return math.log(share / (1.0 - share))
            case Transform.SU:
                return math.asinh(share)

    def quantile(self, u: ArrayLike, *, floor: float = -math.inf) -> jax.Array:
        """Return x (...) below which the share ``u`` (...) of the distribution lies.

        ``floor`` raises the lower end of the distribution.
        """
        return _quantiles(jnp.asarray(u)[..., None], _table([self], [floor]))[..., 0]


class _Table(NamedTuple):
    """Marginals side by side: arrays (parameters)."""

    transform: np.ndarray  # position in Transform
    lower: np.ndarray
    upper: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    ends: np.ndarray  # (2, parameters) of the transformed variable
    shares: np.ndarray  # (2, parameters) of the normal below the ends
    floor: np.ndarray


def _table(marginals: Sequence[Marginal], floors: Sequence[float]) -> _Table:
    rows = []
    for m, floor in zip(marginals, floors, strict=True):
        floor = max(m.lower, floor)
        ends = max(m.forward(floor), m.cut[0]), min(m.forward(m.upper), m.cut[1])
        shares = [float(ndtr((end - m.mean) / m.sd)) for end in ends]
        kind = list(Transform).index(m.transform)
        rows.append((kind, m.lower, m.upper, m.mean, m.sd, ends, shares, floor))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return _Table(*(c.T for c in columns))


def _quantiles(u: jax.Array, t: _Table) -> jax.Array:
    """Return the quantiles (..., parameters) of the shares ``u`` (..., parameters)."""
    u = jnp.clip(u, 1e-6, 1.0 - 1e-6)  # float32 knows no shares nearer to 0 and 1
    t = jax.tree.map(lambda x: jnp.asarray(x, u.dtype), t)
    y = t.mean + t.sd * jax.scipy.special.ndtri(t.shares[0] + u * (t.shares[1] - t.shares[0]))
    y = jnp.clip(y, t.ends[0], t.ends[1])
    span = t.upper - t.lower
    kinds = [jnp.broadcast_to(t.transform == i, y.shape) for i in range(len(Transform))]
    x = [y, jnp.exp(y), t.lower + span * jax.nn.sigmoid(y), t.lower + span * jnp.sinh(y)]
    return jnp.clip(jnp.select(kinds, x), t.floor, t.upper)


class Spread(NamedTuple):
    """Mean and standard deviation of a parameter."""

    mean: float
    sd: float


@dataclass(frozen=True, eq=False)
class SoilClass:
    """Hydraulic parameters of a texture class and how they vary together.

    Attributes
    ----------
    name : str
        USDA texture class.
    theta_r, theta_s : Spread
        Residual and saturated water content [m3 m-3].
    alpha : Spread
        [cm-1].
    n : Spread
        [1].
    K_s : Spread
        [cm d-1].
    marginals : tuple of Marginal
        Of K_s [cm h-1], theta_r, alpha [cm-1] and n, in this order.
    factor : array (4, 4)
        Lower triangular; rows of length one: factor @ factor.T is the correlation of the
        transformed K_s, theta_r, alpha and n.
    """

    name: str
    theta_r: Spread
    theta_s: Spread
    alpha: Spread
    n: Spread
    K_s: Spread
    marginals: tuple[Marginal, Marginal, Marginal, Marginal]
    factor: np.ndarray

    def mean(self, *, air_entry: float = 0.0) -> VanGenuchten:
        """Return the closure of the means; clays want an ``air_entry`` of about -2 cm."""
        return VanGenuchten(
            self.theta_r.mean,
            self.theta_s.mean,
            self.alpha.mean,
            self.n.mean,
            self.K_s.mean,
            air_entry=air_entry,
        )


def draw(
    key: jax.Array, soil: SoilClass, members: int, *, first: int = 0, air_entry: float = 0.0
) -> VanGenuchten:
    r"""Return ``members`` soils of a texture class.

    Correlated standard normals become shares, and shares become quantiles of the truncated
    marginals, so every member has theta_r < theta_s, n > 1 and K_s > 0 without rejection, and
    rank correlations are those of the source. The source gives no distribution for theta_s:
    here it is normal with the printed mean and deviation, cut at two deviations, independent.

    Parameters
    ----------
    key : PRNG key
        Member m uses ``fold_in(key, m)``, however many are drawn.
    soil : SoilClass
        For instance ``CARSEL_PARRISH_1988["loam"]``.
    members, first : int
        How many, and the number of the first.
    air_entry : float
        Head of air entry of all members [cm].

    Returns
    -------
    VanGenuchten
        Parameters (members).

    Notes
    -----
    Source: Carsel and Parrish (1988), doi:10.1029/WR024i005p00755. Their
    distributions meet their own means and deviations within a few percent, except K_s of the
    fine classes: its printed distribution has a mean 20 to 60 % below the printed mean (silt
    loam, silt, silty clay loam, sandy clay, silty clay, clay) or 44 % above it (clay loam).
    Correlations of sandy loam are the mean of those of its neighbors, see ``_factor``.
    """
    low, high = (soil.theta_s.mean + s * soil.theta_s.sd for s in (-2.0, 2.0))
    marginals = [*soil.marginals, Marginal(Transform.NO, low, high, *soil.theta_s)]
    table = _table(marginals, [-math.inf, -math.inf, -math.inf, LOWEST_N, -math.inf])
    factor = np.eye(5)
    factor[:4, :4] = soil.factor
    K_s, theta_r, alpha, n, theta_s = _draw(
        key, factor, table, jnp.arange(first, first + members)
    ).T
    return VanGenuchten(theta_r, theta_s, alpha, n, _HOURS * K_s, air_entry=air_entry)


@jax.jit
def _draw(key: jax.Array, factor: jax.Array, table: _Table, members: jax.Array) -> jax.Array:
    """Return (members, parameters), one member after the other: the same in every company."""

    def one(member: jax.Array) -> jax.Array:
        z = jax.random.normal(jax.random.fold_in(key, member), factor.shape[:1])
        return _quantiles(jax.scipy.special.ndtr(factor.astype(z.dtype) @ z), table)

    return jax.lax.map(one, members)


# --- the numbers ------------------------------------------------------------------------

# Mean and coefficient of variation [%] of theta_s, theta_r, alpha [cm-1], n, K_s [cm h-1].
# The n of sand: copies of the table give 20.3 %, the value of alpha one column on; 10.8 % follows
# from the printed deviation 0.29 and is what the distribution below has.
_DESCRIPTIVE = {
    "sand": ((0.43, 15.1), (0.045, 22.3), (0.145, 20.3), (2.68, 10.8), (29.70, 52.4)),
    "loamy sand": ((0.41, 21.6), (0.057, 25.7), (0.124, 35.2), (2.28, 12.0), (14.59, 77.9)),
    "sandy loam": ((0.41, 21.0), (0.065, 26.6), (0.075, 49.4), (1.89, 9.2), (4.42, 127.0)),
    "loam": ((0.43, 22.1), (0.078, 16.5), (0.036, 57.1), (1.56, 7.3), (1.04, 174.6)),
    "silt loam": ((0.45, 18.7), (0.067, 21.6), (0.020, 64.7), (1.41, 8.5), (0.45, 275.1)),
    "silt": ((0.46, 17.4), (0.034, 29.8), (0.016, 45.0), (1.37, 3.3), (0.25, 129.9)),
    "sandy clay loam": ((0.39, 17.5), (0.100, 6.0), (0.059, 64.6), (1.48, 8.7), (1.31, 208.6)),
    "clay loam": ((0.41, 22.4), (0.095, 10.1), (0.019, 77.9), (1.31, 7.2), (0.26, 267.2)),
    "silty clay loam": ((0.43, 17.2), (0.089, 10.6), (0.010, 61.5), (1.23, 5.0), (0.07, 288.7)),
    "sandy clay": ((0.38, 13.7), (0.100, 12.9), (0.027, 61.7), (1.23, 7.9), (0.12, 234.1)),
    "silty clay": ((0.36, 19.6), (0.070, 33.5), (0.005, 113.6), (1.09, 5.0), (0.02, 453.3)),
    "clay": ((0.38, 24.1), (0.068, 49.9), (0.008, 160.3), (1.09, 7.9), (0.20, 210.3)),
}

_NO, _LN, _SB, _SU = Transform.NO, Transform.LN, Transform.SB, Transform.SU
# Transform, A, B, mean, deviation, and what truncates the transformed variable further.
_K_S = {  # cm h-1
    "sand": Marginal(_SB, 0.0, 70.0, -0.394, 1.15),
    "loamy sand": Marginal(_SB, 0.0, 51.0, -1.27, 1.4),
    "sandy loam": Marginal(_SB, 0.0, 30.0, -2.49, 1.53),
    "loam": Marginal(_SB, 0.0, 15.0, -3.71, 1.78),
    "silt loam": Marginal(_LN, 0.0, 15.0, -2.19, 1.49),
    "silt": Marginal(_LN, 0.0, 2.0, -2.2, 0.7, (-2.564, -0.337)),
    "sandy clay loam": Marginal(_SB, 0.0, 20.0, -4.04, 1.85),
    "clay loam": Marginal(_SB, 0.0, 7.5, -5.87, 2.92, (-8.92, 2.0)),
    "silty clay loam": Marginal(_SB, 0.0, 3.5, -5.31, 1.62),
    "sandy clay": Marginal(_LN, 0.0, 1.5, -4.04, 2.02),
    "silty clay": Marginal(_LN, 0.0, 1.0, -5.69, 1.31),
    "clay": Marginal(_SB, 0.0, 5.0, -5.75, 2.33),
}
_THETA_R = {  # m3 m-3
    "sand": Marginal(_LN, 0.0, 0.1, -3.12, 0.22),
    "loamy sand": Marginal(_SB, 0.0, 0.11, 0.075, 0.567),
    "sandy loam": Marginal(_SB, 0.0, 0.11, 0.384, 0.7),
    "loam": Marginal(_SB, 0.0, 0.12, 0.639, 0.487),
    "silt loam": Marginal(_SB, 0.0, 0.11, 0.478, 0.582),
    "silt": Marginal(_NO, 0.0, 0.09, 0.042, 0.015, (0.013, 0.049)),
    "sandy clay loam": Marginal(_SB, 0.0, 0.12, 1.65, 0.439, (0.928, 2.94)),
    "clay loam": Marginal(_SU, 0.0, 0.13, 0.679, 0.06),
    "silty clay loam": Marginal(_NO, 0.0, 0.115, 0.088, 0.009),
    "sandy clay": Marginal(_SB, 0.0, 0.12, 1.72, 0.7),
    "silty clay": Marginal(_NO, 0.0, 0.14, 0.07, 0.023),
    "clay": Marginal(_SU, 0.0, 0.15, 0.445, 0.282, (0.0065, 0.834)),
}
_ALPHA = {  # cm-1
    "sand": Marginal(_SB, 0.0, 0.25, 0.378, 0.439),
    "loamy sand": Marginal(_NO, 0.0, 0.25, 0.124, 0.043),
    "sandy loam": Marginal(_SB, 0.0, 0.25, -0.937, 0.764),
    "loam": Marginal(_SB, 0.0, 0.15, -1.27, 0.786),
    "silt loam": Marginal(_LN, 0.0, 0.15, -4.1, 0.555),
    "silt": Marginal(_NO, 0.0, 0.1, 0.017, 0.006),
    "sandy clay loam": Marginal(_SB, 0.0, 0.25, -1.38, 0.823),
    "clay loam": Marginal(_LN, 0.0, 0.15, -4.22, 0.719),
    "silty clay loam": Marginal(_SB, 0.0, 0.15, -2.75, 0.605),
    "sandy clay": Marginal(_LN, 0.0, 0.15, -3.77, 0.563),
    "silty clay": Marginal(_LN, 0.0, 0.15, -5.66, 0.584),
    "clay": Marginal(_SB, 0.0, 0.15, -4.145, 1.293, (-5.01, 0.912)),
}
_N = {  # 1
    "sand": Marginal(_LN, 1.5, 4.0, 0.978, 0.1),
    "loamy sand": Marginal(_SB, 1.35, 5.0, -1.11, 0.307),
    "sandy loam": Marginal(_LN, 1.35, 3.0, 0.634, 0.082),
    "loam": Marginal(_SU, 1.0, 2.0, 0.532, 0.099),
    "silt loam": Marginal(_SB, 1.0, 2.0, -0.37, 0.526),
    "silt": Marginal(_NO, 1.2, 1.6, 1.38, 0.037),
    "sandy clay loam": Marginal(_LN, 1.0, 2.0, 0.388, 0.086),
    "clay loam": Marginal(_SB, 1.0, 1.6, 0.132, 0.725),
    "silty clay loam": Marginal(_NO, 1.0, 1.5, 1.23, 0.061),
    "sandy clay": Marginal(_LN, 1.0, 1.5, 0.202, 0.078),
    "silty clay": Marginal(_SB, 1.0, 1.4, -1.28, 0.821),
    "clay": Marginal(_LN, 0.9, 1.4, 0.0002, 0.118, (0.0, 0.315)),
}
# Rows of the factored covariance of the transformed K_s, theta_r, alpha, n; only its
# correlations are used. That of sandy loam is not at hand, see _factor.
_FACTOR = {
    "sand": (1.04, -0.109, 0.182, 0.328, 0.258, 0.143, 0.081, -0.047, -0.011, 0.017),
    "loamy sand": (1.48, -0.201, 0.522, 0.037, 0.017, 0.014, 0.211, -0.194, 0.019, 0.108),
    "loam": (1.41, -0.1, 0.478, 0.611, 0.073, 0.093, 0.055, -0.055, 0.026, 0.029),
    "silt loam": (1.478, -0.201, 0.522, 0.525, 0.03, 0.082, 0.353, -0.17, 0.234, 0.158),
    "silt": (0.535, -0.002, 0.008, 0.003, 0.0, 0.001, 0.013, -0.015, 0.014, 0.013),
    "sandy clay loam": (1.85, 0.102, 0.378, 0.784, 0.122, 0.22, 0.077, -0.031, -0.008, 0.016),
    "clay loam": (1.92, 0.04, 0.031, 0.589, -0.062, 0.106, 0.542, -0.154, 0.065, 0.116),
    "silty clay loam": (1.612, 0.006, 0.005, 0.511, 0.048, 0.073, 0.049, -0.009, 0.008, 0.017),
    "sandy clay": (2.02, 0.883, 0.324, 0.539, 0.063, 0.15, 0.076, 0.004, -0.001, 0.018),
    "silty clay": (1.25, 0.008, 0.003, 0.314, 0.04, 0.06, 0.367, -0.086, 0.066, 0.131),
    "clay": (1.96, 0.07, 0.017, 0.565, -0.08, 0.172, 0.048, -0.014, 0.002, 0.016),
}


def _factor(name: str) -> np.ndarray:
    """Return the factor of the correlation: rows of the printed factor at length one.

    Sandy loam takes the mean of its neighbors loamy sand and loam, an assumption.
    """
    if name == "sandy loam":
        rows = _factor("loamy sand") + _factor("loam")
    else:
        rows = np.zeros((4, 4))
        rows[np.tril_indices(4)] = _FACTOR[name]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _soil_class(name: str) -> SoilClass:
    spreads = [Spread(mean, 0.01 * cv * mean) for mean, cv in _DESCRIPTIVE[name]]
    theta_s, theta_r, alpha, n, hourly = spreads
    marginals = (_K_S[name], _THETA_R[name], _ALPHA[name], _N[name])
    K_s = Spread(*(round(_HOURS * value, 6) for value in hourly))
    return SoilClass(name, theta_r, theta_s, alpha, n, K_s, marginals, _factor(name))


CARSEL_PARRISH_1988: dict[str, SoilClass] = {name: _soil_class(name) for name in TEXTURE_CLASSES}
"""The classes of Carsel and Parrish (1988), doi:10.1029/WR024i005p00755."""


def soil_class(name: str) -> SoilClass:
    """Return the class of a name in any case.

    Raises
    ------
    DataError
        If there is no such class.

    Examples
    --------
    >>> float(soil_class("Loam").mean().K_s)
    24.96
    """
    try:
        return CARSEL_PARRISH_1988[name.strip().lower()]
    except KeyError:
        hint = nearest(name.strip().lower(), TEXTURE_CLASSES)
        raise DataError(
            f"there is no texture class {name!r}{hint} (known: {', '.join(TEXTURE_CLASSES)})"
        ) from None
