"""Laws of texture classes, pedotransfer functions, fitted curves and populations of them."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.core.errors import DataError
from rootzone.water import pedotransfer as pt
from rootzone.water.retention import BrooksCorey, VanGenuchten
from rootzone.water.retention_fit import (
    Conductivity,
    fit_brooks_corey,
    fit_van_genuchten,
    population,
)
from rootzone.water.soil_classes import (
    CARSEL_PARRISH_1988,
    LOWEST_N,
    TEXTURE_CLASSES,
    bulk_density,
    draw,
    particle_density,
    sample_triangle,
    soil_class,
    texture_class,
    texture_index,
)

shares = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)).map(
    lambda uv: (100.0 * min(uv), 100.0 * (1.0 - max(uv)))
)


# --- the triangle -----------------------------------------------------------------------


def definitions(sand: float, clay: float) -> dict[str, bool]:
    """Each class by its own definition in the Soil Survey Manual, none leaning on another."""
    silt = 100.0 - sand - clay
    loamy = (7 <= clay < 20 and sand > 52) or (clay < 7 and silt < 50)
    return {
        "sand": silt + 1.5 * clay < 15,
        "loamy sand": silt + 1.5 * clay >= 15 and silt + 2 * clay < 30,
        "sandy loam": loamy and silt + 2 * clay >= 30,
        "loam": 7 <= clay < 27 and 28 <= silt < 50 and sand <= 52,
        "silt loam": silt >= 50 and (12 <= clay < 27 or (clay < 12 and silt < 80)),
        "silt": silt >= 80 and clay < 12,
        "sandy clay loam": 20 <= clay < 35 and silt < 28 and sand > 45,
        "clay loam": 27 <= clay < 40 and 20 < sand <= 45,
        "silty clay loam": 27 <= clay < 40 and sand <= 20,
        "sandy clay": clay >= 35 and sand > 45,
        "silty clay": clay >= 40 and silt >= 40,
        "clay": clay >= 40 and sand <= 45 and silt < 40,
    }


@given(shares)
@settings(max_examples=300, deadline=None)
def test_every_soil_has_exactly_its_class(soil):
    sand, clay = soil
    true = [name for name, is_it in definitions(sand, clay).items() if is_it]
    name = TEXTURE_CLASSES[int(texture_index(sand, clay))]
    # Where limits cross, round-off of silt may fulfil two definitions or none.
    if len(true) == 1:
        assert name == true[0]
    else:
        near = [d for s in (-1e-9, 1e-9) for d in definitions(sand + s, clay - s).items()]
        assert (name, True) in near


def test_a_fine_grid_has_its_classes():
    """Points 0.5 % apart that lie on no limit."""
    steps = np.arange(0.13, 100.0, 0.5)
    sand, clay = (x.ravel() for x in np.meshgrid(steps, steps + 0.04))
    sand, clay = sand[sand + clay < 100.0], clay[sand + clay < 100.0]
    index = np.asarray(texture_index(sand, clay))
    for i, (s, c) in enumerate(zip(sand, clay, strict=True)):
        true = [name for name, is_it in definitions(s, c).items() if is_it]
        assert true == [TEXTURE_CLASSES[index[i]]]


@pytest.mark.parametrize(
    ("sand", "clay", "name"),
    [
        (100, 0, "sand"),
        (0, 100, "clay"),
        (0, 0, "silt"),
        (82, 6, "loamy sand"),
        (65, 10, "sandy loam"),
        (40, 20, "loam"),
        (20, 15, "silt loam"),
        (60, 27, "sandy clay loam"),
        (33, 34, "clay loam"),
        (10, 34, "silty clay loam"),
        (52, 42, "sandy clay"),
        (6, 47, "silty clay"),
        (33.3, 33.3, "clay loam"),
    ],
)
def test_known_points(sand, clay, name):
    assert texture_class(sand, clay) == name


@pytest.mark.parametrize(("sand", "clay"), [(60, 60), (-1, 20), (20, -1), (np.nan, 10)])
def test_impossible_texture_is_told(sand, clay):
    assert texture_index(sand, clay) == -1
    with pytest.raises(DataError, match="no texture"):
        texture_class(sand, clay)


def test_the_triangle_is_sampled_evenly():
    sand, clay = map(np.asarray, sample_triangle(jax.random.key(0), 20000))
    silt = 100.0 - sand - clay
    for share in (sand, clay, silt):
        assert np.all((share >= 0.0) & (share <= 100.0))
        # A uniform point has P(share > s) = (1 - s)^2.
        for s in (10.0, 40.0, 70.0):
            assert np.mean(share > s) == pytest.approx((1 - s / 100) ** 2, abs=0.012)
    # Area of the class sand: silt + 1.5 clay < 15 cuts a triangle of 15 by 10 percent.
    assert np.mean(np.asarray(texture_index(sand, clay)) == 0) == pytest.approx(0.015, abs=0.003)
    some = sample_triangle(jax.random.key(0), 3, first=5)
    np.testing.assert_array_equal(some[0], sand[5:8])


# --- bulk density and classes -----------------------------------------------------------


@given(st.floats(0.2, 0.7), st.floats(0.0, 0.4), st.floats(0.85, 1.0))
@settings(max_examples=50, deadline=None)
def test_bulk_density_gives_its_porosity_back(theta_s, matter, filled):
    rho = float(bulk_density(theta_s, organic_matter=matter, filled=filled))
    porosity = 1.0 - rho / float(particle_density(matter))
    assert porosity * filled == pytest.approx(theta_s, rel=1e-12)
    assert rho <= float(bulk_density(theta_s)) + 1e-12


@pytest.mark.parametrize("name", TEXTURE_CLASSES)
@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_drawn_soils_are_possible(name, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        drawn = draw(jax.random.key(2), CARSEL_PARRISH_1988[name], 5000, air_entry=-2.0)
        theta, K = map(np.asarray, _at_field_capacity(drawn))
    assert drawn.K_s.dtype == dtype
    for x in (drawn.theta_r, drawn.theta_s, drawn.alpha, drawn.n, drawn.K_s, theta, K):
        assert np.all(np.isfinite(x))
    assert np.all(np.asarray(drawn.theta_r) >= 0.0)
    assert np.all(np.asarray(drawn.theta_s - drawn.theta_r) > 0.05)
    assert np.all(np.asarray(drawn.theta_s) < 0.65)
    assert np.all(np.asarray(drawn.n) >= dtype(LOWEST_N) - 1e-6)
    assert np.all(np.asarray(drawn.alpha) > 0.0)
    assert np.all(np.asarray(drawn.K_s) > 0.0)
    assert np.all(K > 0.0)


@jax.jit
def _at_field_capacity(soil):
    return soil.theta(-330.0), soil.K(-330.0)


def test_a_member_is_the_same_however_many_are_drawn():
    key, loam = jax.random.key(3), soil_class("loam")
    many, few = draw(key, loam, 100), draw(key, loam, 7, first=17)
    for a, b in zip(jax.tree.leaves(many), jax.tree.leaves(few), strict=True):
        np.testing.assert_array_equal(np.broadcast_to(a, 100)[17:24], np.broadcast_to(b, 7))
    assert len(np.unique(many.K_s)) == 100


def test_unknown_class_is_told_with_the_nearest():
    with pytest.raises(DataError, match="did you mean 'loam'"):
        soil_class("laom")


def test_coarse_classes_conduct_more_and_hold_less():
    order = ("clay", "clay loam", "loam", "sandy loam", "loamy sand", "sand")
    soils = [CARSEL_PARRISH_1988[name].mean() for name in order]
    assert np.all(np.diff([float(s.theta(-330.0)) for s in soils]) < 0.0)
    assert np.all(np.diff([float(s.K_s) for s in soils]) > 0.0)


# --- pedotransfer functions -------------------------------------------------------------

SAND, CLAY = (np.asarray(x) for x in sample_triangle(jax.random.key(4), 1000))
RETENTION = {
    "zacharias wessolek": lambda s, c: pt.zacharias_wessolek_2007(s, c, 1.45).conducting(10.0),
    "toth 21": lambda s, c: pt.toth_2015_21(s, c, 1.45, 1.0, 1).conducting(10.0),
    "toth 22": lambda s, c: pt.toth_2015_22(s, c, 1.45, 1.0, 6.5, 1).conducting(10.0),
    "weynants": lambda s, c: pt.weynants_2009(s, c, 1.45, 1.0),
    "vereecken": lambda s, c: pt.vereecken_1989(s, c, 1.45, 1.0),
    "cosby univariate": pt.cosby_1984_univariate,
    "cosby multivariate": pt.cosby_1984_multivariate,
}
CONDUCTIVITY = {
    "cosby univariate": lambda s, c: pt.cosby_1984_univariate(s, c).K_s,
    "cosby": pt.cosby_1984_K_s,
    "toth 17": lambda s, c: pt.toth_2015_17_K_s(s, c, 6.5, 12.0, 1),
    "weynants": lambda s, c: pt.weynants_2009(s, c, 1.45, 1.0).K_s,
    "vereecken": lambda s, c: pt.vereecken_1990_K_s(s, c, 1.45, 1.7),
}


@pytest.mark.parametrize("law", RETENTION)
def test_curves_are_possible_over_the_whole_triangle(law):
    highest = 54.46 if law == "vereecken" else 100.0  # far from its domain theta_r passes theta_s
    soil = RETENTION[law](SAND, np.minimum(CLAY, highest))
    assert np.all(np.asarray(soil.theta_r) >= 0.0)
    assert np.all(np.asarray(soil.theta_s - soil.theta_r) > 0.05)
    assert np.all(np.asarray(soil.theta_s) < 0.7)
    assert np.all(np.asarray(soil.alpha) > 0.0)
    if isinstance(soil, VanGenuchten):
        assert np.all(np.asarray(soil.n) > 1.0)
    elif isinstance(soil, BrooksCorey):
        assert np.all(np.asarray(soil.lam) > 0.0)
    else:
        assert np.all(np.asarray(soil.n) > 0.0)
    heads = -np.geomspace(1e4, 1.0, 30)[:, None]
    assert np.all(np.diff(np.asarray(soil.theta(heads)), axis=0) >= 0.0)
    if hasattr(soil, "K"):
        assert np.all(np.diff(np.asarray(soil.K(heads)), axis=0) >= 0.0)


@pytest.mark.parametrize("law", CONDUCTIVITY)
def test_conductivity_is_positive_over_the_whole_triangle(law):
    K_s = np.asarray(CONDUCTIVITY[law](np.clip(SAND, 1.0, 99.0), np.clip(CLAY, 1.0, 99.0)))
    assert np.all(np.isfinite(K_s) & (K_s > 0.0))


PATH = np.linspace(10.0, 92.0, 83)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("law", RETENTION)
def test_sandier_soils_hold_less(law, ratio):
    """Clay and silt in a fixed ratio give way to sand; so does the water at -100 and -330 cm."""
    for head in (-100.0, -330.0):
        theta = np.asarray(RETENTION[law](PATH, ratio * (100.0 - PATH)).theta(head))
        steps = np.diff(theta)
        if law == "zacharias wessolek":
            steps = steps[(PATH[1:] < 66.5) | (PATH[:-1] >= 66.5)]  # its branches do not meet
        assert np.all(steps < 0.0)
        assert theta[-1] < theta[0]


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("law", [name for name in CONDUCTIVITY if name != "vereecken"])
def test_sandier_soils_conduct_more(law, ratio):
    K_s = np.asarray(CONDUCTIVITY[law](PATH, ratio * (100.0 - PATH)))
    assert np.all(np.diff(K_s) > 0.0)


def test_vereecken_conductivity_falls_with_sand_at_fixed_clay():
    """The regression says so; its docstring warns of it."""
    K_s = np.asarray(pt.vereecken_1990_K_s(PATH[:60], 20.0, 1.45, 1.7))
    assert np.all(np.diff(K_s) < 0.0)


CORNERS = np.array([(0.0, 0.0), (100.0, 0.0), (0.0, 100.0), (66.5, 20.0)])


@pytest.mark.parametrize("law", RETENTION)
def test_parameters_have_finite_gradients_to_the_corners(law):
    def theta(x):
        return jnp.sum(RETENTION[law](x[0], x[1]).theta(-330.0))

    slopes = jax.jit(jax.vmap(jax.grad(theta)))(CORNERS)
    assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("law", RETENTION)
def test_float32_stays_float32(law):
    @jax.jit
    def theta(s, c):
        return RETENTION[law](s, c).theta(-330.0)

    single = theta(jnp.float32(40.0), jnp.float32(20.0))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, theta(40.0, 20.0), rtol=1e-5)


def test_what_lies_outside_a_domain_is_told():
    domain = pt.WEYNANTS_2009
    given_soils = {"sand": [50.0, 1.0, 60.0], "clay": [20.0, 70.0, 45.0], "bulk_density": 1.4}
    told = domain.outside(**given_soils)
    assert len(told) == 3
    assert told[0].startswith("sand: 1 of 3 values outside 5.6 to 97.8 %")
    assert "clay: 1 of 3" in told[1]
    assert told[2] == "sand + clay: 1 of 3 values above 100 %"
    np.testing.assert_array_equal(domain.inside(**given_soils), [True, False, False])
    assert domain.outside(sand=50.0, clay=20.0) == []
    assert domain.outside(bulk_density=np.nan) != []
    assert not jax.jit(lambda x: domain.inside(clay=x))(60.0)
    with pytest.raises(DataError, match="did you mean 'bulk_density'"):
        domain.outside(bulk_densty=1.4)


def test_curve_with_m_1_is_inverted_and_fitted_by_a_closure():
    """A closure with m = 1 - 1/n follows a curve with m = 1 and n below 1 only so far."""
    curve = pt.vereecken_1989(sand=52.0, clay=11.0, bulk_density=1.47, organic_carbon=1.0)
    heads = -np.geomspace(1.0, 15000.0, 40)
    theta = curve.theta(heads)
    np.testing.assert_allclose(curve.head(theta), heads, rtol=1e-9)
    assert float(curve.head(curve.theta_s)) == 0.0
    assert float(curve.n) < 1.0
    fit = fit_van_genuchten(heads, theta)
    assert 0.0005 < fit.rmse < 0.006
    wrong = VanGenuchten(curve.theta_r, curve.theta_s, curve.alpha, 1.01, 1.0)
    assert np.sqrt(np.mean((np.asarray(wrong.theta(heads)) - np.asarray(theta)) ** 2)) > 0.1


# --- fits and populations ---------------------------------------------------------------

HEADS = -np.geomspace(2.0, 15000.0, 25)


@given(
    st.floats(0.01, 0.12),
    st.floats(0.35, 0.5),
    st.floats(0.008, 0.1),
    st.floats(1.2, 3.0),
    st.sampled_from([0.0, -2.0]),
)
@settings(max_examples=8, deadline=None)
def test_exact_points_give_the_curve_back(theta_r, theta_s, alpha, n, air_entry):
    soil = VanGenuchten(theta_r, theta_s, alpha, n, 10.0, 0.5, air_entry)
    fit = fit_van_genuchten(HEADS, soil.theta(HEADS), air_entry=air_entry, K_s=10.0)
    assert fit.rmse < 1e-6
    np.testing.assert_allclose(list(fit.estimate.values()), [theta_r, theta_s, alpha, n], rtol=1e-3)
    assert fit.closure.K(-100.0) == pytest.approx(float(soil.K(-100.0)), rel=1e-2)


def test_brooks_corey_and_conductivity_give_the_curve_back():
    soil = BrooksCorey(0.05, 0.4, 0.05, 0.6, 80.0)
    flow = HEADS[4:16]
    fit = fit_brooks_corey(HEADS, soil.theta(HEADS), conductivity=Conductivity(flow, soil.K(flow)))
    wanted = [0.05, 0.4, 0.05, 0.6, 80.0]
    np.testing.assert_allclose(list(fit.estimate.values()), wanted, rtol=1e-4)
    assert fit.rmse_log10_K < 1e-5


def test_standard_errors_are_those_of_repeated_samples():
    """Scatter of 20 noisy samples against the mean standard error; 20 give it to 16 %."""
    loam = VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96)
    rng = np.random.default_rng(0)
    fits = [
        fit_van_genuchten(HEADS, loam.theta(HEADS) + 0.003 * rng.standard_normal(HEADS.size))
        for _ in range(20)
    ]
    for name in ("theta_s", "n"):
        scatter = np.std([fit.estimate[name] for fit in fits], ddof=1)
        told = np.mean([fit.standard_error[name] for fit in fits])
        assert scatter == pytest.approx(told, rel=0.4)


def test_weights_choose_what_is_believed():
    loam = VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96)
    theta = np.asarray(loam.theta(HEADS)).copy()
    theta[-1] += 0.1
    sigma = np.where(np.arange(HEADS.size) == HEADS.size - 1, 10.0, 0.005)
    assert fit_van_genuchten(HEADS, theta).rmse > 0.005
    fit = fit_van_genuchten(HEADS, theta, sigma=sigma)
    assert fit.estimate["n"] == pytest.approx(1.56, rel=1e-3)


def test_a_parameter_that_the_points_do_not_determine_is_named():
    sandy = VanGenuchten(0.0, 0.4, 0.04, 1.4, 10.0)
    theta = np.asarray(sandy.theta(HEADS)) - 0.01 * (HEADS < -1e3)
    fit = fit_van_genuchten(HEADS, theta)
    assert fit.at_bound == ("theta_r",)
    assert np.isnan(fit.standard_error["theta_r"])
    assert np.isfinite(fit.standard_error["n"])


THETA = np.asarray(VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96).theta(HEADS))


@pytest.mark.parametrize(
    ("head", "theta", "told"),
    [
        (-HEADS, THETA, "25 of 25 heads of retention are positive"),
        (HEADS, 100 * THETA, "divide percent by 100"),
        (HEADS, THETA[::-1], "does not fall as the soil dries"),
        (HEADS[:3], THETA[:3], "cannot determine"),
        (np.repeat(HEADS[::12], 9), np.repeat(THETA[::12], 9), "3 different heads"),
        (HEADS, THETA[:-1], "25 heads but 24 water contents"),
        (HEADS, np.where(HEADS < -1e4, np.nan, THETA), "leave out the gaps"),
        (np.where(HEADS < -1e4, np.nan, HEADS), THETA, "leave out the gaps"),
    ],
)
def test_wrong_points_are_told(head, theta, told):
    with pytest.raises(DataError, match=told):
        fit_van_genuchten(head, theta)


def test_wrong_conductivity_is_told():
    with pytest.raises(DataError, match="only to conductivity points"):
        fit_van_genuchten(HEADS, THETA, l=None)
    for flow, told in (
        (Conductivity(-HEADS, THETA), "heads of conductivity are positive"),
        (Conductivity(HEADS, 0.0 * THETA), "not a positive number"),
        (Conductivity(HEADS, THETA[1:]), "25 heads but 24"),
    ):
        with pytest.raises(DataError, match=told):
            fit_van_genuchten(HEADS, THETA, conductivity=flow)
    with pytest.raises(DataError, match="air_entry is a head"):
        fit_van_genuchten(HEADS, THETA, air_entry=2.0)
    with pytest.raises(DataError, match="above 0"):
        fit_van_genuchten(HEADS, THETA, sigma=0.0)


@cache
def _fits():
    rng = np.random.default_rng(3)
    soils = [
        VanGenuchten(
            0.05 + 0.01 * rng.standard_normal(),
            0.42 + 0.02 * rng.standard_normal(),
            0.03 * np.exp(0.2 * rng.standard_normal()),
            1.6 + 0.1 * rng.standard_normal(),
            20.0,
        )
        for _ in range(12)
    ]
    return [fit_van_genuchten(HEADS, s.theta(HEADS), K_s=20.0) for s in soils]


def test_a_population_draws_what_it_was_made_of():
    fits = _fits()
    group = population(fits)
    assert group.names == ("theta_s", "theta_r", "alpha", "n")
    assert group.held == {"K_s": 20.0, "l": 0.5, "air_entry": 0.0}
    drawn = group.draw(jax.random.key(1), 4000, within=np.inf)
    for name in ("alpha", "theta_s"):
        of_fits = np.log([fit.estimate[name] for fit in fits])
        of_draws = np.log(np.asarray(getattr(drawn, name)))
        assert of_draws.mean() == pytest.approx(of_fits.mean(), abs=0.02)
        assert of_draws.std() == pytest.approx(of_fits.std(ddof=1), rel=0.1)
    pair = np.corrcoef(np.log(np.asarray(drawn.alpha)), np.log(np.asarray(drawn.n) - 1.0))[0, 1]
    i, j = group.names.index("alpha"), group.names.index("n")
    c = group.covariance
    assert pair == pytest.approx(c[i, j] / np.sqrt(c[i, i] * c[j, j]), abs=0.05)


def test_drawn_curves_stay_near_the_measured_ones():
    fits, key = _fits(), jax.random.key(1)
    group = population(fits)
    drawn = group.draw(key, 500)
    assert np.all(np.asarray(drawn.theta_r) < np.asarray(drawn.theta_s))
    assert np.all(np.asarray(drawn.n) > 1.0)
    theirs = np.array([fit.closure.theta(HEADS) for fit in fits]).T
    ours = np.asarray(jax.jit(lambda soil: soil.theta(HEADS[:, None]))(drawn))
    assert ours.shape == (HEADS.size, 500)
    low, high = theirs.min(axis=1, keepdims=True), theirs.max(axis=1, keepdims=True)
    assert np.mean((ours >= low) & (ours <= high)) > 0.85
    assert np.max(np.maximum(low - ours, ours - high)) < high.max() * 0.1
    center = np.asarray(group.center().theta(HEADS))
    assert np.all((center > low[:, 0]) & (center < high[:, 0]))
    # A member is the same however many are drawn.
    np.testing.assert_array_equal(drawn.n[20:25], group.draw(key, 5, first=20).n)


def test_equal_fits_make_a_population_without_spread():
    fit = fit_van_genuchten(HEADS, THETA, K_s=3.0)
    group = population([fit, fit])
    assert group.names == ()
    assert group.draw(jax.random.key(0), 3) == fit.closure


def test_a_population_of_unlike_or_too_few_fits_is_refused():
    fit = fit_van_genuchten(HEADS, THETA)
    with pytest.raises(DataError, match="at least two"):
        population([fit])
    with pytest.raises(DataError, match="BrooksCorey, VanGenuchten"):
        population([fit, fit_brooks_corey(HEADS, THETA)])
    with pytest.raises(DataError, match="fit them alike"):
        population([fit, fit_van_genuchten(HEADS, THETA, K_s=3.0)])
