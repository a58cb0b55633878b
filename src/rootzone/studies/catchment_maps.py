"""Daily maps of a catchment, written while it runs; areas of its cells."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.catchment import CatchmentStudy
from rootzone.core import RunError
from rootzone.data.cells import cell_of
from rootzone.data.domain import Domain, Setup
from rootzone.data.map_outputs import CfLayout, Layout, MhmLayout, NetcdfStore, ZarrStore
from rootzone.studies.catchment_input import Inputs
from rootzone.studies.context import Context
from rootzone.water.cell import NEUTRONS

FOLDER = "maps"
"""Folder of the daily maps in a run folder."""


def area_share(domain: Domain) -> np.ndarray:
    """Return the share of the cells (cell) in the area of the catchment.

    Cells at the edge count with their active part; on a grid in degrees rows count with the
    cosine of their latitude.
    """
    rows = np.nonzero(domain.mask)[0]
    weight = np.cos(np.radians(domain.level0.y[rows])) if domain.geographic else np.ones(len(rows))
    area = np.bincount(cell_of(domain), weight, minlength=domain.cells)
    return area / area.sum()


class MapWriter:
    """Daily maps of the chosen outputs: to a file in the run folder, or kept where there is none.

    Parameters
    ----------
    store : NetcdfStore or ZarrStore or None
        Where they go; None keeps no maps.
    layout : Layout
        Names and conventions.
    domain, setup : Domain, Setup
        Grids and first day.
    names : tuple of str
        Outputs to write.
    keep : bool
        Whether the maps are kept in memory as datasets.
    """

    def __init__(
        self,
        store: NetcdfStore | ZarrStore | None,
        layout: Layout,
        domain: Domain,
        setup: Setup,
        names: tuple[str, ...],
        *,
        keep: bool,
    ):
        self._store, self._layout = store, layout
        self._domain, self._setup = domain, setup
        self._names, self._keep = names, keep
        self.datasets: list[xr.Dataset] = []

    @classmethod
    def of_study(cls, study: CatchmentStudy, inputs: Inputs, context: Context) -> "MapWriter":
        """Return the writer that a study asks for."""
        results = study.results
        names = tuple(results.variables) + ((NEUTRONS,) if inputs.catchment.counts else ())
        mhm = results.names == "mhm"
        layout: Layout = MhmLayout() if mhm else CfLayout(double=study.precision == "float64")
        store, wanted = None, results.maps == "daily"
        if wanted and context.folder is not None:
            folder = context.folder / FOLDER
            stem = "mHM_Fluxes_States" if mhm else "daily"
            try:
                folder.mkdir(exist_ok=True)
                if results.format == "zarr":
                    store = ZarrStore(folder / f"{stem}.zarr")
                else:
                    store = NetcdfStore(folder / f"{stem}.nc")
            except OSError as error:
                raise RunError(f"{folder}: cannot be made ({error.strerror or error})") from None
        keep = wanted and context.folder is None
        return cls(store, layout, inputs.domain, inputs.setup, names, keep=keep)

    @property
    def path(self) -> Path | None:
        """Return where the maps are."""
        return None if self._store is None else self._store.path

    def append(self, daily: dict[str, Any], first: int) -> None:
        """Append days from ``first`` on, counted from the beginning of the warm-up."""
        if self._store is None and not self._keep:
            return
        chosen = {name: daily[name] for name in self._names}
        dataset = self._layout.dataset(self._domain, self._setup, chosen, first)
        if self._store is None:
            self.datasets.append(dataset)
            return
        try:
            self._store.append(dataset)
        except OSError as error:
            raise RunError(f"{self.path}: not written, {error.strerror or error}") from None

    def dataset(self) -> xr.Dataset | None:
        """Return the maps that were kept."""
        if not self.datasets:
            return None
        joined = xr.concat(
            self.datasets,
            "time",
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="override",
        )
        return xr.decode_cf(joined)

    def __enter__(self) -> "MapWriter":
        """Return the writer."""
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        """Close the file; after an error the unfinished one is removed."""
        if self._store is not None:
            self._store.__exit__(kind, *rest)
