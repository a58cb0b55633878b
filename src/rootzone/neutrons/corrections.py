"""Correction factors of the air above: pressure, humidity, incoming intensity.

Every factor multiplies the raw count rate; every reference value is an explicit argument,
because N0 depends on it: moving the reference pressure from 1013.25 hPa to the standard
atmosphere of the site alone changes N0 by several percent.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.neutrons.atmosphere import atmospheric_depth, atmospheric_depth_of_pressure

# --- pressure ---------------------------------------------------------------------------


def pressure_factor(
    pressure: ArrayLike, *, beta: ArrayLike, reference_pressure: ArrayLike
) -> jax.Array:
    r"""Return the pressure correction factor.

    .. math:: f_p = \exp\left(\beta\,(p - p_0)\right)

    Parameters
    ----------
    pressure : array (...)
        Air pressure [hPa].
    beta : array (...)
        Barometric coefficient [hPa-1], about 0.0070 to 0.0078.
    reference_pressure : array (...)
        Pressure at which the factor is one [hPa].

    Returns
    -------
    array (...)
        Factor [1].

    Notes
    -----
    Source: Zreda et al. (2012), doi:10.5194/hess-16-4079-2012.
    """
    return jnp.exp(jnp.asarray(beta) * (jnp.asarray(pressure) - reference_pressure))


def beta_tirado_bueno_2021(cutoff_rigidity: ArrayLike) -> jax.Array:
    """Return the barometric coefficient [hPa-1], 0.0074 - 0.0001 ln(Rc).

    Source: Tirado-Bueno et al. (2021), doi:10.1016/j.asr.2021.05.034; rigidity in GV, > 0.
    """
    return 0.0074 - 0.0001 * jnp.log(jnp.asarray(cutoff_rigidity))


def _rigidity_polynomials(rc: jax.Array, b: tuple[float, ...]) -> tuple[jax.Array, ...]:
    return tuple(b[i] + b[i + 1] * rc + b[i + 2] * rc**2 for i in (0, 3, 6))


_B2003 = (6.3813e-6, -6.2639e-7, -5.1187e-9, -7.1914e-9, 1.1291e-9, 1.74e-11)
_B2003 += (2.5816e-12, -5.8588e-13, -1.2168e-14)
_B2021 = (4.74235e-6, -9.66624e-7, 1.42783e-9, -3.70478e-9, 1.27739e-9, 3.58814e-11)
_B2021 += (-3.146e-15, -3.5528e-13, -4.29191e-14)


def beta_desilets_zreda_2003(
    latitude: ArrayLike, pressure: ArrayLike, cutoff_rigidity: ArrayLike
) -> jax.Array:
    """Return the barometric coefficient of Desilets and Zreda (2003).

    The inverse attenuation length of high-energy neutrons as a polynomial of atmospheric
    depth with coefficients quadratic in cutoff rigidity.

    Parameters
    ----------
    latitude : array (...)
        Latitude [degrees]; enters through gravity.
    pressure : array (...)
        Mean pressure of the site [hPa].
    cutoff_rigidity : array (...)
        Geomagnetic cutoff rigidity [GV], > 0.

    Returns
    -------
    array (...)
        Coefficient [hPa-1] (1 hPa of air is taken as 1 g cm-2 times 10/g).

    Notes
    -----
    Source: Desilets and Zreda (2003), doi:10.1016/S0012-821X(02)01088-9.
    """
    rc = jnp.asarray(cutoff_rigidity)
    x = atmospheric_depth_of_pressure(latitude, pressure)
    c1, c2, c3 = _rigidity_polynomials(rc, _B2003)
    return 9.9741e-3 / (1.0 + jnp.exp(-0.45318 * rc**0.081613)) + c1 * x + c2 * x**2 + c3 * x**3


def beta_desilets_2021(
    latitude: ArrayLike, pressure: ArrayLike, cutoff_rigidity: ArrayLike
) -> jax.Array:
    """Return the effective barometric coefficient of Desilets (2021).

    The attenuation polynomial integrated between atmospheric depth ``x`` [g cm-2] and mean
    pressure ``p`` [hPa] and divided by their difference. The cubic term carries the printed
    factor 0.3333 (one third would differ in the sixth digit).

    Parameters
    ----------
    latitude : array (...)
        Latitude [degrees].
    pressure : array (...)
        Mean pressure of the site [hPa].
    cutoff_rigidity : array (...)
        Geomagnetic cutoff rigidity [GV].

    Returns
    -------
    array (...)
        Coefficient [hPa-1].

    Notes
    -----
    Source: Desilets (2021), Hydroinnova report 21-02, doi:10.5281/zenodo.2547594.
    """
    rc = jnp.asarray(cutoff_rigidity)
    p = jnp.asarray(pressure)
    x = atmospheric_depth_of_pressure(latitude, p)
    c1, c2, c3 = _rigidity_polynomials(rc, _B2021)
    # Division by (x - p) carried out term by term: it vanishes where gravity is 10 m s-2.
    linear = 0.5 * c1 * (x + p)
    quadratic = 0.3333 * c2 * (x**2 + x * p + p**2)
    cubic = 0.25 * c3 * (x + p) * (x**2 + p**2)
    leading = 0.01231386 / (1.0 + jnp.exp(-0.0554611 * rc**0.6012159))
    return jnp.abs(leading + linear + quadratic + cubic)


# --- humidity ---------------------------------------------------------------------------


def humidity_factor(
    absolute_humidity: ArrayLike,
    *,
    reference_humidity: ArrayLike,
    coefficient: float = 0.0054,
) -> jax.Array:
    r"""Return the humidity correction factor.

    .. math:: f_h = 1 + 0.0054\,(h - h_{ref})

    Parameters
    ----------
    absolute_humidity, reference_humidity : array (...)
        Absolute humidity [g m-3].
    coefficient : float
        0.0054 for moderated (epithermal) detectors, 0.0021 for bare ones (Rasche et al.
        2023) [m3 g-1].

    Returns
    -------
    array (...)
        Factor [1]. Not to be used with a count rate law that holds humidity itself
        (Koehli 2021, 2025).

    Notes
    -----
    Source: Rosolem et al. (2013), doi:10.1175/JHM-D-12-0120.1.
    """
    return 1.0 + coefficient * (jnp.asarray(absolute_humidity) - reference_humidity)


# --- incoming intensity -----------------------------------------------------------------


def incoming_factor(
    intensity: ArrayLike,
    *,
    reference_intensity: ArrayLike,
    scaling: ArrayLike = 1.0,
    form: Literal["linear", "reciprocal"] = "linear",
) -> jax.Array:
    r"""Return the correction for the incoming cosmic-ray intensity.

    .. math::

        f_i = \tau\left(\frac{I_{ref}}{I} - 1\right) + 1
        \quad\text{or}\quad
        f_i = \frac{1}{\tau\,I/I_{ref} + 1 - \tau}

    Parameters
    ----------
    intensity, reference_intensity : array (...)
        Pressure-corrected count rate of a neutron monitor and its reference, same unit.
    scaling : array (...)
        How strongly the site follows the monitor: 1 for Zreda et al. (2012), otherwise from
        :func:`scaling_hawdon_2014` or :func:`scaling_mcjannet_desilets_2023`.
    form : {"linear", "reciprocal"}
        Two published readings; they differ by 0.02 % at 5 % intensity change and 0.2 % at 15 %.

    Returns
    -------
    array (...)
        Factor [1].
    """
    ratio = jnp.asarray(intensity) / reference_intensity
    tau = jnp.asarray(scaling)
    if form == "linear":
        return tau * (1.0 / ratio - 1.0) + 1.0
    return 1.0 / (tau * ratio + 1.0 - tau)


def scaling_hawdon_2014(
    cutoff_rigidity: ArrayLike, *, monitor_cutoff_rigidity: ArrayLike
) -> jax.Array:
    """Return the rigidity scaling 1 - 0.075 (Rc - Rc_monitor), rigidities in GV.

    Source: Hawdon et al. (2014), doi:10.1002/2013WR015138, eq. 5.
    """
    return 1.0 - 0.075 * (jnp.asarray(cutoff_rigidity) - monitor_cutoff_rigidity)


class Monitor(eqx.Module):
    """A neutron monitor: code, cutoff rigidity [GV] and atmospheric depth [g cm-2]."""

    code: str = eqx.field(static=True)
    cutoff_rigidity: float
    atmospheric_depth: float


MONITORS: dict[str, Monitor] = {
    m.code: m
    for m in (
        Monitor("JUNG", 4.49, 665.18),
        Monitor("JUNG1", 4.5, 673.345),
        Monitor("OULU", 0.8, 1029.682),
        Monitor("KIEL", 2.36, 1025.813),
        Monitor("ATHN", 8.53, 1002.537),
        Monitor("LMKS", 3.84, 749.001),
        Monitor("MXCO", 8.2, 785.995),
        Monitor("PSNM", 16.8, 758.0),
        Monitor("INVK", 0.3, 1028.721),
        Monitor("FSMT", 0.3, 1010.085),
        Monitor("THUL", 0.3, 1027.666),
        Monitor("SOPO", 0.1, 729.423),
        Monitor("NEWK", 2.4, 1027.679),
        Monitor("HRMS", 4.58, 1031.085),
        Monitor("ROME", 6.27, 1033.574),
    )
}
"""Neutron monitors of the NMDB network; depths after McJannet and Desilets (2023)."""


def _neutron_response(depth: jax.Array, rigidity: ArrayLike) -> jax.Array:
    rc = jnp.asarray(rigidity)
    envelope = -0.0009 * depth + 1.7699
    return envelope * (1.0 - jnp.exp(-(0.0064 * depth + 1.8855) * rc ** (1.3e-5 * depth - 1.2237)))


def scaling_mcjannet_desilets_2023(
    latitude: ArrayLike,
    elevation: ArrayLike,
    cutoff_rigidity: ArrayLike,
    *,
    monitor: Monitor,
) -> jax.Array:
    r"""Return the site-to-monitor scaling tau of McJannet and Desilets (2023).

    .. math::

        \tau = \frac{g(x, R_c)}{g(x_m, R_{c,m})},\quad
        g = (c_0 x + c_1)\left(1 - e^{-(c_2 x + c_3) R_c^{\,c_4 x + c_5}}\right)

    Parameters
    ----------
    latitude, elevation, cutoff_rigidity : array (...)
        The site [degrees, m, GV].
    monitor : Monitor
        The neutron monitor, for instance ``MONITORS["JUNG"]``.

    Returns
    -------
    array (...)
        Scaling [1].

    Notes
    -----
    Source: McJannet and Desilets (2023), doi:10.1029/2022WR033889.
    """
    site = _neutron_response(atmospheric_depth(latitude, elevation), cutoff_rigidity)
    reference = _neutron_response(jnp.asarray(monitor.atmospheric_depth), monitor.cutoff_rigidity)
    return site / reference
