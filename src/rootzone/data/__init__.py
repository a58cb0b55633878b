"""Readers and writers: tables, times, units and quality at the door; run folders."""

from rootzone.data.bridge import daily_mean, time_coordinate, variable
from rootzone.data.file_text import find_files
from rootzone.data.grid import (
    Series,
    clean_order,
    interpolate_gaps,
    make_axis,
    on_axis,
    parse_step,
    seasonal_mean,
)
from rootzone.data.quality import (
    EXCLUDED,
    MEANING,
    Flag,
    count_flags,
    flag_attributes,
    spike_flags,
)
from rootzone.data.run_folder import Log, RunFolder
from rootzone.data.samples import CampaignSamples, read_samples
from rootzone.data.tables import (
    Column,
    column_values,
    counted_hours,
    default_columns,
    interval_hours,
    time_index,
)
from rootzone.data.text_files import Raw, read_raw
from rootzone.data.units import COUNT_WORDS

__all__ = [
    "COUNT_WORDS",
    "EXCLUDED",
    "MEANING",
    "CampaignSamples",
    "Column",
    "Flag",
    "Log",
    "Raw",
    "RunFolder",
    "Series",
    "clean_order",
    "column_values",
    "count_flags",
    "counted_hours",
    "daily_mean",
    "default_columns",
    "find_files",
    "flag_attributes",
    "interpolate_gaps",
    "interval_hours",
    "make_axis",
    "on_axis",
    "parse_step",
    "read_raw",
    "read_samples",
    "seasonal_mean",
    "spike_flags",
    "time_coordinate",
    "time_index",
    "variable",
]
