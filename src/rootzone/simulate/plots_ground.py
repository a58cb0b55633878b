"""The ground of plots: where they lie, what their columns are made of, what a survey tells.

The columns of a plot are similar media (Miller and Miller 1956, doi:10.1063/1.1722370): a factor
lambda scales their pores, ``alpha = lambda alpha'`` and ``K_s = lambda^2 K_s'``. They stand for the
plot as a stratified sample: every deviation takes its quantiles once in a plot, so that few columns
have the spread of many.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from rootzone.core import DataError
from rootzone.simulate.plots_recipe import (
    HORIZON_ENDS,
    PLANTS,
    Fabric,
    Group,
    PlotRecipe,
    Scatter,
)
from rootzone.water.pedotransfer import toth_2015_17_K_s, toth_2015_21

LATITUDE, LONGITUDE = 49.70, 5.80
"""South-western corner of the domain [degrees]."""

EAST = 18.0
"""Width of the domain [km]."""

_KM_PER_DEGREE = 111.2
_PH = 6.0  # of all soils, for the function of the conductivity
_IN_GROUP = 10_000  # numbers of places: a group's do not depend on how many the others have
_MOST_COLUMNS = 10_000
_LAND_USE = tuple(PLANTS)
_PLACES = 1  # stream of randomness


class Draws:
    """Random numbers that belong to members: those of one do not depend on what others there are.

    Parameters
    ----------
    seed : int
        Of everything.
    stream : int
        Purpose, so that two purposes have nothing in common.
    members : array (member)
        Their numbers.
    """

    def __init__(self, seed: int, stream: int, members: np.ndarray):
        self._own = [np.random.default_rng([seed, stream, int(m)]) for m in members]

    def uniform(self, *size: int) -> np.ndarray:
        """Return numbers between 0 and 1 (member, ...)."""
        return np.array([rng.random(size) for rng in self._own])

    def between(self, low: float, high: float) -> np.ndarray:
        """Return numbers between two others (member)."""
        return low + (high - low) * self.uniform()

    def normal(self, *size: int) -> np.ndarray:
        """Return normal numbers (member, ...), cut at two deviations."""
        return ndtri(0.02275 + 0.9545 * self.uniform(*size))

    def noise(self, size: int) -> np.ndarray:
        """Return normal numbers (size, member) that are not cut."""
        return np.array([rng.standard_normal(size) for rng in self._own]).T


class Survey(NamedTuple):
    """What is known of the soils of plots, with the errors of a survey, arrays (place, depth)."""

    sand: np.ndarray
    """[%]"""
    clay: np.ndarray
    bulk_density: np.ndarray
    """Of the fine earth [g cm-3]."""
    porosity: np.ndarray
    """Mean of the plot, stones included [m3 m-3]."""
    stone_content: np.ndarray
    """Share of the volume [1]."""
    soil_organic_carbon: np.ndarray
    """[g g-1]"""
    K_s: np.ndarray
    """[cm d-1]"""


class Plots(NamedTuple):
    """Plots and their columns."""

    number: np.ndarray
    """Seeds what is random in a place (place)."""
    name: tuple[str, ...]
    group: tuple[str, ...]
    """Names of the groups (place)."""
    land_use: tuple[str, ...]
    east: np.ndarray
    """[km] (place)"""
    north: np.ndarray
    elevation: np.ndarray
    """[m] (place)"""
    theta_r: np.ndarray
    """(horizon, place, column) like theta_s to K_s."""
    theta_s: np.ndarray
    alpha: np.ndarray
    """[cm-1]"""
    n: np.ndarray
    K_s: np.ndarray
    """[cm d-1]"""
    pocket: np.ndarray
    """Whether a column is of the other soil (place, column)."""
    channel: np.ndarray
    """Whether a macropore reaches a column (place, column)."""
    run_on: np.ndarray
    """Water that reaches a column over that of the plot (place, column) [1]."""
    survey: Survey

    @property
    def latitude(self) -> np.ndarray:
        """Return latitudes (place) [degrees]."""
        return LATITUDE + self.north / _KM_PER_DEGREE

    @property
    def longitude(self) -> np.ndarray:
        """Return longitudes (place) [degrees]."""
        return LONGITUDE + self.east / (_KM_PER_DEGREE * np.cos(np.deg2rad(LATITUDE)))


def horizon_of(depth: np.ndarray) -> np.ndarray:
    """Return the horizon in which depths [cm] lie; a boundary belongs to the horizon above."""
    ends = np.asarray(HORIZON_ENDS)
    return np.minimum((np.round(depth, 6)[..., None] > ends).sum(axis=-1), len(ends) - 1)


def check_recipe(recipe: PlotRecipe) -> None:
    """Refuse a recipe that no plots can be drawn from.

    Raises
    ------
    DataError
        With what is wrong and what is wanted.
    """
    unknown = [name for name in recipe.places if name not in recipe.groups]
    if unknown or not sum(recipe.places.values()):
        what = f"names '{unknown[0]}'" if unknown else "asks for no plot"
        raise DataError(f"places {what}: give numbers of plots of {', '.join(recipe.groups)}")
    low, high = min(recipe.places.values()), max(recipe.places.values())
    if low < 0 or high >= _IN_GROUP:
        raise DataError(f"places: numbers of plots from 0 to {_IN_GROUP - 1} are wanted")
    if not max(8, recipe.sensors.replicates) <= recipe.columns < _MOST_COLUMNS:
        least = max(8, recipe.sensors.replicates)
        raise DataError(
            f"{recipe.columns} columns of a plot, {least} to {_MOST_COLUMNS - 1} are wanted"
        )
    if recipe.sensors.bias <= 0.0 and recipe.sensors.noise <= 0.0:
        raise DataError("sensors without bias and noise: one of both must be above 0 m3 m-3")
    if recipe.step_hours < 1 or 24 % recipe.step_hours:
        raise DataError(f"steps of {recipe.step_hours} h, a divisor of 24 is wanted")
    if recipe.years < 1:
        raise DataError(f"{recipe.years} years, one or more are wanted")
    depths = np.asarray(recipe.depths)
    if depths.size == 0 or depths[0] < 5.0 or depths[-1] > 100.0 or np.any(np.diff(depths) <= 0):
        raise DataError(f"depths {depths.tolist()}: increasing depths from 5 to 100 cm are wanted")


def draw_plots(recipe: PlotRecipe, seed: int) -> Plots:
    """Return plots with their columns.

    A place is the same for the same seed however many others there are; its columns depend on
    their number, of whose quantiles they are made.

    Parameters
    ----------
    recipe : PlotRecipe
        What they are drawn from.
    seed : int
        Of everything random.

    Raises
    ------
    DataError
        If the recipe makes no sense.
    """
    check_recipe(recipe)
    parts = [
        _of_group(recipe, recipe.groups[name], name, position, seed)
        for position, name in enumerate(recipe.groups)
        if recipe.places.get(name, 0)
    ]
    of_horizons = ("theta_r", "theta_s", "alpha", "n", "K_s")
    joined = {}
    for name in Plots._fields:
        values = [getattr(part, name) for part in parts]
        if name == "survey":
            joined[name] = Survey(*(np.concatenate(x) for x in zip(*values, strict=True)))
        elif isinstance(values[0], tuple):
            joined[name] = sum(values, ())
        else:
            joined[name] = np.concatenate(values, axis=1 if name in of_horizons else 0)
    return Plots(**joined)


def _of_group(recipe: PlotRecipe, group: Group, name: str, position: int, seed: int) -> Plots:
    size = recipe.places[name]
    number = position * _IN_GROUP + np.arange(size)
    places = Draws(seed, _PLACES, number)
    shares = np.cumsum(group.land_use) / np.sum(group.land_use)
    # Evenly over the places, so that a small network has what a large one has.
    order = (np.arange(size) * 0.618 + 0.31) % 1.0
    plants = tuple(
        _LAND_USE[min(i, len(_LAND_USE) - 1)] for i in np.searchsorted(shares, order, side="right")
    )
    east, north = places.between(0.0, EAST), places.between(*group.north)
    elevation = places.between(*group.elevation)
    soil, pocket, channel, run_on, survey = _soils(recipe, group, plants, places)
    names = ("theta_r", "theta_s", "alpha", "n", "K_s")
    return Plots(
        number=number,
        name=tuple(f"{group.label}_{k + 1:02d}" for k in range(size)),
        group=(name,) * size,
        land_use=plants,
        east=east,
        north=north,
        elevation=elevation,
        **dict(zip(names, soil, strict=True)),
        pocket=pocket,
        channel=channel,
        run_on=run_on,
        survey=survey,
    )


# --- soils ------------------------------------------------------------------------------


class _Place(NamedTuple):
    """How plots differ from their geology (place)."""

    sand: np.ndarray
    clay: np.ndarray
    density: np.ndarray
    stones: np.ndarray
    carbon: np.ndarray


class _Mean(NamedTuple):
    """A fabric at plots (horizon, place)."""

    sand: np.ndarray
    clay: np.ndarray
    density: np.ndarray
    stones: np.ndarray
    carbon: np.ndarray
    theta_r: np.ndarray
    theta_s: np.ndarray
    alpha: np.ndarray
    n: np.ndarray
    K_s: np.ndarray


def _mean_soil(fabric: Fabric, place: _Place) -> _Mean:
    """Return a fabric at plots: functions 21 and 17 of Toth et al. (2015), stones set apart.

    doi:10.1111/ejss.12192, with a pH of 6 and a cation exchange capacity of 0.5 meq (100 g)-1
    for each percent of clay and 3.5 for each of organic carbon. Stones hold no water and conduct
    none (Bouwer and Rice 1984, doi:10.1111/j.1745-6584.1984.tb01431.x).
    """
    column = lambda x: np.asarray(x, float)[:, None]  # noqa: E731
    sand = np.clip(column(fabric.sand) + place.sand, 2.0, 94.0)
    clay = np.clip(column(fabric.clay) + place.clay, 2.0, 97.0 - sand)
    density = column(fabric.density) + place.density
    carbon = column(fabric.carbon) * place.carbon
    stony = column(fabric.stones)
    stones = np.where(stony > 0.0, np.clip(stony + place.stones, 0.0, 0.85), 0.0)
    top = (np.arange(len(HORIZON_ENDS)) == 0).astype(float)[:, None] + 0.0 * sand
    found = toth_2015_21(sand, clay, density, carbon, top)
    exchange = 0.5 * clay + 3.5 * carbon
    K_s = np.asarray(toth_2015_17_K_s(sand, clay, _PH, exchange, top), float)
    fine = 1.0 - stones
    return _Mean(
        *(sand, clay, density, stones, carbon),
        np.asarray(found.theta_r, float) * fine,
        np.asarray(found.theta_s, float) * fine,
        np.asarray(found.alpha, float),
        np.asarray(found.n, float),
        K_s * fine * np.exp(column(fabric.log_K)),
    )


def _scores(values: np.ndarray) -> np.ndarray:
    """Return normal scores: the quantiles of a standard normal in the order of values (..., n)."""
    size = values.shape[-1]
    rank = np.argsort(np.argsort(values, axis=-1), axis=-1)
    return ndtri((rank + 0.5) / size)


def _soils(
    recipe: PlotRecipe,
    group: Group,
    plants: tuple[str, ...],
    places: Draws,
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray, Survey]:
    """Return the soils of the columns, who is what among them, and the survey."""
    s: Scatter = recipe.scatter
    count, horizons = recipe.columns, len(HORIZON_ENDS)
    place = _Place(
        s.sand * places.normal(),
        s.clay * places.normal(),
        s.density * places.normal(),
        s.stones * places.normal(),
        np.exp(s.log_carbon * places.normal()),
    )
    share = np.clip(group.pocket_share + s.pocket_share * places.normal(), 0.0, 1.0)
    own_scale = s.unexplained_log_scale * places.normal()
    own_porosity = s.unexplained_porosity * places.normal()

    survey = _errors(recipe, places)
    drawn = lambda: places.normal(count)  # noqa: E731
    v = s.vertical

    def with_depth() -> np.ndarray:
        shared = drawn()
        return np.stack([v * shared + np.sqrt(1.0 - v**2) * drawn() for _ in range(horizons)])

    scale = _scores(with_depth())
    c = s.porosity_with_scale
    porous = _scores(c * scale + np.sqrt(1.0 - c**2) * with_depth())
    uniform = lambda: (np.argsort(np.argsort(drawn(), axis=-1), axis=-1) + 0.5) / count  # noqa: E731
    pocket = uniform() < share[:, None]
    channel = uniform() < group.macropores.share
    wide = np.array([group.run_on + PLANTS[plant].run_on for plant in plants])
    run_on = np.maximum(1.0 + wide[:, None] * _scores(drawn()), 0.2)

    main, other = _mean_soil(group.fabric, place), _mean_soil(group.pockets, place)
    pick = lambda name: np.where(  # noqa: E731
        pocket, getattr(other, name)[..., None], getattr(main, name)[..., None]
    )
    factor = np.exp(group.log_scale * scale + own_scale[:, None])
    theta_s = pick("theta_s") + own_porosity[:, None] + s.porosity * porous
    soil = [
        np.minimum(pick("theta_r"), 0.5 * theta_s),
        theta_s,
        np.clip(pick("alpha") * factor, 0.002, 0.25),
        pick("n"),
        np.clip(pick("K_s") * factor**2, 0.02, 3000.0),
    ]
    return soil, pocket, channel, run_on, _survey(recipe, survey, pick, soil)


def _errors(recipe: PlotRecipe, places: Draws) -> Survey:
    """Return the errors of a survey in deviations.

    An error is the same at all depths but for a third of its variance.
    """
    found = []
    for _ in Survey._fields:
        shared, own = places.normal()[:, None], places.normal(len(recipe.depths))
        found.append(np.sqrt(2.0 / 3.0) * shared + np.sqrt(1.0 / 3.0) * own)
    return Survey(*found)


def _survey(
    recipe: PlotRecipe,
    error: Survey,
    pick: Callable[[str], np.ndarray],
    soil: list[np.ndarray],
) -> Survey:
    """Return means of the plots at the depths of the sensors with the errors of a survey."""
    s = recipe.scatter
    at = horizon_of(np.asarray(recipe.depths))
    mean = lambda x: np.asarray(x)[at].mean(axis=-1).T  # noqa: E731
    sand = np.clip(mean(pick("sand")) + s.survey_sand * error.sand, 1.0, 97.0)
    clay = np.clip(mean(pick("clay")) + s.survey_clay * error.clay, 1.0, 98.0 - sand)
    carbon = 0.01 * mean(pick("carbon"))
    stones = mean(pick("stones")) + s.survey_stones * error.stone_content
    return Survey(
        sand,
        clay,
        mean(pick("density")) + s.survey_density * error.bulk_density,
        mean(soil[1]) + s.survey_porosity * error.porosity,
        np.clip(stones, 0.0, 0.9),
        carbon * np.exp(s.survey_log_carbon * error.soil_organic_carbon),
        np.exp(mean(np.log(soil[4])) + s.survey_log_K * error.K_s),
    )
