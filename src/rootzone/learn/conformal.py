"""A layer on top of a model that sets its intervals right, from data kept for that purpose.

Both ways are split-conformal: if the days to come are exchangeable with the calibration part, the
coverage is at least nominal and at most 1/(n + 1) above it. Days in a row are not independent:
n counts for less than its number, so take whole other sites or years to calibrate.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.errors import DataError
from rootzone.learn.distributions import Distribution

_LEVELS = np.concatenate(
    [[0.001, 0.0025, 0.005], np.linspace(0.01, 0.99, 99), [0.995, 0.9975, 0.999]]
)


def _order_statistic(values: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return the ceil((n + 1) level)-th smallest value, from 1 to n, for each level."""
    ordered = np.sort(values[np.isfinite(values)])
    if not ordered.size:
        raise DataError("a target has no value in the part kept for calibration")
    rank = np.ceil((ordered.size + 1) * level - 1e-9).astype(int)
    return ordered[np.clip(rank, 1, ordered.size) - 1]


class Recalibration(eqx.Module):
    r"""A monotone map of probabilities per target, from the PIT of the calibration part.

    The recalibrated quantile of level p is the model's quantile of level
    :math:`u_{\lceil (n+1)p \rceil}`, the order statistic of the PITs.

    Attributes
    ----------
    level : array (level)
        Probabilities, from 0 to 1.
    base : array (target, level)
        Level that the model must be asked for to get ``level``.

    Notes
    -----
    Sources: Kuleshov et al. (2018), arXiv:1807.00263; as a conformal predictive system Vovk et
    al. (2017), Machine Learning 108, doi:10.1007/s10994-018-5755-8.
    """

    level: np.ndarray
    base: np.ndarray

    @classmethod
    def fit(cls, pit: ArrayLike) -> "Recalibration":
        """Return the map of PITs (..., target) of the calibration part; NaN in gaps.

        Raises
        ------
        DataError
            If a target has no value.
        """
        rows = np.asarray(pit, float)
        rows = rows.reshape(-1, rows.shape[-1])
        middle = np.stack([_order_statistic(column, _LEVELS) for column in rows.T])
        ends = np.zeros((len(middle), 1)), np.ones((len(middle), 1))
        base = np.concatenate([ends[0], middle, ends[1]], axis=1)
        return cls(np.concatenate([[0.0], _LEVELS, [1.0]]), base)

    def describe(self) -> dict[str, list]:
        """Return the map as JSON-able numbers, see :meth:`of_description`."""
        return {"level": self.level.tolist(), "base": np.round(self.base, 6).tolist()}

    @classmethod
    def of_description(cls, words: dict[str, list]) -> "Recalibration":
        """Return the map of what :meth:`describe` gave.

        Raises
        ------
        DataError
            If it is not one: rising levels from 0 to 1, and as many for each target.
        """
        try:
            level, base = np.asarray(words["level"], float), np.asarray(words["base"], float)
        except (KeyError, TypeError, ValueError):
            level, base = np.zeros(0), np.zeros((1, 0))
        fit = level.ndim == 1 and base.ndim == 2 and base.shape[1] == level.size > 1
        rows = (level[None], base) if fit else ()
        rising = lambda x: (np.diff(x) >= 0).all() and x.min() >= 0 and x.max() <= 1  # noqa: E731
        if not fit or not all(rising(x) for x in rows):  # not-a-numbers do not rise
            raise DataError("the stored calibration of the intervals is none: train again")
        return cls(level, base)

    def to_base(self, p: ArrayLike) -> jax.Array:
        """Return the model's levels (target, ...) for levels p (...)."""
        ask = lambda base: jnp.interp(jnp.asarray(p), jnp.asarray(self.level), base)  # noqa: E731
        return jax.vmap(ask)(jnp.asarray(self.base))

    def pit(self, pit: ArrayLike) -> jax.Array:
        """Return recalibrated PITs of the model's PITs (..., target)."""
        ask = lambda p, base: jnp.interp(p, base, jnp.asarray(self.level))  # noqa: E731
        moved = jax.vmap(ask, in_axes=(-1, 0), out_axes=-1)
        return moved(jnp.asarray(pit), jnp.asarray(self.base))

    def quantile(self, predicted: Distribution, p: float) -> jax.Array:
        """Return the recalibrated quantile (..., target) of level p."""
        return predicted.quantile(self.to_base(p))


class IntervalCorrection(eqx.Module):
    r"""Intervals widened or narrowed by a constant per target: conformalized quantile regression.

    .. math:: [q_l - c, q_h + c], \quad c = \text{order statistic of } \max(q_l - y, y - q_h)

    Attributes
    ----------
    coverage : float
        Nominal coverage of the interval.
    shift : array (target)
        c, in the target's unit; negative where the model's intervals were too wide.

    Notes
    -----
    Source: Romano et al. (2019), arXiv:1905.03222, eqs. 6 to 9.
    """

    coverage: float = eqx.field(static=True)
    shift: np.ndarray

    @classmethod
    def fit(
        cls, *, obs: ArrayLike, lower: ArrayLike, upper: ArrayLike, coverage: float
    ) -> "IntervalCorrection":
        """Return the correction of intervals (..., target) with their observations.

        Raises
        ------
        DataError
            If a target has no value.
        """
        obs, lower, upper = np.broadcast_arrays(
            *(np.asarray(a, float) for a in (obs, lower, upper))
        )
        score = np.maximum(lower - obs, obs - upper).reshape(-1, obs.shape[-1])
        level = np.asarray([coverage])
        return cls(coverage, np.concatenate([_order_statistic(c, level) for c in score.T]))

    def apply(self, lower: ArrayLike, upper: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Return corrected limits (..., target); where they would cross, both are the middle."""
        lower, upper = jnp.asarray(lower), jnp.asarray(upper)
        middle = 0.5 * (lower + upper)
        low = jnp.minimum(lower - self.shift, middle)
        return low, jnp.maximum(upper + self.shift, middle)


def coverage_table(
    pit: ArrayLike, recalibration: Recalibration, levels: Sequence[float] = (0.5, 0.8, 0.9)
) -> dict[str, np.ndarray]:
    """Return nominal coverage (level), and coverage before and after (level, target).

    Parameters
    ----------
    pit : array (..., target)
        PITs of the model on a part that was used neither for training nor to calibrate.
    recalibration : Recalibration
        The layer.
    levels : sequence of float
        Central intervals.
    """
    rows = np.asarray(pit, float)
    rows = rows.reshape(-1, rows.shape[-1])
    after = np.asarray(recalibration.pit(rows))

    def share(values: np.ndarray, level: float) -> np.ndarray:
        inside = np.abs(values - 0.5) <= level / 2 + 1e-9
        return np.where(np.isfinite(values), inside, 0).sum(axis=0) / np.isfinite(values).sum(
            axis=0
        )

    return {
        "nominal": np.asarray(levels, float),
        "before": np.stack([share(rows, level) for level in levels]),
        "after": np.stack([share(after, level) for level in levels]),
    }
