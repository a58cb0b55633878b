"""Simulated sites: weather, column and neutron operators together, alone or by the thousand."""

from rootzone.simulate.ensemble import (
    CHUNK,
    Chunk,
    chunk_count,
    chunk_width,
    pick,
    run_ensemble,
    workers,
)
from rootzone.simulate.operators import (
    Cosmic,
    CountOperator,
    DepthWeighted,
    NeutronSoil,
    homogeneous_rates,
    noisy,
)
from rootzone.simulate.site import LAYERS, Members, Simulated, Site, of_column, to_column
from rootzone.simulate.surface import GrowingRoots, Supply, Surface
from rootzone.simulate.weather import GeneratedWeather, RecordedWeather, Weather, WeatherSource

__all__ = [
    "CHUNK",
    "LAYERS",
    "Chunk",
    "Cosmic",
    "CountOperator",
    "DepthWeighted",
    "GeneratedWeather",
    "GrowingRoots",
    "Members",
    "NeutronSoil",
    "RecordedWeather",
    "Simulated",
    "Site",
    "Supply",
    "Surface",
    "Weather",
    "WeatherSource",
    "chunk_count",
    "chunk_width",
    "homogeneous_rates",
    "noisy",
    "of_column",
    "pick",
    "run_ensemble",
    "to_column",
    "workers",
]
