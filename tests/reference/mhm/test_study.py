"""The study `catchment` against the real mHM 5.13.4, file to file: from maps to daily outputs."""

import numpy as np
from test_cell import ABSOLUTE, NAMES, RELATIVE, domain, random_parameters

import rootzone
from rootzone.data.domain import Cases
from rootzone.data.mhm.netcdf import load_netcdf


def test_a_study_on_a_folder_writes_what_mhm_writes(real_model, tmp_path):
    """Regionalization, warm-up, a change of scene, counts: all of it, with random parameters."""
    place, cases = domain(days=36), Cases(3, -1, 2)
    parameters = random_parameters(6, cases, place)
    setup, outputs = real_model(place, cases=cases, parameters=parameters, warming_days=12)
    study = {
        "kind": "catchment",
        "precision": "float64",
        "source": {"method": "mhm_folder", "folder": str(outputs.folder)},
        "results": {"variables": list(NAMES), "names": "mhm"},
        "computation": {"block_days": 12},
    }
    found = rootzone.run(study, out=tmp_path / "run")
    assert found.summary["period"] == [str(setup.first_day), str(setup.last_day)]
    assert not found.warnings
    assert "the largest error is that of mHM" in (tmp_path / "run/log.txt").read_text()
    real = load_netcdf(outputs.fluxes)
    own = load_netcdf(tmp_path / "run/maps/mHM_Fluxes_States.nc")
    maps = [name for name in real.data_vars if real[name].ndim == 3]
    assert len(maps) >= 30
    assert np.array_equal(own["time"], real["time"])
    for name in maps:
        np.testing.assert_allclose(
            own[name].values, real[name].values, RELATIVE, ABSOLUTE, err_msg=name
        )
