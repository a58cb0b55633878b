"""A network of replicate sensors whose truth is known: simulated plots as a dataset.

What the plots are made of stands in ``docs/replicates_twin.md``::

    ds = make_twin(Twin(method="twin", preset="small"), seed=1, context=Context())
    ds["true_soil_moisture"]              # (place, depth, column, time)
"""

import json
from typing import Any

import jax
import numpy as np
import xarray as xr

from rootzone.config.replicates_twin import Twin
from rootzone.core import RunError, StudyError
from rootzone.data.run_folder import RunFolder
from rootzone.simulate.plots import (
    ATTERT_LIKE,
    SMALL,
    Joined,
    PlotRecipe,
    PlotRun,
    Plots,
    PlotWeather,
    Sensors,
    draw_plots,
    draw_sensors,
    draw_weather,
    linear_stores,
    run_plots,
    run_reference,
)
from rootzone.simulate.plots_truth import multimodal_share, true_modes
from rootzone.studies.context import Context
from rootzone.water.richards import Status
from rootzone.water.soil_classes import texture_class

NETWORK = "network.nc"
"""File of the network in a run folder."""

TWIN_VERSION = 1
"""To be raised when the same recipe and seed make other plots."""

_PRESETS = {"small": SMALL, "attert_like": ATTERT_LIKE}
_CELL = ("place", "depth")
_MOST = 4e9  # bytes of the truth
_SOIL = {
    "sand": ("%", "sand in the fine earth, as surveyed"),
    "clay": ("%", "clay in the fine earth, as surveyed"),
    "bulk_density": ("g cm-3", "dry bulk density of the fine earth, as surveyed"),
    "porosity": ("m3 m-3", "mean porosity of the plot, stones included, as surveyed"),
    "stone_content": ("m3 m-3", "share of stones in the volume, as surveyed"),
    "soil_organic_carbon": ("g g-1", "soil organic carbon, as surveyed"),
    "K_s": ("cm d-1", "saturated hydraulic conductivity, as surveyed"),
}


def recipe_of(part: Twin) -> PlotRecipe:
    """Return what the plots of a study are drawn from.

    Raises
    ------
    StudyError
        If a plot has fewer columns than profiles of sensors.
    """
    recipe = _PRESETS[part.preset]
    given = {"places": part.places, "columns": part.columns, "years": part.years}
    places = given.pop("places")
    if places is not None:
        given["places"] = {name: places.get(name, 0) for name in recipe.groups}
    sensors = {"bias": part.sensor_bias, "noise": part.sensor_noise, "outages": part.outages}
    sensors["replicates"] = part.replicates
    known = lambda values: {k: v for k, v in values.items() if v is not None}  # noqa: E731
    recipe = recipe._replace(
        **known(given),
        step_hours=part.step_hours,
        sensors=recipe.sensors._replace(**known(sensors)),
    )
    if recipe.sensors.replicates > recipe.columns:
        raise StudyError(
            f"data: replicates is {recipe.sensors.replicates}, a plot has {recipe.columns} columns "
            "for one profile each: give more columns or fewer replicates"
        )
    return recipe


def make_twin(part: Twin, seed: int, context: Context) -> xr.Dataset:
    """Return simulated plots as a network of replicate sensors.

    Every place has the role of a plot of the dataset: ``soil_moisture`` of the sensors, inputs from
    the nearest pixel or station, attributes of a survey with errors, ``era5_land``, and the truth,
    ``true_soil_moisture`` of all columns. With a run folder it is written there once as
    ``network.nc``; a folder that holds it already is read.

    Parameters
    ----------
    part : Twin
        Settings.
    seed : int
        Of the study; that of the twin if it has none of its own.
    context : Context
        Run folder, log and progress.

    Raises
    ------
    StudyError
        If the truth is larger than any machine should hold, or a column did not finish.
    """
    recipe = recipe_of(part)
    seed = seed if part.twin_seed is None else part.twin_seed
    _refuse_size(recipe)
    mark = _mark(recipe, part, seed)
    folder = None if context.folder is None else RunFolder(context.folder)
    if folder is not None and (folder.path / NETWORK).is_file():
        found = folder.read_dataset(NETWORK)
        if found.attrs.get("twin") == mark:
            context.log.tell(f"the simulated plots are those of {folder.path / NETWORK}")
            return _in_types(found)
        context.log.tell(f"{folder.path / NETWORK} is of another version: it is made again")
    dataset = _made(recipe, part, seed, context)
    dataset.attrs["twin"] = mark
    if folder is not None:
        folder.write_dataset(NETWORK, dataset)
    return dataset


