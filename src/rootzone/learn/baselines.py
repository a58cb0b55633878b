"""What a network must beat: climatology, persistence and a linear model, each with a spread.

All answer with a :class:`NormalMixture` of one Gaussian, as the network does with its own.
"""

import warnings

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import DataError
from rootzone.learn.mixtures import NormalMixture

YEAR = 366


def _gaussian(mean: np.ndarray, std: np.ndarray) -> NormalMixture:
    mean, std = np.broadcast_arrays(mean, std)
    loc, scale = jnp.asarray(mean)[..., None], jnp.asarray(std)[..., None]
    return NormalMixture(jnp.zeros_like(loc), loc, scale)


class Climatology(eqx.Module):
    """Mean and spread for each day of the year, by group of series.

    Attributes
    ----------
    mean, std : array (group, 366, target)
        NaN for a group without data in that season.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(
        cls,
        target: np.ndarray,
        day_of_year: np.ndarray,
        group: np.ndarray | None = None,
        half_width: int = 15,
    ) -> "Climatology":
        """Return the climatology of the training part.

        Parameters
        ----------
        target : array (series, time, target) or (series, time, target, replicate)
            NaN in gaps and outside the training part.
        day_of_year : int array (time) or (series, time)
            From 1 to 366.
        group : int array (series), optional
            Series pooled together, numbered from 0; by default all are one group.
        half_width : int
            Days on both sides pooled with a day.

        Raises
        ------
        DataError
            If there is no target at all.
        """
        target = target if target.ndim == 4 else target[..., None]
        if np.isnan(target).all():
            raise DataError("climatology wants at least one target in the training part")
        group = np.zeros(len(target), int) if group is None else np.asarray(group)
        day = np.broadcast_to(np.asarray(day_of_year), target.shape[:2]) - 1
        sums = np.zeros((3, group.max() + 1, YEAR, target.shape[2]))
        present = np.isfinite(target)
        clean = np.where(present, target, 0.0).astype(float)
        where = (np.broadcast_to(group[:, None], day.shape), day)
        for order in range(3):
            np.add.at(sums[order], where, (present * clean**order).sum(axis=-1))
        shifts = range(-half_width, half_width + 1)
        near = np.sum([np.roll(sums, shift, axis=2) for shift in shifts], axis=0)
        count, first, second = near
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            mean = np.where(count > 0, first / count, np.nan)
            variance = np.maximum(second / count - mean**2, 0.0)
            std = np.where(count > 1, np.sqrt(variance * count / (count - 1)), np.nan)
        return cls(mean, std)

    def predict(self, day_of_year: np.ndarray, group: np.ndarray | None = None) -> NormalMixture:
        """Return distributions (series, time, target), or (1, time, target) without groups."""
        group = np.zeros(1, int) if group is None else np.asarray(group)
        day = np.asarray(day_of_year) - 1
        day = np.broadcast_to(day, (len(group), day.shape[-1]))
        rows = np.broadcast_to(group[:, None], day.shape)
        return _gaussian(self.mean[rows, day], self.std[rows, day])


class Persistence(eqx.Module):
    """The last value seen, ``lead`` steps ago or before, with the spread of its changes.

    Attributes
    ----------
    lead : int
        Steps between the last value that may be used and the target.
    std : array (target)
        Standard deviation of the changes in the training part.
    """

    lead: int = eqx.field(static=True)
    std: np.ndarray

    @classmethod
    def fit(cls, target: np.ndarray, lead: int = 1) -> "Persistence":
        """Return the persistence of targets (series, time, target) of the training part."""
        change = target - _held(target, lead)
        rows = change.reshape(-1, target.shape[-1])
        if np.isnan(rows).all(axis=0).any():
            raise DataError(f"no two values {lead} steps apart to learn the spread from")
        return cls(lead, np.sqrt(np.nanmean(rows**2, axis=0)))

    def predict(self, target: np.ndarray) -> NormalMixture:
        """Return distributions (series, time, target); NaN before the first value."""
        return _gaussian(_held(target, self.lead), self.std)


def _held(target: np.ndarray, lead: int) -> np.ndarray:
    """Return the last present value up to ``lead`` steps before each step."""
    if lead < 1:
        raise DataError(f"persistence of {lead} steps would know the answer: at least 1 wanted")
    steps = np.arange(target.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(np.isfinite(target), steps, -1), axis=1)
    last = np.concatenate([np.full_like(last[:, :lead], -1), last[:, :-lead]], axis=1)
    held = np.take_along_axis(target, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, held, np.nan)


class Linear(eqx.Module):
    """Least squares on the inputs and their exponential memories, with the residuals' spread.

    Attributes
    ----------
    memories : tuple of float
        Time scales of the memories [steps].
    center, spread : array (feature)
        Standardization.
    weight : array (1 + feature, target)
        Coefficients, constant first.
    std : array (target)
        Standard deviation of the residuals.
    """

    memories: tuple[float, ...] = eqx.field(static=True)
    center: np.ndarray
    spread: np.ndarray
    weight: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(
        cls,
        inputs: np.ndarray,
        target: np.ndarray,
        memories: tuple[float, ...] = (5.0, 30.0),
        ridge: float = 1e-3,
    ) -> "Linear":
        """Return the model of inputs (series, time, input) and targets (series, time, target).

        Parameters
        ----------
        inputs, target : array
            NaN in gaps; a step with a gap is not learned from.
        memories : tuple of float
            Time scales [steps] over which inputs are remembered.
        ridge : float
            Penalty of standardized coefficients, as a share of the number of rows.

        Raises
        ------
        DataError
            If a target has fewer rows than coefficients.
        """
        features = _features(inputs, memories).reshape(-1, (1 + len(memories)) * inputs.shape[-1])
        rows = target.reshape(-1, target.shape[-1])
        complete = np.isfinite(features).all(axis=1)
        if not complete.any():
            raise DataError("the linear model finds no step without a missing input")
        center, spread = features[complete].mean(axis=0), features[complete].std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        x = np.concatenate([np.ones((len(rows), 1)), (features - center) / spread], axis=1)
        weight, std = np.zeros((x.shape[1], rows.shape[1])), np.zeros(rows.shape[1])
        for q, column in enumerate(rows.T):
            use = complete & np.isfinite(column)
            if use.sum() <= x.shape[1]:
                raise DataError(f"target {q} has {use.sum()} rows for {x.shape[1]} coefficients")
            penalty = ridge * use.sum() * np.diag(np.r_[0.0, np.ones(x.shape[1] - 1)])
            weight[:, q] = np.linalg.solve(x[use].T @ x[use] + penalty, x[use].T @ column[use])
            std[q] = np.std(column[use] - x[use] @ weight[:, q], ddof=x.shape[1])
        return cls(memories, center, spread, weight, std)

    def predict(self, inputs: np.ndarray) -> NormalMixture:
        """Return distributions (series, time, target); NaN where an input is missing."""
        x = (_features(inputs, self.memories) - self.center) / self.spread
        return _gaussian(self.weight[0] + x @ self.weight[1:], self.std)


def _features(inputs: np.ndarray, memories: tuple[float, ...]) -> np.ndarray:
    """Return inputs and their exponential means (series, time, feature); a gap holds them."""
    parts = [np.asarray(inputs, float)]
    for scale in memories:
        keep = np.exp(-1.0 / scale)
        memory = np.full(inputs[:, 0].shape, np.nan)
        steps = []
        for now in np.moveaxis(parts[0], 1, 0):
            mixed = keep * memory + (1 - keep) * now
            memory = np.where(np.isnan(now), memory, np.where(np.isnan(memory), now, mixed))
            steps.append(memory)
        parts.append(np.stack(steps, axis=1))
    return np.concatenate(parts, axis=-1)
