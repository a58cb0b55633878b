"""Root zone of the study `station` by networks that were trained on simulated sites."""

from collections.abc import Callable
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.inverse import Input, Static, attribute_columns, input_columns
from rootzone.config.station import StationStudy
from rootzone.config.station_root_zone import FineTuning, LearnedRootZone
from rootzone.core import DataError
from rootzone.data import daily_mean
from rootzone.data.network_file import read_network
from rootzone.learn.conformal import Recalibration
from rootzone.learn.distributions import Transformed
from rootzone.learn.exchange import model_from_arrays
from rootzone.learn.finetune import everything, readout_only
from rootzone.learn.model import Model
from rootzone.learn.predict import predict
from rootzone.learn.schedules import Cosine
from rootzone.learn.sequences import Sequences
from rootzone.learn.train import Recipe, finish, told, train
from rootzone.learn.windows import WindowRule
from rootzone.studies.context import Context
from rootzone.studies.station_input import Observations, daily_sum
from rootzone.studies.station_retrieval import Calibrated, Retrieved
from rootzone.studies.station_root_zone import BAND, RootZone
from rootzone.studies.station_soil import Soil
from rootzone.water.evapotranspiration import hargreaves_samani
from rootzone.water.radiation import extraterrestrial_radiation

_MINERAL = 2.65
"""Density of mineral soil [g cm-3]."""
_WATER_OF_CARBON = 0.556 * 1.724
"""Water equivalent of soil organic carbon [g g-1], matter after van Bemmelen."""
_TEMPERATURES = 8
"""Temperatures that a day wants for its lowest and highest."""
_SMOOTH = 5
"""Days over which the evapotranspiration of Hargreaves and Samani is averaged, as it wants."""


INPUTS = input_columns(get_args(Input))
"""What a station knows of its days."""

ATTRIBUTES = attribute_columns(get_args(Static))
"""What may be known of a station."""


class Reader(NamedTuple):
    """A network, its targets that are wanted, and what sets its intervals right."""

    model: Model
    targets: list[str]
    calibration: Recalibration | None


def network_of(settings: LearnedRootZone, context: Context) -> Reader:
    """Return the network of a study.

    Raises
    ------
    DataError
        If it cannot be read, reads what no station knows, or has other depths.
    """
    stored = read_network(settings.model, base=context.base)
    try:
        model = model_from_arrays(stored.arrays, stored.description)
        words = stored.description.get("calibration")
        calibration = None if words is None else Recalibration.of_description(words)
        if calibration is not None and len(calibration.base) != len(model.names.targets):
            raise DataError("its calibration is of other targets")
    except DataError as error:
        raise DataError(f"root_zone.model, {stored.source}: {error}") from None
    both = ((model.names.inputs, INPUTS), (model.names.static, ATTRIBUTES))
    for wanted, known in both:
        strange = [n for n in wanted if n not in known]
        if strange:
            raise DataError(
                f"root_zone.model: the network '{settings.model}' reads {', '.join(strange)}, "
                f"which a station does not know: it knows {', '.join(known)}"
            )
    targets = [f"0-{d:g} cm" for d in settings.depths]
    for name in targets:
        if name not in model.names.targets:
            raise DataError(
                f"root_zone.depths: the network '{settings.model}' knows "
                f"{', '.join(model.names.targets)}, not {name}"
            )
    return Reader(model, targets, calibration)


def _answers(reader: Reader, model: Model, data: Sequences) -> dict[str, np.ndarray]:
    """Return mean, spread and the calibrated 5 and 95 % quantiles (day, ...) of the targets."""
    ends = jnp.asarray([0.05, 0.95])
    if reader.calibration is not None:
        ends = jnp.clip(reader.calibration.to_base(ends), 1e-4, 1.0 - 1e-4)

    def what(predicted: Transformed) -> dict[str, jax.Array]:
        quantile = predicted.spread_out().quantile(ends.astype("f4"))
        return {"mean": predicted.mean(), "std": predicted.std(), "quantile": quantile}

    at = [model.names.targets.index(name) for name in reader.targets]
    found = predict(model, data, what)
    return {name: np.asarray(x, float)[0, :, at] for name, x in found.items()}


class _Day(NamedTuple):
    """What the station knows of its days (day)."""

    days: pd.DatetimeIndex
    columns: dict[str, np.ndarray]
    static: dict[str, float]
    upper: float


