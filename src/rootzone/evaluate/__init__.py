"""Scores as pure functions of arrays.

Every score takes keyword-only ``sim=`` and ``obs=`` (a distribution: its parameters) with time
last and batch axes before it, runs under ``jit``, ``grad`` and ``vmap``, and masks gaps (NaN)
before the arithmetic, so that neither the value nor the gradient is spoiled. What is undefined is
NaN. Differences, bias and percent bias are simulated minus observed.
"""

from rootzone.evaluate.probabilistic import (
    gaussian_cdf,
    gaussian_crps,
    gaussian_log_prob,
    gaussian_quantile,
    mixture_cdf,
    mixture_crps,
    mixture_log_prob,
    mixture_mean,
    mixture_n_modes,
    mixture_quantile,
    mixture_variance,
)
from rootzone.evaluate.resampling import block_indices, bootstrap, bootstrap_indices
from rootzone.evaluate.samples import (
    ensemble_crps,
    interval_coverage,
    interval_width,
    wasserstein_1,
)
from rootzone.evaluate.scores import (
    Kge2009,
    Kge2012,
    bias,
    deterministic_scores,
    kge_2009,
    kge_2012,
    mae,
    mse,
    nse,
    pbias,
    pearson_r,
    r_squared,
    rmse,
    spearman_r,
    ubrmse,
)
from rootzone.evaluate.spatial import SpatialEfficiency, spaef

__all__ = [
    "Kge2009",
    "Kge2012",
    "SpatialEfficiency",
    "bias",
    "block_indices",
    "bootstrap",
    "bootstrap_indices",
    "deterministic_scores",
    "ensemble_crps",
    "gaussian_cdf",
    "gaussian_crps",
    "gaussian_log_prob",
    "gaussian_quantile",
    "interval_coverage",
    "interval_width",
    "kge_2009",
    "kge_2012",
    "mae",
    "mixture_cdf",
    "mixture_crps",
    "mixture_log_prob",
    "mixture_mean",
    "mixture_n_modes",
    "mixture_quantile",
    "mixture_variance",
    "mse",
    "nse",
    "pbias",
    "pearson_r",
    "r_squared",
    "rmse",
    "spaef",
    "spearman_r",
    "ubrmse",
    "wasserstein_1",
]
