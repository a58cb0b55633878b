"""Laws of simulated sites: members are alone, water is conserved, wetter soil counts less."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone import neutrons as ne
from rootzone import simulate as sim
from rootzone.simulate import site as site_module
from rootzone.water import richards as ri
from rootzone.water.canopy import Canopy, InterceptionStore, LeafAreaTable, RootsWithLeaves
from rootzone.water.climates import DE_BILT, climate_of_normals
from rootzone.water.retention import VanGenuchten
from rootzone.water.roots import Roots, hoffman_van_genuchten
from rootzone.water.snow import DegreeDay

DAYS, SPIN = 60, 20
LAYERS = (0.0, 10.0, 30.0, 100.0)
GRID = ri.Grid.graded(100.0, 31, 0.5)
DEPTHS = np.array([10.0, 20.0, 40.0])


def weather(days: int = DAYS, cold: float = 0.0) -> sim.RecordedWeather:
    rng = np.random.default_rng(3)
    rain = rng.gamma(0.5, 9.0, days) * (rng.random(days) < 0.5)
    temperature = 10.0 - cold + rng.normal(0.0, 3.0, days)
    return sim.RecordedWeather(np.arange(days) + 100, rain, rng.uniform(0, 5, days), temperature)


def members(size: int, numbers=None, **changes) -> sim.Members:
    numbers = np.arange(size, dtype=np.int32) if numbers is None else numbers
    spread = lambda low, high: low + (high - low) * ((numbers * 0.618) % 1.0)  # noqa: E731
    soil = VanGenuchten(
        np.full(size, 0.06),
        spread(0.38, 0.45),
        spread(0.01, 0.08),
        spread(1.3, 2.2),
        changes.get("K_s", spread(5.0, 60.0)),
        np.full(size, 0.5),
        np.zeros(size),
    )
    density = changes.get("bulk_density", 2.65 * (1.0 - soil.theta_s))
    seen = sim.NeutronSoil(density, np.full(size, 0.03), np.full(size, 0.01), np.zeros(size))
    return sim.Members(numbers, soil, seen, np.full((1, size), -100.0), np.ones(size))


def bare(**changes) -> sim.Site:
    settings = {"rows": DAYS, "layers": LAYERS, "operators": (sim.Cosmic(),)} | changes
    return sim.Site(settings.pop("weather", weather()), GRID, **settings)


def together(chunks) -> sim.Simulated:
    chunks = sorted(chunks, key=lambda c: c.number)
    return jax.tree.map(lambda *x: np.concatenate(x, -1), *[c.result for c in chunks])


# --- members are alone ------------------------------------------------------------------


@pytest.fixture(scope="module")
def spun():
    """Twenty members in two chunks on two workers, after a spin-up."""
    chunks = sim.run_ensemble(bare(spin_up=DAYS), members(20), chunk=16, on=[jax.devices()[0]] * 2)
    return together(chunks)


def test_members_do_not_know_chunk_place_neighbors_or_workers(spun):
    """The same numbers to the last bit: else a restart would not repeat a run."""
    other = sim.pick(members(20), np.arange(20)[::-1])
    back = together(sim.run_ensemble(bare(spin_up=DAYS), other, on=[jax.devices()[0]]))
    for name, values in spun._asdict().items():
        np.testing.assert_array_equal(values, getattr(back, name)[..., ::-1], err_msg=name)


def test_spin_up_is_the_first_period_run_before_and_long_intervals_add_up(spun):
    """Against one run over the period twice, with output intervals of three days.

    Fluxes are sums of an interval, states those at its end; the column takes the same steps.
    """
    twice = sim.RecordedWeather(*(np.tile(x, 2) for x in jax.tree.leaves(weather())))
    long = bare(weather=twice, rows=2 * DAYS // 3, every=3, operators=())
    run = together(sim.run_ensemble(long, members(16)))
    for name in ("precipitation", "rain_on_soil", "evaporation", "drainage", "runoff"):
        sums = getattr(spun, name)[..., :16].reshape(-1, 3, 16).sum(axis=1)
        np.testing.assert_allclose(getattr(run, name)[DAYS // 3 :], sums, atol=1e-9, err_msg=name)
    for name in ("theta", "root_zone", "storage", "pond"):
        ends = getattr(spun, name)[2::3, ..., :16]
        np.testing.assert_allclose(getattr(run, name)[DAYS // 3 :], ends, atol=1e-9, err_msg=name)


class Numbers:
    """A site that only says who was asked."""

    def simulate(self, some):
        return {"number": 10 * some.number}


def test_chunks_are_counted_trimmed_and_left_out():
    found = list(sim.run_ensemble(Numbers(), members(40), chunk=16, done=[0]))
    assert sorted(c.number for c in found) == [1, 2]
    last = max(found, key=lambda c: c.number)
    np.testing.assert_array_equal(last.members, np.arange(32, 40))
    np.testing.assert_array_equal(last.result["number"], 10 * np.arange(32, 40))
    assert sim.chunk_count(40, 16) == 3
    assert not list(sim.run_ensemble(Numbers(), members(3), done=[0]))


def test_an_error_of_a_worker_comes_out():
    class Broken:
        def simulate(self, some):
            raise ValueError("no such column")

    with pytest.raises(ValueError, match="no such column"):
        list(sim.run_ensemble(Broken(), members(40), chunk=16))


class Afternoon(eqx.Module):
    """All rain of a day falls from noon to six."""

    def __call__(self, key, rain, day_of_year):
        return jnp.where((jnp.arange(24) >= 12) & (jnp.arange(24) < 18), 1.0 / 6.0, 0.0)


def test_generated_weather_belongs_to_the_member():
    climate, key = climate_of_normals(DE_BILT), jax.random.key(5)
    who = jnp.array([4, 1])
    hourly = jax.jit(sim.GeneratedWeather(climate, key, days=9, storms=Afternoon()).__call__)(who)
    daily = jax.jit(lambda m: sim.GeneratedWeather(climate, key, days=9)(m))(jnp.arange(6))
    for name in ("precipitation", "potential_evapotranspiration"):
        sums = np.asarray(getattr(hourly, name)).reshape(9, 24, 2).sum(1)
        np.testing.assert_allclose(sums, getattr(daily, name)[:, who], rtol=1e-9)
    assert not np.asarray(hourly.precipitation).reshape(9, 24, 2)[:, :12].any()


def test_counting_noise_belongs_to_the_member_and_is_poisson():
    rates = jnp.broadcast_to(jnp.array([900.0, 100.0])[None, :, None], (400, 2, 5))
    rates = rates.at[7, 0, 3].set(jnp.nan)
    draw = jax.jit(lambda r, m: sim.noisy(jax.random.key(2), r, m, hours=24.0))
    counted = np.asarray(draw(rates, jnp.arange(5)))
    other = np.asarray(draw(rates[..., ::-1], jnp.arange(5)[::-1]))
    np.testing.assert_array_equal(other[..., ::-1], counted)
    assert np.isnan(counted).sum() == 1
    for n, rate in enumerate((900.0, 100.0)):
        z = (counted[:, n] - rate) / np.sqrt(rate / 24.0)
        assert abs(np.nanmean(z)) < 4.0 / np.sqrt(z.size)
        assert abs(np.nanstd(z) - 1.0) < 4.0 / np.sqrt(2.0 * z.size)
    assert not np.array_equal(counted[:, 0, 0], counted[:, 0, 1])
    whole = counted[np.isfinite(counted)] * 24.0
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-6)


# --- a site with everything -------------------------------------------------------------


@pytest.fixture(scope="module")
def everything():
    """Snow, growing roots, a pond, three operators, segments, and a broken member."""
    density = jnp.concatenate([hoffman_van_genuchten(GRID.depth, d) for d in DEPTHS])
    roots = Roots(density)
    surface = sim.Surface(
        snow=DegreeDay(3.0, retention=0.1),
        leaf_area=LeafAreaTable([100, 130, 160], [0.0, 4.0, 1.0]),
        canopy=Canopy(interception=InterceptionStore()),
        growing=sim.GrowingRoots(roots, DEPTHS, RootsWithLeaves(10.0, 40.0, 4.0)),
    )
    site = bare(
        weather=weather(cold=9.0),
        spin_up=SPIN,
        surface=surface,
        roots=roots,
        top=ri.Atmosphere(pond_max=0.5),
        operators=(sim.Cosmic(), sim.DepthWeighted(), sim.DepthWeighted(law=ne.Koehli2021())),
    )
    K_s = np.full(16, 20.0)
    K_s[1:4] = 5.0, 0.2, np.nan
    ready = members(16, K_s=K_s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_module, "_ROWS", 30)  # 80 intervals in three segments of 27
        assert site.segments() == (3, 27)
        program = jax.jit(lambda m: site.simulate(m)).lower(ready).compile()
        stated = site.memory_per_member(np.float64)
    run = jax.tree.map(np.asarray, program(ready))
    return run, program.memory_analysis(), stated


def test_water_is_conserved(everything):
    r = jax.tree.map(lambda x: np.delete(x, 3, axis=-1), everything[0])
    stores = r.storage + r.pond + r.snow + r.canopy
    spent = r.runoff + r.evaporation + r.transpiration + r.interception + r.drainage
    error = np.diff(stores, axis=0) - (r.precipitation - spent)[1:]
    # Snow begins anew after the spin-up, so the balance starts with the first day's end.
    assert np.abs(np.cumsum(error, axis=0)).max() < 1e-8
    assert np.abs(r.balance_error).max() < 1e-8
    for part in (r.snow, r.canopy, r.transpiration, r.interception, r.evaporation):
        assert part.max() > 0.1
    assert r.runoff[:, 2].sum() > 1.0 > r.runoff[:, 0].sum()
    demand = r.potential_evapotranspiration
    assert (r.evaporation + r.transpiration + r.interception <= demand + 1e-9).all()


def test_a_broken_member_is_flagged_and_harms_nobody(everything):
    r = everything[0]
    np.testing.assert_array_equal(np.flatnonzero(r.status), [3])
    assert r.status[3] == ri.Status.NOT_FINITE
    for name in ("theta", "root_zone", "storage", "rate", "drainage"):
        values = getattr(r, name)
        assert np.isnan(values[..., 3]).all(), name
        assert np.isfinite(np.delete(values, 3, axis=-1)).all(), name
    assert np.isfinite(r.precipitation).all()


def test_memory_is_what_is_stated(everything):
    _, needed, stated = everything
    actual = (needed.temp_size_in_bytes + needed.output_size_in_bytes) / 16
    assert 0.15 * stated < actual <= stated


def test_layers_and_root_zone_are_means_of_the_same_water(everything):
    r = everything[0]
    upper = (10.0 * r.theta[:, 0] + 20.0 * r.theta[:, 1]) / 30.0
    np.testing.assert_allclose(r.root_zone, upper, atol=1e-12)
    thickness = np.diff(LAYERS)[None, :, None]
    stored = 10.0 * np.sum(r.theta * thickness, axis=1)
    np.testing.assert_allclose(stored, r.storage, atol=1e-8)


def test_snow_hides_the_soil_from_cosmic(everything):
    r = everything[0]
    deep, none = r.snow[:, 0] > 10.0, r.snow[:, 0] == 0.0
    assert deep.any()
    assert none.any()
    assert r.rate[deep, 0, 0].max() < r.rate[none, 0, 0].min()


def test_roots_follow_the_leaves():
    growing = sim.GrowingRoots(Roots(jnp.ones((3, 2))), DEPTHS, RootsWithLeaves(10.0, 40.0, 4.0))
    np.testing.assert_array_equal(growing.stage(jnp.array([0.0, 1.0, 2.8, 4.0])), [0, 1, 2, 2])


def test_millimeters_and_centimeters_meet_once():
    assert float(sim.to_column(24.0, days=1.0 / 24.0)) == pytest.approx(57.6)
    assert float(sim.of_column(sim.to_column(3.0, days=1.0))) == pytest.approx(3.0)


# --- operators --------------------------------------------------------------------------

OPERATORS = {
    "cosmic": sim.Cosmic(),
    "santa rita": sim.Cosmic(coefficients=ne.CosmicParameters.santa_rita()),
    "desilets": sim.DepthWeighted(),
    "uts": sim.DepthWeighted(law=ne.Koehli2021()),
}
EDGES = bare().sight()
SOIL = sim.NeutronSoil(np.array([1.4]), np.array([0.03]), np.array([0.01]), np.array([0.0]))


counted_by = eqx.filter_jit(lambda operator, *profile: operator(*profile))


def rate(operator, theta, soil=SOIL, above=0.0):
    """Return the count rate of one profile (layer) or of a homogeneous one."""
    profile = jnp.broadcast_to(jnp.asarray(theta, float)[..., None], (len(EDGES) - 1, 1))
    return float(counted_by(operator, profile, jnp.asarray(EDGES), jnp.array([above]), soil)[0])


def test_sight_ends_where_cosmic_does():
    assert EDGES[0] == 0.0
    assert EDGES[-1] == 300.0
    assert set(LAYERS[:-1]) | {30.0} <= set(EDGES)
    assert np.diff(EDGES).min() >= 0.5


@pytest.mark.parametrize("theta", [0.05, 0.2, 0.4])
def test_homogeneous_profiles_count_as_their_law(theta):
    bound = 1.4 * 0.04
    expected = ne.cosmic_homogeneous(
        theta,
        bulk_density=1.4,
        lattice_water=bound,
        parameters=ne.CosmicParameters.of_bulk_density(1.4),
    )
    assert rate(sim.Cosmic(), theta) == pytest.approx(float(expected), rel=1e-9)
    water = theta / 1.4 + 0.04
    law = ne.Desilets2010()
    assert rate(sim.DepthWeighted(), theta) == pytest.approx(
        1000.0 * float(law.relative_rate(water)), rel=1e-9
    )
    uts = 1000.0 * float(ne.Koehli2021().relative_rate(water, 7.0))
    assert rate(OPERATORS["uts"], theta) == pytest.approx(uts, rel=1e-9)


@pytest.mark.parametrize("name", OPERATORS)
def test_hydrogen_lowers_the_counts(name):
    operator = OPERATORS[name]
    dry = rate(operator, 0.2)
    assert rate(operator, 0.21) < dry
    more = {"lattice_water": 0.05, "organic_water": 0.03, "biomass_water": 3.0}
    for part, value in more.items():
        assert rate(operator, 0.2, SOIL._replace(**{part: np.array([value])})) < dry, part
    two = SOIL._replace(biomass_water=np.array([3.0]))
    assert rate(operator, 0.2, two) == pytest.approx(0.97 * dry, rel=1e-9)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_dry_surface_counts_more_than_a_wet_one_of_equal_mean(name):
    upper, zone = EDGES[:-1] < 10.0, EDGES[:-1] < 30.0
    profile = lambda top: np.where(upper, top, np.where(zone, (0.75 - top) / 2, 0.25))  # noqa: E731
    rates = [rate(OPERATORS[name], profile(top)) for top in (0.15, 0.25, 0.35)]
    assert rates[0] > 1.02 * rates[1] > 1.02**2 * rates[2]


@pytest.mark.parametrize("name", OPERATORS)
def test_layers_are_fine_enough(name):
    """A sharp drying front in 3 mm layers, and as the operators see it: below the noise of a day.

    24 h of 1000 h-1 are known to 0.6 %.
    """
    fine = np.concatenate([np.arange(0.0, 60.0, 0.3), EDGES[EDGES >= 60.0]])
    water = lambda z: 0.08 + 0.22 / (1.0 + np.exp(-(z - 2.0) / 0.8))  # noqa: E731
    middle = 0.5 * (fine[1:] + fine[:-1])
    exact = counted_by(
        OPERATORS[name], jnp.asarray(water(middle))[:, None], jnp.asarray(fine), jnp.zeros(1), SOIL
    )
    inside = [np.mean(water(np.linspace(a, b, 200))) for a, b in zip(EDGES, EDGES[1:])]  # noqa: B905, RUF007
    assert rate(OPERATORS[name], np.array(inside)) == pytest.approx(float(exact[0]), rel=6e-4)


def test_layered_density_is_seen():
    dense = SOIL._replace(bulk_density=jnp.where(jnp.asarray(EDGES[:-1]) < 30.0, 1.2, 1.6)[:, None])
    for operator in OPERATORS.values():
        ends = [rate(operator, 0.2, SOIL._replace(bulk_density=np.array([r]))) for r in (1.2, 1.6)]
        assert min(ends) < rate(operator, 0.2, dense) < max(ends)