def _refuse_size(recipe: PlotRecipe) -> None:
    steps = 365 * recipe.years * 24 // recipe.step_hours
    size = 4.0 * sum(recipe.places.values()) * len(recipe.depths) * recipe.columns * steps
    if size > _MOST:
        raise StudyError(
            f"data: the truth of {sum(recipe.places.values())} plots with {recipe.columns} columns "
            f"and {steps} steps wants {size / 1e9:.0f} GB: take fewer plots, columns or years, "
            "or longer steps"
        )


def _mark(recipe: PlotRecipe, part: Twin, seed: int) -> str:
    """Return what a stored network must have been made with, as JSON."""

    def plain(value: Any) -> Any:
        if hasattr(value, "_asdict"):
            return {k: plain(v) for k, v in value._asdict().items()}
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return list(value) if isinstance(value, tuple) else value

    made = {"version": TWIN_VERSION, "seed": seed, "first_year": part.first_year}
    return json.dumps({**made, "recipe": plain(recipe)}, sort_keys=True)


def _made(recipe: PlotRecipe, part: Twin, seed: int, context: Context) -> xr.Dataset:
    tell = context.progress
    size, count = sum(recipe.places.values()), recipe.columns
    context.log.tell(
        f"simulates {size} plots of {count} columns over {recipe.years} years in steps of "
        f"{recipe.step_hours} h, seed {seed}"
    )
    tell("plots", 0.0)
    with jax.enable_x64(False):  # the same plots whatever the precision of the study
        plots = draw_plots(recipe, seed)
        weather = draw_weather(recipe, plots, seed)
        run = run_plots(recipe, plots, weather, lambda share: tell("plots", 0.95 * share))
        _require_done(run, seed)
        reference, cells = run_reference(recipe, plots, weather, seed)
    sensors = draw_sensors(recipe, plots, run.water, seed)
    if not np.all(np.isfinite(reference)):
        raise StudyError(f"the reference of the plots with seed {seed} has gaps: take another seed")
    dataset = _dataset(recipe, part, plots, weather, run, sensors, reference, cells)
    _tell_modes(recipe, plots, run, context)
    tell("plots", 1.0)
    return dataset


def _require_done(run: PlotRun, seed: int) -> None:
    failed = int(np.sum(run.status != Status.DONE))
    if failed:
        raise StudyError(
            f"{failed} of {run.status.size} Richards columns of the plots with seed {seed} did not "
            "finish: take another data.twin_seed"
        )


def _tell_modes(recipe: PlotRecipe, plots: Plots, run: PlotRun, context: Context) -> None:
    deviation = float(np.hypot(recipe.sensors.bias, recipe.sensors.noise))
    modes = true_modes(run.water, deviation)
    parts = []
    for name in dict.fromkeys(plots.group):
        its = np.array([g == name for g in plots.group])
        parts.append(f"{name} {100 * multimodal_share(modes[its]):.0f} %")
    context.log.tell(
        f"the true distribution has several maxima at {100 * multimodal_share(modes):.0f} % of all "
        f"places, depths and steps ({', '.join(parts)})"
    )


# --- the dataset ------------------------------------------------------------------------


def _discharge(recipe: PlotRecipe, plots: Plots, run: PlotRun) -> tuple[np.ndarray, Joined]:
    """Return the discharge of the nearest gauge (time, place) [mm], one gauge for each group."""
    groups = list(dict.fromkeys(plots.group))
    its = np.array([[g == name for g in plots.group] for name in groups])
    mean = lambda x: np.stack([x[mine].mean(axis=0) for mine in its], axis=-1)  # noqa: E731
    days = recipe.step_hours / 24.0
    flow = linear_stores(mean(run.quick), mean(run.slow), days=days)
    east, north = (np.array([x[mine].mean() for mine in its]) for x in (plots.east, plots.north))
    apart = np.hypot(plots.east[:, None] - east, plots.north[:, None] - north)
    chosen = apart.argmin(axis=1)
    names = tuple(f"gauge {groups[k]}" for k in chosen)
    return flow[:, chosen], Joined("discharge", names, apart[np.arange(len(chosen)), chosen])


