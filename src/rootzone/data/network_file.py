"""Trained networks in files: arrays as npz, what they are as JSON beside; no pickle."""

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rootzone.core import DataError

_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, RuntimeError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What is raised of files that are cut, damaged, or something else."""


class StoredNetwork(NamedTuple):
    """Arrays by name, and the description that says what to build of them."""

    arrays: dict[str, np.ndarray]
    description: dict[str, Any]
    source: str


_SHIPPED = Path(__file__).resolve().parents[1] / "networks"


def shipped() -> list[str]:
    """Return the names of the networks that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.npz"))


def read_network(name: str, *, base: Path) -> StoredNetwork:
    """Read a network.

    Parameters
    ----------
    name : str
        A network of the package, see :func:`shipped`, or the path of an ``.npz`` file whose
        description lies beside it as ``.json``.
    base : Path
        Folder that relative paths start from.

    Raises
    ------
    DataError
        If there is no such network, or it cannot be read.
    """
    path = base / name
    if name in shipped():
        path = _SHIPPED / f"{name}.npz"
    if not path.is_file():
        raise DataError(
            f"there is no network '{name}' ({path}): give one of the package "
            f"({', '.join(shipped())}) or the .npz file that a study of kind inverse leaves, "
            "model_<split>.npz"
        )
    beside = path.with_suffix(".json")
    try:
        description = json.loads(beside.read_text(encoding="utf-8"))
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except _UNREADABLE as error:
        raise DataError(
            f"{path}: no network can be read from it and {beside.name} ({error})"
        ) from None
    if not isinstance(description, dict):
        raise DataError(f"{beside}: describes no network")
    return StoredNetwork(arrays, description, str(path))
