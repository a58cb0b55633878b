"""From segments of a line to the cells of a model by ordinary kriging (package pykrige)."""

import importlib
from typing import Any, NamedTuple

import numpy as np

from rootzone.core import DataError, StudyError

MODELS = ("spherical", "exponential", "gaussian")
_LEAST = 3  # values of a day


class Variogram(NamedTuple):
    """A variogram, the same for all days.

    Attributes
    ----------
    model : str
        spherical, exponential or gaussian, as pykrige defines them.
    sill : float
        Variance of the rates between far places, counting noise excluded (the partial sill)
        [h-2].
    range : float
        Distance at which it is reached [m].
    nugget : float
        Variance of the counting noise [h-2].
    """

    model: str
    sill: float
    range: float
    nugget: float


def variogram_of(
    rate: np.ndarray,
    sigma: np.ndarray,
    *,
    model: str,
    range: float,
    sill: float | None = None,
    nugget: float | None = None,
) -> Variogram:
    """Return a variogram whose missing parts come from the daily values of segments.

    The nugget is the mean variance of counting; the sill the variance of the means of the
    segments over all days, less what is left of the counting noise in them.

    Parameters
    ----------
    rate, sigma : array (day, segment)
        Values and standard deviations, NaN in gaps [h-1].
    model, range, sill, nugget
        As in :class:`Variogram`; None comes from the data.

    Raises
    ------
    DataError
        If the data show no nugget or no sill.
    """
    there = ~np.isnan(rate)
    count = there.sum(axis=0)
    if nugget is None:
        nugget = float(np.mean(sigma[there] ** 2)) if there.any() else np.nan
        if not np.isfinite(nugget):
            raise DataError(
                "kriging: the values have no errors: give observations.upscaling.nugget [h-2]"
            )
    if sill is None:
        some = count > 0
        means = np.nansum(rate, axis=0)[some] / count[some]
        noise = np.mean(nugget / count[some])
        sill = float(np.var(means) - noise) if some.any() else 0.0
        if sill <= 0:
            raise DataError(
                "kriging: the segments differ by no more than counting noise, so the data show "
                "no sill: give observations.upscaling.sill [h-2]"
            )
    return Variogram(model, sill, range, nugget)


def krige(
    x: np.ndarray,
    y: np.ndarray,
    rate: np.ndarray,
    cell_x: np.ndarray,
    cell_y: np.ndarray,
    variogram: Variogram,
    *,
    neighbors: int = 40,
) -> tuple[np.ndarray, np.ndarray]:
    """Return daily values of cells by ordinary kriging, and the kriging standard deviations.

    The nugget is noise of measurement: the values are those of the noise-free field at the centers
    of the cells, and their variance is the kriging variance less the nugget.

    Parameters
    ----------
    x, y : array (segment)
        Middles of the segments [m].
    rate : array (day, segment)
        Values, NaN in gaps [h-1].
    cell_x, cell_y : array (cell)
        Centers of the cells [m].
    variogram : Variogram
        The variogram.
    neighbors : int
        Nearest segments that a cell's equations are solved for.

    Returns
    -------
    rate, sigma : array (day, cell)
        NaN on days with fewer than three values [h-1].

    Raises
    ------
    StudyError
        If pykrige is not installed.

    Notes
    -----
    Source: Kitanidis (1997), Introduction to Geostatistics, by way of pykrige.
    """
    kriging = _ordinary_kriging()
    # In units of the standard deviation the equations are well conditioned.
    unit = float(np.sqrt(variogram.sill + variogram.nugget))
    sill, nugget = variogram.sill / unit**2, variogram.nugget / unit**2
    parameters = {"psill": sill, "range": variogram.range, "nugget": nugget}
    out = np.full((2, len(rate), len(cell_x)), np.nan)
    for day, values in enumerate(rate):
        there = ~np.isnan(values)
        if there.sum() < _LEAST:
            continue
        middle = values[there].mean()
        solver = kriging(
            x[there],
            y[there],
            (values[there] - middle) / unit,
            variogram_model=variogram.model,
            variogram_parameters=parameters,
            exact_values=False,
        )
        found, variance = solver.execute(
            "points",
            cell_x,
            cell_y,
            backend="loop",
            n_closest_points=min(neighbors, int(there.sum())),
        )
        out[0, day] = np.asarray(found) * unit + middle
        out[1, day] = np.sqrt(np.maximum(np.asarray(variance) - nugget, 0.0)) * unit
    return out[0], out[1]


def _ordinary_kriging() -> Any:
    try:
        return importlib.import_module("pykrige.ok").OrdinaryKriging
    except ImportError:
        raise StudyError(
            "observations.upscaling.method kriging wants the package pykrige: pip install "
            "'rootzone[maps]', or choose inverse_distance"
        ) from None