def learned_root_zone(
    study: StationStudy,
    reader: Reader,
    obs: Observations,
    soil: Soil,
    calibrated: Calibrated,
    days: pd.DatetimeIndex,
    daily: Retrieved,
    snow: np.ndarray,
    sensors: dict[str, np.ndarray],
    context: Context,
) -> RootZone:
    """Return the root zone that the networks read from counts and weather.

    Parameters
    ----------
    study : StationStudy
        Its root zone.
    reader : Reader
        The network of the study, see :func:`network_of`.
    obs, soil, calibrated, days, daily, snow
        The station and its days; days of ``snow`` (or frost) count as days without counts.
    sensors : dict
        Means of the sensors by depth (day), for fine-tuning.
    context : Context
        Where to tell.

    Raises
    ------
    DataError
        If there is too little to fine-tune it with.
    """
    settings = study.root_zone
    assert isinstance(settings, LearnedRootZone)
    model, targets = reader.model, reader.targets
    known = _known(study, obs, soil, calibrated, days, daily, snow, context)
    data = _sequences(model, known)
    _tell(model, data, known, settings.model, context)
    learned_from = np.zeros(len(days), bool)
    if settings.fine_tuning is not None:
        model, learned_from = _tuned(
            model, data, settings.fine_tuning, targets, sensors, snow, study.seed, context
        )
    found = _answers(reader, model, data)
    mean, quantile = found["mean"], found["quantile"]
    # What is wrong for the whole series moves the answers; sensors learned from set the level.
    systematic = 0.0
    if settings.fine_tuning is None:
        parts = daily.systematic
        usable = np.isfinite(parts) & ~snow
        systematic = float(np.median(parts[usable])) if usable.any() else 0.0
    outside = np.hypot(settings.structure_sigma, systematic)
    low = mean - np.hypot(mean - quantile[..., 0], BAND * outside)
    high = mean + np.hypot(quantile[..., 1] - mean, BAND * outside)
    return RootZone(
        mean,
        np.hypot(found["std"], outside),
        np.clip(low, 0.0, known.upper),
        np.clip(high, 0.0, known.upper),
        learned_from,
        _read(model, known),
    )


_WORDS = {
    "retrieval": ("m3 m-3", "homogeneous inversion on days without snow and frost"),
    "counts": ("1", "count rate relative to N0 on days without snow and frost"),
    "rain": ("log(1 + mm d-1)", "logarithm of one and the rain of the day"),
    "pet": ("mm d-1", "potential evapotranspiration"),
    "temperature": ("degC", "air temperature"),
    "season_cos": ("1", "cosine of the time of the year"),
    "season_sin": ("1", "sine of the time of the year"),
}


def _read(model: Model, known: _Day) -> xr.Dataset:
    """Return what the network read, for the run folder."""
    words = lambda n: dict(zip(("units", "long_name"), _WORDS[n], strict=True))  # noqa: E731
    series = {n: ("day", known.columns[n], words(n)) for n in model.names.inputs}
    fixed: dict[str, tuple] = {f"attribute_{n}": ((), known.static[n]) for n in model.names.static}
    fixed["upper"] = ((), known.upper, {"units": "m3 m-3", "long_name": "upper bound of answers"})
    return xr.Dataset(series | fixed, coords={"day": known.days.to_numpy()})


def _known(
    study: StationStudy,
    obs: Observations,
    soil: Soil,
    calibrated: Calibrated,
    days: pd.DatetimeIndex,
    daily: Retrieved,
    snow: np.ndarray,
    context: Context,
) -> _Day:
    """Return inputs and attributes by their names in the networks; NaN where unknown."""
    settings = study.root_zone
    assert isinstance(settings, LearnedRootZone)
    day_of_year = days.day_of_year.to_numpy().astype(float)
    angle = 2.0 * np.pi * day_of_year / 365.25
    none = np.full(len(days), np.nan)
    temperature = obs.get("temperature")
    rain = daily_sum(obs, days, "precipitation") if obs.get("precipitation") is not None else none
    porosity = settings.porosity
    if porosity is None:
        porosity = 1.0 - soil.bulk_density / _MINERAL
    # More water than the soil has pores is snow or a pond: such counts tell nothing of the soil.
    with np.errstate(invalid="ignore"):
        beyond = ~snow & (daily.theta > porosity)
    if beyond.any():
        context.log.warn(
            f"root zone: counts of {int(beyond.sum())} days say more water than the soil has pores "
            f"({porosity:.2f} m3 m-3), as snow or a pond does; they are left out"
        )
    thawed = np.where(snow | beyond, np.nan, daily.theta)
    rate = np.where(snow | beyond, np.nan, daily.rate)
    columns = {
        "retrieval": thawed,
        "counts": rate / calibrated.N0,
        "rain": np.log1p(rain),
        "pet": _evapotranspiration(study, obs, days, day_of_year),
        "temperature": none if temperature is None else daily_mean(temperature, obs.axis, days)[0],
        "season_cos": np.cos(angle),
        "season_sin": np.sin(angle),
    }
    unknown = lambda x: np.nan if x is None else float(x)  # noqa: E731
    biomass = study.station.biomass_water
    # As in training: the mean over days whose counts are read, without snow.
    mean_rate = float(np.nanmean(rate)) if np.isfinite(rate).any() else np.nan
    static = {
        "sand": unknown(settings.sand),
        "clay": unknown(study.station.clay),
        "bulk_density": soil.bulk_density,
        "porosity": porosity,
        "soil_organic_carbon": soil.organic_water / _WATER_OF_CARBON,
        "lattice_water": soil.lattice_water,
        "leaf_area_max": unknown(settings.leaf_area_max),
        "rooting_depth": unknown(settings.rooting_depth),
        "biomass_water": np.nan if biomass is None else biomass.value,
        "log_rate": np.log(mean_rate),
        "log_N0": np.log(calibrated.N0),
    }
    return _Day(days, columns, static, porosity)


