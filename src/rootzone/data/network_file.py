"""Trained networks in files: arrays as npz, what they are as JSON beside; no pickle."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rootzone.core import DataError


class StoredNetwork(NamedTuple):
    """Arrays by name, and the description that says what to build of them."""

    arrays: dict[str, np.ndarray]
    description: dict[str, Any]
    source: str


def read_network(name: str, *, base: Path) -> StoredNetwork:
    """Read a network.

    Parameters
    ----------
    name : str
        Path of an ``.npz`` file whose description lies beside it as ``.json``.
    base : Path
        Folder that relative paths start from.

    Raises
    ------
    DataError
        If there is no such network, or it cannot be read.
    """
    path = base / name
    if not path.is_file():
        raise DataError(
            f"there is no network '{name}' ({path}): give the .npz file that a study of kind "
            "inverse leaves, model_<split>.npz"
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
    return StoredNetwork(arrays, description, str(path))
