"""Samples of the posterior by the no-U-turn sampler, for problems of few parameters."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.calibrate.samplers import latin_hypercube
from rootzone.calibrate.searches.common import library, require_positive
from rootzone.calibrate.space import Space
from rootzone.core.errors import RunError, StudyError

LogLikelihood = Callable[[jax.Array], jax.Array]
"""Values (parameter) to a log likelihood, written in JAX."""


class Sampled(NamedTuple):
    """Samples of a posterior.

    Attributes
    ----------
    values : array (chain, draw, parameter)
        Parameter sets.
    log_likelihood : array (chain, draw)
        Their log likelihoods.
    divergences : array (chain) of int
        Draws at which the path broke off: any at all make the samples doubtful.
    r_hat : array (parameter)
        Split potential scale reduction, of transformed parameters: near 1 when chains agree.
    ess : array (parameter)
        Effective number of independent draws, of transformed parameters.
    cost : array (chain)
        Gradients, those of the start and of the warmup included.
    runs : array (chain)
        Likelihoods without a gradient: of the candidates where it may start.
    """

    values: np.ndarray
    log_likelihood: np.ndarray
    divergences: np.ndarray
    r_hat: np.ndarray
    ess: np.ndarray
    cost: np.ndarray
    runs: np.ndarray


def nuts(
    log_likelihood: LogLikelihood,
    space: Space,
    *,
    warmup: int,
    samples: int,
    chains: int,
    seed: int,
    candidates: int = 64,
) -> Sampled:
    r"""Sample parameters that are uniform between their bounds, given a likelihood.

    Positions u in the unit cube are sampled as :math:`z = \ln(u / (1 - u))`, whose prior density
    is :math:`\prod u (1 - u)`.

    Parameters
    ----------
    log_likelihood : callable
        Values (parameter) to a number, in JAX; it is compiled for all chains side by side.
    space : Space
        Parameters and bounds.
    warmup, samples : int
        Draws of each chain that adapt the sampler, and that are kept (at least 4).
    chains : int
        Chains side by side; two at least show whether they agree.
    seed : int
        The same seed gives the same samples.
    candidates : int
        Sets of a Latin hypercube for each chain; the best of them are where chains start.

    Raises
    ------
    StudyError
        If numpyro is not installed, or the numbers do not make a sample.
    RunError
        If fewer candidates than chains have a finite likelihood.

    Notes
    -----
    Source: Hoffman and Gelman (2014), JMLR 15, 1593-1623, in numpyro (Phan et al. 2019,
    arXiv:1912.11554). Thousands of gradients in a row: for models of a moment.
    """
    require_positive(warmup=warmup, chains=chains, candidates=candidates)
    if samples < 4:
        raise StudyError(f"samples: {samples}, at least 4 are wanted to see whether chains agree")
    infer, diagnostics = library("numpyro.infer"), library("numpyro.diagnostics")
    low, width = jnp.asarray(space.lower), jnp.asarray(space.upper - space.lower)

    def prior(z: jax.Array) -> jax.Array:
        return jnp.sum(jax.nn.log_sigmoid(z) + jax.nn.log_sigmoid(-z), axis=-1)

    def potential(z: jax.Array) -> jax.Array:
        return -(log_likelihood(low + width * jax.nn.sigmoid(z)) + prior(z))

    first = _starts(potential, space, chains, candidates, seed)
    fields = ("diverging", "num_steps", "potential_energy")
    mcmc = infer.MCMC(
        infer.NUTS(potential_fn=potential),
        num_warmup=warmup,
        num_samples=samples,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    start = first[0] if chains == 1 else first  # numpyro knows no chain of one
    mcmc.warmup(jax.random.key(seed), init_params=start, extra_fields=fields, collect_warmup=True)
    spent = np.asarray(mcmc.get_extra_fields(group_by_chain=True)["num_steps"]).sum(axis=1)
    mcmc.run(mcmc.post_warmup_state.rng_key, extra_fields=fields)
    told = mcmc.get_extra_fields(group_by_chain=True)
    z = np.asarray(mcmc.get_samples(group_by_chain=True), float)
    return Sampled(
        values=np.asarray(space.from_unit(np.asarray(jax.nn.sigmoid(z), float))),
        # the sampler knows it of every draw: no draw is run again, let alone all at once
        log_likelihood=-np.asarray(told["potential_energy"] + prior(jnp.asarray(z)), float),
        divergences=np.asarray(told["diverging"]).sum(axis=1),
        r_hat=np.asarray(diagnostics.split_gelman_rubin(z)),
        ess=np.asarray(diagnostics.effective_sample_size(z)),
        # one gradient where a chain starts, then one for each step
        cost=(1 + spent + np.asarray(told["num_steps"]).sum(axis=1)).astype(float),
        runs=np.full(chains, float(candidates)),
    )


def _starts(
    potential: Callable[[jax.Array], jax.Array],
    space: Space,
    chains: int,
    candidates: int,
    seed: int,
) -> jax.Array:
    """Return where chains start (chain, parameter), in transformed space.

    Every chain takes the best of its own candidates, so that chains do not start alike.
    """
    unit = np.clip(space.to_unit(latin_hypercube(space, chains * candidates, seed)), 1e-6, 1 - 1e-6)
    z = jnp.asarray(np.log(unit / (1.0 - unit)))
    energy = np.asarray(jax.jit(jax.vmap(potential))(z), float).reshape(chains, candidates)
    energy = np.where(np.isfinite(energy), energy, np.inf)
    lost = ~np.isfinite(energy).any(axis=1)
    if lost.any():
        raise RunError(
            f"the likelihood is not a number at all {candidates} sets tried for {lost.sum()} of "
            f"{chains} chains: check the model within the bounds, or narrow them"
        )
    pick = np.argmin(energy, axis=1)
    return z.reshape(chains, candidates, -1)[np.arange(chains), pick]
