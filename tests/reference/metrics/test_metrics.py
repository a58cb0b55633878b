"""Every reference number that a score covers is met; the others are listed with the reason."""

import csv
import gzip
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from rootzone import evaluate as ev

HERE = Path(__file__).parent

# What is not compared: metric or case -> (number of rows, reason).
LEFT_OUT = {
    "KGEnp": (5, "non-parametric KGE of Pool et al. (2018) is not offered"),
    "authors_map": (28, "the maps are the authors' and not redistributed with the numbers"),
    "loglik_mean_with_NH_eps": (1, "log(p + 1e-10) hides outliers: a warning, not a target"),
    "loglik_mean_with_GMLSTM_eps": (1, "floor of 1e-8: a warning, not a target"),
}

# Relative tolerances. The references have 15 digits; where the libraries differ by more among
# themselves, their spread is added. In float32 the rounding of the inputs alone moves the
# log-likelihood of an outlier at z standard deviations by z 1e-7 mean / std.
RTOL = {"float64": 1e-12, "float32": 1e-5}
RTOL_LOG = {"float64": 1e-12, "float32": 1e-4}
# Absolute ones, float32 only: a log-likelihood near zero is a difference of terms near three; a
# PIT of 3e-134 cannot be represented.
ATOL_FLOAT32 = {"loglik": 1e-5, "pit": 1e-37}


def _float(text):
    return float(text) if text else np.nan


@cache
def _rows(name):
    path = HERE / name
    text = (
        path.read_text()
        if path.exists()
        else gzip.decompress(Path(f"{path}.gz").read_bytes()).decode()
    )
    return list(csv.reader(text.splitlines()))


@cache
def _table(name):
    header, *rows = _rows(name)
    return {
        k: np.array([_float(v) for v in col])
        for k, col in zip(header, zip(*rows, strict=True), strict=True)
    }


def _pair(name):
    table = _table(name)
    return {"sim": table["sim"], "obs": table["obs"]}


def _gaussian():
    table = _table("gaussian.csv")
    return {"obs": table["obs"], "mean": table["mu"], "std": table["sigma"]}


def _components(extra_std=0.0):
    table = _table("gmm.csv")
    columns = {k: np.stack([table[f"{k}{i}"] for i in (1, 2, 3)], -1) for k in ("w", "mu", "sigma")}
    return {
        "weight": columns["w"],
        "mean": columns["mu"],
        "std": np.sqrt(columns["sigma"] ** 2 + extra_std**2),
    }


def _quantile(p, **kwargs):
    return ev.mixture_quantile(p, **_components(**kwargs))


def _width_80(**kwargs):
    return ev.interval_width(lower=_quantile(0.2, **kwargs), upper=_quantile(0.8, **kwargs))


def _mixture_mean():
    components = _components()
    return ev.mixture_mean(weight=components["weight"], mean=components["mean"])


def _ensemble():
    header, *rows = _rows("ensemble.csv")
    values = np.array(rows, dtype=float)
    assert header[0] == "obs"
    return {"obs": values[:, 0], "sim": values[:, 1:]}


def _bootstrap(row):
    indices = np.array(_rows(row["input"]), dtype=int)
    score = ev.spearman_r if "Spearman" in row["metric"] else lambda **d: ev.kge_2009(**d).kge
    values = ev.bootstrap(score, indices=indices, **_pair("series_sm_daily.csv"))
    statistic = row["metric"].split("_", 1)[1]
    return {
        "mean": jnp.mean,
        "sd_ddof1": lambda v: jnp.std(v, ddof=1),
        "p05": lambda v: jnp.quantile(v, 0.05),
        "p95": lambda v: jnp.quantile(v, 0.95),
    }[statistic](values)


SPAEF_OPTIONS = {
    "SPAEF_floor_bins": {"bins": "floor"},
    "SPAEF_bins_matlab_R": {"bins": "floor"},
    "SPAEF_100bins": {"bins": 100},
    "SPAEF_common_bins": {"edges": "common"},
}
SPAEF_FIELD = {
    "SPAEF_alpha": "alpha",
    "SPAEF_beta": "beta",
    "SPAEF_gamma": "gamma",
    "SPAEF_bins": "n_bins",
    "SPAEF_bins_matlab_R": "n_bins",
}
spaef = jax.jit(ev.spaef, static_argnames=("bins", "edges"))


