"""Nodes of a column, and means of its conductivity between them."""

from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


class Grid(NamedTuple):
    """Nodes of a column: depth (node) and the thickness each stands for [cm]."""

    depth: jax.Array
    thickness: jax.Array

    @classmethod
    def of_depths(cls, depth: ArrayLike) -> "Grid":
        """Return the grid of node depths, the first at the surface, the last at the bottom.

        Raises
        ------
        ValueError
            If the depths do not start at zero or do not increase.
        """
        z = np.asarray(depth, dtype=float)
        if z.ndim != 1 or z.size < 3 or z[0] != 0.0 or np.any(np.diff(z) <= 0):
            raise ValueError("node depths must start at 0 and increase, three nodes are the least")
        dz = np.diff(z)
        thickness = 0.5 * np.concatenate([dz[:1], dz[1:] + dz[:-1], dz[-1:]])
        return cls(jnp.asarray(z), jnp.asarray(thickness))

    @classmethod
    def uniform(cls, depth: float, spacing: float = 1.0) -> "Grid":
        """Return evenly spaced nodes down to ``depth`` [cm].

        Raises
        ------
        ValueError
            If the spacing does not divide the depth.
        """
        count = round(depth / spacing)
        if count < 2 or abs(count * spacing - depth) > 1e-9 * depth:
            raise ValueError(f"a spacing of {spacing:g} cm does not divide {depth:g} cm")
        return cls.of_depths(np.linspace(0.0, depth, count + 1))

    @classmethod
    def graded(cls, depth: float, nodes: int = 61, first: float = 0.2) -> "Grid":
        """Return nodes whose spacing grows from ``first`` at the surface by a constant ratio.

        Evaporation and infiltration happen within the first centimeters: there the spacing
        matters, below it hardly does.

        Raises
        ------
        ValueError
            If the nodes cannot reach the depth with growing spacing.
        """
        count = nodes - 1
        if count < 2 or first * count > depth:
            raise ValueError(
                f"{nodes} nodes from {first:g} cm spacing do not grade {depth:g} cm: "
                "take fewer nodes or a smaller first spacing"
            )
        # A single spacing is within the depth: that bounds the ratio, and keeps powers finite.
        low, high, ratio = 1.0, (depth / first) ** (1.0 / (count - 1)), 1.0
        for _ in range(200):
            ratio = 0.5 * (low + high)
            reach = first * float(np.sum(ratio ** np.arange(count)))
            low, high = (ratio, high) if reach < depth else (low, ratio)
        edges = np.concatenate([[0.0], np.cumsum(first * ratio ** np.arange(count))])
        return cls.of_depths(edges * depth / edges[-1])

    def layer_weights(self, edges: ArrayLike) -> jax.Array:
        """Return weights (layer, node) of the mean over each layer between depth edges [cm].

        The water content is linear between nodes (trapezoids), so a layer may begin and end
        anywhere.

        Raises
        ------
        ValueError
            If the edges do not increase or leave the profile.
        """
        z = np.asarray(self.depth)
        e = np.asarray(edges, float)
        if np.any(np.diff(e) <= 0) or e[0] < 0 or e[-1] > z[-1] + 1e-9:
            raise ValueError(
                f"layers must increase and lie within the profile of {z[-1]:g} cm, got {e.tolist()}"
            )
        # Integral of every node's hat function from the surface to each edge.
        x = np.clip((e[:, None] - z[:-1]) / np.diff(z), 0.0, 1.0) * np.diff(z)
        right = x**2 / (2.0 * np.diff(z))
        integral = np.zeros((e.size, z.size))
        integral[:, :-1] += x - right
        integral[:, 1:] += right
        return jnp.asarray(np.diff(integral, axis=0) / np.diff(e)[:, None])


class Internodal(Protocol):
    """Mean of the conductivity between two nodes."""

    def __call__(
        self, above: jax.Array, below: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return the mean and its slopes with the conductivity above and below."""
        ...


class ArithmeticMean(eqx.Module):
    """Half the sum, as HYDRUS-1D: good at fronts and in dry soil."""

    def __call__(
        self, above: jax.Array, below: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return the mean and its slopes."""
        half = jnp.full_like(above, 0.5)
        return 0.5 * (above + below), half, half


class GeometricMean(eqx.Module):
    """Root of the product: sharp fronts stall on coarse grids."""

    def __call__(
        self, above: jax.Array, below: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return the mean and its slopes."""
        floor = jnp.finfo(above.dtype).tiny * 1e6
        a, b = jnp.maximum(above, floor), jnp.maximum(below, floor)
        mean = jnp.sqrt(a) * jnp.sqrt(b)
        return mean, 0.5 * mean / a, 0.5 * mean / b


class WeightedMean(eqx.Module):
    """A share of the upper node: 1 is upstream for infiltration, 0.5 the arithmetic mean."""

    upper: jax.Array | float = 1.0

    def __call__(
        self, above: jax.Array, below: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return the mean and its slopes."""
        w = jnp.broadcast_to(jnp.asarray(self.upper, above.dtype), above.shape)
        return w * above + (1.0 - w) * below, w, 1.0 - w
