"""What the network of a study `inverse` answers: distributions, and intervals made honest."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.learn import Model, Recalibration, Sequences, Transformed, predict

LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
"""Probabilities of the quantiles."""

INTERVALS = {0.5: (2, 4), 0.8: (1, 5), 0.9: (0, 6)}
"""Central intervals: places of their ends in ``LEVELS``."""

_NODES, _TAIL = 128, 1e-5


class Answers(NamedTuple):
    """Of the network, arrays (site, day, depth, ...)."""

    mean: np.ndarray
    quantile: np.ndarray
    """Before calibration (..., level)."""
    calibrated: np.ndarray
    """After calibration (..., level)."""
    crps: np.ndarray
    log_prob: np.ndarray
    pit: np.ndarray
    """Probability of values up to the truth."""


def calibration_of(pit: np.ndarray, wanted: np.ndarray) -> Recalibration:
    """Return the layer that sets probabilities right, from the validation part.

    Parameters
    ----------
    pit : array (site, day, depth)
        Of the validation part.
    wanted : array (site, day)
        Its days.
    """
    return Recalibration.fit(np.where(wanted[..., None], pit, np.nan))


def calibrated_levels(layer: Recalibration) -> np.ndarray:
    """Return the levels (depth, level) to ask for, so that each is met as often as it says."""
    return np.clip(np.asarray(layer.to_base(LEVELS)), 1e-4, 1.0 - 1e-4)


def _table(predicted: Transformed) -> tuple[jax.Array, jax.Array]:
    """Return points (..., node) in the target's unit and the probability of values up to them.

    The points are even on the network's scale and hold all but 1e-5 of the mass of every part.
    """
    ends = [predicted.base.component_quantile(jnp.full((1,), p, "f4")) for p in (_TAIL, 1 - _TAIL)]
    low, high = ends[0].min(axis=-1), ends[1].max(axis=-1)
    z = low[..., None] + (high - low)[..., None] * jnp.linspace(0.0, 1.0, _NODES)
    points = predicted.spread_out().transform.forward(z)
    return points, predicted.base.spread_out().cdf(z)


def _integral(points: jax.Array, values: jax.Array) -> jax.Array:
    """Return the integral (..., node) from the first point to each."""
    steps = 0.5 * (values[..., 1:] + values[..., :-1]) * jnp.diff(points, axis=-1)
    start = jnp.zeros_like(values[..., :1])
    return jnp.concatenate([start, jnp.cumsum(steps, axis=-1)], axis=-1)


_at = jnp.vectorize(jnp.interp, signature="(k),(n),(n)->(k)")


def mean_of(predicted: Transformed) -> jax.Array:
    """Return the mean: the highest point less the integral of the distribution function."""
    points, below = _table(predicted)
    return points[..., -1] - _integral(points, below)[..., -1]


def pit_of(model: Model, data: Sequences) -> np.ndarray:
    """Return the probability (site, day, depth) that the network gave to values up to the truth."""

    def what(predicted: Transformed, target: Any) -> jax.Array:
        return predicted.spread_out().cdf(target)[..., 0]

    return predict(model, data, what, with_target=True)


def answer(model: Model, data: Sequences, levels: np.ndarray) -> Answers:
    """Return what the network answers at every day of every site.

    All is read from one table of the distribution function at 128 points, which is good to a few
    thousandths of the spread and many times faster than a quadrature for each.

    Parameters
    ----------
    model : Model
        Trained.
    data : Sequences
        Inputs; where targets are missing the scores are.
    levels : array (depth, level)
        Calibrated levels, see :func:`calibrated_levels`.
    """
    given = np.tile(LEVELS, (len(levels), 1))
    both = np.concatenate([given, levels], axis=1).astype("f4")

    def what(predicted: Transformed, target: Any) -> dict[str, Any]:
        points, below = _table(predicted)
        under, over = _integral(points, below**2), _integral(points, (1.0 - below) ** 2)
        inside = jnp.clip(target, points[..., :1], points[..., -1:])
        wanted = jnp.broadcast_to(both, (*points.shape[:-1], both.shape[-1]))
        crps = _at(inside, points, under) + over[..., -1:] - _at(inside, points, over)
        spread = predicted.spread_out()
        return {
            "mean": points[..., -1] - _integral(points, below)[..., -1],
            "quantile": _at(wanted, below, points),
            "crps": (crps + jnp.abs(target - inside))[..., 0],
            "log_prob": spread.log_prob(target)[..., 0],
            "pit": spread.cdf(target)[..., 0],
        }

    found = predict(model, data, what, with_target=True)
    n = len(LEVELS)
    quantile = found.pop("quantile")
    return Answers(quantile=quantile[..., :n], calibrated=quantile[..., n:], **found)


def coverage(answers: Answers, truth: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Return coverage and mean width of central intervals (interval, depth), before and after."""
    out = {}
    for name, quantile in (("", answers.quantile), ("_calibrated", answers.calibrated)):
        shares, widths = [], []
        for low, high in INTERVALS.values():
            inside = (truth >= quantile[..., low]) & (truth <= quantile[..., high])
            shares.append([inside[..., k][wanted].mean() for k in range(truth.shape[2])])
            width = quantile[..., high] - quantile[..., low]
            widths.append([width[..., k][wanted].mean() for k in range(truth.shape[2])])
        out[f"coverage{name}"], out[f"width{name}"] = np.array(shares), np.array(widths)
    return out
