"""Deterministic scores of a simulated against an observed series.

All functions take ``sim=`` and ``obs=`` by keyword, with time as the last axis and any batch
axes before it (the two broadcast against each other). A NaN in either removes the pair; its
gradient is zero. Where a score is undefined (no valid pair, a constant series for a
correlation) the result is NaN and no exception, so that one empty member does not stop a batch.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.evaluate._gaps import Pairs, masked_mean, pairs, safe_sqrt, varies


class Kge2009(NamedTuple):
    """Kling-Gupta efficiency of 2009 and its components, all [1] and 1 at best."""

    kge: jax.Array  # efficiency
    r: jax.Array  # Pearson correlation
    alpha: jax.Array  # ratio of standard deviations, simulated to observed
    beta: jax.Array  # ratio of means, simulated to observed


class Kge2012(NamedTuple):
    """Kling-Gupta efficiency of 2012 and its components, all [1] and 1 at best."""

    kge: jax.Array  # efficiency
    r: jax.Array  # Pearson correlation
    gamma: jax.Array  # ratio of coefficients of variation, simulated to observed
    beta: jax.Array  # ratio of means, simulated to observed


# --- errors -----------------------------------------------------------------------------


def bias(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the mean error, simulated minus observed.

    .. math:: \mathrm{bias} = \overline{s - o}

    Parameters
    ----------
    sim, obs : array (..., time)
        Simulated and observed values [any unit, the same].

    Returns
    -------
    array (...)
        Bias [unit of the data], positive where the simulation is too high.

    Examples
    --------
    >>> round(float(bias(sim=[0.2, 0.4, float("nan")], obs=[0.1, 0.3, 0.2])), 4)
    0.1
    """
    sim, obs, valid = pairs(sim, obs)
    return masked_mean(sim - obs, valid)


