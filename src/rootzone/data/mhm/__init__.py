"""Folders of mHM 5.13: read whole and checked, written so that the real model runs on them.

::

    folder = read_folder(Path("test_domain"))
    for sentence in folder.unsupported:
        print(sentence)
    model = regionalization_of(folder.domain, folder.setup)      # rootzone.data.cells

A folder becomes a :class:`~rootzone.data.domain.Domain` (maps, tables, weather), a
:class:`~rootzone.data.domain.Setup` (choices) and a table of global parameters. What cannot be
right is named with file, line and cell; options without effect here come as sentences.
"""

from rootzone.data.mhm.folder import MhmFolder, read_folder
from rootzone.data.mhm.observations import (
    Observed,
    read_observed_counts,
    read_observed_saturation,
    write_observed_counts,
)
from rootzone.data.mhm.parameters import default_parameters, read_parameters
from rootzone.data.mhm.restart import Restart, read_restart
from rootzone.data.mhm.restart_writer import write_restart
from rootzone.data.mhm.writer import write_folder

__all__ = [
    "MhmFolder",
    "Observed",
    "Restart",
    "default_parameters",
    "read_folder",
    "read_observed_counts",
    "read_observed_saturation",
    "read_parameters",
    "read_restart",
    "write_folder",
    "write_observed_counts",
    "write_restart",
]
