"""Fixtures around the real mHM: folders are written and run once per session."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import real_mhm


class RealModel:
    """Runs the real mHM on synthetic domains and keeps what it has run."""

    def __init__(self, folder):
        self._folder = folder
        self._kept = {}

    def __call__(self, domain, **choices):
        """Return (setup, outputs) of a run; ``choices`` go to ``real_mhm.write_domain``."""
        key = (id(domain), repr(sorted(choices.items(), key=lambda item: item[0])))
        if key not in self._kept:
            folder = self._folder / f"run_{len(self._kept)}"
            setup = real_mhm.write_domain(domain, folder, **choices)
            self._kept[key] = (domain, setup, real_mhm.run_mhm(folder))
        return self._kept[key][1:]


@pytest.fixture(scope="session")
def real_model(tmp_path_factory):
    """The real mHM: ``setup, outputs = real_model(domain, cases=Cases(1, 0, 1))``."""
    if real_mhm.command() is None:
        pytest.skip("mHM is not here: pip install mhm==5.13.4, or set ROOTZONE_MHM")
    return RealModel(tmp_path_factory.mktemp("mhm"))
