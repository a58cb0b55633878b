"""Count rate laws: from total gravimetric water to a relative count rate and back.

A law is a value with two functions, ``relative_rate`` (N / N0 from water) and ``water`` (its
inverse), and a flag that says where the inverse may be read. Water is always the *total*
gravimetric water equivalent [g g-1]: pores plus lattice plus organic matter.
"""

from enum import IntEnum
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.core.solve import invert_monotone
from rootzone.neutrons.parameter_sets import KOEHLI_2021, KOEHLI_2025


class Validity(IntEnum):
    """Whether a count rate can be read as water."""

    VALID = 0
    TOO_DRY = 1
    """More counts than the law allows for its driest water."""
    TOO_WET = 2
    """Fewer counts than the law allows for its wettest water (or than at infinite water)."""
    MISSING = 3


@runtime_checkable
class CountRateLaw(Protocol):
    """What every law of the count rate answers; water is total gravimetric [g g-1]."""

    @property
    def needs_humidity(self) -> bool:
        """Whether the law holds the air humidity itself (then no humidity factor)."""
        ...

    @property
    def water_range(self) -> tuple[float, float]:
        """Range of total gravimetric water [g g-1] in which the law may be read."""
        ...

    def relative_rate(self, water: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return N / N0 for total gravimetric water and absolute humidity [g m-3]."""
        ...

    def water(self, relative_rate: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return total gravimetric water [g g-1] for N / N0."""
        ...


class Desilets2010(eqx.Module):
    r"""The hyperbola of Desilets et al. (2010).

    .. math:: \frac{N}{N_0} = \frac{a_0}{\theta_g + a_2} + a_1, \qquad
              \theta_g = \frac{a_0}{N/N_0 - a_1} - a_2

    Valid for total water above 0.02 g g-1. Source: doi:10.1029/2009WR008726, eq. A1. The
    same curve in the three-parameter form of Koehli et al. (2021), eq. 6, is
    :meth:`water_reformulated`.

    Examples
    --------
    >>> law = Desilets2010()
    >>> round(float(law.relative_rate(0.20)), 4)
    0.6285
    """

    a0: float = 0.0808
    a1: float = 0.372
    a2: float = 0.115

    @property
    def needs_humidity(self) -> bool:
        """No: humidity is corrected by a factor beforehand."""
        return False

    @property
    def water_range(self) -> tuple[float, float]:
        """0.02 g g-1 (the paper) to 3 g g-1 (the counts no longer tell)."""
        return (0.02, 3.0)

    def relative_rate(self, water: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return N / N0 for total gravimetric water [g g-1]; humidity is not used."""
        del humidity
        return self.a0 / (jnp.asarray(water) + self.a2) + self.a1

    def water(self, relative_rate: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return total gravimetric water [g g-1]; NaN where N / N0 <= a1 (no such water)."""
        del humidity
        excess = jnp.asarray(relative_rate) - self.a1
        reachable = excess > 0
        return jnp.where(reachable, self.a0 / jnp.where(reachable, excess, 1.0) - self.a2, jnp.nan)

    def water_reformulated(self, relative_rate: ArrayLike) -> jax.Array:
        """Return the same water through N / N_max (Koehli et al. 2021, eq. 6)."""
        n_max = (self.a0 + self.a1 * self.a2) / self.a2
        floor = self.a1 * self.a2 / (self.a0 + self.a1 * self.a2)
        x = jnp.asarray(relative_rate) / n_max
        return -self.a2 * (1.0 - x) / (floor - x)


class _NumericInverse(eqx.Module):
    """The inverse of a falling law by safeguarded Newton on the logarithm of water."""

    def water(self, relative_rate: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return total gravimetric water [g g-1]; NaN where the range does not hold it."""
        return self._water(jnp.asarray(relative_rate), jnp.asarray(humidity))

    @eqx.filter_jit
    def _water(self, rate: jax.Array, humidity: jax.Array) -> jax.Array:
        lo, hi = self.water_range  # type: ignore[attr-defined]
        law = self.relative_rate  # type: ignore[attr-defined]
        log_water = invert_monotone(
            lambda x: law(jnp.exp(x), humidity), rate, jnp.log(lo), jnp.log(hi)
        )
        inside = (rate <= law(lo, humidity)) & (rate >= law(hi, humidity))
        return jnp.where(inside, jnp.exp(log_water), jnp.nan)


class Koehli2021(_NumericInverse):
    r"""The universal transport solution (UTS) of Koehli et al. (2021).

    .. math::

        \frac{N}{N_D} = \frac{p_1 + p_2 s}{s + p_1}
        \left(p_0 + p_6 h + p_7 h^2 + p_8 \frac{h^3}{s}\right) + e^{-p_3 s}(p_4 + p_5 h),
        \quad s = 1.43\,\theta_g

    Humidity ``h`` [g m-3] is part of the law: the counts must not be corrected for it.
    Source: doi:10.3389/frwa.2020.544847, eq. 8 and table 1.

    Parameters
    ----------
    parameter_set : str
        One of ``KOEHLI_2021``; "Mar21_mcnp_drf" is the paper's recommendation.

    Raises
    ------
    ValueError
        If the parameter set is not known.

    Examples
    --------
    >>> round(float(Koehli2021().relative_rate(0.1, 5.0)), 4)
    0.4756
    """

    p: tuple[float, ...]
    parameter_set: str = eqx.field(static=True)

    def __init__(self, parameter_set: str = "Mar21_mcnp_drf"):
        if parameter_set not in KOEHLI_2021:
            raise ValueError(
                f"unknown Koehli 2021 parameter set '{parameter_set}'; "
                f"known are {', '.join(KOEHLI_2021)}"
            )
        self.p = KOEHLI_2021[parameter_set]
        self.parameter_set = parameter_set

    @property
    def needs_humidity(self) -> bool:
        """Yes."""
        return True

    @property
    def water_range(self) -> tuple[float, float]:
        """0.01 to 3 g g-1: the law falls monotonically there for h from 0 to 30 g m-3."""
        return (0.01, 3.0)

    def relative_rate(self, water: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return N / N_D for total gravimetric water [g g-1] and humidity [g m-3]."""
        s = 1.43 * jnp.asarray(water)
        h = jnp.asarray(humidity)
        p0, p1, p2, p3, p4, p5, p6, p7, p8 = self.p
        air = p0 + p6 * h + p7 * h**2 + p8 * h**3 / s
        return (p1 + p2 * s) / (s + p1) * air + jnp.exp(-p3 * s) * (p4 + p5 * h)


class Koehli2025(eqx.Module):
    r"""The closed inverse approximation of Koehli et al. (2025).

    .. math::

        \theta_{1.43} = \left(A\,I^{-\beta} + B\,e^{-\lambda I}\right)/100,\quad
        I = \frac{N}{I_D}\left(1 + c_{h1} h + c_{h2} h^2\right)

    with the volumetric water at a reference density of 1.43 g cm-3. Here the inverse is the
    published form and the count rate is found numerically.

    Parameters
    ----------
    parameter_set : str
        One of ``KOEHLI_2025``; "normresponse_endf8" by default.

    Raises
    ------
    ValueError
        If the parameter set is not known.
    """

    A: float
    beta: float
    B: float
    lam: float
    c_h1: float
    c_h2: float
    parameter_set: str = eqx.field(static=True)

    def __init__(self, parameter_set: str = "normresponse_endf8"):
        if parameter_set not in KOEHLI_2025:
            raise ValueError(
                f"unknown Koehli 2025 parameter set '{parameter_set}'; "
                f"known are {', '.join(KOEHLI_2025)}"
            )
        for name, value in KOEHLI_2025[parameter_set].items():
            setattr(self, name, value)
        self.parameter_set = parameter_set

    @property
    def needs_humidity(self) -> bool:
        """Yes."""
        return True

    @property
    def water_range(self) -> tuple[float, float]:
        """0.01 to 0.69 g g-1 (the reference volume is full of water at 1 m3 m-3)."""
        return (0.01, 1.0 / 1.43)

    def _humidity(self, humidity: ArrayLike) -> jax.Array:
        h = jnp.asarray(humidity)
        return 1.0 + self.c_h1 * h + self.c_h2 * h**2

    def _water_of_intensity(self, intensity: jax.Array) -> jax.Array:
        percent = self.A * intensity ** (-self.beta) + self.B * jnp.exp(-self.lam * intensity)
        return percent / 100.0 / 1.43

    def relative_rate(self, water: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return N / I_D for total gravimetric water [g g-1] and humidity [g m-3]."""
        return self._intensity(jnp.asarray(water)) / self._humidity(humidity)

    @eqx.filter_jit
    def _intensity(self, water: jax.Array) -> jax.Array:
        return invert_monotone(
            lambda x: jnp.log(self._water_of_intensity(x)), jnp.log(water), 0.05, 5.0
        )

    def water(self, relative_rate: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
        """Return total gravimetric water [g g-1]; NaN outside the range of the law."""
        intensity = jnp.asarray(relative_rate) * self._humidity(humidity)
        positive = intensity > 0
        water = self._water_of_intensity(jnp.where(positive, intensity, 1.0))
        return jnp.where(positive & (water <= self.water_range[1]), water, jnp.nan)


def validity(law: CountRateLaw, relative_rate: ArrayLike, humidity: ArrayLike = 0.0) -> jax.Array:
    """Return a :class:`Validity` code for every N / N0.

    Parameters
    ----------
    law : CountRateLaw
        The law that is to be inverted.
    relative_rate : array (...)
        N / N0 [1].
    humidity : array (...)
        Absolute humidity [g m-3], for laws that need it.

    Returns
    -------
    int8 array (...)
        Codes of :class:`Validity`.
    """
    rate = jnp.asarray(relative_rate)
    dry, wet = law.water_range
    code = jnp.where(
        rate > law.relative_rate(dry, humidity),
        Validity.TOO_DRY,
        jnp.where(rate < law.relative_rate(wet, humidity), Validity.TOO_WET, Validity.VALID),
    )
    return jnp.where(jnp.isnan(rate + jnp.asarray(humidity)), Validity.MISSING, code).astype(
        jnp.int8
    )


def driest_rate(law: CountRateLaw, humidity: ArrayLike = 0.0) -> jax.Array:
    """Return N / N0 over the driest soil of the law: no soil can count more."""
    return law.relative_rate(law.water_range[0], humidity)