def _spaef(row):
    metric = row["metric"]
    result = spaef(**_pair(row["input"]), **SPAEF_OPTIONS.get(metric, {}))
    return getattr(result, SPAEF_FIELD.get(metric, "spaef"))


def _w1(row):
    names = ["samples_a_weighted.csv" if "weighted" in row["metric"] else "samples_a.csv"]
    a, b = _table(names[0]), _table("samples_b.csv")["b"]
    values = a["a"][: len(b)] if "equal_size" in row["metric"] else a["a"]
    return ev.wasserstein_1(sim=values, obs=b, sim_weight=a.get("weight"))


def _w1_of_cdfs(row):
    two = {
        "weight": np.array([0.5, 0.5]),
        "mean": np.array([0.2, 0.35]),
        "std": np.array([0.03, 0.02]),
    }

    @jax.jit
    def gap(x):
        return ev.mixture_cdf(obs=x, **two) - ev.gaussian_cdf(obs=x, mean=0.28, std=0.05)

    crossings = [
        brentq(gap, low, low + 0.1) for low in (0.1, 0.25, 0.3) if gap(low) * gap(low + 0.1) < 0
    ]
    edges = [-0.2, *crossings, 0.8]
    return sum(
        abs(quad(gap, low, high, epsabs=1e-14, epsrel=1e-13)[0]) for low, high in pairwise(edges)
    )


def _series(score, sign=1):
    score = jax.jit(score)
    return lambda row: sign * score(**_pair(row["input"]))


COMPUTE = {
    "NSE": _series(ev.nse),
    "R2_determination": _series(ev.nse),
    "KGE2009": _series(lambda **d: ev.kge_2009(**d).kge),
    "KGE2012": _series(lambda **d: ev.kge_2012(**d).kge),
    "KGE_r": _series(lambda **d: ev.kge_2009(**d).r),
    "KGE_alpha": _series(lambda **d: ev.kge_2009(**d).alpha),
    "KGE_beta": _series(lambda **d: ev.kge_2012(**d).beta),
    "KGE_gamma": _series(lambda **d: ev.kge_2012(**d).gamma),
    "PBIAS_sim_minus_obs": _series(ev.pbias),
    "PBIAS_obs_minus_sim": _series(ev.pbias, sign=-1),
    "r2": _series(ev.r_squared),
    "Spearman": _series(ev.spearman_r),
    "RMSE": _series(ev.rmse),
    "ubRMSE": _series(ev.ubrmse),
    "MAE": _series(ev.mae),
    **dict.fromkeys(
        ["bootKGE2009_mean", "bootKGE2009_sd_ddof1", "bootKGE2009_p05", "bootKGE2009_p95"],
        _bootstrap,
    ),
    **dict.fromkeys(["bootSpearman_mean", "bootSpearman_sd_ddof1"], _bootstrap),
    **dict.fromkeys(["SPAEF", "SPAEF_alpha", "SPAEF_beta", "SPAEF_gamma", "SPAEF_bins"], _spaef),
    **dict.fromkeys(["SPAEF_bins_matlab_R", "SPAEF_floor_bins"], _spaef),
    **dict.fromkeys(["SPAEF_100bins", "SPAEF_common_bins"], _spaef),
    "CRPS_gaussian_mean": lambda row: jnp.mean(ev.gaussian_crps(**_gaussian())),
    "CRPS_gmm_mean": lambda row: jnp.mean(
        ev.mixture_crps(obs=_table("gmm.csv")["obs"], **_components())
    ),
    "loglik_mean": lambda row: jnp.mean(
        PER_ROW[f"{row['case'].removesuffix('3')}_per_row.csv"]["loglik"]()
    ),
    "mean_mean": lambda row: jnp.mean(_mixture_mean()),
    "variance_mean": lambda row: jnp.mean(ev.mixture_variance(**_components())),
    "q20_mean": lambda row: jnp.mean(_quantile(0.2)),
    "q50_mean": lambda row: jnp.mean(_quantile(0.5)),
    "q80_mean": lambda row: jnp.mean(_quantile(0.8)),
    "spread_80_20_mean": lambda row: _width_80(),
    "spread_80_20_with_sensor_noise_mean": lambda row: _width_80(extra_std=0.02),
    "sensor_noise_only_80_20": lambda row: ev.interval_width(
        lower=ev.gaussian_quantile([0.2], mean=0.0, std=0.02),
        upper=ev.gaussian_quantile([0.8], mean=0.0, std=0.02),
    ),
    "modes_mean": lambda row: jnp.mean(ev.mixture_n_modes(**_components())),
    **dict.fromkeys(["W1", "W1_weighted", "W1_equal_size_sorted"], _w1),
    "W1_cdf_integral": _w1_of_cdfs,
    "CRPS_ensemble_mean": lambda row: jnp.mean(ev.ensemble_crps(**_ensemble())),
    "CRPS_ensemble_fair_mean": lambda row: jnp.mean(ev.ensemble_crps(**_ensemble(), fair=True)),
}

