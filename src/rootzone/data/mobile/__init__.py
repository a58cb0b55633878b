"""Passes of a detector on a car or train become daily counts of segments and of model cells.

Plain functions of arrays: positions in the plane, along the track, along a line; flags; sums of
segments with their errors; upscaling to cells.
"""

from rootzone.data.mobile.coordinates import (
    LocalPlane,
    fit_plane,
    inside_polygon,
    plane_of,
    require_meters,
    transform,
)
from rootzone.data.mobile.corrections import (
    at_times,
    elevation_at,
    material_factor,
    moisture_beside,
    pressure_at_elevation,
)
from rootzone.data.mobile.flags import (
    POINT_MEANING,
    PointFlag,
    Stretch,
    implausible_counts,
    tally,
)
from rootzone.data.mobile.kriging import Variogram, krige, variogram_of
from rootzone.data.mobile.line import (
    Snapped,
    at_chainage,
    cell_at,
    chainage_of,
    in_domain,
    line_through,
    snap,
    thinned,
    usable_line,
)
from rootzone.data.mobile.points import (
    along_track,
    clock,
    interval_times,
    jumps,
    split_passes,
    split_runs,
)
from rootzone.data.mobile.segments import (
    Aggregated,
    Segments,
    daily_segments,
    expected_counts,
    segment_middles,
    sparse_days,
)
from rootzone.data.mobile.smoothing import smoothed, window_matrix
from rootzone.data.mobile.upscaling import cell_means, inverse_distance, upscaled

__all__ = [
    "POINT_MEANING",
    "Aggregated",
    "LocalPlane",
    "PointFlag",
    "Segments",
    "Snapped",
    "Stretch",
    "Variogram",
    "along_track",
    "at_chainage",
    "at_times",
    "cell_at",
    "cell_means",
    "chainage_of",
    "clock",
    "daily_segments",
    "elevation_at",
    "expected_counts",
    "fit_plane",
    "implausible_counts",
    "in_domain",
    "inside_polygon",
    "interval_times",
    "inverse_distance",
    "jumps",
    "krige",
    "line_through",
    "material_factor",
    "moisture_beside",
    "plane_of",
    "pressure_at_elevation",
    "require_meters",
    "segment_middles",
    "smoothed",
    "snap",
    "sparse_days",
    "split_passes",
    "split_runs",
    "tally",
    "thinned",
    "transform",
    "upscaled",
    "usable_line",
    "variogram_of",
    "window_matrix",
]
