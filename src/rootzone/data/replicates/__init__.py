"""Networks of replicate sensors: tables, archives and stored datasets become one contract."""

from rootzone.data.replicates.assemble import Frame, add_reference, build_network
from rootzone.data.replicates.era5_land import Layer, read_era5_land
from rootzone.data.replicates.ismn import Wanted, read_archive
from rootzone.data.replicates.join import Station, great_circle
from rootzone.data.replicates.network import (
    ROLES,
    SENSOR_DIMS,
    Exclusion,
    InputSeries,
    PlaceRecord,
    check_network,
    require_inputs,
    single_places,
)
from rootzone.data.replicates.quality import Rules
from rootzone.data.replicates.tables import (
    SensorName,
    columns_of_pattern,
    input_series,
    input_values,
    neon_series,
)

__all__ = [
    "ROLES",
    "SENSOR_DIMS",
    "Exclusion",
    "Frame",
    "InputSeries",
    "Layer",
    "PlaceRecord",
    "Rules",
    "SensorName",
    "Station",
    "Wanted",
    "add_reference",
    "build_network",
    "check_network",
    "columns_of_pattern",
    "great_circle",
    "input_series",
    "input_values",
    "neon_series",
    "read_archive",
    "read_era5_land",
    "require_inputs",
    "single_places",
]
