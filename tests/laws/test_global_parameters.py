"""Declarations of the global parameters: order, bounds, presets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.core.errors import StudyError
from rootzone.water.regionalization import (
    GLOBAL_PARAMETERS,
    Calibration,
    ParameterTable,
    Processes,
    railway_27,
    railway_27_with_fixed_N0,
)


def table(*cases, units=4):
    return ParameterTable.of_groups(Processes.of_mhm(*cases).groups, units)


@pytest.mark.parametrize(
    ("cases", "count"),
    [((1, 0, 0), 38), ((1, 0, 1), 41), ((2, 0, 0), 39), ((4, 0, 0), 42), ((3, 0, 0), 43),
     ((1, -1, 0), 40), ((1, 1, 0), 39), ((1, 2, 0), 37), ((1, 3, 0), 42), ((1, 0, 2), 47)],
)  # fmt: skip
def test_number_of_parameters_is_that_of_the_namelists(cases, count):
    assert len(table(*cases, units=0)) == count
    assert len(table(*cases, units=10)) == count + 10


def test_order_is_that_of_the_parameter_vector_of_mhm():
    names = table(1, 0, 1).names
    at = names.index
    assert names[0] == "canopyInterceptionFactor"
    assert at("snowTreshholdTemperature") == 1
    assert at("orgMatterContent_forest") == 9
    assert at("PTF_Ks_curveSlope") == 21
    assert at("infiltrationShapeFactor") == 25
    assert at("minCorrectionFactorPET") == 27
    assert names[38:42] == tuple(f"GeoParam({i})" for i in range(1, 5))
    assert names[42:] == ("Desilets_N0", "Desilets_LW0", "Desilets_LW1")
    assert table(2, 0, 1).names[26] == "jarvis_sm_threshold_c1"


def test_every_declaration_is_complete_and_its_default_within_bounds():
    for parameters in GLOBAL_PARAMETERS.values():
        assert len({p.name for p in parameters}) == len(parameters)
        for p in parameters:
            assert p.lower <= p.default <= p.upper, p.name
            assert p.unit, p.name
            assert p.long_name, p.name
            assert "(" in p.source, p.name


def test_coefficients_come_by_name_and_keep_the_batch():
    t = table(1, 0, 1)
    values = np.arange(2.0 * len(t)).reshape(2, -1)
    c = t.coefficients(values)
    assert c["snowTreshholdTemperature"].tolist() == [1.0, 1.0 + len(t)]
    assert c["GeoParam"].shape == (2, 4)
    assert c["GeoParam"][0].tolist() == [38.0, 39.0, 40.0, 41.0]
    assert "GeoParam(1)" not in c
    with pytest.raises(ValueError, match="44 values for 45 global parameters"):
        t.coefficients(values[:, 1:])


def test_changed_table_keeps_the_order():
    t = table(1, 0, 1)
    changed = t.changed({"Desilets_N0": {"upper": 30000.0, "default": 22888.0}})
    assert changed.names == t.names
    assert changed["Desilets_N0"].upper == 30000.0
    assert t["Desilets_N0"].upper == 2000.0
    assert changed.outside({"Desilets_N0": 22888.0}) == []
    assert t.outside({"Desilets_N0": 22888.0}) == [
        "Desilets_N0 = 22888 lies outside its bounds 300 to 2000 h-1"
    ]


def test_unknown_names_are_told():
    with pytest.raises(StudyError, match=r"no parameter 'Desilet_N0'; did you mean 'Desilets_N0'"):
        table(1, 0, 1)["Desilet_N0"]
    with pytest.raises(StudyError, match=r"no parameter group 'snow2'; did you mean 'snow1'"):
        ParameterTable.of_groups(["snow2"], 1)


def test_27_parameters_with_the_count_rate_over_dry_soil():
    c = railway_27(table(1, 0, 1))
    assert len(c.free) == 27
    assert len(c.lower) == len(c.upper) == 27
    assert "Desilets_N0" in c.free
    assert "PTF_Ks_curveSlope" not in c.free
    assert np.all(c.lower < c.upper)
    named = c.coefficients(c.lower)
    assert float(named["Desilets_N0"]) == 300.0
    assert float(named["PTF_Ks_curveSlope"]) == 60.96
    assert float(named["canopyInterceptionFactor"]) == 0.15


def test_27_parameters_with_it_fixed():
    c = railway_27_with_fixed_N0(table(1, 0, 1))
    assert len(c.free) == 27
    assert "Desilets_N0" not in c.free
    assert "PTF_Ks_curveSlope" in c.free
    named = c.coefficients(jnp.stack([c.lower, c.upper]))
    assert named["Desilets_N0"].tolist() == [22888.0, 22888.0]
    assert named["snowTreshholdTemperature"].tolist() == [-2.0, 2.0]
    gradient = jax.grad(lambda v: c.coefficients(v)["Desilets_LW0"])(jnp.asarray(c.lower))
    assert gradient.tolist() == [0.0] * 25 + [1.0, 0.0]


def test_other_processes_do_not_give_27():
    with pytest.raises(StudyError, match="case 1 and Desilets counts give 27"):
        railway_27(table(2, 0, 1))
    with pytest.raises(StudyError, match="no parameter 'Desilets_N0'"):
        Calibration(table(1, 0, 2), ("Desilets_N0",))


def test_searched_and_fixed_at_once_is_an_error():
    with pytest.raises(StudyError, match="searched and fixed at once"):
        Calibration(table(1, 0, 1), ("Desilets_N0",), {"Desilets_N0": 1000.0})
