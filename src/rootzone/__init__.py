"""Root-zone soil moisture from cosmic-ray neutrons: physics, calibration and learning.

The public entry points load lazily, so that ``import rootzone`` costs nothing:

- :func:`rootzone.run` runs a study (a YAML file, a mapping or a study object) and
  returns its datasets;
- :mod:`rootzone.neutrons`, :mod:`rootzone.water` and :mod:`rootzone.evaluate` hold
  the physics and the scores as functions of arrays.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rootzone.config import load_study
    from rootzone.studies import run

__version__ = "0.1.0"
__all__ = ["__version__", "load_study", "run"]

_LAZY = {"run": "rootzone.studies", "load_study": "rootzone.config"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'rootzone' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
