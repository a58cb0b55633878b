"""The study kind `catchment`: a distributed run of mHM's processes over the cells of a domain."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, StudyBase, Text, one_or_more
from rootzone.config.sites import SitesBase
from rootzone.config.tables import Files
from rootzone.core import nearest
from rootzone.water.cell.outputs import NEUTRONS, OUTPUTS

DEFAULT_OUTPUTS = [
    "theta",
    "snow_pack",
    "evapotranspiration",
    "runoff",
    "recharge",
]


def _file(value: Any) -> Any:
    """Turn a bare path, or a list of paths, into ``{files: [...]}``."""
    return {"files": value} if isinstance(value, str | list) else value


class MapFiles(Part):
    """One map, or several that belong together (horizons, months)."""

    files: Files = Field(description="path or paths: .asc, .nc, .zarr or .tif")
    variable: str | None = Field(
        default=None, description="variable of a NetCDF or Zarr file; left out: the only map"
    )
    band: int = Field(default=1, ge=1, description="band of a GeoTIFF")


MapsOf = Annotated[
    MapFiles, BeforeValidator(_file, json_schema_input_type=MapFiles | str | list[str])
]
"""``{files, variable, band}``, or only the path."""


class OneFile(Part):
    """A file."""

    files: Files = Field(max_length=1, description="path")

    @property
    def path(self) -> str:
        """Return the path."""
        return self.files[0]


FileOf = Annotated[OneFile, BeforeValidator(_file, json_schema_input_type=OneFile | str)]
"""``{files: path}``, or only the path."""


# --- where the domain comes from --------------------------------------------------------------


class ModelChoices(Part):
    """Processes and soil layers, where no mHM folder says them."""

    uptake: Literal["feddes", "jarvis"] = Field(
        default="feddes", description="reduction of evapotranspiration by dry soil"
    )
    roots: Literal["land_cover", "field_capacity"] = Field(
        default="land_cover", description="what the depth distribution of the roots follows"
    )
    pet: Literal[
        "given_leaf_area",
        "given_aspect",
        "hargreaves_samani",
        "priestley_taylor",
        "penman_monteith",
    ] = Field(
        default="given_aspect",
        description="potential evapotranspiration: given with a correction, or computed",
    )
    horizon_depths: list[float] = Field(
        default=[50.0, 250.0, 600.0],
        min_length=1,
        max_length=10,
        description="lower depths of the horizons [mm]; with one soil map one more follows below",
    )
    tillage_depth: float = Field(
        default=200.0, gt=0, le=3000, description="depth that organic matter reaches [mm]"
    )
    sealed_city_fraction: float = Field(
        default=0.6, ge=0, le=1, description="sealed part of impervious land [1]"
    )
    step: Literal["hour", "day"] = Field(
        default="hour", description="time step; a day is faster and another model"
    )

    @model_validator(mode="after")
    def _downward(self) -> "ModelChoices":
        depths = self.horizon_depths
        if depths[0] <= 0 or any(b <= a for a, b in pairwise(depths)):
            raise ValueError(f"horizon_depths are {depths}, wanted above 0 and each deeper")
        return self

    def cases(self, neutrons: int) -> tuple[int, int, int]:
        """Return the numbers that mHM gives these processes."""
        soil = {
            ("feddes", "land_cover"): 1,
            ("jarvis", "land_cover"): 2,
            ("jarvis", "field_capacity"): 3,
            ("feddes", "field_capacity"): 4,
        }[self.uptake, self.roots]
        pet = {
            "given_leaf_area": -1,
            "given_aspect": 0,
            "hargreaves_samani": 1,
            "priestley_taylor": 2,
            "penman_monteith": 3,
        }[self.pet]
        return soil, pet, neutrons


class MhmFolderSource(Part):
    """An existing folder of mHM 5.13."""

    method: Literal["mhm_folder"]
    folder: Text = Field(description="folder that mHM is started in")
    namelist: str = Field(default="mhm.nml", description="main namelist")
    domain: int = Field(default=1, ge=1, description="which domain of the namelist")
    keep_texture: bool = Field(
        default=False, description="accept soils with clay and sand above 100 %, as mHM does"
    )


class SyntheticSource(Part):
    """A synthetic domain, the same for the same seed of the study."""

    method: Literal["synthetic"]
    preset: Literal["hills", "rail_valley"] = Field(description="which domain")
    start: date = Field(default=date(2019, 1, 1), description="first day of the weather")
    days: int = Field(default=1096, ge=1, le=40000, description="days of weather")
    cell_size: float | None = Field(
        default=None,
        gt=0,
        le=3200,
        description="size of a model cell [m]; left out: that of the preset",
    )
    model: ModelChoices = Field(default_factory=ModelChoices)


class LandCover(MapFiles):
    """A map of land cover (1 forest, 2 impervious, 3 pervious) and its years."""

    first_year: int = Field(description="first year it stands for")
    last_year: int = Field(description="last year it stands for")

    @model_validator(mode="after")
    def _order(self) -> "LandCover":
        if self.last_year < self.first_year:
            raise ValueError(f"last_year is {self.last_year}, before first_year {self.first_year}")
        return self


class MapsSource(Part):
    """Plain maps and gridded weather."""

    method: Literal["maps"]
    dem: MapsOf = Field(description="elevation [m]; the domain is where it has values")
    soil: MapsOf = Field(description="soil types: one map, or one for each horizon")
    geology: MapsOf = Field(description="geological units")
    land_cover: Annotated[
        list[LandCover],
        BeforeValidator(one_or_more, json_schema_input_type=list[LandCover] | LandCover),
    ] = Field(min_length=1)
    slope: MapsOf | None = Field(
        default=None, description="slope [%]; left out: from the elevation"
    )
    aspect: MapsOf | None = Field(
        default=None, description="aspect [degrees]; left out: from the elevation"
    )
    lai_class: MapsOf | None = Field(default=None, description="classes of leaf area")
    lai: MapsOf | None = Field(
        default=None, description="twelve monthly maps of leaf area instead of classes"
    )
    soil_table: FileOf = Field(description="soil types, as mHM's soil_classdefinition.txt")
    geology_table: FileOf = Field(description="units, as mHM's geology_classdefinition.txt")
    lai_table: FileOf | None = Field(
        default=None, description="leaf area of the classes, as mHM's LAI_classdefinition.txt"
    )
    weather: MapsOf = Field(description="NetCDF files of weather (time, y, x) with units")
    weather_variables: dict[str, str] = Field(
        default_factory=dict,
        description="names in these files of pre, tavg, pet, tmin, tmax, net_rad, eabs, windspeed",
    )
    cell_size: float = Field(gt=0, description="size of a model cell, a multiple of the maps'")
    latitude: float = Field(ge=-90, le=90, description="latitude of the domain [degrees_north]")
    longitude: float = Field(ge=-180, le=360, description="longitude [degrees_east]")
    model: ModelChoices = Field(default_factory=ModelChoices)

    @model_validator(mode="after")
    def _leaf_area_once(self) -> "MapsSource":
        by_class = self.lai_class is not None and self.lai_table is not None
        if by_class == (self.lai is not None):
            raise ValueError("leaf area is wanted once: lai_class with lai_table, or lai")
        known = ("pre", "tavg", "pet", "tmin", "tmax", "net_rad", "eabs", "windspeed")
        for name in self.weather_variables:
            if name not in known:
                raise ValueError(f"weather_variables has '{name}', wanted {', '.join(known)}")
        return self


class SitesModel(ModelChoices):
    """Processes and soil layers of single sites."""

    pet: Literal["hargreaves_samani"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default="hargreaves_samani", description="potential evapotranspiration from temperature"
    )


class SitesSource(SitesBase):
    """Single sites, each a cell with its own soil and weather: stations and their counts."""

    method: Literal["sites"]
    model: SitesModel = Field(default_factory=SitesModel)


Source = Annotated[
    MhmFolderSource | SyntheticSource | MapsSource | SitesSource,
    Field(discriminator="method"),
]


# --- run, parameters, results -----------------------------------------------------------------


class Period(Part):
    """Days that are evaluated, and the warm-up before them."""

    start: date | None = Field(
        default=None, description="first day; left out: of the folder, or after the warm-up"
    )
    end: date | None = Field(
        default=None, description="last day; left out: of the folder or of the weather"
    )
    warm_up_days: int | None = Field(
        default=None, ge=0, description="days before it; left out: of the folder, otherwise 0"
    )

    @model_validator(mode="after")
    def _order(self) -> "Period":
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end is {self.end}, before start {self.start}")
        return self


class Counts(Part):
    """Neutron counts above the cells."""

    operator: Literal[
        "as_folder",
        "desilets_mhm",
        "cosmic_mhm",
        "desilets_schroen_2017",
        "cosmic",
        "none",
    ] = Field(
        default="as_folder",
        description="from water to counts; as_folder: the case of the folder as mHM computes it "
        "(Desilets where there is no folder)",
    )
    when: Literal["every_step", "once_a_day"] = Field(
        default="every_step",
        description="mean of the counts at the end of every step, or counts of the day's mean "
        "water (faster)",
    )

    def case(self, of_folder: int) -> int:
        """Return the number that mHM gives the operator's parameters."""
        cases = {"as_folder": of_folder, "none": 0, "desilets_mhm": 1, "desilets_schroen_2017": 1}
        return cases.get(self.operator, 2)


