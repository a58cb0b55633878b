"""Packages that only some files want."""

import importlib
from pathlib import Path
from types import ModuleType

from rootzone.core import DataError


def require_package(name: str, path: Path, otherwise: str) -> ModuleType:
    """Return a package that a file needs.

    Raises
    ------
    DataError
        If it is not installed, with what to do.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise DataError(
            f"{path}: the package {name} is not installed: pip install {name}, or {otherwise}"
        ) from None
