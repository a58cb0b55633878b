"""Parts of an ensemble: written one by one, so that a killed run goes on where it stood."""

from collections.abc import Iterator
from pathlib import Path

import h5netcdf
import numpy as np
import xarray as xr

from rootzone.core import RunError
from rootzone.data import RunFolder

FOLDER = "members"
"""Where the parts lie in the run folder."""

_MADE = "made_with"


class MemberParts:
    """Datasets of chunks of members, in files or in memory.

    Parameters
    ----------
    folder : Path, optional
        The run folder; without it parts are kept in memory.
    made_with : str
        Versions; a part that others wrote is not taken up.
    """

    def __init__(self, folder: Path | None, made_with: str):
        self._made_with = made_with
        self._kept: dict[int, xr.Dataset] = {}
        self._files: RunFolder | None = None
        if folder is not None:
            path = folder / FOLDER
            try:
                path.mkdir(exist_ok=True)
                for part in path.glob(".*.part"):
                    part.unlink()
            except OSError as error:
                raise RunError(f"{path}: cannot be made ({error.strerror or error})") from None
            self._files = RunFolder(path)

    @staticmethod
    def _name(number: int) -> str:
        return f"part-{number:05d}.nc"

    def _path(self, number: int) -> Path | None:
        return None if self._files is None else self._files.path / self._name(number)

    def known(self, count: int) -> list[int]:
        """Return the numbers of the parts that are there, of ``count``."""
        if self._files is None:
            return sorted(self._kept)
        found = []
        for number in range(count):
            path = self._path(number)
            if path is not None and path.is_file():
                try:
                    with h5netcdf.File(path, "r") as file:
                        if file.attrs.get(_MADE) == self._made_with:
                            found.append(number)
                except (OSError, ValueError):
                    continue
        return found

    def write(self, number: int, dataset: xr.Dataset) -> None:
        """Keep a part, whole or not at all."""
        dataset.attrs[_MADE] = self._made_with
        if self._files is None:
            self._kept[number] = dataset
        else:
            self._files.write_dataset(self._name(number), dataset)

    def read(self, number: int) -> xr.Dataset:
        """Return a part."""
        if self._files is None:
            return self._kept[number]
        return self._files.read_dataset(self._name(number))

    def values(self, name: str, count: int) -> Iterator[np.ndarray]:
        """Yield a variable of each part, without reading the others.

        Raises
        ------
        RunError
            If a part cannot be read.
        """
        for number in range(count):
            path = self._path(number)
            if path is None:
                # In the order of a file: sums are then rounded as those of a part that was read.
                yield np.ascontiguousarray(self._kept[number][name].to_numpy())
                continue
            try:
                with h5netcdf.File(path, "r") as file:  # twenty times quicker than as a dataset
                    values = np.asarray(file.variables[name][...])
                yield values
            except (OSError, ValueError, KeyError) as error:
                raise RunError(f"{path}: cannot be read ({error})") from None
