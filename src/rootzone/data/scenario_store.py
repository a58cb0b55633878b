"""Simulated scenarios on disk: a Zarr group in blocks of members, with the recipe beside them.

A block is one chunk of every array of members. Zarr writes a chunk beside its place and renames it,
so a chunk is whole or absent, and the status of a block is written last: a block with a status is
whole, one without is made again, and a reader may look in while the store grows.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from rootzone.core import DataError, RunError

LAST = "status"
"""The array of a block that is written last."""

_META = "zarr.json"
_PART = ".partial"  # ending of what Zarr has not yet renamed


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
        if not (self.path / _META).is_file():
            raise DataError(f"{self.path}: no scenarios there (no {_META})")
        with _reading(self.path / _META):
            self._group = zarr.open_group(self.path, mode="r+", use_consolidated=False)
        self.attrs: dict[str, Any] = dict(self._group.attrs)
        if not {"recipe", "members", "block"} <= set(self.attrs):
            raise DataError(f"{self.path}: holds no scenarios (a Zarr group with a recipe)")
        self.recipe: dict[str, Any] = self.attrs["recipe"]
        self.members = int(self.attrs["members"])
        self.block = int(self.attrs["block"])

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
        attrs = {
            "Conventions": "CF-1.11",
            "recipe": json.loads(json.dumps(recipe)),
            "made_with": made_with,
            "members": members,
            "block": block,
        }
        if (path / _META).is_file():
            store = cls(path)
            store._refuse_other(attrs)
            for part in path.rglob(f"*{_PART}"):
                part.unlink(missing_ok=True)
            return store
        with _writing(path):
            _clear(path, {*fields, *whole})
            for name, one in fields.items():
                array = _new_array(path / name, one, block)
                if name in whole:
                    array[...] = whole[name]
            zarr.create_group(path, attributes=attrs)  # last: now it is a store
        return cls(path)

    def _refuse_other(self, attrs: Mapping[str, Any]) -> None:
        mine, other = _deciding(self.attrs), _deciding(attrs)
        if mine != other:
            names = [k for k in {**mine, **other} if mine.get(k) != other.get(k)]
            raise DataError(
                f"{self.path}: holds scenarios of another recipe ({', '.join(names)}); choose "
                "another folder"
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
        names = sorted(p.parent.name for p in self.path.glob(f"*/{_META}"))
        return {name: self.field(name) for name in names}

    def field(self, name: str) -> Field:
        """Return one array's description.

        Raises
        ------
        DataError
            If there is no such array.
        """
        array = self._array(name)
        dims: Any = array.metadata.to_dict()["dimension_names"]
        return Field(tuple(dims), array.shape, array.dtype.name, dict(array.attrs))

    def known(self) -> list[int]:
        """Return the numbers of the blocks that are whole."""
        last = self._array(LAST)
        return [k for k in range(self.blocks) if self._chunk(last, k).is_file()]

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
        size = len(self._members(number))
        own = {name: (size, *f.shape[1:]) for name, f in self.fields().items() if f.of_members}
        given = {name: np.shape(values) for name, values in arrays.items()}
        if own != given:
            raise ValueError(f"arrays {given}, the store has {own}")
        for name in sorted(own, key=lambda n: n == LAST):
            with _writing(self.path / name):
                self._array(name).blocks[number] = arrays[name]

    def read(self, name: str, blocks: Iterable[int] | None = None) -> np.ndarray:
        """Return an array, of the whole blocks that are there or of some.

        Raises
        ------
        DataError
            If there is no such array, or a file cannot be read.
        """
        array = self._array(name)
        if not self.field(name).of_members:
            return self._block(array, 0)  # its only chunk
        wanted = self.known() if blocks is None else blocks
        parts = [self._block(array, k) for k in wanted]
        return np.concatenate([np.empty((0, *array.shape[1:]), array.dtype), *parts])

    def numbers(self) -> np.ndarray:
        """Return the numbers of the members in the whole blocks."""
        return np.concatenate([np.empty(0, int), *map(self._members, self.known())])

    def _members(self, number: int) -> np.ndarray:
        return np.arange(number * self.block, min((number + 1) * self.block, self.members))

    def _array(self, name: str) -> zarr.Array:
        path = self.path / name
        if not (path / _META).is_file():
            raise DataError(f"{self.path}: has no {name}")
        with _reading(path / _META):
            array = self._group[name]
            if not isinstance(array, zarr.Array):
                raise TypeError("a group, an array is wanted")
        # Zarr leaves out chunks of nothing but the fill value: here every block has its chunk.
        return array.with_config({"write_empty_chunks": True})

    def _chunk(self, array: zarr.Array, number: int) -> Path:
        key = array.metadata.encode_chunk_key((number, *[0] * (array.ndim - 1)))
        return self.path / array.path / key

    def _block(self, array: zarr.Array, number: int) -> np.ndarray:
        path = self._chunk(array, number)
        with _reading(path):
            path.stat()  # Zarr takes a file that is missing for fill values
            return np.asarray(array.blocks[number])


def _deciding(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {**attrs["recipe"], "members": attrs["members"], "block": attrs["block"]}


def _new_array(path: Path, one: Field, block: int) -> zarr.Array:
    return zarr.create_array(
        path,
        shape=one.shape,
        chunks=(block, *one.shape[1:]) if one.of_members else one.shape,
        dtype=one.dtype,
        fill_value=np.nan if np.dtype(one.dtype).kind == "f" else -1,  # 0 is a status, a code
        compressors=ZstdCodec(checksum=True),  # a damaged chunk is noticed
        attributes=one.attrs,
        dimension_names=one.dims,
        config={"write_empty_chunks": True},
    )


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


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    # Zarr and its codecs let through whatever they meet in a damaged file.
    try:
        yield
    except (OSError, RuntimeError, ValueError, TypeError, LookupError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read ({why}); make the scenarios again") from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"{path}: not written, {error.strerror or error}") from None