# The part of a column name before the library -> values of all rows.
PER_ROW = {
    "gaussian_per_row.csv": {
        "crps": lambda: ev.gaussian_crps(**_gaussian()),
        "loglik": lambda: ev.gaussian_log_prob(**_gaussian()),
        "pit": lambda: ev.gaussian_cdf(**_gaussian()),
    },
    "gmm_per_row.csv": {
        "crps": lambda: ev.mixture_crps(obs=_table("gmm.csv")["obs"], **_components()),
        "loglik": lambda: ev.mixture_log_prob(obs=_table("gmm.csv")["obs"], **_components()),
        "pit": lambda: ev.mixture_cdf(obs=_table("gmm.csv")["obs"], **_components()),
        "mean": lambda: _mixture_mean(),
        "variance": lambda: ev.mixture_variance(**_components()),
        "q20": lambda: _quantile(0.2),
        "q50": lambda: _quantile(0.5),
        "q80": lambda: _quantile(0.8),
        "modes": lambda: ev.mixture_n_modes(**_components()),
    },
}


def _metric_rows():
    header, *rows = _rows("metrics.csv")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _left_out(row):
    for name in LEFT_OUT:
        if row["metric"] == name or row["case"].startswith(name):
            return name
    return None


COVERED = [row for row in _metric_rows() if not _left_out(row)]


@pytest.fixture(params=["float64", "float32"])
def precision(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


@pytest.mark.parametrize(
    "row", COVERED, ids=lambda r: "-".join((r["case"], r["metric"], r["library"]))
)
def test_metric(row, precision):
    rtol = (RTOL_LOG if row["metric"].startswith("loglik") else RTOL)[precision]
    value = float(COMPUTE[row["metric"]](row))
    reference = float(row["value"])
    assert value == pytest.approx(reference, rel=rtol, abs=float(row["agree_max_spread"]))


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column) for name in PER_ROW for column in _table(name)],
)
def test_each_row(name, column, precision):
    quantity = column.split("_")[0]
    table = _table(name)
    value, reference = np.asarray(PER_ROW[name][quantity]()), table[column]
    assert value.dtype == precision
    rtol = (RTOL_LOG if quantity == "loglik" else RTOL)[precision]
    libraries = np.stack([table[c] for c in table if c.split("_")[0] == quantity])
    spread = np.ptp(libraries, axis=0)
    atol = spread + (ATOL_FLOAT32.get(quantity, 0.0) if precision == "float32" else 0.0)
    error = np.abs(value - reference)
    print(name, column, precision, np.max((error - atol) / np.abs(reference)))
    assert np.all(error <= rtol * np.abs(reference) + atol)


def test_no_other_row_is_left_out():
    rows = _metric_rows()
    counts = Counter(_left_out(row) for row in rows)
    assert len(rows) == 255
    assert counts.pop(None) == len(COVERED) == 220
    assert counts == {name: n for name, (n, _) in LEFT_OUT.items()}


def test_no_calculation_without_a_row():
    assert set(COMPUTE) == {row["metric"] for row in COVERED}
