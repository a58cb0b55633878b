"""Simulated scenarios on disk: a Zarr group in blocks of members, with the recipe beside them.

The store is plain Zarr, version 3 (https://zarr-specs.readthedocs.io): a folder for each array,
a file for each block of members, gzip. It is written here without a library, so that a block is
the same to the byte however often it is made, and `zarr` or `xarray` read it as any other. The
status of a block is written last: a block with a status is whole, one without is made again, and a
reader may look in while the store grows.
"""

import gzip
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rootzone.core import DataError, RunError

LAST = "status"
"""The array of a block that is written last."""

_META = "zarr.json"
_PART = ".part"


@dataclass(frozen=True)
class Field:
    """An array of a store.

    Attributes
    ----------
    dims : tuple of str
        Names of the dimensions; arrays that begin with ``member`` are written in blocks.
    shape : tuple of int
        Lengths.
    dtype : str
        ``float32``, ``int32``, ``int8``.
    attrs : dict
        Units, long name and the like.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str = "float32"
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def of_members(self) -> bool:
        """Whether the array is written in blocks of members."""
        return self.dims[:1] == ("member",)


class ScenarioStore:
    """A Zarr group of scenarios.

    Parameters
    ----------
    path : Path
        The folder, made by :meth:`create`.

    Raises
    ------
    DataError
        If it is no store of scenarios.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        group = _read_json(self.path)
        attrs = group.get("attributes", {})
        if group.get("node_type") != "group" or "recipe" not in attrs:
            raise DataError(f"{self.path}: holds no scenarios (a Zarr group with a recipe)")
        self.attrs: dict[str, Any] = attrs
        self.recipe: dict[str, Any] = attrs["recipe"]
        self.members = int(attrs["members"])
        self.block = int(attrs["block"])

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        recipe: Mapping[str, Any],
        made_with: str,
        members: int,
        block: int,
        fields: Mapping[str, Field],
        whole: Mapping[str, np.ndarray],
    ) -> "ScenarioStore":
        """Make a store, or take up one of the same recipe.

        Parameters
        ----------
        path : Path
            The folder.
        recipe : mapping
            Everything that decides the content, as plain values.
        made_with : str
            Versions; a store of others is not gone on with.
        members, block : int
            Members, and members in a block.
        fields : mapping of Field
            Arrays by name; ``status`` must be one of them.
        whole : mapping of array
            Content of the arrays that are not of members.

        Raises
        ------
        DataError, RunError
            If the folder holds something else, another recipe, or cannot be written.
        """
        path = Path(path)
        plain = json.loads(json.dumps(recipe))
        attrs = {
            "Conventions": "CF-1.11",
            "recipe": plain,
            "made_with": made_with,
            "members": members,
            "block": block,
        }
        if (path / _META).is_file():
            store = cls(path)
            store._refuse_other(attrs)
            for part in path.rglob(f".*{_PART}"):
                part.unlink(missing_ok=True)
            return store
        _clear(path, {*fields, *whole})
        for name, one in fields.items():
            _write(path / name / _META, json.dumps(_array(one, block), indent=1).encode())
        for name, values in whole.items():
            _write(path / name / _chunk(fields[name], 0), _packed(values, fields[name].dtype))
        group = {"zarr_format": 3, "node_type": "group", "attributes": attrs}
        _write(path / _META, (json.dumps(group, indent=1) + "\n").encode())
        return cls(path)

    def _refuse_other(self, attrs: Mapping[str, Any]) -> None:
        for name in ("recipe", "members", "block"):
            if self.attrs[name] != attrs[name]:
                others = _difference(self.attrs, attrs)
                raise DataError(
                    f"{self.path}: holds scenarios of another recipe ({others}); choose another "
                    "folder"
                )
        if self.attrs["made_with"] != attrs["made_with"]:
            raise DataError(
                f"{self.path}: was begun with other versions ({self.attrs['made_with']}, now "
                f"{attrs['made_with']}): choose another folder, or finish it with those"
            )

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.members // self.block)

    def fields(self) -> dict[str, Field]:
        """Return what the store holds, by name."""
        return {
            p.parent.name: self.field(p.parent.name) for p in sorted(self.path.glob(f"*/{_META}"))
        }

    def field(self, name: str) -> Field:
        """Return one array's description.

        Raises
        ------
        DataError
            If there is no such array.
        """
        if not (self.path / name / _META).is_file():
            raise DataError(f"{self.path}: has no {name}")
        meta = _read_json(self.path / name)
        return Field(
            tuple(meta["dimension_names"]),
            tuple(meta["shape"]),
            meta["data_type"],
            meta.get("attributes", {}),
        )

    def known(self) -> list[int]:
        """Return the numbers of the blocks that are whole."""
        one = self.field(LAST)
        return [k for k in range(self.blocks) if (self.path / LAST / _chunk(one, k)).is_file()]

    def write(self, number: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write a block, its status last.

        Parameters
        ----------
        number : int
            Of the block.
        arrays : mapping of array (member, ...)
            All arrays of members.

        Raises
        ------
        RunError
            If the disk is full.
        """
        own = {name: f for name, f in self.fields().items() if f.of_members}
        if set(own) != set(arrays):
            raise ValueError(f"arrays {sorted(arrays)}, the store has {sorted(own)}")
        for name in sorted(own, key=lambda n: n == LAST):
            one, values = own[name], np.asarray(arrays[name])
            full = np.full((self.block, *one.shape[1:]), _fill(one.dtype), one.dtype)
            full[: len(values)] = values  # Zarr stores the last chunk whole
            _write(self.path / name / _chunk(one, number), _packed(full, one.dtype))

    def read(self, name: str, blocks: Iterable[int] | None = None) -> np.ndarray:
        """Return an array, of the whole blocks that are there or of some.

        Raises
        ------
        DataError
            If there is no such array, or a file cannot be read.
        """
        one = self.field(name)
        if not one.of_members:
            return self._chunk_of(name, one, 0, one.shape)
        wanted = self.known() if blocks is None else list(blocks)
        shape = (self.block, *one.shape[1:])
        parts = [
            self._chunk_of(name, one, k, shape)[: min(self.block, self.members - k * self.block)]
            for k in wanted
        ]
        return np.concatenate(parts) if parts else np.empty((0, *one.shape[1:]), one.dtype)

    def numbers(self) -> np.ndarray:
        """Return the numbers of the members in the whole blocks."""
        ranges = [
            np.arange(k * self.block, min((k + 1) * self.block, self.members)) for k in self.known()
        ]
        return np.concatenate(ranges) if ranges else np.empty(0, int)

    def _chunk_of(self, name: str, one: Field, number: int, shape: tuple[int, ...]) -> np.ndarray:
        path = self.path / name / _chunk(one, number)
        try:
            content = gzip.decompress(path.read_bytes())
            return np.frombuffer(content, np.dtype(one.dtype).newbyteorder("<")).reshape(shape)
        except (OSError, EOFError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error}); make the scenarios again") from None


def _clear(path: Path, known: set[str]) -> None:
    """Remove a store that has not been begun: without its own metadata it has no block yet.

    Raises
    ------
    RunError
        If something else stands there.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"{path}: a file stands there; choose another folder")
    if path.is_dir():
        found = {p.name for p in path.iterdir() if not p.name.endswith(_PART)}
        if found - known:
            raise RunError(f"{path}: not empty and no store of scenarios; choose another")
        shutil.rmtree(path)


