"""Parameter sets and their scores on disk: a Zarr group that a run fills block by block.

The sets stand in it from the start, the scores come in blocks of members in any order, the status
of a block last. A run that is stopped, whatever way, goes on with the blocks that are missing and
ends with the same bytes as one that was not; anybody may read along with Zarr or xarray::

    store = EnsembleStore.create(
        path, recipe=recipe, made_with=versions, parameters=space.names, values=sets, block=64,
        scores={"nse": ("group",), "spaef": ()}, coordinates={"group": ("forest", "meadow")},
    )
    for part in problem.parts(sets, done=store.known()):
        store.write(part.number, part.scores)
    store.read("nse")                                  # (member, group), NaN where not yet known
    xarray.open_zarr(path)                             # the same, in another process
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from filecmp import cmp
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import zarr
from zarr.errors import ZarrUserWarning

from rootzone.data.block_group import LAST, BlockGroup, Field, writing

SCORED, FAILED = 0, 1
"""Status of a member: its scores are known; not one of them is finite."""
UNKNOWN = -1
"""Status of a member whose block is not there yet."""

_VALUES, _NAMES = "values", "parameter"
_STATUS = {
    "long_name": "status of the parameter set",
    "flag_values": [UNKNOWN, SCORED, FAILED],
    "flag_meanings": "not_run scored failed",
}


class EnsembleStore(BlockGroup):
    """A Zarr group of parameter sets and their scores.

    Parameters
    ----------
    path : Path
        The folder, made by :meth:`create`.

    Raises
    ------
    DataError
        If it is no store of parameter sets.
    """

    content: ClassVar[str] = "parameter sets"
    other: ClassVar[str] = "a store of another study"
    remedy: ClassVar[str] = "start again in another folder"

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        recipe: Mapping[str, Any],
        made_with: str,
        parameters: Sequence[str],
        values: np.ndarray,
        block: int,
        scores: Mapping[str, Sequence[str]],
        coordinates: Mapping[str, Sequence[str] | np.ndarray] | None = None,
        dtype: str = "float32",
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Self:
        """Make a store of parameter sets without scores, or take up one of the same study.

        Parameters
        ----------
        path : Path
            The folder.
        recipe : mapping
            Everything that decides the content, as plain values.
        made_with : str
            Versions; a store of others is not gone on with.
        parameters : sequence of str
            Names of the parameters.
        values : array (member, parameter)
            The sets, kept with all their bits (float64).
        block : int
            Members in a block.
        scores : mapping
            Arrays by name: their dimensions behind that of the members.
        coordinates : mapping, optional
            Labels along these dimensions, texts or numbers.
        dtype : str
            Of the scores.
        attributes : mapping, optional
            Units, long names and the like of arrays by name.

        Raises
        ------
        DataError, RunError
            If the folder holds something else or another study, or cannot be written.
        """
        values = np.ascontiguousarray(values, float)
        if values.ndim != 2 or values.shape[1] != len(parameters):
            raise ValueError(f"values of shape {values.shape}, {len(parameters)} parameters")
        labels = {k: np.asarray(v) for k, v in {_NAMES: parameters, **(coordinates or {})}.items()}
        texts = {k: v.astype(np.dtypes.StringDType()) for k, v in labels.items() if _is_text(v)}
        whole: dict[str, np.ndarray] = {_VALUES: values, **labels, **texts}
        more, members = dict(attributes or {}), len(values)
        fields = {_VALUES: Field(("member", _NAMES), values.shape, "float64")}
        fields[LAST] = Field(("member",), (members,), "int8", dict(_STATUS))
        for name, label in labels.items():
            fields[name] = Field(
                (name,), label.shape, "string" if name in texts else label.dtype.name
            )
        for name, dims in scores.items():
            if name in fields:
                raise ValueError(f"a score cannot be called '{name}'")
            shape = (members, *(len(labels[d]) for d in dims))
            fields[name] = Field(("member", *dims), shape, dtype)
        for name, one in fields.items():
            one.attrs.update(more.get(name, {}))
        attrs = {
            "Conventions": "CF-1.11",
            "recipe": recipe,
            "made_with": made_with,
            "members": members,
            "block": block,
            "given": [_VALUES],
        }
        store = cls._made_or_taken_up(path, attrs, fields, whole)
        store._refuse_other_arrays(fields, whole)
        store._consolidate()
        return store

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(map(str, self.read(_NAMES)))

    def labels(self, dim: str) -> tuple[Any, ...]:
        """Return the labels along a dimension of scores.

        Raises
        ------
        DataError
            If there is no such dimension.
        """
        return tuple(self.read(dim).tolist())

    def scores(self) -> tuple[str, ...]:
        """Return the names of the scores."""
        return tuple(name for name in self._written if name != LAST)

    def write(self, number: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the scores of a block.

        Parameters
        ----------
        number : int
            Of the block: members from ``number * block`` on.
        arrays : mapping of array (member, ...)
            All scores.

        Raises
        ------
        RunError
            If the disk is full; whole blocks stay as they are.
        """
        self._require_shapes(number, arrays, self.scores())
        finite = [np.isfinite(a).reshape(len(a), -1).any(axis=1) for a in arrays.values()]
        status = np.where(np.any(finite, axis=0), SCORED, FAILED).astype("int8")
        super().write(number, {**arrays, LAST: status})

    def read(self, name: str, blocks: Iterable[int] | None = None) -> np.ndarray:
        """Return an array of all members, NaN (-1 in ``status``) where a block is not there yet.

        Parameters
        ----------
        name : str
            A score, ``status``, ``values``, ``parameter`` or another coordinate.
        blocks : iterable of int, optional
            Read the members of these blocks only, one block after another.

        Raises
        ------
        DataError
            If there is no such array, or a file cannot be read.
        """
        if blocks is not None or name not in self._written:
            return super().read(name, blocks)
        array, known = self._array(name), self.known()
        for number in known:
            with self._reading(path := self._chunk(array, number), self._remedy(name, number)):
                path.stat()
        try:
            found = np.asarray(array[...])  # at once: many times faster than block by block
        except (OSError, RuntimeError, ValueError, TypeError, LookupError):
            for number in known:
                self._block(array, number)  # tells which file
            raise
        here = np.zeros(self.members, bool)
        for number in known:
            here[self._members(number)] = True
        found[~here] = array.fill_value  # half a block may be there
        return found

    def _remedy(self, name: str, number: int) -> str:
        if name not in self._written:
            return self.remedy
        status = self._chunk(self._array(LAST), number)
        return f"delete {status} and go on with --resume, which makes these sets anew"

    def _refuse_other_arrays(
        self, fields: Mapping[str, Field], whole: Mapping[str, np.ndarray]
    ) -> None:
        mine = self.fields()
        names = [n for n in sorted({*mine, *fields}) if not _same(mine.get(n), fields.get(n))]
        if not names:
            names = [n for n, array in whole.items() if not np.array_equal(self.read(n), array)]
        if names:
            raise self._another(", ".join(names))

    def _consolidate(self) -> None:
        """Put the descriptions of all arrays in one place: plain readers look there."""
        if self._group.metadata.consolidated_metadata is None:
            with writing(self.path), warnings.catch_warnings():
                # Zarr warns that others may not know it; they find the descriptions one by one
                warnings.simplefilter("ignore", ZarrUserWarning)
                zarr.consolidate_metadata(self.path)


def _is_text(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "UTO"


def _same(a: Field | None, b: Field | None) -> bool:
    return (
        a is not None and b is not None and (a.dims, a.shape, a.dtype) == (b.dims, b.shape, b.dtype)
    )


def differences(a: Path, b: Path) -> list[str]:
    """Return the files that two folders do not share to the byte, by their path in the folder."""
    names = [{str(p.relative_to(f)) for p in f.rglob("*") if p.is_file()} for f in (a, b)]
    both = names[0] & names[1]
    return sorted((names[0] ^ names[1]) | {n for n in both if not cmp(a / n, b / n, False)})


def same_content(a: Path, b: Path) -> bool:
    """Return whether two stores or records hold the same files to the byte."""
    return not differences(Path(a), Path(b))
