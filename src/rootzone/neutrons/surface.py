"""Correction factors of what stands on the ground: biomass, road, snow."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def biomass_factor_baatz_2015(dry_biomass: ArrayLike) -> jax.Array:
    """Return 1 / (1 - 0.009 AGB) for dry above-ground biomass AGB [kg m-2].

    Source: Baatz et al. (2015), doi:10.1002/2014WR016443: 0.9 % of the count rate per kg m-2.
    """
    return 1.0 / (1.0 - 0.009 * jnp.asarray(dry_biomass))


def biomass_factor_morris_2024(biomass_water: ArrayLike) -> jax.Array:
    """Return 1 / (1 - 0.01 BWE) for a biomass water equivalent BWE [mm].

    Source: Morris et al. (2024): 1 % of the count rate per mm of biomass water.
    """
    return 1.0 / (1.0 - 0.01 * jnp.asarray(biomass_water))


def biomass_factor_franz_2015(biomass_water: ArrayLike, *, relative_slope: float) -> jax.Array:
    r"""Return the factor that undoes a linear change of N0 with biomass water.

    .. math:: f_b = \frac{1}{1 - k\,BWE},\quad N_0(BWE) = N_0(0)\,(1 - k\,BWE)

    Parameters
    ----------
    biomass_water : array (...)
        Biomass water equivalent [mm].
    relative_slope : float
        Relative change k of N0 per mm, fitted at the site [mm-1].

    Notes
    -----
    Source: Franz et al. (2015), doi:10.1002/2015GL063963 (linear N0 against BWE).
    """
    return 1.0 / (1.0 - relative_slope * jnp.asarray(biomass_water))


def biomass_water_equivalent(fresh: ArrayLike, dry: ArrayLike) -> jax.Array:
    """Return BWE [mm] = (fresh - dry) + 0.494 dry for biomass in kg m-2.

    Plant water plus the water equivalent of cellulose (Franz et al. 2013).
    """
    fresh, dry = jnp.asarray(fresh), jnp.asarray(dry)
    return (fresh - dry) + 0.494 * dry


# --- road and snow ----------------------------------------------------------------------


def road_factor(
    theta: ArrayLike,
    *,
    road_moisture: ArrayLike,
    road_width: ArrayLike,
    distance: ArrayLike = 0.0,
) -> jax.Array:
    r"""Return the factor that takes the effect of the road out of the count rate.

    .. math::

        f_r = \frac{1}{1 + F_1 F_2 F_3},\;
        F_1 = 0.42\,(1 - e^{-0.5 w}),\;
        F_2 = 1.06 - 4\theta_r - \frac{0.16 + \theta_r}{0.39 + \theta}

    Parameters
    ----------
    theta : array (...)
        Soil moisture beside the road [m3 m-3].
    road_moisture : array (...)
        Water equivalent of the road material [m3 m-3], for instance 0.12 for asphalt.
    road_width : array (...)
        Width w [m].
    distance : array (...)
        Distance r of the detector from the center of the road [m];
        F3 = 0.94 exp(-1.10 w^-2.70 r^4) + 0.06 exp(-0.01 r), which is one on the road.

    Returns
    -------
    array (...)
        Factor [1]; above one where the road is wetter than the field.

    Notes
    -----
    Source: Schroen et al. (2018), doi:10.1029/2017WR021719.
    """
    w, r, t = jnp.asarray(road_width), jnp.asarray(distance), jnp.asarray(theta)
    f1 = 0.42 * (1.0 - jnp.exp(-0.5 * w))
    f2 = 1.06 - 4.0 * road_moisture - (0.16 + road_moisture) / (0.39 + t)
    f3 = 0.94 * jnp.exp(-1.10 * w**-2.70 * r**4) + 0.06 * jnp.exp(-0.01 * r)
    return 1.0 / (1.0 + f1 * f2 * f3)


def snow_mask(
    *,
    snow_water_equivalent: ArrayLike | None = None,
    snow_depth: ArrayLike | None = None,
    soil_temperature: ArrayLike | None = None,
    swe_limit: float = 1.0,
    depth_limit: float = 1.0,
    temperature_limit: float = 0.5,
) -> jax.Array | None:
    """Return where counts are not to be read as soil water: snow cover or frozen soil.

    Parameters
    ----------
    snow_water_equivalent, snow_depth, soil_temperature : array (...), optional
        In mm, cm and degC; any of them may be missing, gaps do not flag.
    swe_limit, depth_limit, temperature_limit : float
        Snow from more than these [mm, cm]; frozen below this soil temperature [degC].

    Returns
    -------
    bool array (...) or None
        True where snow or frost is present; None where nothing tells.
    """
    tests = []
    if snow_water_equivalent is not None:
        tests.append(jnp.asarray(snow_water_equivalent) > swe_limit)
    if snow_depth is not None:
        tests.append(jnp.asarray(snow_depth) > depth_limit)
    if soil_temperature is not None:
        tests.append(jnp.asarray(soil_temperature) < temperature_limit)
    if not tests:
        return None
    return jnp.any(jnp.stack(jnp.broadcast_arrays(*tests)), axis=0)
