"""Write a domain as a folder that mHM runs on."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from rootzone.data.domain import Domain, SeriesStep, Setup
from rootzone.data.line_file import write_line
from rootzone.data.mhm.ascii_grids import NODATA, header_text, write_ascii_grid
from rootzone.data.mhm.meteo import QUANTITIES
from rootzone.data.mhm.namelist_writer import (
    mhm_nml,
    outputs_nml,
    parameter_nml,
    routing_outputs_nml,
)
from rootzone.data.mhm.netcdf import save_netcdf
from rootzone.data.mhm.output_names import OUTPUT_FLAGS
from rootzone.data.mhm.time_axis import UNIT_OF
from rootzone.water.regionalization.parameters import ParameterTable
from rootzone.water.regionalization.soil_database import ProfileDatabase

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def write_folder(
    domain: Domain,
    folder: Path,
    setup: Setup,
    parameters: ParameterTable,
    *,
    outputs: Iterable[int] = OUTPUT_FLAGS,
    every: int = -1,
    restart_in: str = "",
) -> None:
    """Write everything that mHM 5.13 reads: namelists, maps, tables, weather, coordinates.

    Parameters
    ----------
    domain : Domain
        Maps, tables, weather.
    folder : Path
        Made if it does not exist; ``mhm FOLDER`` runs it, results come to ``output/``.
    setup : Setup
        Choices of the run.
    parameters : ParameterTable
        Values, bounds and flags of the chosen processes; the other groups keep mHM's.
    outputs : iterable of int
        Numbers of the outputs (mHM's ``outputFlxState``).
    every : int
        Interval of the outputs: -1 daily, -2 monthly, -3 yearly, 0 once, n every n model steps.
    restart_in : str
        Restart file to start from, relative to the folder; empty to start from mHM's defaults.
    """
    folder = Path(folder)
    for part in ("input/morph", "input/luse", "input/meteo", "input/lai", "input/optional_data"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for part in ("output", "restart"):
        (folder / part).mkdir(exist_ok=True)
    text = mhm_nml(domain, setup, restart_in=restart_in)
    (folder / "mhm.nml").write_text(text, encoding="utf-8")
    text = parameter_nml(parameters, len(domain.geology_table.unit))
    (folder / "mhm_parameter.nml").write_text(text, encoding="utf-8")
    text = outputs_nml(every=every, flags=outputs)
    (folder / "mhm_outputs.nml").write_text(text, encoding="utf-8")
    (folder / "mrm_outputs.nml").write_text(routing_outputs_nml(), encoding="utf-8")
    _write_maps(domain, folder / "input")
    _write_tables(domain, folder / "input" / "morph")
    write_weather(domain, folder / "input" / "meteo")
    _write_latlon(domain, folder / "input" / "latlon.nc")
    if domain.line is not None:
        write_line(folder / "line.csv", domain.line)


def _write_maps(domain: Domain, folder: Path) -> None:
    morph, grid = folder / "morph", domain.level0
    for name in ("dem", "slope", "aspect"):
        write_ascii_grid(morph / f"{name}.asc", grid, getattr(domain, name))
    if isinstance(domain.soils, ProfileDatabase):
        write_ascii_grid(morph / "soil_class.asc", grid, domain.soil[0], integer=True)
    else:
        for i, values in enumerate(domain.soil, start=1):
            name = f"soil_class_horizon_{i:02d}.asc"
            write_ascii_grid(morph / name, grid, values, integer=True)
    write_ascii_grid(morph / "geology_class.asc", grid, domain.geology, integer=True)
    if domain.lai_class is not None:
        write_ascii_grid(morph / "LAI_class.asc", grid, domain.lai_class, integer=True)
    if domain.lai is not None:
        _write_lai(domain, folder / "lai" / "lai.nc")
    for scene, values in zip(domain.scenes, domain.land_cover, strict=True):
        write_ascii_grid(folder / "luse" / scene.name, grid, values, integer=True)


def _write_tables(domain: Domain, morph: Path) -> None:
    soils, geology, leaves = domain.soils, domain.geology_table, domain.lai_table
    lines = [f"nSoil_Types {len(np.unique(soils.soil))}"]
    if isinstance(soils, ProfileDatabase):
        lines.append("MU_GLOBAL HORIZON UD[mm] LD[mm] CLAY[%] SAND[%] BD[gcm-3]")
        horizon, last = 0, -1
        for row in zip(
            *(x.tolist() for x in (soils.soil, soils.upper, soils.lower)),
            *(x.tolist() for x in (soils.clay, soils.sand, soils.bulk_density)),
            strict=True,
        ):
            horizon = horizon + 1 if row[0] == last else 1
            last = row[0]
            lines.append(f"{row[0]} {horizon} " + " ".join(repr(float(x)) for x in row[1:]))
        name = "soil_classdefinition.txt"
    else:
        lines.append("MU_GLOBAL CLAY[%] SAND[%] BD[gcm-3]")
        columns = (soils.soil, soils.clay, soils.sand, soils.bulk_density)
        for row in zip(*(x.tolist() for x in columns), strict=True):
            lines.append(f"{row[0]} " + " ".join(repr(float(x)) for x in row[1:]))
        name = "soil_classdefinition_iFlag_soilDB_1.txt"
    (morph / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = [f"nGeo_Formations {len(geology.unit)}", "GeoParam(i) ClassUnit Karstic Description"]
    for i, (unit, karstic) in enumerate(zip(geology.unit, geology.karstic, strict=True)):
        lines.append(f"{i + 1} {int(unit)} {int(karstic)} {geology.description[i]}")
    text = "\n".join(lines) + "\n"
    (morph / "geology_classdefinition.txt").write_text(text, encoding="utf-8")
    if leaves is None:
        return
    lines = [f"NoLAIclasses {len(leaves.unit)}", "ID LAND-USE " + " ".join(_MONTHS)]
    for unit, name, row in zip(leaves.unit, leaves.name, leaves.values.tolist(), strict=True):
        values = " ".join(repr(float(x)) for x in row)
        lines.append(f"{int(unit)} {name.replace(' ', '_')} {values}")
    text = "\n".join(lines) + "\n"
    (morph / "LAI_classdefinition.txt").write_text(text, encoding="utf-8")


def write_weather(domain: Domain, folder: Path) -> None:
    """Write header.txt and one NetCDF file for each field of the weather."""
    weather = domain.weather
    printed = domain.level2.as_mhm_prints(domain.level0)
    (folder / "header.txt").write_text(header_text(printed), encoding="utf-8")
    hours = np.arange(weather.steps) * weather.hours
    since = str(weather.start.astype("datetime64[s]")).replace("T", " ")
    axes = _axes(domain)
    for name, values in weather.fields.items():
        time = xr.Variable("time", hours.astype("int32"), {"units": f"hours since {since}"})
        filled = np.where(np.isnan(values), NODATA, values)
        attrs = {"units": QUANTITIES[name].unit, "missing_value": NODATA}
        field = xr.Variable(("time", "yc", "xc"), filled, attrs)
        save_netcdf(xr.Dataset({name: field}, {"time": time, **axes}), folder / f"{name}.nc")
    for name, values in weather.weights.items():
        filled = np.where(np.isnan(values), NODATA, values)
        field = xr.Variable(("hour", "month", "yc", "xc"), filled, {"missing_value": NODATA})
        save_netcdf(xr.Dataset({f"{name}_weight": field}, axes), folder / f"{name}_weight.nc")


def _axes(domain: Domain) -> dict[str, xr.Variable]:
    grid = domain.level2
    return {
        "yc": xr.Variable("yc", grid.y, {"axis": "Y"}),
        "xc": xr.Variable("xc", grid.x, {"axis": "X"}),
    }


def _write_lai(domain: Domain, path: Path) -> None:
    assert domain.lai is not None
    filled = np.where(np.isnan(domain.lai), NODATA, domain.lai)
    attrs = {"units": "1", "missing_value": NODATA, "_FillValue": NODATA}
    field = xr.Variable(("time", "yc", "xc"), filled, attrs)
    start, steps = domain.weather.start, np.arange(len(domain.lai))
    unit = "M" if domain.lai_step == SeriesStep.CLIMATE else UNIT_OF[domain.lai_step]
    dates = (start.astype(f"datetime64[{unit}]") + steps).astype("datetime64[D]")
    days = (dates - dates[0]).astype("int32")
    time = xr.Variable("time", days, {"units": f"days since {dates[0]}"})
    save_netcdf(xr.Dataset({"lai": field}, {"time": time}), path)


def _write_latlon(domain: Domain, path: Path) -> None:
    def variable(dims: tuple[str, str], values: np.ndarray, name: str) -> xr.Variable:
        unit = "degrees_north" if name == "latitude" else "degrees_east"
        return xr.Variable(dims, values, {"standard_name": name, "units": unit})

    fine, coarse = ("yc_l0", "xc_l0"), ("yc", "xc")
    variables = {
        "lat_l0": variable(fine, domain.latitude0, "latitude"),
        "lon_l0": variable(fine, domain.longitude0, "longitude"),
        "lat": variable(coarse, domain.latitude1, "latitude"),
        "lon": variable(coarse, domain.longitude1, "longitude"),
    }
    save_netcdf(xr.Dataset(variables), path)
