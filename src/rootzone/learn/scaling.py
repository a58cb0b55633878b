"""Scaling learned on the training part and kept with the model, with the ranges seen there."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import DataError
from rootzone.learn.distributions import Affine, Bounded
from rootzone.learn.sequences import Sequences


class Standard(eqx.Module):
    """Standardization of the columns of an array, and the range that was seen.

    Attributes
    ----------
    center, spread : array (column)
        Mean and standard deviation.
    low, high : array (column)
        Smallest and largest value.
    """

    center: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, rows: np.ndarray) -> "Standard":
        """Return the scaling of rows (row, column) with gaps; a constant column has spread 1."""
        numbers = [cls._of_column(np.asarray(column, float)) for column in np.asarray(rows).T]
        center, spread, low, high = np.reshape(numbers, (-1, 4)).T
        empty = np.isnan(center)
        spread = np.where(empty | ~(spread > 1e-9 * np.abs(center)), 1.0, spread)
        parts = (np.where(empty, 0.0, center), spread, low, high)
        return cls(*(np.asarray(part, "f4") for part in parts))

    @staticmethod
    def _of_column(column: np.ndarray) -> tuple[float, ...]:
        """Return mean, spread and range; one column at a time, which saves memory."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a column without values
            return tuple(float(f(column)) for f in (np.nanmean, np.nanstd, np.nanmin, np.nanmax))

    def apply(self, values: jax.Array | np.ndarray):
        """Return standardized values (..., column)."""
        return (values - self.center) / self.spread

    def share_outside(self, values: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """Return which share of the present values lies out of the range seen, per column.

        Parameters
        ----------
        values : array (..., column)
            Values in their own unit.
        margin : float
            Widening of the range on both sides, as a share of its width.
        """
        values = np.asarray(values, "f4").reshape(-1, len(self.center))
        wide = margin * (self.high - self.low)
        outside = (values < self.low - wide) | (values > self.high + wide)
        present = np.isfinite(values)
        return (outside & present).sum(axis=0) / np.maximum(present.sum(axis=0), 1)


class Scaling(eqx.Module):
    """All scalings of a model.

    Attributes
    ----------
    inputs : Standard
        Of the inputs that change.
    static : Standard or None
        Of the attributes.
    center, spread : array (target)
        Mean and standard deviation of the targets; of their logits where they are bounded.
    bounded : bool
        Whether targets lie between zero and an upper bound given with the data.
    """

    inputs: Standard
    static: Standard | None
    center: np.ndarray
    spread: np.ndarray
    bounded: bool = eqx.field(static=True, default=False)

    @classmethod
    def fit(cls, data: Sequences, *, bounded: bool = False) -> "Scaling":
        """Return the scaling of the part of the data that takes part.

        Raises
        ------
        DataError
            If a target has no value, or a bounded target lies outside its bounds.
        """
        used = data.used
        target = np.asarray(data.replicated_target[used], float)  # (row, target, replicate)
        if bounded:
            upper = check_bounds(data)
            rows = np.broadcast_to(upper[:, None, :, None], data.replicated_target.shape)[used]
            target = np.log(target) - np.log(rows - target)
        columns = np.moveaxis(target, 1, 2).reshape(-1, target.shape[1])
        if np.isnan(columns).all(axis=0).any() or not len(columns):
            missing = np.flatnonzero(np.isnan(columns).all(axis=0)).tolist()
            raise DataError(f"targets {missing} (counted from 0) have no value to learn from")
        found = Standard.fit(columns)
        static = None if data.static is None else Standard.fit(data.static[used.any(axis=1)])
        return cls(Standard.fit(data.inputs[used]), static, found.center, found.spread, bounded)

    def transform(self, upper: jax.Array | None) -> Affine | Bounded:
        """Return the way from the network's scale to the target's unit.

        Parameters
        ----------
        upper : array (..., target) or None
            Upper bounds; wanted where the targets are bounded.
        """
        loc, scale = jnp.asarray(self.center), jnp.asarray(self.spread)
        if not self.bounded:
            return Affine(loc, scale)
        if upper is None:
            raise DataError("the model's targets are bounded: give 'upper' (the porosity)")
        return Bounded(loc, scale, upper)


def check_bounds(data: Sequences) -> np.ndarray:
    """Return the upper bounds of the targets.

    Raises
    ------
    DataError
        If there are none, or targets lie at or beyond their bounds.
    """
    if data.upper is None:
        raise DataError("bounded targets want 'upper' (the porosity) for every series")
    upper = np.asarray(data.upper, float)
    target = data.replicated_target
    outside = (target <= 0) | (target >= upper[:, None, :, None])
    outside &= data.used[:, :, None, None]
    if outside.any() or not np.all(upper > 0):
        series = np.flatnonzero(outside.any(axis=(1, 2, 3)))
        raise DataError(
            f"{int(outside.sum())} target values of {len(series)} series (first: series "
            f"{series[0] if len(series) else 0}) are not between 0 and their upper bound "
            "(porosity): mend or remove them, raise the bound, or learn an unbounded target"
        )
    return upper
