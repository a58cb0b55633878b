"""Study files: YAML in, checked objects out; the one place where words become objects."""

from rootzone.config.base import StudyBase
from rootzone.config.catchment import CatchmentStudy
from rootzone.config.column import ColumnStudy
from rootzone.config.inverse import InverseStudy
from rootzone.config.loading import KINDS, json_schema, load_study, template
from rootzone.config.replicates import ReplicatesStudy
from rootzone.config.station import StationStudy
from rootzone.config.transect import TransectStudy

__all__ = [
    "KINDS",
    "CatchmentStudy",
    "ColumnStudy",
    "InverseStudy",
    "ReplicatesStudy",
    "StationStudy",
    "StudyBase",
    "TransectStudy",
    "json_schema",
    "load_study",
    "template",
]
