"""Laws of the scores, in float64: what must hold whatever the numbers are.

Tolerances: identities to 1e-10 (round-off of a few dozen additions of order one), gradients against
central differences to 1e-5 (truncation of the difference).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rootzone import evaluate as ev

few = settings(max_examples=25, deadline=None, derandomize=True)

N, N_GAPS, MEMBERS, K = 20, 6, 5, 4


@pytest.fixture(autouse=True, scope="module")
def _float64():
    with jax.enable_x64(True):
        yield


ERRORS = {name: getattr(ev, name) for name in ("bias", "mae", "mse", "rmse", "ubrmse", "pbias")}
SKILLS = {
    "pearson_r": ev.pearson_r,
    "r_squared": ev.r_squared,
    "spearman_r": ev.spearman_r,
    "nse": ev.nse,
    "kge_2009": lambda **d: ev.kge_2009(**d).kge,
    "kge_2012": lambda **d: ev.kge_2012(**d).kge,
    "spaef": lambda **d: ev.spaef(**d, axis=-1).spaef,
}
SCORES = ERRORS | SKILLS


@jax.jit
def _program(sim, obs):
    values, gradients = {}, {}
    for name, score in SCORES.items():

        def total(sim, score=score):
            value = score(sim=sim, obs=obs)
            return jnp.nansum(value), value

        gradients[name], values[name] = jax.grad(total, has_aux=True)(sim)
    return values, gradients


def scores(sim, obs):
    """Return each score and its gradient, by one program of fixed shape filled up with gaps."""
    fill = [(0, MEMBERS - len(sim))] * (np.ndim(sim) - 1) + [(0, N + N_GAPS - np.shape(sim)[-1])]
    padded = [np.pad(x, fill, constant_values=np.nan) for x in (sim, obs)]
    full = (np.broadcast_to(x, (MEMBERS, N + N_GAPS)) for x in padded)
    parts = jax.device_get(_program(*full))
    n = np.shape(sim)[-1]
    if np.ndim(sim) == 1:
        return {k: v[0] for k, v in parts[0].items()}, {k: v[0, :n] for k, v in parts[1].items()}
    return parts[0], {k: v[..., :n] for k, v in parts[1].items()}


kge_2009, kge_2012 = jax.jit(ev.kge_2009), jax.jit(ev.kge_2012)

theta = st.floats(0.02, 0.6)
series = arrays(float, N, elements=theta).filter(lambda x: np.ptp(x) > 1e-2)
seeds = st.integers(0, 2**31 - 1)


def close(a, b, rtol=1e-10, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


# --- deterministic ----------------------------------------------------------------------


@few
@given(obs=series)
def test_perfect_simulation(obs):
    values, gradients = scores(obs, obs)
    for name in SCORES:
        close(values[name], 0.0 if name in ERRORS else 1.0)
        assert np.all(np.isfinite(gradients[name])), name


@few
@given(obs=series, sim=series, shift=st.floats(-1, 1))
def test_shift(obs, sim, shift):
    before, after = scores(sim, obs)[0], scores(sim + shift, obs)[0]
    close(after["ubrmse"], before["ubrmse"])
    close(after["bias"], before["bias"] + shift)
    close(after["pbias"], before["pbias"] + 100 * shift / obs.mean(), atol=1e-8)
    close(after["pearson_r"], before["pearson_r"], atol=1e-9)
    close(before["mse"], before["bias"] ** 2 + before["ubrmse"] ** 2)


@few
@given(obs=series, sim=series, seed=seeds)
def test_gaps_change_neither_value_nor_gradient(obs, sim, seed):
    rng = np.random.default_rng(seed)
    there = np.sort(rng.choice(N + N_GAPS, N, replace=False))
    gaps = {"sim": np.full(N + N_GAPS, np.nan), "obs": np.full(N + N_GAPS, np.nan)}
    gaps["sim"][there], gaps["obs"][there] = sim, obs
    holes = np.setdiff1d(np.arange(N + N_GAPS), there)
    gaps["sim"][holes[::3]] = 0.3  # missing in one only
    gaps["obs"][holes[1::3]] = 0.3
    full, full_gradient = scores(sim, obs)
    holed, holed_gradient = scores(**gaps)
    for name in SCORES:
        close(holed[name], full[name])
        close(holed_gradient[name][there], full_gradient[name], rtol=1e-8, atol=1e-8)
        assert np.all(holed_gradient[name][holes] == 0), name


def test_batch_is_loop_and_an_undefined_member_harms_no_other():
    rng = np.random.default_rng(1)
    sim, obs = rng.uniform(0.05, 0.5, (2, MEMBERS, N))
    sim[1] = np.nan  # no valid pair
    obs[2] = 0.25  # constant
    obs[3] = sim[4] = np.resize([0.1, -0.1], N)  # mean zero
    values, gradients = scores(sim, obs)
    undefined = {
        1: set(SCORES),
        2: set(SKILLS),
        3: {"pbias", "kge_2009", "kge_2012", "spaef"},
        4: {"kge_2012", "spaef"},
    }
    for i in range(MEMBERS):
        alone = scores(sim[i], obs[i])
        for name in SCORES:
            close(values[name][i], alone[0][name])
            close(gradients[name][i], alone[1][name])
            assert np.isnan(values[name][i]) == (name in undefined.get(i, ()))
            assert np.all(np.isfinite(gradients[name])), name
            assert np.all(gradients[name][1] == 0)


def test_gradients_are_central_differences():
    sim, obs = np.random.default_rng(2).uniform(0.05, 0.5, (2, N))
    gradients, step = scores(sim, obs)[1], 1e-6
    for i, e in enumerate(step * np.eye(N)):
        up, down = scores(sim + e, obs)[0], scores(sim - e, obs)[0]
        for name in set(SCORES) - {"spaef"}:  # its histogram jumps: no derivative of the whole
            close(gradients[name][i], (up[name] - down[name]) / (2 * step), 1e-5, 1e-5)


@few
@given(obs=series, sim=series)
def test_kling_gupta_components_recombine(obs, sim):
    old, new = jax.device_get((kge_2009(sim=sim, obs=obs), kge_2012(sim=sim, obs=obs)))
    for result in (old, new):
        close(result.kge, 1 - np.sqrt(sum((c - 1) ** 2 for c in result[1:])))
    close(new.gamma * new.beta, old.alpha)
    close(old.beta, sim.mean() / obs.mean())
    # Gupta et al. (2009), eq. 4: the efficiency of Nash and Sutcliffe from the same components.
    bias_in_std = (sim.mean() - obs.mean()) / obs.std()
    close(scores(sim, obs)[0]["nse"], 2 * old.alpha * old.r - old.alpha**2 - bias_in_std**2, 1e-8)


@few
@given(obs=series, sim=series)
def test_ranks_ignore_monotone_transforms(obs, sim):
    obs, sim = obs.round(1), sim.round(1)  # ties
    assume(min(np.ptp(obs), np.ptp(sim)) > 0)
    values, gradients = scores(sim, obs)
    close(scores(sim**3, obs)[0]["spearman_r"], values["spearman_r"])
    assert np.all(gradients["spearman_r"] == 0)


def test_type_of_the_data_is_kept():
    data = jnp.zeros((2, 3, N), "float32")  # batch axes against one series
    for score in SCORES.values():
        kept = jax.eval_shape(score, sim=data, obs=data[0, 0])
        assert kept.dtype == "float32"
        assert kept.shape == (2, 3)
    assert jax.eval_shape(ev.rmse, sim=jnp.zeros(N, int), obs=0).dtype == "float64"


def test_summary_is_the_single_scores():
    sim, obs = np.random.default_rng(4).uniform(0.05, 0.5, (2, N))
    obs[3] = np.nan
    summary, single = ev.deterministic_scores(sim=sim, obs=obs), scores(sim, obs)[0]
    assert summary["n"] == N - 1
    for name in set(summary) & set(single):
        close(summary[name], single[name])
    parts = [summary[k] - 1 for k in ("r", "kge_gamma", "kge_beta")]
    close(summary["kge_2012"], 1 - np.linalg.norm(parts))
    with pytest.raises(ValueError, match="one series wanted"):
        ev.deterministic_scores(sim=np.ones((2, 3)), obs=np.ones(3))


# --- distributions ----------------------------------------------------------------------

mixtures = st.builds(
    lambda w, mean, log_std: {"weight": w / w.sum(), "mean": mean, "std": 10.0**log_std},
    arrays(float, K, elements=st.floats(0.01, 1)),
    arrays(float, K, elements=st.floats(0.05, 0.5)),
    arrays(float, K, elements=st.floats(-3, -1)),
)
PARTS = ("log_prob", "cdf", "crps")
GAUSSIAN = {name: jax.jit(getattr(ev, f"gaussian_{name}")) for name in PARTS}
gaussian_quantile, mixture_log_prob = jax.jit(ev.gaussian_quantile), jax.jit(ev.mixture_log_prob)


def _of_mixture(obs, p, m):
    values = {name: getattr(ev, f"mixture_{name}")(obs=obs, **m) for name in PARTS}
    values["quantile"] = ev.mixture_quantile(p, **m)
    values["mean"] = ev.mixture_mean(weight=m["weight"], mean=m["mean"])
    values["variance"] = ev.mixture_variance(**m)
    values["n_modes"] = ev.mixture_n_modes(**m)
    return values, values


_gradients_of_mixture = jax.jit(jax.jacrev(_of_mixture, argnums=(0, 1, 2), has_aux=True))


def of_mixture(obs, p, m):
    """Return the gradients of each value with (obs, p, components), and the values."""
    return jax.device_get(_gradients_of_mixture(float(obs), float(p), m))


probability = st.floats(1e-6, 1 - 1e-6)


@few
@given(obs=theta, p=probability, mean=theta, std=st.floats(1e-4, 0.1))
def test_equal_components_are_one_gaussian(obs, p, mean, std):
    m = {"weight": np.full(K, 1 / K), "mean": np.full(K, mean), "std": np.full(K, std)}
    gradients, values = of_mixture(obs, p, m)
    one = {"mean": mean, "std": std}
    for name, function in GAUSSIAN.items():
        close(values[name], function(obs=obs, **one), atol=1e-14)
    close(values["quantile"], gaussian_quantile(p, **one))
    close([values["mean"], values["variance"], values["n_modes"]], [mean, std**2, 1])
    # The quantile moves with the means: the weights of their shares sum to one.
    close(gradients["quantile"][2]["mean"].sum(), 1.0)


@few
@given(m=mixtures)
def test_density_integrates_to_one(m):
    nodes, weights = np.polynomial.legendre.leggauss(20)
    edges = np.sort((m["mean"] + m["std"] * np.arange(-9, 10)[:, None]).ravel())
    half = np.diff(edges)[:, None] / 2
    x = edges[:-1, None] + half * (nodes + 1)
    density = np.exp(mixture_log_prob(obs=x, **m))
    close(np.sum(density * weights * half), 1.0)
    close(np.sum(x * density * weights * half), np.sum(m["weight"] * m["mean"]))


@few
@given(obs=theta, p=probability, m=mixtures)
def test_density_is_slope_of_cdf_and_quantile_its_inverse(obs, p, m):
    gradients, values = of_mixture(obs, p, m)
    close(gradients["cdf"][0], np.exp(values["log_prob"]))
    moved, at_quantile = of_mixture(values["quantile"], p, m)
    close(at_quantile["cdf"], p)
    density = np.exp(at_quantile["log_prob"])
    if density > 1e-6:  # else the quantile is not unique to round-off
        close(gradients["quantile"][1] * density, 1.0)
        for name in m:
            close(gradients["quantile"][2][name] * density, -moved["cdf"][2][name], 1e-8)
    # Slope of the CRPS with the observation: 2 F - 1.
    close(gradients["crps"][0], 2 * values["cdf"] - 1)


@few
@given(obs=theta, p=probability, m=mixtures, mean=theta)
def test_absent_component_takes_no_part(obs, p, m, mean):
    split, absent = jax.tree.map(np.copy, (m, m))
    last = m["weight"][-2] + m["weight"][-1]
    split["weight"][-2:] = last / 2  # the last two are the same component
    absent["weight"][-2:] = last, 0.0
    for name in ("mean", "std"):
        split[name][-1] = m[name][-2]
    absent["mean"][-1], absent["std"][-1] = mean, 1e-4
    values, (gradients, same) = of_mixture(obs, p, split)[1], of_mixture(obs, p, absent)
    for name in values:
        close(same[name], values[name], atol=1e-12)
        for gradient in jax.tree.leaves(gradients[name]):
            assert np.all(np.isfinite(gradient))
        assert gradients[name][2]["mean"][-1] == 0
    assert gradients["log_prob"][2]["weight"][-1] == 0


@pytest.mark.parametrize("z", [-25.0, 8.0, 25.0, 200.0])
def test_outlier_has_the_gradient_of_its_distance(z):
    near, std = 0.3, 0.01
    obs = near + z * std
    slope = jax.grad(lambda mean: GAUSSIAN["log_prob"](obs=obs, mean=mean, std=std))(near)
    close(slope, z / std)
    m = {
        "weight": np.array([0.7, 0.1, 0.1, 0.1]),
        "mean": np.append(near, np.full(3, near - 9 * np.sign(z))),
        "std": np.full(K, std),
    }
    slopes = of_mixture(obs, 0.5, m)[0]["log_prob"]
    close(slopes[0], -z / std)
    close(slopes[2]["mean"], [z / std, 0, 0, 0])
    close(slopes[2]["weight"], [1 / 0.7, 0, 0, 0])


@pytest.mark.parametrize(("gap", "value"), [("obs", np.nan), ("mean", np.nan), ("std", 0.0)])
def test_gaps_in_distributions(gap, value):
    m = {"weight": np.full(K, 1 / K), "mean": np.full(K, 0.2), "std": np.full(K, 0.02)}
    one, obs = {"mean": 0.2, "std": 0.02}, 0.25
    if gap == "obs":
        obs = value
    else:
        m[gap][1], one[gap] = value, value
    gradients, values = of_mixture(obs, 0.4, m)
    for name in values:
        of_obs = name in PARTS  # the others do not look at the observation
        of_gap = not (name == "mean" and gap == "std")  # nor the mean at the spread
        if of_obs or (gap != "obs" and of_gap):
            assert np.isnan(values[name]), name
            assert all(np.all(g == 0) for g in jax.tree.leaves(gradients[name])), name
    for function in GAUSSIAN.values():
        assert np.isnan(function(obs=obs, **one))
        assert all(g == 0 for g in jax.grad(lambda m, f=function: f(obs=obs, **m))(one).values())


def test_quantiles_at_the_ends():
    m = {"weight": np.full(K, 1 / K), "mean": np.full(K, 0.2), "std": np.full(K, 0.02)}
    for p, quantile in ((0.0, -np.inf), (1.0, np.inf), (2.0, np.nan), (np.nan, np.nan)):
        np.testing.assert_equal(float(of_mixture(0.3, p, m)[1]["quantile"]), quantile)
        np.testing.assert_equal(float(gaussian_quantile(p, mean=0.2, std=0.02)), quantile)


# --- resampling -------------------------------------------------------------------------


DRAWS = {
    "with": lambda seed, r: ev.bootstrap_indices(seed, n=30, replicates=r),
    "without": lambda seed, r: ev.bootstrap_indices(
        seed, n=30, replicates=r, size=24, replace=False
    ),
    "circular": lambda seed, r: ev.block_indices(seed, n=30, replicates=r, block=7),
    "moving": lambda seed, r: ev.block_indices(seed, n=30, replicates=r, block=7, circular=False),
}
SEEDS = {
    "key": lambda: jax.random.key(3),
    "numpy": lambda: np.random.default_rng(3),
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("seed", SEEDS)
def test_resampled_rows(kind, seed):
    rows = np.asarray(DRAWS[kind](SEEDS[seed](), 40))
    assert rows.shape == (40, 24 if kind == "without" else 30)
    assert rows.min() >= 0
    assert rows.max() < 30
    assert len(np.unique(rows, axis=0)) == 40
    if kind == "without":
        assert all(len(set(row)) == 24 for row in rows)
    if kind in ("circular", "moving"):
        steps = np.diff(rows[:, :28].reshape(40, 4, 7), axis=-1)
        assert set(np.unique(steps)) <= ({1, -29} if kind == "circular" else {1})
    if kind == "circular":
        assert len(np.unique(rows)) == 30  # the last rows too


@pytest.mark.parametrize("seed", SEEDS)
def test_replicate_is_the_same_whatever_their_number_and_the_precision(seed):
    kinds = ("with", "circular")
    many = [DRAWS[kind](SEEDS[seed](), 40)[:3] for kind in kinds]
    with jax.enable_x64(False):
        few = [DRAWS[kind](SEEDS[seed](), 3) for kind in kinds]
    for rows, same in zip(many, few, strict=True):
        np.testing.assert_array_equal(rows, same)


def test_bootstrap_of_a_score():
    rng = np.random.default_rng(7)
    sim, obs = rng.uniform(0.05, 0.5, (2, 3, 30))
    rows = np.stack([np.arange(30), np.arange(30)[::-1], np.zeros(30, int)])
    bootstrap = jax.jit(ev.bootstrap, static_argnums=0)
    result = jax.device_get(bootstrap(ev.kge_2012, sim=sim, obs=obs, indices=rows))
    assert result.kge.shape == (3, 3)
    close(result.kge[0], kge_2012(sim=sim, obs=obs).kge)
    close(result.kge[1], result.kge[0])
    assert np.all(np.isnan(result.kge[2]))  # a single row has no spread


def test_impossible_choices_are_refused():
    with pytest.raises(ValueError, match="bins is 'sqrt'"):
        ev.spaef(sim=[1.0, 2.0], obs=[1.0, 3.0], bins="sqrt")
    with pytest.raises(ValueError, match="edges is 'both'"):
        ev.spaef(sim=[1.0, 2.0], obs=[1.0, 3.0], edges="both")
    with pytest.raises(ValueError, match="size is missing"):
        ev.bootstrap_indices(1, n=5, replicates=2, replace=False)
    with pytest.raises(ValueError, match="at most n = 5"):
        ev.bootstrap_indices(1, n=5, replicates=2, size=6, replace=False)
    with pytest.raises(ValueError, match="block is 6"):
        ev.block_indices(1, n=5, replicates=2, block=6)
