"""Scenarios of a study `inverse`: made block by block into a store, taken up after a kill."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from rootzone.config.column import ColumnStudy
from rootzone.config.inverse_scenarios import SimulatedScenarios, StoredScenarios
from rootzone.core import DataError, StudyError
from rootzone.data.scenario_store import Field, ScenarioStore
from rootzone.simulate import Chunk, RecordedWeather
from rootzone.simulate.scenario_members import VEGETATION, Recipe, Sites, Spreads
from rootzone.simulate.scenarios import DEPTHS, OPERATORS, Ensemble
from rootzone.studies.column_weather import weather_of
from rootzone.studies.context import Context
from rootzone.studies.station_input import naive_utc
from rootzone.water.richards import Control, Grid, Status
from rootzone.water.soil_classes import TEXTURE_CLASSES

FOLDER = "scenarios.zarr"
"""Where the store lies in the run folder."""

SHARE = 0.3
"""Part of the progress of a study."""

_ZONE = 30.0  # cm, over which the soil of a site is averaged


def recipe_of(part: SimulatedScenarios) -> Recipe:
    """Return what sites are drawn from."""
    return Recipe(
        part.soils,
        part.scatter,
        part.layered,
        part.vegetated,
        part.water_table,
        tuple(part.climates),
        part.stations,
        part.rates,
        part.depth,
        Spreads()._replace(N0=part.N0_error),
    )


def ensemble_of(
    part: SimulatedScenarios, seed: int, weather: RecordedWeather | None = None
) -> Ensemble:
    """Return the simulated sites of a study, under recorded weather if given."""
    return Ensemble(
        recipe_of(part),
        jax.random.fold_in(jax.random.key(seed), 1),
        years=part.years,
        start_day_of_year=min(int(naive_utc(part.start).day_of_year), 365),
        warm_up=part.warm_up,
        grid=Grid.graded(part.depth, part.nodes, part.first),
        control=Control(tolerance=part.tolerance),
        weather=weather,
    )


def weather_and_days(
    part: SimulatedScenarios, context: Context
) -> tuple[RecordedWeather | None, pd.DatetimeIndex]:
    """Return recorded daily weather, if there is any, and the days of the scenarios.

    Raises
    ------
    DataError, UnitError
        If recorded weather cannot be used.
    """
    if part.weather is None:
        start = naive_utc(part.start).floor("D")
        return None, pd.date_range(start, periods=365 * part.years, freq="D")
    column = ColumnStudy.model_validate(
        {
            "site": {"name": "weather of the scenarios", "latitude": part.latitude},
            "soil": {
                "method": "layers",
                "layers": [
                    {"bottom": 150, "hydraulics": {"method": "class", "name": "loam"}},
                ],
            },
            "weather": part.weather.model_dump(),
            "snow": {"method": "degree_day"},
        }
    )
    found = weather_of(column, context)
    if found.every * found.interval != 1.0 or found.every != 1:
        raise DataError("scenarios want daily weather, this table is finer: give daily sums")
    source = found.source
    assert isinstance(source, RecordedWeather)
    return source, found.axis


# --- what is stored ---------------------------------------------------------------------

_SITE = {
    "sand": ("%", "sand of the mineral fine earth"),
    "silt": ("%", "silt of the mineral fine earth"),
    "clay": ("%", "clay of the mineral fine earth"),
    "bulk_density": ("g cm-3", "dry bulk density, mean of 0-30 cm"),
    "soil_organic_carbon": ("g g-1", "soil organic carbon, mean of 0-30 cm"),
    "lattice_water": ("g g-1", "lattice water"),
    "organic_water": ("g g-1", "water equivalent of organic matter, mean of 0-30 cm"),
    "porosity": ("m3 m-3", "largest porosity of the profile, which no mean water exceeds"),
    "leaf_area_max": ("1", "largest leaf area index of the year"),
    "leaf_area_mean": ("1", "mean leaf area index of the year"),
    "rooting_depth": ("cm", "rooting depth, 0 for bare soil"),
    "biomass_water": ("mm", "biomass water equivalent"),
    "topsoil": ("cm", "lower end of the topsoil"),
    "water_table": ("cm", "depth of the water table, missing where the soil drains freely"),
}
_CODES = {
    "climate": "climate of the weather generator",
    "station": "station of the weather generator",
    "soil_class": "USDA texture class",
    "vegetation": "vegetation",
}
_HORIZON = {
    "theta_r": "m3 m-3",
    "theta_s": "m3 m-3",
    "alpha": "cm-1",
    "n": "1",
    "K_s": "cm d-1",
}
_DAILY = {
    "rain": ("mm", "precipitation of the day"),
    "pet": ("mm", "potential evapotranspiration of the day"),
    "temperature": ("degC", "mean air temperature of the day"),
    "snow": ("mm", "snow water equivalent at the end of the day"),
}


def _fields(part: SimulatedScenarios, axis: pd.DatetimeIndex) -> dict[str, Field]:
    """Return the arrays of the store."""
    m, o, d, days = part.members, len(OPERATORS), len(DEPTHS), len(axis)
    words = lambda unit, text: {"units": unit, "long_name": text}  # noqa: E731
    flags = {
        "climate": part.climates,
        "soil_class": TEXTURE_CLASSES,
        "vegetation": VEGETATION,
    }

    def meaning(names: Any) -> dict[str, Any]:
        return {
            "flag_values": list(range(len(names))),
            "flag_meanings": " ".join(n.replace(" ", "_") for n in names),
        }

    fields = {
        "day": Field(
            ("day",), (days,), "int32", {"units": f"days since {axis[0]:%Y-%m-%d}", "axis": "T"}
        ),
        "day_of_year": Field(("day",), (days,), "int32", words("1", "day of the year")),
        "depth": Field(("depth",), (d,), "float32", words("cm", "lower end of the mean")),
        "operator": Field(("operator",), (o,), "int8", meaning(list(OPERATORS))),
        "rate": Field(
            ("member", "operator", "day"),
            (m, o, days),
            attrs=words("h-1", "exact count rate at the end of the day, without noise"),
        ),
        "theta": Field(
            ("member", "depth", "day"),
            (m, d, days),
            attrs=words("m3 m-3", "mean water content from the surface at the end of the day"),
        ),
        "N0": Field(("member", "operator"), (m, o), attrs=words("h-1", "true N0 (N of COSMIC)")),
        "N0_known": Field(
            ("member", "operator"), (m, o), attrs=words("h-1", "N0 with the error of a calibration")
        ),
        "status": Field(("member",), (m,), "int8", meaning([s.name.lower() for s in Status])),
    }
    for name, (unit, text) in _DAILY.items():
        fields[name] = Field(("member", "day"), (m, days), attrs=words(unit, text))
    for name, (unit, text) in _SITE.items():
        fields[name] = Field(("member",), (m,), attrs=words(unit, text))
    for name, text in _CODES.items():
        attrs = words("1", text) | (meaning(flags[name]) if name in flags else {})
        fields[name] = Field(("member",), (m,), "int32", attrs)
    for name, unit in _HORIZON.items():
        text = f"{name} of topsoil and subsoil"
        fields[name] = Field(("member", "horizon"), (m, 2), attrs=words(unit, text))
    return fields


def _of_sites(sites: Sites, scale: np.ndarray) -> dict[str, np.ndarray]:
    """Return what does not change with time (member, ...)."""
    share = np.clip(sites.topsoil / _ZONE, 0.0, 1.0)
    weight = np.stack([share, 1.0 - share])
    mean = lambda x: (weight * x).sum(axis=0)  # noqa: E731
    density = mean(sites.bulk_density)
    by_mass = lambda x: mean(sites.bulk_density * x) / density  # noqa: E731
    out = {
        "sand": sites.sand,
        "silt": 100.0 - sites.sand - sites.clay,
        "clay": sites.clay,
        "bulk_density": density,
        "soil_organic_carbon": by_mass(sites.soil_organic_carbon),
        "lattice_water": by_mass(sites.lattice_water),
        "organic_water": by_mass(sites.organic_water()),
        "porosity": sites.porosity.max(axis=0),
        "leaf_area_max": sites.leaf_area.max(axis=0),
        "leaf_area_mean": sites.leaf_area.mean(axis=0),
        "rooting_depth": sites.rooting_depth,
        "biomass_water": sites.biomass_water,
        "topsoil": sites.topsoil,
        "water_table": np.where(np.isfinite(sites.water_table), sites.water_table, np.nan),
        "climate": sites.climate,
        "station": sites.station,
        "soil_class": sites.soil_class,
        "vegetation": sites.vegetation,
        "N0": scale.T,
        "N0_known": (scale * (1.0 + sites.N0_error)).T,
    }
    return out | {name: getattr(sites, name).T for name in _HORIZON}


def _of_chunk(chunk: Chunk) -> dict[str, np.ndarray]:
    """Return the series of a chunk (member, ..., day)."""
    return {name: np.asarray(x).T for name, x in chunk.result._asdict().items()}


# --- making them ------------------------------------------------------------------------


def make_scenarios(
    part: SimulatedScenarios, seed: int, context: Context, folder: Path, *, made_with: str
) -> ScenarioStore:
    """Simulate the scenarios that the store lacks and return it.

    Parameters
    ----------
    part : SimulatedScenarios
        Of the study.
    seed : int
        Of the study.
    context : Context
        Where to tell and how far it is.
    folder : Path
        Of the store, where the study names none.
    made_with : str
        Versions; a store that others began is refused.
    """
    weather, days = weather_and_days(part, context)
    ensemble = ensemble_of(part, seed, weather)
    sites = ensemble.sites(np.arange(part.members))
    fixed = _of_sites(sites, ensemble.scale(sites))
    fields = _fields(part, days)
    recipe = part.model_dump(mode="json", exclude={"folder", "chunk"}) | {
        "seed": seed,
        "spreads": recipe_of(part).spreads._asdict(),
        "operators": list(OPERATORS),
    }
    path = folder if part.folder is None else context.base / Path(part.folder).expanduser()
    store = ScenarioStore.create(
        path,
        recipe=recipe,
        made_with=made_with,
        members=part.members,
        block=min(part.chunk, part.members),
        fields=fields,
        whole={
            "day": np.arange(len(days)),
            "day_of_year": days.day_of_year.to_numpy(),
            "depth": np.array(DEPTHS),
            "operator": np.arange(len(OPERATORS)),
        },
    )
    done, failed = store.known(), 0
    if done:
        context.log.tell(f"{path}: {len(done)} of {store.blocks} blocks are there and taken up")
    context.progress("scenarios", SHARE * len(done) / store.blocks)
    for n, chunk in enumerate(ensemble.run(sites.number, chunk=store.block, done=done)):
        here = chunk.members
        store.write(chunk.number, _of_chunk(chunk) | {k: v[here] for k, v in fixed.items()})
        failed += int((chunk.result.status != Status.DONE).sum())
        context.progress("scenarios", SHARE * (len(done) + n + 1) / store.blocks)
    text = f"{path}: {part.members} sites of {len(days)} days"
    context.log.tell(f"{text}, {failed} did not finish and are left out" if failed else text)
    return store


def open_scenarios(part: StoredScenarios, context: Context) -> ScenarioStore:
    """Return a store that is there.

    Raises
    ------
    DataError, StudyError
        If it is no store, or holds too little.
    """
    store = ScenarioStore(context.base / Path(part.folder).expanduser())
    count = len(store.numbers())
    if count < 2 or (part.members or 0) > count:
        raise StudyError(
            f"{store.path}: holds {count} finished sites, {part.members or 2} are wanted "
            "(scenarios.members)"
        )
    if count < store.members:
        context.log.warn(f"{store.path}: holds {count} of {store.members} sites so far")
    return store


def summary_of(store: ScenarioStore) -> dict[str, Any]:
    """Return what the summary of a run tells of its scenarios."""
    status = store.read("status")
    failed = {s.name.lower(): int((status == int(s)).sum()) for s in Status if s != Status.DONE}
    return {
        "members": int(status.size),
        "days": store.field("day").shape[0],
        "flagged": failed,
        "recipe": store.recipe,
        "made_with": store.attrs["made_with"],
    }


def stored_days(store: ScenarioStore) -> pd.DatetimeIndex:
    """Return the days of a store."""
    start = pd.Timestamp(str(store.field("day").attrs["units"]).removeprefix("days since "))
    return pd.DatetimeIndex(start + pd.to_timedelta(store.read("day"), unit="D"))
