"""Every quantity is declared once: name, symbol, unit, bounds, source.

The data layer takes units and plausible bounds from here, the writers take CF attributes
from here, and the glossary page of the docs is generated from here.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A physical quantity with its unit and the bounds outside which it is impossible.

    Attributes
    ----------
    name : str
        Name of the variable in data files, datasets and studies.
    symbol : str
        Symbol of the field's papers.
    unit : str
        UDUNITS string.
    long_name : str
        One line for axes and file attributes.
    bounds : tuple of float
        Lower and upper bound of what is physically possible, in ``unit``.
    standard_name : str, optional
        CF standard name where one exists.
    source : str
        Where definition or bounds come from.
    """

    name: str
    symbol: str
    unit: str
    long_name: str
    bounds: tuple[float, float] = (-math.inf, math.inf)
    standard_name: str | None = None
    source: str = ""

    def attrs(self) -> dict[str, str]:
        """Return the CF attributes ``units``, ``long_name`` and ``standard_name``."""
        out = {"units": self.unit, "long_name": self.long_name}
        if self.standard_name:
            out["standard_name"] = self.standard_name
        return out


_INF = math.inf

_DECLARED = (
    Quantity("count_rate_raw", "N_raw", "h-1", "raw neutron count rate", (0.0, 1e6)),
    Quantity(
        "count_rate",
        "N",
        "h-1",
        "corrected neutron count rate",
        (0.0, 1e6),
        source="raw count rate times the correction factors",
    ),
    Quantity(
        "count_rate_sigma", "sigma_N", "h-1", "counting standard deviation of the corrected rate"
    ),
    Quantity("N0", "N_0", "h-1", "count rate over dry soil (calibration parameter)", (0.0, 1e6)),
    Quantity(
        "pressure", "p", "hPa", "air pressure at the station", (300.0, 1100.0), "air_pressure"
    ),
    Quantity("temperature", "T", "degC", "air temperature", (-90.0, 60.0), "air_temperature"),
    Quantity(
        "relative_humidity", "RH", "%", "relative humidity", (0.0, 105.0), "relative_humidity"
    ),
    Quantity(
        "absolute_humidity",
        "h",
        "g m-3",
        "absolute humidity of the air",
        (0.0, 60.0),
        source="Rosolem et al. 2013",
    ),
    Quantity(
        "precipitation",
        "P",
        "mm",
        "precipitation per time step",
        (0.0, 500.0),
        "lwe_thickness_of_precipitation_amount",
    ),
    Quantity("snow_depth", "d_snow", "cm", "snow depth", (0.0, 2000.0), "surface_snow_thickness"),
    Quantity(
        "snow_water_equivalent",
        "SWE",
        "mm",
        "snow water equivalent",
        (0.0, 10000.0),
        "lwe_thickness_of_surface_snow_amount",
    ),
    Quantity(
        "soil_temperature", "T_soil", "degC", "soil temperature", (-60.0, 80.0), "soil_temperature"
    ),
    Quantity(
        "incoming_intensity",
        "I",
        "1",
        "neutron monitor count rate (any unit, used relative to its reference)",
        (0.0, _INF),
    ),
    Quantity("pressure_factor", "f_p", "1", "pressure correction factor", (0.0, _INF)),
    Quantity("humidity_factor", "f_h", "1", "air humidity correction factor", (0.0, _INF)),
    Quantity("incoming_factor", "f_i", "1", "incoming intensity correction factor", (0.0, _INF)),
    Quantity("biomass_factor", "f_b", "1", "above-ground biomass correction factor", (0.0, _INF)),
    Quantity("road_factor", "f_r", "1", "road effect correction factor", (0.0, _INF)),
    Quantity(
        "soil_moisture",
        "theta",
        "m3 m-3",
        "volumetric soil moisture of the footprint",
        (0.0, 1.0),
        "volume_fraction_of_condensed_water_in_soil",
    ),
    Quantity("gravimetric_water", "theta_g", "g g-1", "gravimetric water content", (0.0, 20.0)),
    Quantity("root_zone", "theta_rz", "m3 m-3", "mean root-zone soil moisture", (0.0, 1.0)),
    Quantity(
        "in_situ_soil_moisture",
        "theta_s",
        "m3 m-3",
        "soil moisture of an in-situ sensor",
        (0.0, 1.0),
        "volume_fraction_of_condensed_water_in_soil",
    ),
    Quantity(
        "bulk_density",
        "rho_s",
        "g cm-3",
        "dry bulk density",
        (0.03, 2.2),
        source="peat from about 0.05, compacted mineral soil to about 2",
    ),
    Quantity("lattice_water", "w_lat", "g g-1", "lattice water", (0.0, 0.3)),
    Quantity("soil_organic_carbon", "C_org", "g g-1", "soil organic carbon", (0.0, 0.6)),
    Quantity("organic_water", "w_soc", "g g-1", "water equivalent of organic matter", (0.0, 0.7)),
    Quantity(
        "biomass_water", "BWE", "mm", "biomass water equivalent", (0.0, 200.0), source="Franz 2015"
    ),
    Quantity("dry_biomass", "AGB", "kg m-2", "dry above-ground biomass", (0.0, 100.0)),
    Quantity(
        "penetration_depth",
        "D86",
        "cm",
        "depth that holds 86 % of the signal",
        (0.0, 300.0),
        source="Schroen et al. 2017",
    ),
    Quantity(
        "footprint_radius",
        "R86",
        "m",
        "radius that holds 86 % of the signal",
        (0.0, 1000.0),
        source="Schroen et al. 2017",
    ),
    Quantity("depth", "z", "cm", "depth below the surface, positive down", (0.0, 1000.0), "depth"),
    Quantity("distance", "r", "m", "distance from the detector", (0.0, 2000.0)),
    Quantity("cutoff_rigidity", "R_c", "GV", "geomagnetic cutoff rigidity", (0.0, 20.0)),
    Quantity("latitude", "lat", "degrees_north", "latitude", (-90.0, 90.0), "latitude"),
    Quantity("longitude", "lon", "degrees_east", "longitude", (-180.0, 360.0), "longitude"),
    Quantity("elevation", "z_0", "m", "height above sea level", (-500.0, 7000.0), "altitude"),
    Quantity("speed", "v", "km h-1", "ground speed of a mobile detector", (0.0, 500.0)),
    # --- weather and the soil column
    Quantity("temperature_min", "T_min", "degC", "lowest air temperature", (-90.0, 60.0)),
    Quantity("temperature_max", "T_max", "degC", "highest air temperature", (-90.0, 60.0)),
    Quantity(
        "solar_radiation",
        "R_s",
        "W m-2",
        "solar radiation, mean of the interval",
        (0.0, 1500.0),
        "surface_downwelling_shortwave_flux_in_air",
    ),
    Quantity("wind_speed", "u", "m s-1", "wind speed", (0.0, 75.0), "wind_speed"),
    Quantity("dew_point", "T_d", "degC", "dew point", (-90.0, 40.0), "dew_point_temperature"),
    Quantity(
        "potential_evapotranspiration",
        "ET_0",
        "mm",
        "potential evapotranspiration per time step",
        (0.0, 30.0),
    ),
    Quantity("theta_r", "theta_r", "m3 m-3", "residual water content", (0.0, 0.5)),
    Quantity("theta_s", "theta_s", "m3 m-3", "saturated water content", (0.05, 1.0)),
    Quantity(
        "alpha",
        "alpha",
        "cm-1",
        "parameter alpha of the retention curve",
        (1e-5, 2.0),
        source="van Genuchten 1980; 0.005 (silty clay) to 0.145 (sand)",
    ),
    Quantity("n", "n", "1", "shape n of the retention curve", (1.0, 15.0)),
    Quantity("lam", "lambda", "1", "pore-size index of Brooks and Corey", (0.01, 10.0)),
    Quantity("K_s", "K_s", "cm d-1", "saturated hydraulic conductivity", (0.0, 1e5)),
    Quantity("pore_connectivity", "l", "1", "pore connectivity", (-20.0, 20.0)),
    Quantity("pressure_head", "h", "cm", "pressure head of soil water", (-1e7, 1e4)),
    Quantity("sand", "f_sand", "%", "sand of the mineral fine earth, 0.05-2 mm", (0.0, 100.0)),
    Quantity("clay", "f_clay", "%", "clay of the mineral fine earth, < 0.002 mm", (0.0, 100.0)),
    Quantity(
        "infiltration", "I", "mm", "water that entered the soil less what left it upward, per step"
    ),
    Quantity("runoff", "Q", "mm", "surface runoff per time step", (0.0, _INF)),
    Quantity(
        "evaporation",
        "E",
        "mm",
        "evaporation of soil and standing water per time step",
        standard_name="lwe_thickness_of_water_evaporation_amount",
    ),
    Quantity("transpiration", "T", "mm", "root water uptake per time step", (0.0, _INF)),
    Quantity("interception_evaporation", "E_i", "mm", "evaporation of wet leaves per time step"),
    Quantity("drainage", "D", "mm", "outflow at the bottom per time step, negative upward"),
    Quantity("soil_water_storage", "S", "mm", "water in the soil column", (0.0, _INF)),
    Quantity("standing_water", "h_p", "mm", "water standing on the soil", (0.0, _INF)),
    Quantity("canopy_water", "S_c", "mm", "water on the leaves", (0.0, _INF)),
    Quantity("leaf_area", "LAI", "1", "leaf area index", (0.0, 15.0), "leaf_area_index"),
    Quantity("balance_error", "e_b", "mm", "what the water balance misses since the start"),
)

QUANTITIES: dict[str, Quantity] = {q.name: q for q in _DECLARED}
"""All declared quantities by name."""


def quantity(name: str) -> Quantity:
    """Return the declared quantity ``name``.

    Raises
    ------
    KeyError
        If no such quantity is declared.

    Examples
    --------
    >>> quantity("pressure").unit
    'hPa'
    """
    return QUANTITIES[name]