def mae(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the mean absolute error, :math:`\overline{|s - o|}`.

    Shapes, gaps and unit as in :func:`bias`; the gradient of a pair without error is zero.
    """
    sim, obs, valid = pairs(sim, obs)
    return masked_mean(jnp.abs(sim - obs), valid)


def mse(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the mean squared error, :math:`\overline{(s - o)^2}` [unit of the data squared].

    Shapes and gaps as in :func:`bias`.
    """
    sim, obs, valid = pairs(sim, obs)
    return masked_mean((sim - obs) ** 2, valid)


def rmse(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the root mean squared error, :math:`\sqrt{\overline{(s - o)^2}}`.

    Shapes, gaps and unit as in :func:`bias`. The gradient at a perfect simulation is zero.
    """
    return safe_sqrt(mse(sim=sim, obs=obs))


def ubrmse(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the unbiased root mean squared error: the RMSE once the bias is taken off.

    .. math:: \mathrm{ubRMSE}^2 = \overline{(s - o - \overline{s - o})^2}
              = \mathrm{RMSE}^2 - \mathrm{bias}^2

    Shapes, gaps and unit as in :func:`bias`. The first form is computed: the second loses
    digits where the bias dominates.

    Notes
    -----
    Source: Entekhabi et al. (2010), doi:10.1175/2010JHM1223.1.
    """
    sim, obs, valid = pairs(sim, obs)
    error = sim - obs
    anomaly = error - masked_mean(error, valid)[..., None]
    return safe_sqrt(masked_mean(anomaly**2, valid))


def pbias(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the percent bias, **simulated minus observed**: positive is too high.

    .. math:: \mathrm{PBIAS} = 100\,\frac{\sum (s - o)}{\sum o}

    Parameters
    ----------
    sim, obs : array (..., time)
        Simulated and observed values [any unit with a natural zero, the same].

    Returns
    -------
    array (...)
        Percent bias [%]; NaN where the observations sum to zero.

    Notes
    -----
    The sign is that of Yilmaz et al. (2008), doi:10.1029/2007WR006716. Moriasi et al. (2007),
    doi:10.13031/2013.23153, and software after it use the other one.
    """
    sim, obs, valid = pairs(sim, obs)
    total = jnp.sum(obs, axis=-1)
    ratio = jnp.sum(sim - obs, axis=-1) / jnp.where(total == 0, 1.0, total)
    return jnp.where((total == 0) | ~jnp.any(valid, axis=-1), jnp.nan, 100 * ratio)


# --- correlation ------------------------------------------------------------------------


class _Moments(NamedTuple):
    """Masked means, sums of squared anomalies and the sum of their product."""

    mean_sim: jax.Array
    mean_obs: jax.Array
    square_sim: jax.Array
    square_obs: jax.Array
    product: jax.Array
    defined: jax.Array  # both series vary


def _moments(data: Pairs) -> _Moments:
    """Return the moments; where ``defined`` is False the squares are 1 to keep gradients."""
    mean_sim = masked_mean(data.sim, data.valid)
    mean_obs = masked_mean(data.obs, data.valid)
    sim = jnp.where(data.valid, data.sim - mean_sim[..., None], 0.0)
    obs = jnp.where(data.valid, data.obs - mean_obs[..., None], 0.0)
    square_sim, square_obs = jnp.sum(sim**2, axis=-1), jnp.sum(obs**2, axis=-1)
    defined = varies(data.sim, data.valid) & varies(data.obs, data.valid)
    defined = defined & (square_sim > 0) & (square_obs > 0)  # squares may underflow
    return _Moments(
        mean_sim=mean_sim,
        mean_obs=mean_obs,
        square_sim=jnp.where(defined, square_sim, 1.0),
        square_obs=jnp.where(defined, square_obs, 1.0),
        product=jnp.sum(sim * obs, axis=-1),
        defined=defined,
    )


def _correlation(m: _Moments) -> jax.Array:
    r = m.product / (jnp.sqrt(m.square_sim) * jnp.sqrt(m.square_obs))
    return jnp.where(m.defined, r, jnp.nan)


def _std_ratio(m: _Moments) -> jax.Array:
    ratio = jnp.sqrt(m.square_sim) / jnp.sqrt(m.square_obs)
    return jnp.where(m.defined, ratio, jnp.nan)


def pearson_r(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return Pearson's correlation coefficient.

    .. math:: r = \frac{\sum (s - \bar s)(o - \bar o)}
                       {\sqrt{\sum (s - \bar s)^2}\,\sqrt{\sum (o - \bar o)^2}}

    Shapes and gaps as in :func:`bias`; [1], NaN where either series is constant.
    """
    return _correlation(_moments(pairs(sim, obs)))


def r_squared(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    """Return the square of :func:`pearson_r` [1].

    This is not the coefficient of determination about the 1:1 line, which is :func:`nse`.
    """
    return pearson_r(sim=sim, obs=obs) ** 2


@jax.jit
def _average_ranks(values: jax.Array, valid: jax.Array) -> jax.Array:
    """Rank one series from 1 among its valid values; ties share the average rank."""
    ordered = jnp.sort(jnp.where(valid, values, jnp.nan))  # NaN sorts behind everything
    below = jnp.searchsorted(ordered, values, side="left")
    not_above = jnp.searchsorted(ordered, values, side="right")
    return 0.5 * (below + not_above + 1).astype(values.dtype)


def spearman_r(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    """Return Spearman's rank correlation: Pearson's of the ranks, ties at the average rank.

    Shapes and gaps as in :func:`bias`; [1], NaN where either series is constant. Ranks are
    steps: the function runs under ``jit`` and ``grad`` but its gradient is zero everywhere, so
    it is of no use as a loss.

    Examples
    --------
    >>> round(float(spearman_r(sim=[1.0, 2.0, 2.0, 9.0], obs=[1.0, 2.0, 3.0, 4.0])), 4)
    0.9487
    """
    data = pairs(sim, obs)
    rank = jnp.vectorize(_average_ranks, signature="(n),(n)->(n)")
    ranks = Pairs(rank(data.sim, data.valid), rank(data.obs, data.valid), data.valid)
    return _correlation(_moments(ranks))


# --- efficiencies -----------------------------------------------------------------------


def nse(*, sim: ArrayLike, obs: ArrayLike) -> jax.Array:
    r"""Return the Nash-Sutcliffe efficiency.

    .. math:: \mathrm{NSE} = 1 - \frac{\sum (s - o)^2}{\sum (o - \bar o)^2}

    Shapes and gaps as in :func:`bias`; [1], 1 at best, NaN where the observations are constant.

    Notes
    -----
    Source: Nash and Sutcliffe (1970), doi:10.1016/0022-1694(70)90255-6.
    """
    data = pairs(sim, obs)
    anomaly = data.obs - masked_mean(data.obs, data.valid)[..., None]
    total = jnp.sum(jnp.where(data.valid, anomaly, 0.0) ** 2, axis=-1)
    defined = varies(data.obs, data.valid) & (total > 0)
    ratio = jnp.sum((data.sim - data.obs) ** 2, axis=-1) / jnp.where(defined, total, 1.0)
    return jnp.where(defined, 1 - ratio, jnp.nan)


def distance_from_one(a: jax.Array, b: jax.Array, c: jax.Array) -> jax.Array:
    """Return one minus the distance of (a, b, c) from (1, 1, 1), with gradient 0 at the best."""
    undefined = jnp.isnan(a) | jnp.isnan(b) | jnp.isnan(c)
    a, b, c = (jnp.where(undefined, 1.0, x) for x in (a, b, c))
    return jnp.where(undefined, jnp.nan, 1 - safe_sqrt((a - 1) ** 2 + (b - 1) ** 2 + (c - 1) ** 2))


def _ratio(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return a / b; NaN, and no gradient, where b is zero or either is NaN."""
    defined = (b != 0) & ~(jnp.isnan(a) | jnp.isnan(b))
    a, b = jnp.where(defined, a, 1.0), jnp.where(defined, b, 1.0)
    return jnp.where(defined, a / b, jnp.nan)


def kge_2009(*, sim: ArrayLike, obs: ArrayLike) -> Kge2009:
    r"""Return the Kling-Gupta efficiency in its first form, with its components.

    .. math:: \mathrm{KGE} = 1 - \sqrt{(r-1)^2 + (\alpha-1)^2 + (\beta-1)^2}, \quad
              \alpha = \sigma_s/\sigma_o,\ \beta = \mu_s/\mu_o

    Parameters
    ----------
    sim, obs : array (..., time)
        Simulated and observed values [any unit with a natural zero, the same].

    Returns
    -------
    Kge2009
        ``kge, r, alpha, beta``, each array (...) [1]; NaN where a series is constant or the
        mean of the observations is zero. At a perfect simulation the gradient is zero.

    Notes
    -----
    Source: Gupta et al. (2009), doi:10.1016/j.jhydrol.2009.08.003, eqs. 9 and 10.
    """
    m = _moments(pairs(sim, obs))
    r, alpha, beta = _correlation(m), _std_ratio(m), _ratio(m.mean_sim, m.mean_obs)
    return Kge2009(distance_from_one(r, alpha, beta), r, alpha, beta)


def kge_2012(*, sim: ArrayLike, obs: ArrayLike) -> Kge2012:
    r"""Return the Kling-Gupta efficiency in its modified form, with its components.

    .. math:: \mathrm{KGE'} = 1 - \sqrt{(r-1)^2 + (\gamma-1)^2 + (\beta-1)^2}, \quad
              \gamma = \frac{\sigma_s/\mu_s}{\sigma_o/\mu_o}

    The coefficient of variation takes the place of the standard deviation, so that a bias is
    not counted twice. Arguments as in :func:`kge_2009`; NaN also where the simulated mean is
    zero.

    Notes
    -----
    Source: Kling et al. (2012), doi:10.1016/j.jhydrol.2012.01.011.
    """
    m = _moments(pairs(sim, obs))
    r, beta = _correlation(m), _ratio(m.mean_sim, m.mean_obs)
    gamma = _ratio(_std_ratio(m), beta)
    return Kge2012(distance_from_one(r, gamma, beta), r, gamma, beta)


# --- all together -----------------------------------------------------------------------


@jax.jit
def _all_scores(sim: jax.Array, obs: jax.Array) -> dict[str, jax.Array]:
    both = {"sim": sim, "obs": obs}
    kge = kge_2012(**both)
    return {
        "n": jnp.sum(pairs(sim, obs).valid),
        "bias": bias(**both),
        "pbias": pbias(**both),
        "mae": mae(**both),
        "rmse": rmse(**both),
        "ubrmse": ubrmse(**both),
        "r": kge.r,
        "spearman_r": spearman_r(**both),
        "nse": nse(**both),
        "kge_2012": kge.kge,
        "kge_gamma": kge.gamma,
        "kge_beta": kge.beta,
    }


def deterministic_scores(*, sim: ArrayLike, obs: ArrayLike) -> dict[str, float]:
    """Return the usual scores of one series as plain numbers, for a table or a summary.

    Parameters
    ----------
    sim, obs : array (time,)
        Simulated and observed values [any unit with a natural zero, the same].

    Returns
    -------
    dict
        ``n`` (number of valid pairs), ``bias``, ``pbias`` (both simulated minus observed),
        ``mae``, ``rmse``, ``ubrmse``, ``r``, ``spearman_r``, ``nse`` and the Kling-Gupta
        efficiency of 2012 as ``kge_2012`` with the components ``r``, ``kge_gamma`` and
        ``kge_beta``.

    Examples
    --------
    >>> scores = deterministic_scores(sim=[0.1, 0.2, 0.4], obs=[0.1, 0.3, float("nan")])
    >>> scores["n"], round(scores["bias"], 4), round(scores["kge_gamma"], 4)
    (2.0, -0.05, 0.6667)
    """
    sim, obs = jnp.asarray(sim), jnp.asarray(obs)
    if sim.ndim > 1 or obs.ndim > 1:
        raise ValueError(
            f"one series wanted, shapes {sim.shape} and {obs.shape} given: "
            "call the single scores, which keep batch dimensions"
        )
    return {name: float(value) for name, value in _all_scores(sim, obs).items()}