def _dataset(
    recipe: PlotRecipe,
    part: Twin,
    plots: Plots,
    weather: PlotWeather,
    run: PlotRun,
    sensors: Sensors,
    reference: np.ndarray,
    cells: Joined,
) -> xr.Dataset:
    discharge, gauges = _discharge(recipe, plots, run)
    later = slice(365 * 24 // recipe.step_hours, None)
    per_step = "mm"
    inputs = {
        "precipitation": (weather.told_rain[later], per_step, "precipitation per step"),
        "potential_evapotranspiration": (
            weather.told_demand[later],
            per_step,
            "potential evapotranspiration per step",
        ),
        "temperature": (weather.told_temperature[later], "degC", "air temperature"),
        "discharge": (discharge, per_step, "discharge of the nearest gauge per step"),
        "potential_radiation": (
            weather.radiation[later],
            "W m-2",
            "radiation at the top of the atmosphere",
        ),
    }
    water = "m3 m-3"
    found: dict[str, Any] = {
        "soil_moisture": _variable(
            (*_CELL, "replicate", "time"), sensors.reading, "target", water, "soil moisture read"
        )
    }
    for name, (values, unit, words) in inputs.items():
        found[name] = _variable(("place", "time"), values.T, "input", unit, words)
    found["elevation"] = _variable(("place",), plots.elevation, "attribute", "m", "elevation")
    for name, (unit, words) in _SOIL.items():
        found[name] = _variable(_CELL, getattr(plots.survey, name), "attribute", unit, words)
    top = zip(plots.survey.sand[:, 0], plots.survey.clay[:, 0], strict=True)
    classes = {
        "geology": (plots.group, "geology"),
        "land_use": (plots.land_use, "land use"),
        "soil_class": (
            [texture_class(float(s), float(c)) for s, c in top],
            "texture class of the topsoil, as surveyed",
        ),
    }
    for name, (words, long_name) in classes.items():
        values = np.array(words, dtype=object)
        found[name] = (("place",), values, {"role": "class", "long_name": long_name, "units": "1"})
    found["era5_land"] = _variable(
        (*_CELL, "time"), reference, "reference", water, "soil moisture of a coarse model"
    )
    found["true_soil_moisture"] = _variable(
        (*_CELL, "column", "time"), run.water, "truth", water, "soil moisture of the columns"
    )
    return xr.Dataset(
        found,
        coords=_coordinates(recipe, part, plots),
        attrs=_attributes(recipe, (*weather.joined, gauges, cells), plots),
    )


def _variable(
    dims: tuple[str, ...], values: np.ndarray, role: str, unit: str, words: str
) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    attrs = {"role": role, "units": unit, "long_name": words}
    return dims, np.ascontiguousarray(values, np.float32), attrs


def _coordinates(recipe: PlotRecipe, part: Twin, plots: Plots) -> dict[str, Any]:
    steps = 365 * recipe.years * 24 // recipe.step_hours
    start = np.datetime64(f"{part.first_year:04d}-01-01", "ns")
    time = start + np.arange(steps) * np.timedelta64(recipe.step_hours, "h")
    words = lambda values: np.array(list(values), dtype=object)  # noqa: E731
    label = {"long_name": "start of the interval, UTC; water is that at its end"}
    return {
        "place": ("place", words(plots.name), {"long_name": "plot"}),
        "depth": ("depth", np.array(recipe.depths), {"units": "cm", "positive": "down"}),
        "replicate": ("replicate", words(_letter(k) for k in range(recipe.sensors.replicates))),
        "time": ("time", time.astype("datetime64[ns]"), label),
        "group": ("place", words(plots.group), {"long_name": "geology"}),
        "latitude": ("place", plots.latitude, {"units": "degrees_north"}),
        "longitude": ("place", plots.longitude, {"units": "degrees_east"}),
    }


def _letter(number: int) -> str:
    """Return A, B, ... and then names with numbers."""
    return chr(ord("A") + number) if number < 26 else f"R{number + 1}"


def _attributes(recipe: PlotRecipe, joined: tuple[Joined, ...], plots: Plots) -> dict[str, Any]:
    entries = [
        {
            "place": place,
            "quantity": one.quantity,
            "source": one.source[k],
            "distance_km": round(float(one.distance[k]), 3),
        }
        for one in joined
        for k, place in enumerate(plots.name)
    ]
    return {
        "title": "simulated plots with replicate sensors",
        "source": "Richards columns with Miller similarity, pockets and macropores (simulated)",
        "step_hours": float(recipe.step_hours),
        "sensor_bias": float(recipe.sensors.bias),
        "sensor_noise": float(recipe.sensors.noise),
        "joined": json.dumps(entries),
    }


def _in_types(dataset: xr.Dataset) -> xr.Dataset:
    """Return a stored network with words as they were before it was written.

    Raises
    ------
    RunError
        If it lacks a part.
    """
    wanted = ("soil_moisture", "true_soil_moisture", "group")
    absent = [name for name in wanted if name not in dataset.variables]
    if absent:
        raise RunError(f"{NETWORK} of the run folder has no {absent[0]}: delete it, run again")
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "OUST":
            words = np.array([str(v) for v in variable.values.ravel()], dtype=object)
            kept = (variable.dims, words.reshape(variable.shape), variable.attrs)
            dataset = (
                dataset.assign_coords({name: kept})
                if name in dataset.coords
                else (dataset.assign({name: kept}))
            )
    return dataset
