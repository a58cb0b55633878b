"""Trained networks in files: arrays as npz, what they are as JSON beside; no pickle."""

import json
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rootzone.core import DataError, nearest

_SHIPPED = "models"


class StoredNetwork(NamedTuple):
    """Arrays by name, and the description that says what to build of them."""

    arrays: dict[str, np.ndarray]
    description: dict[str, Any]
    source: str


def shipped_networks() -> list[str]:
    """Return the names of the networks that come with the package."""
    folder = resources.files("rootzone") / _SHIPPED
    if not folder.is_dir():
        return []
    return sorted(p.name.removesuffix(".npz") for p in folder.iterdir() if p.name.endswith(".npz"))


def read_network(name: str, *, base: Path) -> StoredNetwork:
    """Read a network of the package by its name, or a file.

    Parameters
    ----------
    name : str
        A name in :func:`shipped_networks`, or the path of an ``.npz`` file whose description lies
        beside it as ``.json``.
    base : Path
        Folder that relative paths start from.

    Raises
    ------
    DataError
        If there is no such network, or it cannot be read.
    """
    known = shipped_networks()
    if name in known:
        path = Path(str(resources.files("rootzone") / _SHIPPED / f"{name}.npz"))
    else:
        path = base / name
        if not path.is_file():
            hint = "" if path.suffix == ".npz" else nearest(name, known)
            raise DataError(
                f"there is no network '{name}': the package has {', '.join(known) or 'none'}, and "
                f"{path} is no file{hint}"
            )
    beside = path.with_suffix(".json")
    try:
        description = json.loads(beside.read_text(encoding="utf-8"))
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: no network can be read from it and {beside.name} ({error})"
        ) from None
    if not isinstance(description, dict):
        raise DataError(f"{beside}: describes no network")
    return StoredNetwork(arrays, description, name if name in known else str(path))
