"""Every reference number that a score covers is met; the others are listed with the reason."""

import csv
import gzip
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
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
# Absolute ones: a log-likelihood near zero is a difference of terms near three; a PIT of 3e-134
# cannot be represented in float32.
ATOL = {"float64": {"loglik": 1e-14}, "float32": {"loglik": 1e-5, "pit": 1e-37}}
# The closed form of this integral is 0.03547096659184026; the reference is a quadrature over
# kinks, off by 3.5e-11 of it.
REFERENCE_ERROR = {"W1_cdf_integral": 2e-12}

SERIES = tuple(
    f"series_{name}.csv"
    for name in ("sm_daily", "crns_hourly", "sm_rounded_ties", "sm_biased", "sm_with_nan")
)
MAPS = (
    "spatial_sm_map_40x50.csv",
    "spatial_tiny_n13_round_is_4_floor_is_3.csv",
    "spatial_skewed_n30.csv",
)

# Compiled, each a single program; the examples in the docstrings run uncompiled.
fn = SimpleNamespace(
    **{
        name: jax.jit(f) for name, f in vars(ev).items() if name.startswith(("gaussian", "mixture"))
    },
    ensemble_crps=jax.jit(ev.ensemble_crps, static_argnames="fair"),
    wasserstein_1=jax.jit(ev.wasserstein_1),
    bootstrap=jax.jit(ev.bootstrap, static_argnums=0),
)


def _precision():
    return str(jnp.result_type(float))


def _mean(values):
    return np.mean(np.asarray(values))


def _float(text):
    return float(text) if text else np.nan


@cache
def _rows(name):
    packed = HERE / f"{name}.gz"
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else (HERE / name).read_bytes()
    return list(csv.reader(raw.decode().splitlines()))


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


@cache
def _mixture(precision):
    """All values of all rows as one program."""
    table = _table("gmm.csv")
    weight, mean, std = (
        np.stack([table[f"{k}{i}"] for i in (1, 2, 3)], -1) for k in ("w", "mu", "sigma")
    )

    @jax.jit
    def program(obs, p, **m):
        noisy = m | {"std": jnp.hypot(m["std"], 0.02)}
        values = {
            "crps": ev.mixture_crps(obs=obs, **m),
            "loglik": ev.mixture_log_prob(obs=obs, **m),
            "pit": ev.mixture_cdf(obs=obs, **m),
            "mean": ev.mixture_mean(weight=m["weight"], mean=m["mean"]),
            "variance": ev.mixture_variance(**m),
            "modes": ev.mixture_n_modes(**m),
        }
        quantiles = ev.mixture_quantile(p, **m)
        values |= {"q20": quantiles[0], "q50": quantiles[1], "q80": quantiles[2]}
        lower, _, upper = ev.mixture_quantile(p, **noisy)
        widths = {
            "spread_80_20": ev.interval_width(lower=quantiles[0], upper=quantiles[2]),
            "spread_80_20_with_sensor_noise": ev.interval_width(lower=lower, upper=upper),
        }
        return values, widths

    p = np.array([[0.2], [0.5], [0.8]])
    return jax.device_get(program(table["obs"], p, weight=weight, mean=mean, std=std))


def _mixture_mean_of(name):
    return lambda row: _mean(_mixture(_precision())[0][name])


def _mixture_width(name):
    return lambda row: _mixture(_precision())[1][name]


def _ensemble():
    header, *rows = _rows("ensemble.csv")
    values = np.array(rows, dtype=float)
    assert header[0] == "obs"
    return {"obs": values[:, 0], "sim": values[:, 1:]}


