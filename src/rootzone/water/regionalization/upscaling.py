"""From fine maps to coarse cells: which classes a cell holds, and the operators of the mean.

An effective parameter is a mean of a transfer function over the fine cells of a coarse cell. A
transfer function of classes (soil type, land cover) has few different values, so it is evaluated
once per class, and the mean over fine cells becomes a weighted sum over the classes a coarse cell
holds: :class:`Shares`. The plain operators below do the same on fine maps themselves.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core import DataError

_DENSE_UP_TO = 16  # a product with the full matrix costs less than that many look-ups
_DENSE_BYTES = 64e6

# --- nesting ----------------------------------------------------------------------------


def nested_cells(mask: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the coarse cell of every active fine cell, and the mask of the coarse grid.

    Coarse cells are blocks of ``ratio`` times ``ratio`` fine cells, counted from the north-west
    corner; a coarse cell is active if it holds an active fine cell, and blocks at the eastern and
    southern edge may be incomplete.

    Parameters
    ----------
    mask : array (row, column) of bool
        Active fine cells, rows from north to south.
    ratio : float
        Size of a coarse cell over the size of a fine one.

    Returns
    -------
    cell_of : array (cell0) of int
        Index of the coarse cell; fine cells in the order of ``np.nonzero(mask)``, coarse cells in
        that of the coarse mask.
    coarse_mask : array (row, column) of bool
        Active coarse cells.

    Raises
    ------
    DataError
        If the ratio is no whole number, or no cell is active.

    Examples
    --------
    >>> nested_cells(np.ones((2, 4), dtype=bool), 2)[0]
    array([0, 0, 1, 1, 0, 0, 1, 1])
    """
    k = round(ratio)
    if k < 1 or abs(k - ratio) > 1e-7:
        raise DataError(
            f"the grids do not nest: a coarse cell must be a whole number of fine cells wide, "
            f"{ratio:g} given"
        )
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        raise DataError("no cell is active: the mask of the fine maps is empty")
    shape = (-(-mask.shape[0] // k), -(-mask.shape[1] // k))
    block = (rows // k) * shape[1] + columns // k
    active, cell_of = np.unique(block, return_inverse=True)
    coarse = np.zeros(shape, dtype=bool)
    coarse.ravel()[active] = True
    return cell_of, coarse


# --- sums over classes ------------------------------------------------------------------


class Shares(Protocol):
    """Weighted sums over the classes that a target (a coarse cell, a horizon) is made of."""

    def total(self, table: jax.Array) -> jax.Array:
        """Return sums (..., target) of ``table`` (..., class) with the weights of the target."""
        ...


class GatheredShares(eqx.Module):
    """Shares as a list for each target: few of many classes.

    Attributes
    ----------
    index : array (slot, target) of int
        Class of the slot; free slots repeat the first class with weight zero.
    weight : array (slot, target)
        Weight of the class.
    """

    index: jax.Array
    weight: jax.Array

    def total(self, table: jax.Array) -> jax.Array:
        """Return the weighted sums (..., target) of ``table`` (..., class)."""
        slots = table[..., self.index] * self.weight
        return slots.sum(axis=-2)


class DenseShares(eqx.Module):
    """Shares as a full matrix: most of few classes.

    Attributes
    ----------
    weight : array (class, target)
        Weight of the class, zero where the target does not hold it.
    """

    weight: jax.Array

    def total(self, table: jax.Array) -> jax.Array:
        """Return the weighted sums (..., target) of ``table`` (..., class)."""
        return jnp.matmul(table, self.weight, precision=jax.lax.Precision.HIGHEST)


def shares(
    target: np.ndarray, kind: np.ndarray, weight: np.ndarray, *, targets: int, kinds: int
) -> DenseShares | GatheredShares:
    """Return the shares made of entries (target, class, weight); equal pairs are added.

    Parameters
    ----------
    target, kind : array (entry) of int
        Which class belongs to which target.
    weight : array (entry)
        With what weight.
    targets, kinds : int
        Numbers of targets and of classes.

    Returns
    -------
    DenseShares or GatheredShares
        Whichever costs less: the matrix for few classes, the list for many.

    Examples
    --------
    >>> s = shares(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.5, 0.5, 1.0]),
    ...            targets=2, kinds=2)
    >>> s.total(jnp.array([10.0, 20.0])).tolist()
    [15.0, 20.0]
    """
    pair, inverse = np.unique(np.asarray(target) * kinds + kind, return_inverse=True)
    summed = np.bincount(inverse, weight, minlength=pair.size)
    owner, member = pair // kinds, pair % kinds
    count = np.bincount(owner, minlength=targets)
    slots = int(count.max(initial=1))
    if kinds <= _DENSE_UP_TO * slots and 8.0 * kinds * targets <= _DENSE_BYTES:
        matrix = np.zeros((kinds, targets))
        matrix[member, owner] = summed
        return DenseShares(_float(matrix))
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    slot = np.arange(pair.size) - first[owner]
    index = np.tile(member[np.minimum(first, pair.size - 1)], (slots, 1))
    index[slot, owner] = member
    weights = np.zeros((slots, targets))
    weights[slot, owner] = summed
    return GatheredShares(jnp.asarray(index, dtype=jnp.int32), _float(weights))


def area_shares(
    kind: np.ndarray, cell_of: np.ndarray, *, cells: int, kinds: int
) -> DenseShares | GatheredShares:
    """Return the shares of the area of coarse cells that classes of fine cells take.

    Parameters
    ----------
    kind : array (cell0) of int
        Class of the fine cell, from 0.
    cell_of : array (cell0) of int
        Coarse cell of the fine cell.
    cells, kinds : int
        Numbers of coarse cells and classes.
    """
    size = np.bincount(cell_of, minlength=cells)
    return shares(cell_of, kind, 1.0 / size[cell_of], targets=cells, kinds=kinds)


def harmonic(table: jax.Array, of: Shares) -> jax.Array:
    r"""Return harmonic means (..., target) of ``table`` (..., class), shares that sum to one.

    .. math:: \bar{x} = \left(\sum_k w_k / x_k\right)^{-1}

    A target that holds a zero has the mean zero, as in the limit; its gradient is zero there.
    """
    return _reciprocal_of_sum(of.total(_reciprocal(table)))


# --- operators on fine maps ---------------------------------------------------------------


def arithmetic_mean(values: ArrayLike, cell_of: ArrayLike, cells: int) -> jax.Array:
    """Return means (..., cell) of fine values (..., cell0) over the coarse cells.

    Parameters
    ----------
    values : array (..., cell0)
        Fine map.
    cell_of : array (cell0) of int
        Coarse cell of every fine cell.
    cells : int
        Number of coarse cells.
    """
    values = jnp.asarray(values)
    size = _segment_sum(jnp.ones(values.shape[-1:], values.dtype), cell_of, cells)
    return _segment_sum(values, cell_of, cells) / size


def harmonic_mean(values: ArrayLike, cell_of: ArrayLike, cells: int) -> jax.Array:
    """Return harmonic means (..., cell); zero where a coarse cell holds a zero."""
    inverse = _reciprocal(jnp.asarray(values))
    return _reciprocal_of_sum(arithmetic_mean(inverse, cell_of, cells))


def geometric_mean(values: ArrayLike, cell_of: ArrayLike, cells: int) -> jax.Array:
    """Return geometric means (..., cell) of positive values."""
    return jnp.exp(arithmetic_mean(jnp.log(jnp.asarray(values)), cell_of, cells))


def class_fraction(
    classes: ArrayLike, wanted: ArrayLike, cell_of: ArrayLike, cells: int
) -> jax.Array:
    """Return the share (cell) of the fine cells of class ``wanted``."""
    return arithmetic_mean(jnp.asarray(classes == wanted, dtype=float), cell_of, cells)


def majority(classes: np.ndarray, cell_of: np.ndarray, cells: int) -> np.ndarray:
    """Return the most frequent class (cell); of equally frequent ones the smallest.

    Examples
    --------
    >>> majority(np.array([3, 1, 3, 2, 1]), np.array([0, 0, 0, 1, 1]), 2)
    array([3, 1])
    """
    known, kind = np.unique(classes, return_inverse=True)
    count = np.bincount(cell_of * known.size + kind, minlength=cells * known.size)
    return known[count.reshape(cells, known.size).argmax(axis=1)]


# --- parts --------------------------------------------------------------------------------


def _float(values: np.ndarray) -> jax.Array:
    return jnp.asarray(values, dtype=float)


def _segment_sum(values: jax.Array, cell_of: ArrayLike, cells: int) -> jax.Array:
    zeros = jnp.zeros((*values.shape[:-1], cells), values.dtype)
    return zeros.at[..., jnp.asarray(cell_of)].add(values)


def _huge(dtype: jnp.dtype) -> float:
    """Return what stands for 1/0: finite, so that a weight of zero takes it away."""
    return float(jnp.finfo(dtype).max) * 1e-8


def _reciprocal(x: jax.Array) -> jax.Array:
    return jnp.where(x == 0.0, _huge(x.dtype), 1.0 / jnp.where(x == 0.0, 1.0, x))


def _reciprocal_of_sum(total: jax.Array) -> jax.Array:
    holds_zero = total > 1e-9 * _huge(total.dtype)
    return jnp.where(holds_zero, 0.0, 1.0 / jnp.where(holds_zero, 1.0, total))
