"""How dry soil reduces evapotranspiration: the reductions of Feddes and of Jarvis."""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.cell.numerics import divisor
from rootzone.water.cell.thresholds import Thresholds
from rootzone.water.cell.types import CellParameters


class Uptake(Protocol):
    """Reduction of evapotranspiration by dry soil."""

    def share(
        self, water: jax.Array, horizon: int, parameters: CellParameters, thresholds: Thresholds
    ) -> jax.Array:
        """Return the share of the demand that a horizon with this water [mm] meets, 0 to 1."""
        ...


class Feddes(eqx.Module):
    r"""Uptake falls linearly from field capacity to the wilting point.

    .. math:: g = \mathrm{clip}\left(\frac{\theta - \theta_{pwp}}
              {\theta_{fc} - \theta_{pwp}}, 0, 1\right)

    Soil-moisture cases 1 and 4 of mHM. Source: Feddes et al. (1976),
    doi:10.1016/0022-1694(76)90017-2.
    """

    def share(
        self, water: jax.Array, horizon: int, parameters: CellParameters, thresholds: Thresholds
    ) -> jax.Array:
        """Return the share of the demand that a horizon with this water [mm] meets, 0 to 1."""
        wilting, full = parameters.wilting_point[horizon], parameters.field_capacity[horizon]
        available = water - thresholds.least(water, wilting)
        return thresholds.least(available / divisor(full - wilting), 1.0)


class Jarvis(eqx.Module):
    r"""Uptake falls linearly below a share of the available water.

    .. math:: g = \min\left(\frac{x}{C_1}, 1\right),\quad x = \mathrm{clip}\left(
              \frac{\theta - \theta_{pwp}}{\theta_s - \theta_{pwp}}, 0, 1\right)

    Soil-moisture cases 2 and 3 of mHM. Source: Jarvis (1989),
    doi:10.1016/0022-1694(89)90050-4.
    """

    def share(
        self, water: jax.Array, horizon: int, parameters: CellParameters, thresholds: Thresholds
    ) -> jax.Array:
        """Return the share of the demand that a horizon with this water [mm] meets, 0 to 1.

        Raises
        ------
        ValueError
            If the parameters have no ``jarvis_threshold``.
        """
        c1 = parameters.jarvis_threshold
        if c1 is None:
            raise ValueError("parameters without 'jarvis_threshold', which Jarvis needs: give it")
        wilting, full = parameters.wilting_point[horizon], parameters.saturation[horizon]
        available = water - thresholds.least(water, wilting)
        x = thresholds.least(available / divisor(full - wilting), 1.0)
        return jnp.where(c1 > 0.0, thresholds.least(x / divisor(c1), 1.0), 1.0)