def _bootstrap(row):
    indices = np.array(_rows(row["input"]), dtype=int)
    spearman = "Spearman" in row["metric"]
    score = ev.spearman_r if spearman else ev.kge_2009
    values = fn.bootstrap(score, indices=indices, **_pair("series_sm_daily.csv"))
    values = jax.device_get(values)
    values = values if spearman else values.kge
    statistic = row["metric"].split("_", 1)[1]
    return {
        "mean": np.mean,
        "sd_ddof1": lambda v: np.std(v, ddof=1),
        "p05": lambda v: np.quantile(v, 0.05),
        "p95": lambda v: np.quantile(v, 0.95),
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


@cache
def _spaef_of_all(precision):
    """Maps as one batch, all rules as one program."""
    rules = {"SPAEF": {}, **SPAEF_OPTIONS}
    program = jax.jit(
        lambda **maps: {name: ev.spaef(**maps, axis=-1, **rule) for name, rule in rules.items()}
    )
    return jax.device_get(program(**_batch(MAPS)))


def _spaef(row):
    metric = row["metric"]
    result = _spaef_of_all(_precision())[metric if metric in SPAEF_OPTIONS else "SPAEF"]
    return getattr(result, SPAEF_FIELD.get(metric, "spaef"))[MAPS.index(row["input"])]


def _w1(row):
    weighted = _table("samples_a_weighted.csv")
    a, weight = _table("samples_a.csv")["a"], np.ones(len(weighted["weight"]))
    if row["metric"] == "W1_weighted":
        a, weight = weighted["a"], weighted["weight"]
    elif row["metric"] == "W1_equal_size_sorted":
        a = np.where(np.arange(len(a)) < 300, a, np.nan)
    return fn.wasserstein_1(sim=a, obs=_table("samples_b.csv")["b"], sim_weight=weight)


def _w1_of_cdfs(row):
    two = {
        "weight": np.array([0.5, 0.5]),
        "mean": np.array([0.2, 0.35]),
        "std": np.array([0.03, 0.02]),
    }

    @jax.jit
    def gap(x):
        return ev.mixture_cdf(obs=x, **two) - ev.gaussian_cdf(obs=x, mean=0.28, std=0.05)

    # Where the difference changes sign its absolute value has a kink: integrate between these.
    signs = [(0.05, 0.15), (0.25, 0.3), (0.35, 0.45)]
    edges = [-0.2, *(brentq(gap, low, high) for low, high in signs), 0.8]
    nodes, weights = np.polynomial.legendre.leggauss(100)
    low, high = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    values = np.asarray(gap(low + (high - low) * (nodes + 1) / 2))
    return np.sum(np.abs(values) * weights * (high - low) / 2)


@cache
def _batch(names):
    """Inputs of different length as one batch, filled up with gaps."""
    tables = [_table(name) for name in names]
    batch = {
        k: np.full((len(names), max(len(t[k]) for t in tables)), np.nan) for k in ("sim", "obs")
    }
    for i, table in enumerate(tables):
        for k, values in batch.items():
            values[i, : len(table[k])] = table[k]
    return batch


@cache
def _series_scores(precision):
    @jax.jit
    def scores(sim, obs):
        data = {"sim": sim, "obs": obs}
        simple = ["nse", "pbias", "r_squared", "spearman_r", "rmse", "ubrmse", "mae"]
        return {
            **{name: getattr(ev, name)(**data) for name in simple},
            "kge_2009": ev.kge_2009(**data),
            "kge_2012": ev.kge_2012(**data),
        }

    return jax.device_get(scores(**_batch(SERIES)))


def _score(name, field=None, sign=1):
    def value(row):
        result = _series_scores(_precision())[name]
        result = getattr(result, field) if field else result
        return sign * result[SERIES.index(row["input"])]

    return value


MOMENTS = ("mean", "variance", "q20", "q50", "q80", "modes")

COMPUTE = {
    "NSE": _score("nse"),
    "R2_determination": _score("nse"),
    "KGE2009": _score("kge_2009", "kge"),
    "KGE2012": _score("kge_2012", "kge"),
    "KGE_r": _score("kge_2009", "r"),
    "KGE_alpha": _score("kge_2009", "alpha"),
    "KGE_beta": _score("kge_2012", "beta"),
    "KGE_gamma": _score("kge_2012", "gamma"),
    "PBIAS_sim_minus_obs": _score("pbias"),
    "PBIAS_obs_minus_sim": _score("pbias", sign=-1),
    "r2": _score("r_squared"),
    "Spearman": _score("spearman_r"),
    "RMSE": _score("rmse"),
    "ubRMSE": _score("ubrmse"),
    "MAE": _score("mae"),
    **dict.fromkeys(
        ["bootKGE2009_mean", "bootKGE2009_sd_ddof1", "bootKGE2009_p05", "bootKGE2009_p95"],
        _bootstrap,
    ),
    **dict.fromkeys(["bootSpearman_mean", "bootSpearman_sd_ddof1"], _bootstrap),
    **dict.fromkeys(["SPAEF", "SPAEF_alpha", "SPAEF_beta", "SPAEF_gamma", "SPAEF_bins"], _spaef),
    **dict.fromkeys(["SPAEF_bins_matlab_R", "SPAEF_floor_bins"], _spaef),
    **dict.fromkeys(["SPAEF_100bins", "SPAEF_common_bins"], _spaef),
    "CRPS_gaussian_mean": lambda row: _mean(fn.gaussian_crps(**_gaussian())),
    "CRPS_gmm_mean": _mixture_mean_of("crps"),
    "loglik_mean": lambda row: _mean(PER_ROW[f"{row['case'].strip('3')}_per_row.csv"]["loglik"]()),
    **{f"{name}_mean": _mixture_mean_of(name) for name in MOMENTS},
    "spread_80_20_mean": _mixture_width("spread_80_20"),
    "spread_80_20_with_sensor_noise_mean": _mixture_width("spread_80_20_with_sensor_noise"),
    "sensor_noise_only_80_20": lambda row: np.ptp(
        np.asarray(fn.gaussian_quantile(np.array([0.2, 0.8]), mean=0.0, std=0.02))
    ),
    **dict.fromkeys(["W1", "W1_weighted", "W1_equal_size_sorted"], _w1),
    "W1_cdf_integral": _w1_of_cdfs,
    "CRPS_ensemble_mean": lambda row: _mean(fn.ensemble_crps(**_ensemble())),
    "CRPS_ensemble_fair_mean": lambda row: _mean(fn.ensemble_crps(**_ensemble(), fair=True)),
}

# The part of a column name before the library -> values of all rows.
PER_ROW = {
    "gaussian_per_row.csv": {
        "crps": lambda: fn.gaussian_crps(**_gaussian()),
        "loglik": lambda: fn.gaussian_log_prob(**_gaussian()),
        "pit": lambda: fn.gaussian_cdf(**_gaussian()),
    },
    "gmm_per_row.csv": {
        name: lambda name=name: _mixture(_precision())[0][name]
        for name in ("crps", "loglik", "pit", *MOMENTS)
    },
}


def _metric_rows():
    header, *rows = _rows("metrics.csv")
    return [dict(zip(header, row, strict=True)) for row in rows]


@cache
def _value(case, source, metric, precision):
    """Compute once what several libraries have a number for."""
    return float(COMPUTE[metric]({"case": case, "input": source, "metric": metric}))


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
    value = _value(row["case"], row["input"], row["metric"], precision)
    reference = float(row["value"])
    atol = float(row["agree_max_spread"]) + REFERENCE_ERROR.get(row["metric"], 0.0)
    assert abs(value - reference) <= rtol * abs(reference) + atol


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
    atol = spread + ATOL[precision].get(quantity, 0.0)
    error = np.abs(value - reference)
    assert np.all(error <= rtol * np.abs(reference) + atol)


def test_no_other_row_is_left_out():
    rows = _metric_rows()
    counts = Counter(_left_out(row) for row in rows)
    assert len(rows) == 255
    assert counts.pop(None) == len(COVERED) == 220
    assert counts == {name: n for name, (n, _) in LEFT_OUT.items()}


def test_no_calculation_without_a_row():
    assert set(COMPUTE) == {row["metric"] for row in COVERED}
