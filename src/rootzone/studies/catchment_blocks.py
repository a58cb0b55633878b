"""Blocks of days kept in the run folder until the run is finished, so that it can be resumed."""

import contextlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from rootzone.core import RunError
from rootzone.simulate.catchment import Block
from rootzone.water.cell import CellState

_FOLDER = "blocks"


class BlockStore:
    """Blocks in files of their own; without a folder nothing is kept.

    Parameters
    ----------
    folder : Path or None
        Where the files are.
    plan : sequence of (int, int)
        First day and end of every block.
    """

    def __init__(self, folder: Path | None, plan: Sequence[tuple[int, int]]):
        self._folder, self._plan = folder, plan

    @classmethod
    def of_folder(cls, run: Path | None, plan: Sequence[tuple[int, int]]) -> "BlockStore":
        """Return the store of a run folder."""
        return cls(None if run is None else run / _FOLDER, plan)

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{number:05d}.npz"

    def kept(self) -> list[int]:
        """Return the numbers of the first blocks without a gap that are whole."""
        found: list[int] = []
        if self._folder is None:
            return found
        for number, (first, stop) in enumerate(self._plan):
            if not self._path(number).is_file():
                break
            try:
                block = self.read(number)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                break
            if (block.first_day, block.first_day + block.days) != (first, stop):
                break
            found.append(number)
        return found

    def read(self, number: int) -> Block:
        """Return a block."""
        with np.load(self._path(number)) as data:
            daily = {n[6:]: data[n] for n in data.files if n.startswith("daily/")}
            state = CellState(**{f.name: data[f"state/{f.name}"] for f in fields(CellState)})
            return Block(int(data["first_day"]), daily, state)

    def write(self, number: int, block: Block) -> None:
        """Write a block, whole or not at all.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        if self._folder is None:
            return
        content = {f"daily/{name}": values for name, values in block.daily.items()}
        content |= {
            f"state/{f.name}": np.asarray(getattr(block.state, f.name)) for f in fields(CellState)
        }
        path = self._path(number)
        part = path.with_name(f".{path.name}.part")
        try:
            self._folder.mkdir(exist_ok=True)
            buffer = io.BytesIO()
            np.savez(buffer, first_day=block.first_day, **content)  # pyright: ignore
            part.write_bytes(buffer.getbuffer())
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise RunError(f"{path}: not written, {error.strerror or error}") from None

    def remove(self) -> None:
        """Remove the blocks: what they hold stands in the results."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in [*self._folder.glob("*.npz"), *self._folder.glob(".*.part")]:
            path.unlink()
        with contextlib.suppress(OSError):
            self._folder.rmdir()
