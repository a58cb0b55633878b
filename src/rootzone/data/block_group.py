"""A Zarr group that grows in blocks of members, with the recipe of its content beside it.

A block is one chunk of every array of members. Zarr writes a chunk beside its place and renames it,
so a chunk is whole or absent, and the status of a block is written last: a block with a status is
whole, one without is made again, and a reader may look in while the group grows.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

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
    """An array of a group.

    Attributes
    ----------
    dims : tuple of str
        Names of the dimensions.
    shape : tuple of int
        Lengths.
    dtype : str
        ``float32``, ``float64``, ``int32``, ``int8``, ``string``.
    attrs : dict
        Units, long name and the like.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str = "float32"
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def of_members(self) -> bool:
        """Whether the first dimension is that of members."""
        return self.dims[:1] == ("member",)


class BlockGroup:
    """A Zarr group of members; what kind of members, the classes made of it say.

    Arrays of members are written in blocks, all others, and those given when the group is made, as
    a whole.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    DataError
        If it is no such group.
    """

    content: ClassVar[str] = "members"
    """What the members are, in sentences."""
    other: ClassVar[str] = "holds members of another recipe"
    """What a group of another recipe is."""
    remedy: ClassVar[str] = "make the members again"
    """What helps when a file is damaged."""

    def __init__(self, path: Path):
        self.path = Path(path)
        if not (self.path / _META).is_file():
            raise DataError(f"{self.path}: no {self.content} there (no {_META})")
        with self._reading(self.path / _META):
            self._group = zarr.open_group(self.path, mode="r+", use_consolidated=False)
        self.attrs: dict[str, Any] = dict(self._group.attrs)
        if not {"recipe", "members", "block"} <= set(self.attrs):
            raise DataError(f"{self.path}: holds no {self.content} (a Zarr group with a recipe)")
        self.recipe: dict[str, Any] = self.attrs["recipe"]
        self.members = int(self.attrs["members"])
        self.block = int(self.attrs["block"])

    @classmethod
    def _made_or_taken_up(
        cls,
        path: Path,
        attrs: Mapping[str, Any],
        fields: Mapping[str, Field],
        whole: Mapping[str, np.ndarray],
    ) -> Self:
        """Make a group, or take up one of the same attributes.

        Parameters
        ----------
        path : Path
            The folder.
        attrs : mapping
            With ``recipe``, ``made_with``, ``members`` and ``block``; names of arrays of members
            that are given as a whole stand under ``given``.
        fields : mapping of Field
            Arrays by name; ``status`` must be one of them.
        whole : mapping of array
            Content of the arrays that are not written in blocks.

        Raises
        ------
        DataError, RunError
            If the folder holds something else, another recipe, or cannot be written.
        """
        path = Path(path)
        attrs = _plain(attrs)
        if (path / _META).is_file():
            group = cls(path)
            group._refuse_other(attrs)
            for part in path.rglob(f"*{_PART}"):
                part.unlink(missing_ok=True)
            return group
        with writing(path):
            cls._clear(path, {*fields, *whole})
            for name, one in fields.items():
                array = _new_array(path / name, one, None if name in whole else attrs["block"])
                if name in whole:
                    array[...] = whole[name]
            zarr.create_group(path, attributes=dict(attrs))  # last: now it is a group
        return cls(path)

    def _refuse_other(self, attrs: Mapping[str, Any]) -> None:
        mine, other = _deciding(self.attrs), _deciding(attrs)
        if mine != other:
            names = [k for k in {**mine, **other} if mine.get(k) != other.get(k)]
            raise self._another(", ".join(names))
        if self.attrs["made_with"] != attrs["made_with"]:
            raise DataError(
                f"{self.path}: was begun with other versions ({self.attrs['made_with']}, now "
                f"{attrs['made_with']}): choose another folder, or finish it with those"
            )

    def _another(self, names: str) -> DataError:
        return DataError(f"{self.path}: {self.other} ({names}); choose another folder")

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.members // self.block)

    def fields(self) -> dict[str, Field]:
        """Return what the group holds, by name."""
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
        meta: Any = array.metadata.to_dict()
        dtype = "string" if meta["data_type"] == "string" else array.dtype.name
        return Field(tuple(meta["dimension_names"]), array.shape, dtype, dict(array.attrs))

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
            All arrays that are written in blocks.

        Raises
        ------
        RunError
            If the disk is full.
        """
        self._require_shapes(number, arrays, tuple(self._written))
        for name, array in self._written.items():
            with writing(self.path / name):
                array.blocks[number] = arrays[name]

    def read(self, name: str, blocks: Iterable[int] | None = None) -> np.ndarray:
        """Return an array, of the whole blocks that are there or of some.

        Raises
        ------
        DataError
            If there is no such array, or a file cannot be read.
        """
        array = self._array(name)
        if not self._in_blocks(name, self.field(name)):
            return self._block(array, 0)  # its only chunk
        wanted = self.known() if blocks is None else blocks
        parts = [self._block(array, k) for k in wanted]
        return np.concatenate([np.empty((0, *array.shape[1:]), array.dtype), *parts])

    def numbers(self) -> np.ndarray:
        """Return the numbers of the members in the whole blocks."""
        return np.concatenate([np.empty(0, int), *map(self._members, self.known())])

    def _members(self, number: int) -> np.ndarray:
        return np.arange(number * self.block, min((number + 1) * self.block, self.members))

    def _require_shapes(
        self, number: int, arrays: Mapping[str, np.ndarray], names: tuple[str, ...]
    ) -> None:
        size = len(self._members(number))
        own = {name: (size, *self._written[name].shape[1:]) for name in names}
        given = {name: np.shape(values) for name, values in arrays.items()}
        if own != given:
            raise ValueError(f"arrays {given}, the store has {own}")

    @cached_property
    def _written(self) -> dict[str, zarr.Array]:
        """The arrays that are written in blocks, the status last."""
        names = [n for n, f in self.fields().items() if self._in_blocks(n, f)]
        return {name: self._array(name) for name in sorted(names, key=lambda n: n == LAST)}

    def _in_blocks(self, name: str, one: Field) -> bool:
        return one.of_members and name not in self.attrs.get("given", ())

    def _array(self, name: str) -> zarr.Array:
        path = self.path / name
        if not (path / _META).is_file():
            raise DataError(f"{self.path}: has no {name}")
        with self._reading(path / _META):
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
        with self._reading(path, self._remedy(array.basename, number)):
            path.stat()  # Zarr takes a file that is missing for fill values
            return np.asarray(array.blocks[number])

    def _remedy(self, name: str, number: int) -> str:
        """Return what helps when a block of an array is damaged."""
        return self.remedy

    @classmethod
    def _clear(cls, path: Path, known: set[str]) -> None:
        """Remove a group that has not been begun: without its own metadata it has no block yet.

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
                raise RunError(f"{path}: not empty and no store of {cls.content}; choose another")
            shutil.rmtree(path)

    @classmethod
    @contextmanager
    def _reading(cls, path: Path, remedy: str | None = None) -> Iterator[None]:
        # Zarr and its codecs let through whatever they meet in a damaged file.
        try:
            yield
        except (OSError, RuntimeError, ValueError, TypeError, LookupError) as error:
            why = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise DataError(f"{path}: cannot be read ({why}); {remedy or cls.remedy}") from None


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as they come back from a file: lists for tuples, texts for keys."""
    return json.loads(json.dumps(attrs))


def _deciding(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {**attrs["recipe"], "members": attrs["members"], "block": attrs["block"]}


def _new_array(path: Path, one: Field, block: int | None) -> zarr.Array:
    kind = "U" if one.dtype == "string" else np.dtype(one.dtype).kind
    return zarr.create_array(
        path,
        shape=one.shape,
        chunks=(block, *one.shape[1:]) if block and one.of_members else one.shape,
        dtype=one.dtype,
        fill_value={"f": np.nan, "U": ""}.get(kind, -1),  # 0 is a status, a code
        compressors=ZstdCodec(checksum=True),  # a damaged chunk is noticed
        attributes=one.attrs,
        dimension_names=one.dims,
        config={"write_empty_chunks": True},
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about a file that cannot be written into a RunError."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{path}: not written, {error.strerror or error}") from None
