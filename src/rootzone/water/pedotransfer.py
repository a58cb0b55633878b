"""Pedotransfer functions: hydraulic parameters from texture, density and organic matter.

Every function gives what its source predicts and no more. :class:`Retention` has no conductivity;
join it with one of the conductivities in the open::

    retention = zacharias_wessolek_2007(sand=40.0, clay=20.0, bulk_density=1.5)
    soil = retention.conducting(K_s=cosby_1984_K_s(sand=40.0, clay=20.0))

Sand is 0.05-2 mm, clay under 0.002 mm, both in percent of the mineral fine earth; bulk density
g cm-3; organic carbon or matter in percent by mass. The soils that a source was made from are a
:class:`Domain` in capitals: ``WEYNANTS_2009.outside(...)`` says in words what lies beyond, and
``WEYNANTS_2009.inside(...)`` as an array. The functions do not refuse such soils.

(Longer than a page because half of it is equations as printed.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.errors import DataError, nearest
from rootzone.water.retention import BrooksCorey, Parameter, VanGenuchten

_INCH_PER_HOUR = 60.96  # cm d-1


# --- domains ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Domain:
    """The soils a pedotransfer function was made from.

    Attributes
    ----------
    source : str
        Author and year.
    soils : str
        Where the samples came from.
    ranges : mapping of str to (low, high, unit)
        Range of each input, ends included. Sand and clay must also not exceed 100 % together.
    """

    source: str
    soils: str
    ranges: Mapping[str, tuple[float, float, str]]

    def _known(self, inputs: Mapping[str, ArrayLike]) -> None:
        for name in inputs:
            if name not in self.ranges:
                raise DataError(
                    f"{self.source} has no input {name!r}{nearest(name, self.ranges)} "
                    f"(it has {', '.join(self.ranges)})"
                )

    def inside(self, **inputs: ArrayLike) -> jax.Array:
        """Return where every given input lies within its range (traceable).

        Raises
        ------
        DataError
            If an input is not one of this function's.
        """
        self._known(inputs)
        good = jnp.asarray(True)
        for name, value in inputs.items():
            low, high, _ = self.ranges[name]
            good = good & (jnp.asarray(value) >= low) & (jnp.asarray(value) <= high)
        if "sand" in inputs and "clay" in inputs:
            good = good & (
                jnp.asarray(inputs["sand"]) + jnp.asarray(inputs["clay"]) <= 100.0 + 1e-4
            )
        return good

    def outside(self, **inputs: ArrayLike) -> list[str]:
        """Return a sentence for each given input that leaves the domain; empty if none does.

        Raises
        ------
        DataError
            If an input is not one of this function's.

        Examples
        --------
        >>> VEREECKEN_1989.outside(clay=[12.0, 60.0], bulk_density=1.4)
        ['clay: 1 of 2 values outside 0 to 54.46 % of Vereecken et al. (1989), given 12 to 60']
        """
        self._known(inputs)
        told = []
        for name, value in inputs.items():
            low, high, unit = self.ranges[name]
            x = np.asarray(value, dtype=float)
            beyond = int(np.sum(~((x >= low) & (x <= high))))
            if beyond:
                told.append(
                    f"{name}: {beyond} of {x.size} values outside {low:g} to {high:g} {unit} of "
                    f"{self.source}, given {np.min(x):g} to {np.max(x):g}"
                )
        if "sand" in inputs and "clay" in inputs:
            total = np.asarray(inputs["sand"], dtype=float) + np.asarray(inputs["clay"])
            beyond = int(np.sum(total > 100.0 + 1e-4))
            if beyond:
                told.append(f"sand + clay: {beyond} of {total.size} values above 100 %")
        return told


_SHARE = (0.0, 100.0, "%")
_DENSITY = (0.5, 2.3, "g cm-3")

ZACHARIAS_WESSOLEK_2007 = Domain(
    "Zacharias and Wessolek (2007)",
    "the limits are those within which its powers and signs hold, not those of its samples",
    {"sand": (1.0, 99.0, "%"), "clay": (1.0, 99.0, "%"), "bulk_density": _DENSITY},
)
COSBY_1984 = Domain(
    "Cosby et al. (1984)",
    "1448 samples of the USA; none of the class silt",
    {"sand": _SHARE, "clay": _SHARE},
)
_BELGIUM = {
    "sand": (5.6, 97.8, "%"),
    "clay": (0.0, 54.46, "%"),
    "bulk_density": (1.04, 1.73, "g cm-3"),
    "organic_carbon": (0.01, 6.6, "%"),
}
VEREECKEN_1989 = Domain("Vereecken et al. (1989)", "182 horizons of 40 Belgian series", _BELGIUM)
WEYNANTS_2009 = Domain("Weynants et al. (2009)", "the Belgian horizons of 1989", _BELGIUM)
VEREECKEN_1990 = Domain(
    "Vereecken et al. (1990)",
    "Belgian horizons; logarithms want some of everything",
    {
        "sand": _BELGIUM["sand"],
        "clay": (0.1, 54.46, "%"),
        "bulk_density": _BELGIUM["bulk_density"],
        "organic_matter": (0.01, 11.4, "%"),
    },
)
TOTH_2015 = Domain(
    "Toth et al. (2015)",
    "EU-HYDI, mineral soils of Europe; the limits are those of plausible mineral soils",
    {
        "sand": _SHARE,
        "clay": _SHARE,
        "bulk_density": (0.7, 2.0, "g cm-3"),
        "organic_carbon": (0.0, 12.0, "%"),
        "pH": (3.0, 10.5, "1"),
        "cec": (0.1, 70.0, "meq / 100 g"),
    },
)


# --- retention without conductivity -----------------------------------------------------


class Retention(eqx.Module):
    """Van Genuchten retention with m = 1 - 1/n, without a conductivity.

    Attributes
    ----------
    theta_r, theta_s : array
        Residual and saturated water content [m3 m-3].
    alpha : array
        [cm-1].
    n : array
        Shape, above 1 [1].
    """

    theta_r: Parameter
    theta_s: Parameter
    alpha: Parameter
    n: Parameter

    def conducting(
        self,
        K_s: Parameter,
        *,
        l: Parameter = 0.5,  # noqa: E741 (the symbol of the field)
        air_entry: Parameter = 0.0,
    ) -> VanGenuchten:
        """Return the closure with a saturated conductivity [cm d-1] from elsewhere."""
        return VanGenuchten(self.theta_r, self.theta_s, self.alpha, self.n, K_s, l, air_entry)


class RetentionM1(eqx.Module):
    r"""Van Genuchten retention with m = 1, where n may be below 1.

    .. math:: \theta = \theta_r + \frac{\theta_s - \theta_r}{1 + (\alpha |h|)^n}

    It is no closure: Mualem's integral in closed form wants m = 1 - 1/n and thus n > 1. To put
    such a soil into a column, fit a closure to points of this curve
    (:func:`rootzone.water.retention_fit.fit_van_genuchten`) and look at the error of the fit.
    """

    theta_r: Parameter
    theta_s: Parameter
    alpha: Parameter
    n: Parameter

    def theta(self, h: ArrayLike) -> jax.Array:
        """Return the water content [m3 m-3] of a head [cm]."""
        depth = jnp.maximum(-jnp.asarray(h), 1e-30)
        share = jax.nn.sigmoid(-self.n * jnp.log(self.alpha * depth))
        return self.theta_r + (jnp.asarray(self.theta_s) - self.theta_r) * share

    def head(self, theta: ArrayLike) -> jax.Array:
        """Return the head [cm] of a water content; 0 at and above saturation."""
        span = jnp.asarray(self.theta_s) - self.theta_r
        share = jnp.clip((jnp.asarray(theta) - self.theta_r) / span, 1e-12, 1.0)
        wet = share >= 1.0
        odds = (1.0 - share) / share
        odds = jnp.where(wet, 1.0, odds)
        return jnp.where(wet, 0.0, -jnp.exp(jnp.log(odds) / self.n) / self.alpha)


def zacharias_wessolek_2007(sand: ArrayLike, clay: ArrayLike, bulk_density: ArrayLike) -> Retention:
    r"""Return the retention of Zacharias and Wessolek (2007), without organic matter.

    .. math::

        \theta_s &= 0.788 + 0.001\,c - 0.263\,\rho, \\
        \ln\alpha &= -0.648 + 0.023\,s + 0.044\,c - 3.168\,\rho, \\
        n &= 1.392 - 0.418\,s^{-0.024} + 1.212\,c^{-0.704} \quad (s < 66.5\,\%)

    .. math::

        \theta_s &= 0.890 - 0.001\,c - 0.322\,\rho, \\
        \ln\alpha &= -4.197 + 0.013\,s + 0.076\,c - 0.276\,\rho, \\
        n &= -2.562 + 7\cdot10^{-9}\,s^{4.004} + 3.750\,c^{-0.016} \quad (s \ge 66.5\,\%)

    Parameters
    ----------
    sand, clay : array (...)
        Shares s and c [%]; below 1 % they count as 1 %, as in mHM, because of the powers.
    bulk_density : array (...)
        rho [g cm-3].

    Returns
    -------
    Retention
        theta_r = 0. Domain: ``ZACHARIAS_WESSOLEK_2007``. The branches do not meet at 66.5 % sand:
        theta(-330 cm) jumps there, at 1.45 g cm-3 by 0.07 up with 5 % clay, by 0.03 down with 20 %.

    Notes
    -----
    Source: doi:10.2136/sssaj2006.0098. alpha is taken per cm (hPa) of suction as in mHM; some
    handbooks print kPa-1, with which sand would hold its water to a suction of 250 cm.
    """
    s = jnp.maximum(jnp.asarray(sand), 1.0)
    c = jnp.maximum(jnp.asarray(clay), 1.0)
    rho = jnp.asarray(bulk_density)
    coarse = s >= 66.5
    theta_s = jnp.where(coarse, 0.890 - 0.001 * c - 0.322 * rho, 0.788 + 0.001 * c - 0.263 * rho)
    log_alpha = jnp.where(
        coarse,
        -4.197 + 0.013 * s + 0.076 * c - 0.276 * rho,
        -0.648 + 0.023 * s + 0.044 * c - 3.168 * rho,
    )
    n = jnp.where(
        coarse,
        -2.562 + 7e-9 * s**4.004 + 3.750 * c**-0.016,
        1.392 - 0.418 * s**-0.024 + 1.212 * c**-0.704,
    )
    return Retention(jnp.zeros_like(theta_s), theta_s, jnp.exp(log_alpha), n)


def vereecken_1989(
    sand: ArrayLike, clay: ArrayLike, bulk_density: ArrayLike, organic_carbon: ArrayLike
) -> RetentionM1:
    r"""Return the retention of Vereecken et al. (1989), with m = 1 as in the source.

    .. math::

        \theta_s &= 0.81 - 0.283\,\rho + 0.001\,c, \quad
        \theta_r = 0.015 + 0.005\,c + 0.014\,C, \\
        \ln\alpha &= -2.486 + 0.025\,s - 0.351\,C - 2.617\,\rho - 0.023\,c, \\
        \ln n &= 0.053 - 0.009\,s - 0.013\,c + 0.00015\,s^2

    Parameters
    ----------
    sand, clay, bulk_density, organic_carbon : array (...)
        s, c [%], rho [g cm-3], C [%].

    Returns
    -------
    RetentionM1
        alpha in cm-1. Domain: ``VEREECKEN_1989``; far from it theta_r passes theta_s.

    Notes
    -----
    Source: doi:10.1097/00010694-198912000-00001, table 7. Using these n with m = 1 - 1/n, as is
    sometimes done, is another curve, and impossible where n < 1.
    """
    s, c = jnp.asarray(sand), jnp.asarray(clay)
    rho, carbon = jnp.asarray(bulk_density), jnp.asarray(organic_carbon)
    theta_s = 0.81 - 0.283 * rho + 0.001 * c
    theta_r = 0.015 + 0.005 * c + 0.014 * carbon
    alpha = jnp.exp(-2.486 + 0.025 * s - 0.351 * carbon - 2.617 * rho - 0.023 * c)
    n = jnp.exp(0.053 - 0.009 * s - 0.013 * c + 0.00015 * s**2)
    return RetentionM1(theta_r, theta_s, alpha, n)


def _toth_theta_r(sand: jax.Array) -> jax.Array:
    """Return theta_r of Toth et al.: a tree of two leaves, parted at 2 % sand."""
    return jnp.where(sand >= 2.0, 0.0407318, 0.1789996)


def toth_2015_21(
    sand: ArrayLike,
    clay: ArrayLike,
    bulk_density: ArrayLike,
    organic_carbon: ArrayLike,
    topsoil: ArrayLike,
) -> Retention:
    r"""Return the retention of Toth et al. (2015), function 21.

    .. math::

        \theta_s &= 0.83081 - 0.28217\,\rho + 0.00027278\,c + 0.00018693\,u, \\
        \log_{10}\alpha &= -0.43348 - 0.41729\,\rho - 0.047619\,C + 0.21810\,T
                           - 0.015814\,c - 0.012072\,u, \\
        \log_{10}(n - 1) &= 0.22236 - 0.30189\,\rho - 0.055577\,T - 0.0053058\,c
                           - 0.0030843\,u - 0.010721\,C

    Parameters
    ----------
    sand, clay : array (...)
        [%]; silt u is the rest, c the clay.
    bulk_density, organic_carbon : array (...)
        rho [g cm-3], C [%].
    topsoil : array (...)
        T: 1 or true in the topsoil, 0 below.

    Returns
    -------
    Retention
        alpha in cm-1; theta_r is 0.041, or 0.179 under 2 % sand. Domain: ``TOTH_2015``.

    Notes
    -----
    Source: doi:10.1111/ejss.12192; coefficients to the digits of the authors' package euptf.
    """
    c, rho, carbon = jnp.asarray(clay), jnp.asarray(bulk_density), jnp.asarray(organic_carbon)
    u, T = 100.0 - jnp.asarray(sand) - c, jnp.asarray(topsoil, c.dtype)
    theta_s = 0.8308066 - 0.2821713 * rho + 0.0002727767 * c + 0.0001869330 * u
    log_alpha = -0.4334815 - 0.4172921 * rho - 0.04761893 * carbon + 0.2181032 * T
    log_alpha = log_alpha - 0.01581369 * c - 0.01207190 * u
    log_n = 0.2223588 - 0.3018908 * rho - 0.05557731 * T - 0.005305786 * c
    log_n = log_n - 0.003084333 * u - 0.01072148 * carbon
    theta_r = _toth_theta_r(jnp.asarray(sand)) + jnp.zeros_like(theta_s)
    return Retention(theta_r, theta_s, 10.0**log_alpha, 1.0 + 10.0**log_n)


def toth_2015_22(
    sand: ArrayLike,
    clay: ArrayLike,
    bulk_density: ArrayLike,
    organic_carbon: ArrayLike,
    pH: ArrayLike,
    topsoil: ArrayLike,
) -> Retention:
    r"""Return the retention of Toth et al. (2015), function 22, which knows the pH.

    .. math::

        \theta_s &= 0.63052 - 0.10262\,\rho^2 + 0.00029036\,pH^2 + 0.00033352\,c, \\
        \log_{10}\alpha &= -1.16518 + 0.40515\,\tfrac{1}{C + 1} - 0.16063\,\rho^2
                           - 0.0083721\,c - 0.013001\,u + 0.0021659\,pH^2 + 0.082327\,T, \\
        \log_{10}(n - 1) &= -0.25929 + 0.25680\,\tfrac{1}{C + 1} - 0.10590\,\rho^2
                           - 0.0090045\,c - 0.0012234\,u

    Parameters
    ----------
    sand, clay, bulk_density, organic_carbon, topsoil : array (...)
        As in :func:`toth_2015_21`.
    pH : array (...)
        In water, 1:2.5.

    Returns
    -------
    Retention
        As of :func:`toth_2015_21`, of the same source.
    """
    c, carbon = jnp.asarray(clay), jnp.asarray(organic_carbon)
    u, T = 100.0 - jnp.asarray(sand) - c, jnp.asarray(topsoil, c.dtype)
    rho2, pH2 = jnp.asarray(bulk_density) ** 2, jnp.asarray(pH) ** 2
    poor = 1.0 / (carbon + 1.0)
    theta_s = 0.6305220 - 0.1026167 * rho2 + 0.0002903555 * pH2 + 0.0003335170 * c
    log_alpha = -1.165178 + 0.4051499 * poor - 0.1606326 * rho2 - 0.008372060 * c
    log_alpha = log_alpha - 0.01300128 * u + 0.002165863 * pH2 + 0.08232669 * T
    log_n = -0.2592915 + 0.2568016 * poor - 0.1059032 * rho2 - 0.009004466 * c
    log_n = log_n - 0.001223447 * u
    theta_r = _toth_theta_r(jnp.asarray(sand)) + jnp.zeros_like(theta_s)
    return Retention(theta_r, theta_s, 10.0**log_alpha, 1.0 + 10.0**log_n)


# --- closures ---------------------------------------------------------------------------


def weynants_2009(
    sand: ArrayLike, clay: ArrayLike, bulk_density: ArrayLike, organic_carbon: ArrayLike
) -> VanGenuchten:
    r"""Return the closure of Weynants et al. (2009).

    .. math::

        \theta_s &= 0.6355 + 0.0013\,c - 0.1631\,\rho, \quad
        \ln\alpha = -4.3003 - 0.0097\,c + 0.0138\,s - 0.0992\,C, \\
        \ln(n - 1) &= -1.0846 - 0.0236\,c - 0.0085\,s + 0.000137\,s^2, \\
        \ln K_0 &= 1.9582 + 0.0308\,s - 0.6142\,\rho - 0.1566\,C, \quad
        l = -1.8642 - 0.1317\,c + 0.0067\,s

    Parameters
    ----------
    sand, clay, bulk_density, organic_carbon : array (...)
        s, c [%], rho [g cm-3], C [%].

    Returns
    -------
    VanGenuchten
        theta_r = 0; K_s holds K_0 [cm d-1], the point where the matrix curve meets saturation.
        It has no macropores and is not meant above a head of -6 cm: rain on it ponds too early.
        Domain: ``WEYNANTS_2009``.

    Notes
    -----
    Source: doi:10.2136/vzj2008.0062 with the erratum of Weihermueller et al. (2017);
    coefficients to the digits of the authors' code.
    """
    s, c = jnp.asarray(sand), jnp.asarray(clay)
    rho, carbon = jnp.asarray(bulk_density), jnp.asarray(organic_carbon)
    theta_s = 0.6355365504 + 0.0012807613 * c - 0.1630910071 * rho
    alpha = jnp.exp(-4.3003420026 - 0.0096851210 * c + 0.0137763939 * s - 0.0992391618 * carbon)
    shape = -1.0846069190 - 0.0235654376 * c - 0.0085043044 * s + 0.0001369944 * s**2
    log_K = 1.9581584626 + 0.0308449531 * s - 0.6141610130 * rho - 0.1565557100 * carbon
    l = -1.8641969563 - 0.1317363417 * c + 0.0067082506 * s  # noqa: E741
    return VanGenuchten(
        jnp.zeros_like(theta_s), theta_s, alpha, 1.0 + jnp.exp(shape), jnp.exp(log_K), l
    )


def _clapp_hornberger(
    theta_s: jax.Array, psi_s: jax.Array, b: jax.Array, K_s: jax.Array
) -> BrooksCorey:
    """Return theta = theta_s (psi_s/|h|)^(1/b), K = K_s (theta/theta_s)^(2b + 3)."""
    return BrooksCorey(jnp.zeros_like(theta_s), theta_s, 1.0 / psi_s, 1.0 / b, K_s)


def cosby_1984_univariate(sand: ArrayLike, clay: ArrayLike) -> BrooksCorey:
    r"""Return the closure of Cosby et al. (1984) from one share each (table 5).

    .. math::

        \theta_s = 0.489 - 0.00126\,s,\quad \log_{10}\psi_s = 1.88 - 0.0131\,s,\quad
        b = 2.91 + 0.159\,c,\quad \log_{10} K_s = -0.884 + 0.0153\,s

    with psi_s in cm and K_s in inch per hour, in the curves of Clapp and Hornberger (1978).

    Parameters
    ----------
    sand, clay : array (...)
        s, c [%].

    Returns
    -------
    BrooksCorey
        theta_r = 0, lambda = 1/b, K_s [cm d-1]. Domain: ``COSBY_1984``.

    Notes
    -----
    Sources: doi:10.1029/WR020i006p00682; doi:10.1029/WR014i004p00601.
    """
    s, c = jnp.asarray(sand), jnp.asarray(clay)
    K_s = _INCH_PER_HOUR * 10.0 ** (-0.884 + 0.0153 * s)
    return _clapp_hornberger(
        0.489 - 0.00126 * s, 10.0 ** (1.88 - 0.0131 * s), 2.91 + 0.159 * c, K_s
    )


def cosby_1984_multivariate(sand: ArrayLike, clay: ArrayLike) -> BrooksCorey:
    r"""Return the closure of Cosby et al. (1984) from two shares each (table 4).

    .. math::

        \theta_s = 0.505 - 0.00142\,s - 0.00037\,c,\quad
        \log_{10}\psi_s = 1.54 - 0.0095\,s + 0.0063\,u,\quad b = 3.10 + 0.157\,c - 0.003\,s

    with silt u, psi_s in cm and the conductivity of :func:`cosby_1984_K_s`.

    Parameters
    ----------
    sand, clay : array (...)
        s, c [%].

    Returns
    -------
    BrooksCorey
        As of :func:`cosby_1984_univariate`, of the same source.
    """
    s, c = jnp.asarray(sand), jnp.asarray(clay)
    psi_s = 10.0 ** (1.54 - 0.0095 * s + 0.0063 * (100.0 - s - c))
    theta_s = 0.505 - 0.00142 * s - 0.00037 * c
    return _clapp_hornberger(theta_s, psi_s, 3.10 + 0.157 * c - 0.003 * s, cosby_1984_K_s(s, c))


# --- conductivities ---------------------------------------------------------------------


def cosby_1984_K_s(sand: ArrayLike, clay: ArrayLike) -> jax.Array:
    r"""Return K_s [cm d-1] = 60.96 * 10^(-0.60 + 0.0126 s - 0.0064 c), shares in percent.

    Source: Cosby et al. (1984), table 4 (inch per hour there); mHM takes the same.
    Domain: ``COSBY_1984``.

    Examples
    --------
    >>> round(float(cosby_1984_K_s(sand=40.0, clay=20.0)), 2)
    36.4
    """
    s, c = jnp.asarray(sand), jnp.asarray(clay)
    return _INCH_PER_HOUR * 10.0 ** (-0.60 + 0.0126 * s - 0.0064 * c)


def vereecken_1990_K_s(
    sand: ArrayLike, clay: ArrayLike, bulk_density: ArrayLike, organic_matter: ArrayLike
) -> jax.Array:
    r"""Return K_s [cm d-1] of Vereecken et al. (1990).

    .. math:: \ln K_s = 20.62 - 0.96\ln c - 0.66\ln s - 0.46\ln OM - 8.43\,\rho

    Parameters
    ----------
    sand, clay, organic_matter : array (...)
        s, c, OM [%], all above 0; organic *matter*, about 1.724 times the carbon.
    bulk_density : array (...)
        rho [g cm-3].

    Returns
    -------
    array (...)
        At equal clay and density K_s *falls* with sand: a regression over Belgian soils, where
        sand came with density. Domain: ``VEREECKEN_1990``.

    Notes
    -----
    Source: Vereecken, Maes and Feyen (1990), Soil Science 149, 1-12.
    """
    logs = 0.96 * jnp.log(jnp.asarray(clay)) + 0.66 * jnp.log(jnp.asarray(sand))
    logs = logs + 0.46 * jnp.log(jnp.asarray(organic_matter))
    return jnp.exp(20.62 - logs - 8.43 * jnp.asarray(bulk_density))


def toth_2015_17_K_s(
    sand: ArrayLike, clay: ArrayLike, pH: ArrayLike, cec: ArrayLike, topsoil: ArrayLike
) -> jax.Array:
    r"""Return K_s [cm d-1] of Toth et al. (2015), function 17.

    .. math::

        \log_{10} K_s = 0.40220 + 0.26122\,pH + 0.44565\,T - 0.02329\,c - 0.01265\,u - 0.01038\,CEC

    Parameters
    ----------
    sand, clay : array (...)
        [%]; silt u is the rest.
    pH : array (...)
        In water, 1:2.5.
    cec : array (...)
        Cation exchange capacity [meq (100 g)-1].
    topsoil : array (...)
        T: 1 or true in the topsoil, 0 below.

    Returns
    -------
    array (...)
        Domain: ``TOTH_2015``. Their function 16 is a regression tree and is not here.

    Notes
    -----
    Source: doi:10.1111/ejss.12192; coefficients to the digits of the authors' package euptf.
    """
    c = jnp.asarray(clay)
    u, T = 100.0 - jnp.asarray(sand) - c, jnp.asarray(topsoil, c.dtype)
    log_K = 0.4021979 + 0.2612180 * jnp.asarray(pH) + 0.4456466 * T
    return 10.0 ** (log_K - 0.02328779 * c - 0.01265442 * u - 0.01038017 * jnp.asarray(cec))
