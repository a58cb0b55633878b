"""What a search has evaluated, batch after batch, on disk: the search can be stopped and gone on.

A record is a folder: ``record.json`` says what it belongs to, ``00000000.npz``, ``00000001.npz``
and so on are the batches, each written beside its place and renamed. So a batch is whole or absent,
whatever ends the run, and anybody may read along with numpy::

    record = Record.create(path, recipe=recipe, made_with=versions, parameters=space.names)
    held = record.read()
    replay = Replay(evaluate, held["values"], held["objective"], held.get("gradient"))
    for batch in dds(replay, space, ...):
        record.append(**batch._asdict())    # batches that are there are not written again
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rootzone.core import DataError, RunError
from rootzone.data.block_group import writing

_HEAD = "record.json"
_PART = ".partial"
_TOLD = "told"


class Record:
    """The batches that a search has evaluated, in their order.

    Parameters
    ----------
    path : Path
        The folder, made by :meth:`create`.

    Raises
    ------
    DataError
        If it is no record, or a batch is missing between others.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        head = self.path / _HEAD
        try:
            self.attrs: dict[str, Any] = json.loads(head.read_text(encoding="utf-8"))
            self.recipe: dict[str, Any] = self.attrs["recipe"]
            self.parameters = tuple(self.attrs["parameters"])
        except FileNotFoundError:
            raise DataError(f"{self.path}: no record of a search there (no {_HEAD})") from None
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise DataError(
                f"{head}: cannot be read ({error}); start again in another folder"
            ) from None
        numbers = sorted(int(p.stem) for p in self.path.glob("*.npz") if p.stem.isdigit())
        for expected, number in enumerate(numbers):
            if expected != number:
                raise DataError(
                    f"{self._file(expected)}: is missing; delete the batches after it and go on "
                    "with --resume"
                )
        self._held = len(numbers)
        self._next = 0

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        recipe: Mapping[str, Any],
        made_with: str,
        parameters: Sequence[str],
    ) -> "Record":
        """Make a record without batches, or take up one of the same study.

        Parameters
        ----------
        path : Path
            The folder.
        recipe : mapping
            Everything that decides the search, as plain values.
        made_with : str
            Versions; a record of others is not gone on with.
        parameters : sequence of str
            Names of the parameters.

        Raises
        ------
        DataError, RunError
            If the folder holds something else or another study, or cannot be written.
        """
        path = Path(path)
        attrs = {"recipe": recipe, "made_with": made_with, "parameters": list(parameters)}
        attrs = json.loads(json.dumps(attrs))
        if not (path / _HEAD).is_file():
            with writing(path):
                path.mkdir(parents=True, exist_ok=True)
                if any(not p.name.endswith(_PART) for p in path.iterdir()):
                    raise RunError(f"{path}: not empty and no record of a search; choose another")
            _write_whole(path / _HEAD, json.dumps(attrs, indent=2).encode() + b"\n")
        for part in path.glob(f"*{_PART}"):
            part.unlink(missing_ok=True)
        record = cls(path)
        record._refuse_other(attrs)
        return record

    def _refuse_other(self, attrs: Mapping[str, Any]) -> None:
        mine = {**self.recipe, "parameters": self.attrs["parameters"]}
        other = {**attrs["recipe"], "parameters": attrs["parameters"]}
        names = [k for k in {**mine, **other} if mine.get(k) != other.get(k)]
        if names:
            raise DataError(
                f"{self.path}: a record of another study ({', '.join(names)}); choose another "
                "folder"
            )
        if self.attrs["made_with"] != attrs["made_with"]:
            raise DataError(
                f"{self.path}: was begun with other versions ({self.attrs['made_with']}, now "
                f"{attrs['made_with']}): choose another folder, or finish it with those"
            )

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._held

    def append(
        self,
        *,
        values: np.ndarray,
        objective: np.ndarray,
        cost: np.ndarray | float,
        gradient: np.ndarray | None = None,
        chain: np.ndarray | None = None,
        told: str = "",
    ) -> None:
        """Write the next batch, unless it is there already.

        A search that goes on repeats its batches from the first: those that are there are compared
        and left as they are.

        Parameters
        ----------
        values : array (member, parameter)
            What was evaluated.
        objective : array (member, ...)
            What came back, NaN where the model failed.
        cost : array (member) or float
            Model runs that each set took.
        gradient : array (member, parameter), optional
            Gradients.
        chain : array (member), optional
            Which part of the search asked.
        told : str
            What went wrong.

        Raises
        ------
        DataError
            If another batch is there in its place.
        RunError
            If the disk is full; the batches before stay as they are.
        """
        values = np.asarray(values, float)
        size = len(values)
        given: dict[str, Any] = {
            "values": values,
            "objective": np.asarray(objective),
            "cost": np.broadcast_to(np.asarray(cost, float), (size,)),
            "gradient": None if gradient is None else np.asarray(gradient),
            "chain": None if chain is None else np.asarray(chain),
        }
        arrays = {name: array for name, array in given.items() if array is not None}
        if values.shape != (size, len(self.parameters)):
            raise ValueError(f"values of shape {values.shape}, {len(self.parameters)} parameters")
        for name, array in arrays.items():
            if array.ndim == 0 or len(array) != size or array.dtype.hasobject:
                raise ValueError(f"{name} of shape {array.shape} for {size} sets: numbers wanted")
        number, path = self._next, self._file(self._next)
        if number < self._held:
            if self._batch(number)["values"].tobytes() != values.tobytes():
                raise DataError(
                    f"{path}: holds other parameter sets than the search asks for; it belongs to "
                    "another study or search: start again in another folder"
                )
        else:
            content = io.BytesIO()  # in memory first: a full disk is noticed at one place
            named: dict[str, Any] = {**arrays, _TOLD: np.array(told)}
            np.savez(content, **named)
            _write_whole(path, content.getbuffer())
            self._held += 1
        self._next += 1

    def batches(self) -> Iterator[dict[str, Any]]:
        """Yield the batches: arrays by name as they were appended, and what was ``told``.

        Raises
        ------
        DataError
            If a file cannot be read.
        """
        for number in range(self._held):
            yield self._batch(number)

    def read(self) -> dict[str, np.ndarray]:
        """Return the arrays of all batches one after another, by name.

        ``values``, ``objective`` and ``cost`` are always there; ``gradient`` and ``chain`` if some
        batch has them, NaN and -1 for the others.

        Raises
        ------
        DataError
            If a file cannot be read.
        """
        found = list(self.batches())
        if not found:
            none = np.empty(0)
            return {"values": np.empty((0, len(self.parameters))), "objective": none, "cost": none}
        for batch in found:
            if any("gradient" in other for other in found):
                batch.setdefault("gradient", np.full_like(batch["values"], np.nan))
            if any("chain" in other for other in found):
                batch.setdefault("chain", np.full(len(batch["values"]), -1))
        names = [name for name in found[0] if name != _TOLD]
        return {name: np.concatenate([batch[name] for batch in found]) for name in names}

    def _file(self, number: int) -> Path:
        return self.path / f"{number:08d}.npz"

    def _batch(self, number: int) -> dict[str, Any]:
        path = self._file(number)
        try:
            # opened here: numpy leaves a file open that is none of its own
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                found: dict[str, Any] = {name: file[name] for name in file.files}
                return found | {_TOLD: str(found[_TOLD])}
        except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: cannot be read ({error}); delete it and the batches after it, and go on "
                "with --resume"
            ) from None


def _write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file beside its place and rename it."""
    part = path.with_name(path.name + _PART)
    with writing(path):
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
