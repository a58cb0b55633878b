"""What the network of a study `inverse` stands beside: answers (site, day, depth) without learning.

Each knows what a user of the method would know: the site's density, bound water and N0 with its
error; the laws of other operators are calibrated to one day of soil samples.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.config.inverse import InverseStudy
from rootzone.neutrons import Desilets2010, Koehli2021
from rootzone.simulate import Weather
from rootzone.simulate.scenario_members import Sites
from rootzone.simulate.scenarios import DEPTHS, OPERATORS, Ensemble
from rootzone.studies.inverse_data import Counts, Data, retrieved
from rootzone.water.exponential_filter import exponential_filter

NAMES = {
    "network": "network",
    "homogeneous": "homogeneous inversion",
    "desilets_2010": "Desilets, one calibration day",
    "koehli_2021": "UTS, one calibration day",
    "filter": "exponential filter of the inversion",
    "columns": "columns calibrated to the counts",
    "climatology": "climatology of the training sites",
    "persistence": "persistence of ten days",
}
"""What methods are called."""

LAG = 10
"""Days that persistence looks back."""

_CAMPAIGN = 150  # day of the first year on which soil samples are taken
_TIMES = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0)  # d
_BEST = 10  # columns whose mean is the answer
_FIRST_COLUMN = 1_000_000  # numbers of soils that no site of a study has
_HUMIDITY = 7.0  # g m-3


def calibrated_law(data: Data, counts: Counts, name: str) -> np.ndarray:
    """Return the water (site, day) of a law whose N0 meets the mean of 0-30 cm on one day.

    Impossible values are cut at 0 and the porosity.
    """
    law = Desilets2010() if name == "desilets_2010" else Koehli2021()
    s = {k: v[:, None] for k, v in data.static.items()}
    day = min(_CAMPAIGN, data.days - 1)
    truth = data.theta[:, day : day + 1, data.depths.index(30)]
    bound = s["lattice_water"] + s["organic_water"]
    expected = np.asarray(law.relative_rate(truth / s["bulk_density"] + bound, _HUMIDITY))
    N0 = counts.rate[:, day : day + 1] / expected
    total = np.asarray(law.water(counts.rate / N0, _HUMIDITY))
    theta = np.nan_to_num((total - bound) * s["bulk_density"])
    return np.clip(theta, 0.0, s["porosity"])


@jax.jit
def _filtered(theta: jax.Array, time: jax.Array, T: jax.Array) -> jax.Array:
    one = lambda series: exponential_filter(series, time=time, characteristic_time=T).theta  # noqa: E731
    return jax.vmap(one)(theta)


def filtered(theta: np.ndarray, T: float) -> np.ndarray:
    """Return series (site, day) after an exponential filter of a characteristic time [d]."""
    return np.asarray(_filtered(theta, np.arange(theta.shape[1], dtype=float), T))


def fitted_times(data: Data, counts: Counts, wanted: np.ndarray) -> list[float]:
    """Return the characteristic time of each depth that is best at the training sites [d]."""
    theta = retrieved(data, counts)
    error = np.empty((len(_TIMES), len(data.depths)))
    for k, T in enumerate(_TIMES):
        miss = np.where(wanted[..., None], filtered(theta, T)[..., None] - data.theta, np.nan)
        error[k] = np.nanmean(miss**2, axis=(0, 1))
    return [_TIMES[k] for k in error.argmin(axis=0)]


def climatology(training: Data, wanted: np.ndarray, day_of_year: np.ndarray) -> np.ndarray:
    """Return the mean (day, depth) of the training part around each day of the year."""
    theta = np.where(wanted[..., None], training.theta, np.nan)
    sums, counts = np.nansum(theta, axis=0), np.isfinite(theta).sum(axis=0)
    out = np.empty((366, theta.shape[2]))
    for day in range(366):
        near = np.abs((training.day_of_year - day - 1 + 183) % 366 - 183) <= 10
        out[day] = sums[near].sum(axis=0) / np.maximum(counts[near].sum(axis=0), 1)
    return out[np.minimum(day_of_year, 366) - 1]


def persistence(data: Data) -> np.ndarray:
    """Return the true water some days before (site, day, depth): what a sensor would have told."""
    out = np.full(data.theta.shape, np.nan)
    out[:, LAG:] = data.theta[:, :-LAG]
    return out


def baselines(data: Data, counts: Counts, times: list[float], normal: np.ndarray) -> dict:
    """Return the answers (site, day, depth) of all baselines but the columns."""
    inversion = retrieved(data, counts)
    wide = lambda x: np.repeat(x[..., None], len(data.depths), axis=2)  # noqa: E731
    return {
        "homogeneous": wide(inversion),
        "desilets_2010": wide(calibrated_law(data, counts, "desilets_2010")),
        "koehli_2021": wide(calibrated_law(data, counts, "koehli_2021")),
        "filter": np.stack([filtered(inversion, T) for T in times], axis=-1),
        "climatology": np.broadcast_to(normal, data.theta.shape),
        "persistence": persistence(data),
    }


# --- columns calibrated to the counts ---------------------------------------------------


class _OfSites(eqx.Module):
    """Weather of sites; members come in groups of ``columns``, a group for each site."""

    day_of_year: np.ndarray
    series: np.ndarray
    """Rain, potential evapotranspiration and temperature (3, day, site)."""
    columns: int = eqx.field(static=True)

    def __call__(self, members: jax.Array) -> Weather:
        """Return the weather of the members with these numbers (member)."""
        day = jnp.asarray(self.day_of_year)
        rain, pet, temperature = jnp.asarray(self.series)[:, :, members // self.columns]
        return Weather(day, rain, pet, temperature)


_HYDRAULIC = ("theta_r", "theta_s", "alpha", "n", "K_s", "air_entry")


def _candidates(truth: Sites, drawn: Sites) -> Sites:
    """Return what is known of sites with hydraulic parameters that are not."""
    soils = {name: getattr(drawn, name) for name in _HYDRAULIC}
    room = 0.97 * truth.porosity / drawn.theta_s
    soils["theta_s"] = drawn.theta_s * np.minimum(1.0, room)
    soils["theta_r"] = np.minimum(drawn.theta_r, 0.5 * soils["theta_s"])
    number = np.arange(truth.number.size, dtype=np.int32)
    return truth._replace(number=number, topsoil=drawn.topsoil, **soils)


def calibrated_columns(
    study: InverseStudy, ensemble: Ensemble, data: Data, counts: Counts
) -> np.ndarray:
    """Return the mean (site, day, depth) of the columns that count most like each site.

    For every site, columns with hydraulic parameters of the whole triangle are run under its own
    weather with its own plants, density, bound water and detector; the ten with the smallest
    misfit of counts over the first half of the days are averaged. A search among the members of
    an ensemble, no more.
    """
    columns = study.evaluation.columns
    series = np.stack([np.asarray(x.T, "f4") for x in (data.rain, data.pet, data.temperature)])
    own = Ensemble(
        ensemble.recipe._replace(soils="triangle", scatter=True),
        ensemble.key,
        warm_up=ensemble.warm_up,
        grid=ensemble.grid,
        control=ensemble.control,
        operators={name: OPERATORS[name] for name in data.operators},
        weather=_OfSites(data.day_of_year, series, columns),
    )
    each = np.repeat(np.arange(data.sites), columns)
    truth = jax.tree.map(lambda x: x[..., each], ensemble.sites(data.number))
    pool = own.sites(_FIRST_COLUMN + np.arange(columns))
    sites = _candidates(truth, jax.tree.map(lambda x: np.tile(x, data.sites), pool))
    chunks = sorted(own.run_sites(sites), key=lambda c: c.number)
    rates = np.concatenate([c.result.rate for c in chunks], axis=-1)
    theta = np.concatenate([c.result.theta for c in chunks], axis=-1)
    member, which = np.arange(each.size), data.which[each]
    rate = rates[:, which, member].T / np.asarray(own.scale(sites))[which, member][:, None]
    relative = rate.reshape(data.sites, columns, -1)
    measured = (counts.rate / counts.N0[:, None])[:, None]
    half = slice(0, data.days // 2)
    misfit = np.mean((relative - measured)[..., half] ** 2, axis=-1)
    misfit = np.where(np.isfinite(misfit), misfit, np.inf)  # columns that did not finish
    best = np.argsort(misfit, axis=1)[:, :_BEST] + columns * np.arange(data.sites)[:, None]
    chosen = [DEPTHS.index(float(d)) for d in data.depths]
    return np.moveaxis(theta[:, chosen][:, :, best].mean(axis=-1), 2, 0)