# --- Zarr -------------------------------------------------------------------------------


def _fill(dtype: str) -> float:
    return float("nan") if np.dtype(dtype).kind == "f" else 0


def _array(one: Field, block: int) -> dict[str, Any]:
    """Return the metadata of an array (Zarr 3)."""
    chunk = (block, *one.shape[1:]) if one.of_members else one.shape
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(one.shape),
        "data_type": one.dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if np.dtype(one.dtype).kind == "f" else 0,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "gzip", "configuration": {"level": 1}},
        ],
        "attributes": dict(one.attrs),
        "dimension_names": list(one.dims),
        "storage_transformers": [],
    }


def _chunk(one: Field, number: int) -> str:
    """Return the file of a chunk: ``c/number/0/...``, cut along the first dimension only."""
    return "/".join(["c", str(number), *["0"] * (len(one.shape) - 1)])


def _packed(values: np.ndarray, dtype: str) -> bytes:
    little = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<"))
    return gzip.compress(little.tobytes(), 1, mtime=0)


def _write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    part = path.with_name(f".{path.name}{_PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(f"{path}: not written, {error.strerror or error}") from None


def _read_json(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / _META).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder}: no scenarios there (no {_META})") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / _META}: cannot be read ({error})") from None
    return content if isinstance(content, dict) else {}


def _difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """Return the names of what differs between two descriptions."""
    names = [k for k in ("members", "block") if a[k] != b[k]]
    x, y = a["recipe"], b["recipe"]
    names += [k for k in {**x, **y} if x.get(k) != y.get(k)]
    return ", ".join(names)