class ParameterValues(Part):
    """Global parameters that differ from the folder's, or from the defaults."""

    values: dict[str, float] = Field(
        default_factory=dict, description="values by name, e.g. Desilets_N0: 1200"
    )
    table: FileOf | None = Field(
        default=None, description="CSV file with the columns name and value"
    )
    beyond_bounds: bool = Field(
        default=False, description="accept values outside the bounds of their parameters"
    )


class ChosenCell(Part):
    """A cell whose series is kept."""

    name: Text = Field(description="how it is called in results and figures")
    x: float | None = Field(default=None, description="position in the coordinates of the grid")
    y: float | None = Field(default=None, description="position in the coordinates of the grid")
    row: int | None = Field(default=None, ge=1, description="row from the north, from 1")
    column: int | None = Field(default=None, ge=1, description="column from the west, from 1")

    @model_validator(mode="after")
    def _one_way(self) -> "ChosenCell":
        given = [v is not None for v in (self.x, self.y, self.row, self.column)]
        if given not in ([True, True, False, False], [False, False, True, True]):
            raise ValueError(f"cell '{self.name}': wanted x and y, or row and column")
        return self


class Results(Part):
    """What is written."""

    variables: list[str] = Field(
        default=DEFAULT_OUTPUTS, min_length=1, description="outputs of the maps"
    )
    maps: Literal["daily", "none"] = Field(
        default="daily", description="daily maps, or only means, series and balance"
    )
    format: Literal["netcdf", "zarr"] = Field(default="netcdf", description="format of the maps")
    names: Literal["cf", "mhm"] = Field(
        default="cf", description="CF conventions, or the names of mHM_Fluxes_States.nc"
    )
    cells: list[ChosenCell] = Field(default_factory=list, description="cells with series")
    restart: bool = Field(default=False, description="write a restart file that mHM reads too")

    @model_validator(mode="after")
    def _known(self) -> "Results":
        for name in self.variables:
            if name not in OUTPUTS:
                hint = "; counts are chosen under counts" if name == NEUTRONS else ""
                raise ValueError(
                    f"variables has '{name}', which is no output{nearest(name, OUTPUTS)}{hint}; "
                    f"known are {', '.join(OUTPUTS)}"
                )
        names = [cell.name for cell in self.cells]
        if len(set(names)) < len(names):
            raise ValueError("cells have the same name twice: each wants its own")
        return self


