"""Scores of simulated against observed series: of sections of places, and of all together.

A section is a set of places that are judged as one, e.g. the cells of a land cover. Its series is
the mean of its places on days when they are observed; the scores of all places together take them
one by one, so that differences in space count as much as those in time. All scores are kept for
every parameter set; an :class:`Objective` chooses among them afterwards.
"""

from collections.abc import Mapping
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.errors import StudyError
from rootzone.evaluate import kge_2009, kge_2012, nse, pbias, r_squared, rmse, spaef

SCORES = (
    "nse",
    "kge_2009",
    "kge_2009_alpha",
    "kge_2012",
    "kge_2012_gamma",
    "kge_beta",
    "r",
    "r_squared",
    "pbias",
    "rmse",
    "log_likelihood",
)
"""Scores of a section, in the order of the arrays."""
SPATIAL = ("spaef", "spaef_alpha", "spaef_beta", "spaef_gamma")
"""Scores of all places as a space-time map."""
TOGETHER = "all"
"""Name of all places together, behind the sections."""

Factor = Literal["none", "section", "place"]


class Observed(eqx.Module):
    """Observed series at places, and the sections the places belong to.

    Attributes
    ----------
    values : array (day, place)
        Observed values, NaN where there is none.
    sigma : array (day, place)
        Their standard deviations, positive where there are values.
    section : array (place) of int
        Section of each place.
    sections : tuple of str
        Their names.
    factor : {"none", "section", "place"}
        Simulated values are multiplied with one factor for each section or place that makes the
        weighted squared errors least: a count rate over dry soil (N0) of each section or place.
    """

    values: ArrayLike
    sigma: ArrayLike
    section: ArrayLike
    sections: tuple[str, ...] = eqx.field(static=True)
    factor: Factor = eqx.field(static=True, default="none")

    def of(self, values: ArrayLike, sigma: ArrayLike = 1.0) -> "Observed":
        """Return other values at the same places, without a factor."""
        sigma = jnp.where(jnp.isfinite(jnp.asarray(values)), sigma, jnp.nan)
        return Observed(values, sigma, self.section, self.sections)

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the sections and all together."""
        return (*self.sections, TOGETHER)

    @property
    def member_of(self) -> jax.Array:
        """Return which places belong to which section (section, place) as 0 and 1."""
        own = jnp.arange(len(self.sections))[:, None]
        return (jnp.asarray(self.section) == own).astype(float)

    def unscored(self) -> tuple[str, str] | None:
        """Return the first section that cannot be scored and why; None: all can."""
        series = np.asarray(_means(self, jnp.asarray(self.values)[None])[0][0])
        for name, one in zip(self.sections, series, strict=True):
            known = one[np.isfinite(one)]
            if len(known) < 2:
                return name, f"{len(known)} day with values, no score can be made of it"
            if np.ptp(known) <= 1e-9 * np.abs(known).max():
                return name, (
                    f"{known[0]:g} on all {len(known)} days, without variance there is no "
                    "efficiency"
                )
        return None

    def require_variance(
        self, what: str, remedy: str = "give it more days or leave it out"
    ) -> None:
        """Refuse sections that cannot be scored.

        Parameters
        ----------
        what : str
            What the values are.
        remedy : str
            What to do.

        Raises
        ------
        StudyError
            If a section has fewer than two days with values, or values that do not vary.
        """
        found = self.unscored()
        if found is not None:
            raise StudyError(f"{what} of '{found[0]}': {found[1]}; {remedy}")


def _means(observed: Observed, sim: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return means (member, section, day) of the places, simulated and observed."""
    values = jnp.asarray(observed.values)
    known = jnp.isfinite(values)
    member_of = jnp.asarray(observed.member_of, sim.dtype)
    number = known.astype(sim.dtype) @ member_of.T  # (day, section)

    def mean(x: jax.Array) -> jax.Array:
        total = jnp.where(known, x, 0.0) @ member_of.T
        return jnp.where(number > 0, total / jnp.maximum(number, 1.0), jnp.nan)

    return jnp.moveaxis(mean(sim), -1, -2), jnp.moveaxis(mean(values), -1, -2)