def _evapotranspiration(
    study: StationStudy, obs: Observations, days: pd.DatetimeIndex, day_of_year: np.ndarray
) -> np.ndarray:
    """Return potential evapotranspiration (day) [mm d-1] as measured, or from temperature."""
    if obs.get("potential_evapotranspiration") is not None:
        return daily_sum(obs, days, "potential_evapotranspiration")
    temperature = obs.get("temperature")
    if temperature is None or obs.step_hours > 24.0 / _TEMPERATURES:
        return np.full(len(days), np.nan)
    by_day = pd.Series(temperature, obs.axis).resample("1D")
    low, high, number = by_day.min(), by_day.max(), by_day.count()
    sun = extraterrestrial_radiation(day_of_year, study.station.latitude)
    demand = np.asarray(
        hargreaves_samani(low.reindex(days).to_numpy(), high.reindex(days).to_numpy(), sun)
    )
    demand = np.where(number.reindex(days).to_numpy() >= _TEMPERATURES, demand, np.nan)
    smooth = pd.Series(demand).rolling(_SMOOTH, min_periods=1, center=True).mean()
    return np.asarray(smooth)


def _sequences(model: Model, known: _Day) -> Sequences:
    """Return what the network reads."""
    inputs = np.stack([known.columns[n] for n in model.names.inputs], axis=-1)[None]
    static = (
        np.array([[known.static[n] for n in model.names.static]]) if model.names.static else None
    )
    targets = len(model.names.targets)
    return Sequences(
        inputs.astype("f4"),
        np.full((1, len(known.days), targets), np.nan, "f4"),
        None if static is None else static.astype("f4"),
        np.full((1, targets), known.upper, "f4"),
    )


def _tell(model: Model, data: Sequences, known: _Day, name: str, context: Context) -> None:
    """Tell what is missing, and what lies outside the range of the training."""
    present = np.isfinite(data.inputs[0]).mean(axis=0)
    shares = ", ".join(
        f"{n} {100 * share:.0f} %" for n, share in zip(model.names.inputs, present, strict=True)
    )
    context.log.tell(f"root zone: the network '{name}' reads, as a share of the days, {shares}")
    gone = [n for n, share in zip(model.names.inputs, present, strict=True) if share == 0]
    if gone:
        context.log.warn(
            f"root zone: nothing tells {', '.join(gone)}; the network has learned to go without "
            "and is less certain"
        )
    unknown = [n for n in model.names.static if not np.isfinite(known.static[n])]
    if unknown:
        context.log.tell(f"root zone: attributes that are not known: {', '.join(unknown)}")
    outside = model.out_of_range(data)
    if outside:
        parts = ", ".join(
            f"{n} ({100 * share:.0f} % of its values)" for n, share in outside.items()
        )
        context.log.warn(
            f"root zone: outside the range that the network '{name}' was trained on: {parts}; "
            "what it says of such days is an extrapolation"
        )


def _tuned(
    model: Model,
    data: Sequences,
    settings: FineTuning,
    targets: list[str],
    sensors: dict[str, np.ndarray],
    snow: np.ndarray,
    seed: int,
    context: Context,
) -> tuple[Model, np.ndarray]:
    """Return the model after learning from the first days with sensors, and these days.

    Raises
    ------
    DataError
        If the sensors do not reach the depths, or have too few days.
    """
    found = [name for name in targets if name in sensors]
    if not found:
        raise DataError(
            f"root_zone.fine_tuning: no sensors give a mean of {' or '.join(targets)} to learn from"
        )
    usable = np.any([np.isfinite(sensors[name]) & ~snow for name in found], axis=0)
    first = np.flatnonzero(usable)[: settings.days]
    if len(first) < settings.days:
        raise DataError(
            f"root_zone.fine_tuning.days is {settings.days}, sensors have {len(first)} days "
            "without snow and frost"
        )
    learned_from = np.zeros(len(snow), bool)
    learned_from[: first[-1] + 1] = True
    target = data.target.copy()
    for name in found:
        column = model.names.targets.index(name)
        target[0, first, column] = np.where(snow[first], np.nan, sensors[name][first])
    choose: Callable = readout_only if settings.weights == "readout" else everything
    length = int(first[-1]) + 1
    recipe = Recipe(
        WindowRule(length, 0),
        epochs=settings.epochs,
        batch=1,
        schedule=Cosine(epochs=settings.epochs, rate=settings.learning_rate),
        patience=None,
        keep_best=False,
        trainable=choose,
    )
    some = Sequences(
        data.inputs[:, :length], target[:, :length].astype("f4"), data.static, data.upper
    )
    state = None
    for progress in train(model, some, None, recipe, seed=seed):
        state = progress.state
    assert state is not None
    if told(state.status):
        context.log.warn(f"root_zone.fine_tuning: {told(state.status)}")
    context.log.tell(
        f"root zone: fine-tuned ({settings.weights}) on {len(first)} days with sensors up to the "
        f"{length}th day; days up to there are not scored"
    )
    return finish(model, state, recipe), learned_from
