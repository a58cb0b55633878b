"""N0 from soil samples: one count rate per campaign, fitted over all of them."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.neutrons.count_rate import CountRateLaw


class N0Estimate(NamedTuple):
    """N0 with its uncertainty; array shapes () and (campaigns)."""

    N0: jax.Array
    sigma: jax.Array
    per_campaign: jax.Array
    between_campaigns: jax.Array
    per_campaign_sigma: jax.Array


def fit_n0(
    law: CountRateLaw,
    *,
    count_rate: ArrayLike,
    total_water: ArrayLike,
    humidity: ArrayLike = 0.0,
    count_rate_sigma: ArrayLike = 0.0,
    total_water_sigma: ArrayLike = 0.0,
) -> N0Estimate:
    r"""Return N0 by least squares on the count rates of the campaigns.

    .. math:: N_0 = \frac{\sum_i N_i f_i}{\sum_i f_i^2},\qquad f_i = (N/N_0)(\theta_{g,i}, h_i)

    The standard error has two sources that are not counted twice: what the inputs explain
    (counting and water content of each campaign, first order) and what the campaigns show
    (their standard deviation over the square root of their number); the larger is taken. With
    one campaign only the first exists.

    Parameters
    ----------
    law : CountRateLaw
        The law to be calibrated.
    count_rate : array (campaigns)
        Corrected count rate at the time of the samples [h-1].
    total_water : array (campaigns)
        Total gravimetric water: pores, lattice, organic matter [g g-1].
    humidity : array (campaigns)
        Absolute humidity [g m-3], for laws that need it.
    count_rate_sigma, total_water_sigma : array (campaigns)
        Their standard deviations.

    Returns
    -------
    N0Estimate
        N0, its standard error, the value of each campaign and their standard deviation.

    Notes
    -----
    Unweighted squares, so that one campaign counts as much as another.
    """
    arrays = (count_rate, total_water, humidity, count_rate_sigma, total_water_sigma)
    return _fit(law, *jnp.broadcast_arrays(*(jnp.asarray(a, float) for a in arrays)))


@eqx.filter_jit
def _fit(law, rate, water, h, rate_sigma, water_sigma) -> N0Estimate:
    f, slope = jax.jvp(lambda w: law.relative_rate(w, h), (water,), (jnp.ones_like(water),))
    n0 = jnp.sum(rate * f) / jnp.sum(f**2)
    per_campaign = rate / f
    n = rate.size
    between = (
        jnp.sqrt(jnp.sum((per_campaign - jnp.mean(per_campaign)) ** 2) / (n - 1))
        if n > 1
        else jnp.asarray(jnp.nan, rate.dtype)
    )
    own = jnp.hypot(rate_sigma / f, per_campaign * slope / f * water_sigma)
    explained = jnp.sqrt(jnp.sum((f**2 * own) ** 2)) / jnp.sum(f**2)
    shown = jnp.where(jnp.isnan(between), 0.0, between / jnp.sqrt(n))
    return N0Estimate(n0, jnp.maximum(explained, shown), per_campaign, between, own)