class Computation(Part):
    """How the work is divided; results do not depend on it."""

    chunk: int = Field(
        default=2048, ge=16, le=1_000_000, description="cells that a core computes together"
    )
    block_days: int = Field(
        default=366, ge=1, description="days computed, and kept for --resume, in one go"
    )


class ModelStudy(StudyBase):
    """What every study of the distributed model says of it."""

    precision: Literal["float64", "float32"] = Field(
        default="float32", description="floating point precision of the computation"
    )
    source: Source = Field(description="where the domain comes from")
    compat: Literal["mhm-5.13", "standard"] = Field(
        default="mhm-5.13",
        description="keep the peculiarities of mHM 5.13.4, or do as its documentation says",
    )
    period: Period = Field(default_factory=Period)
    counts: Counts = Field(default_factory=Counts)
    parameters: ParameterValues = Field(default_factory=ParameterValues)


class CatchmentStudy(ModelStudy):
    """Water and neutrons of the cells of a catchment."""

    kind: Literal["catchment"] = Field(description="kind of study")  # pyright: ignore[reportIncompatibleVariableOverride]
    restart: FileOf | None = Field(
        default=None, description="restart file whose states the run begins with"
    )
    results: Results = Field(default_factory=Results)
    computation: Computation = Field(default_factory=Computation)