def factors(observed: Observed, sim: jax.Array) -> jax.Array:
    """Return the factor (member, place) that simulated values are multiplied with."""
    if observed.factor == "none":
        return jnp.ones((sim.shape[0], sim.shape[-1]), sim.dtype)
    values = jnp.asarray(observed.values)
    known = jnp.isfinite(values)
    weight = jnp.where(known, 1.0 / jnp.where(known, jnp.asarray(observed.sigma), 1.0) ** 2, 0.0)
    obs = jnp.where(known, values, 0.0)
    cross = jnp.sum(weight * obs * sim, axis=-2)
    square = jnp.sum(weight * sim**2, axis=-2)
    if observed.factor == "section":
        member_of = jnp.asarray(observed.member_of, sim.dtype)
        cross, square = (x @ member_of.T @ member_of for x in (cross, square))
    return jnp.where(square > 0, cross / jnp.where(square > 0, square, 1.0), 1.0)


def score_members(observed: Observed, sim: ArrayLike) -> dict[str, jax.Array]:
    """Return the scores of simulated series.

    Parameters
    ----------
    observed : Observed
        The observations.
    sim : array (member, day, place)
        Simulated values of the same days and places.

    Returns
    -------
    dict
        ``SCORES`` as arrays (member, group), the groups being the sections and all together, and
        ``SPATIAL`` as arrays (member). PBIAS is simulated minus observed. The log likelihood is
        that of single values with independent Gaussian errors of ``sigma``.
    """
    sim = jnp.asarray(sim)
    sim = sim * factors(observed, sim)[:, None, :]
    by_section, of_section = _means(observed, sim)
    flat = sim.reshape(sim.shape[0], -1)
    values = jnp.asarray(observed.values)
    flat_obs = values.reshape(-1)

    known = jnp.isfinite(values)
    sigma = jnp.where(known, jnp.asarray(observed.sigma), 1.0)
    misfit = jnp.where(known, (sim - jnp.where(known, values, 0.0)) / sigma, 0.0)
    each = jnp.where(known, -0.5 * misfit**2 - jnp.log(sigma) - 0.5 * jnp.log(2 * jnp.pi), 0.0)
    by_place = jnp.sum(each, axis=1)
    likelihood = jnp.concatenate(
        [
            by_place @ jnp.asarray(observed.member_of, sim.dtype).T,
            jnp.sum(by_place, axis=-1, keepdims=True),
        ],
        axis=-1,
    )

    parts = []
    for s, o in ((by_section, of_section), (flat[:, None], flat_obs[None])):
        old, new = kge_2009(sim=s, obs=o), kge_2012(sim=s, obs=o)
        parts.append(
            {
                "nse": nse(sim=s, obs=o),
                "kge_2009": old.kge,
                "kge_2009_alpha": old.alpha,
                "kge_2012": new.kge,
                "kge_2012_gamma": new.gamma,
                "kge_beta": new.beta,
                "r": new.r,
                "r_squared": r_squared(sim=s, obs=o),
                "pbias": pbias(sim=s, obs=o),
                "rmse": rmse(sim=s, obs=o),
            }
        )
    found = {name: jnp.concatenate([p[name] for p in parts], axis=-1) for name in parts[0]}
    found["log_likelihood"] = likelihood
    pattern = spaef(sim=flat, obs=flat_obs, axis=-1)
    found["spaef"] = pattern.spaef
    found["spaef_alpha"], found["spaef_beta"] = pattern.alpha, pattern.beta
    found["spaef_gamma"] = pattern.gamma
    return found


# --- what is searched for -----------------------------------------------------------------

Target = Literal["nse", "kge_2009", "kge_2012", "log_likelihood", "rmse"]


class Objective(eqx.Module):
    """One number of the scores of a parameter set, the larger the better.

    Attributes
    ----------
    score : str
        ``nse``, ``kge_2009``, ``kge_2012``, ``log_likelihood`` or ``rmse`` (taken negative).
    groups : tuple of str
        Sections, or all together, that count.
    combine : {"mean", "min", "distance"}
        Their mean, the worst of them, or minus the Euclidean distance from one.
    """

    score: Target = eqx.field(static=True, default="nse")
    groups: tuple[str, ...] = eqx.field(static=True, default=(TOGETHER,))
    combine: Literal["mean", "min", "distance"] = eqx.field(static=True, default="mean")

    def of(self, scores: Mapping[str, ArrayLike], names: tuple[str, ...]) -> jax.Array:
        """Return the objective (member) of scores (member, group) with these group names."""
        at = np.array([names.index(name) for name in self.groups])
        values = jnp.asarray(scores[self.score])[..., at]
        values = -values if self.score == "rmse" else values
        if self.combine == "mean":
            # likelihoods of independent values multiply
            total = jnp.sum if self.score == "log_likelihood" else jnp.mean
            return total(values, axis=-1)
        if self.combine == "min":
            return jnp.min(values, axis=-1)
        return -jnp.sqrt(jnp.sum((1.0 - values) ** 2, axis=-1))
