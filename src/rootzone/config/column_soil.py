"""The soil of a study `column`: layers of one site, or the soils of an ensemble."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rootzone import neutrons as ne
from rootzone.config.base import Part, of, one_or_more
from rootzone.config.tables import ColumnSpec, FileTable, Text, single_column
from rootzone.core import DataError, quantity
from rootzone.water.soil_classes import soil_class


def class_name(name: str) -> str:
    """Return a texture class as it is spelled here, of any spelling; for validators."""
    try:
        return soil_class(name).name
    except DataError as error:
        raise ValueError(str(error)) from None


ClassName = Annotated[str, AfterValidator(class_name)]
"""One of the twelve USDA texture classes."""

Convention = Literal["carbon_as_matter", "carbon_doubled", "van_bemmelen", "water"]
_CONVENTION = "water of organic carbon: 0.556, 1.112 or 0.959 times it, or already water"


def convention_of(name: str) -> ne.OrganicConvention:
    """Return the organic water convention as an object."""
    return ne.OrganicConvention[name.upper()]


# --- hydraulic parameters of one layer --------------------------------------------------


class ClassHydraulics(Part):
    """Mean parameters of a texture class (Carsel and Parrish 1988)."""

    method: Literal["class"]
    name: ClassName = Field(description="USDA texture class, e.g. loam")


def _residual_below_saturated(theta_r: float, theta_s: float) -> None:
    if theta_r >= theta_s:
        raise ValueError(
            f"theta_r is {theta_r:g}, wanted below theta_s ({theta_s:g}): the residual water "
            "content cannot reach saturation"
        )


def _alpha(value: float) -> float:
    low, high = quantity("alpha").bounds
    if not low <= value <= high:
        raise ValueError(
            f"{value:g} cm-1 is impossible, wanted {low:g} to {high:g} (divide m-1 by 100)"
        )
    return value


def _conductivity(value: float) -> float:
    if value <= 0:
        raise ValueError(f"wanted above 0 cm d-1, got {value:g}")
    if not _SLOWEST <= value <= _FASTEST:
        raise ValueError(
            f"{value:g} cm d-1 is impossible, wanted {_SLOWEST:g} to {_FASTEST:g} (m s-1 times "
            "8.64e6 is cm d-1)"
        )
    return value


_SLOWEST, _FASTEST = 1e-5, 1e5  # cm d-1
Alpha = Annotated[float, AfterValidator(_alpha)]
Conductivity = Annotated[float, AfterValidator(_conductivity)]


class VanGenuchtenHydraulics(Part):
    """Parameters of van Genuchten and Mualem."""

    method: Literal["van_genuchten"]
    theta_r: float = of("theta_r")
    theta_s: float = of("theta_s")
    alpha: Alpha = Field(description="parameter alpha of the retention curve [cm-1]")
    n: float = Field(gt=1, le=15, description="shape n of the retention curve")
    K_s: Conductivity = Field(description="saturated hydraulic conductivity [cm d-1]")
    l: float = of("pore_connectivity", default=0.5)  # noqa: E741 (the symbol of the field)

    @model_validator(mode="after")
    def _order(self) -> "VanGenuchtenHydraulics":
        _residual_below_saturated(self.theta_r, self.theta_s)
        return self


class BrooksCoreyHydraulics(Part):
    """Parameters of Brooks and Corey."""

    method: Literal["brooks_corey"]
    theta_r: float = of("theta_r")
    theta_s: float = of("theta_s")
    alpha: Alpha = Field(description="inverse of the air-entry head [cm-1]")
    lam: float = of("lam")
    K_s: Conductivity = Field(description="saturated hydraulic conductivity [cm d-1]")
    l: float = of("pore_connectivity", default=1.0)  # noqa: E741

    @model_validator(mode="after")
    def _order(self) -> "BrooksCoreyHydraulics":
        _residual_below_saturated(self.theta_r, self.theta_s)
        return self


Pedotransfer = Literal[
    "weynants_2009", "zacharias_wessolek_2007", "toth_2015", "cosby_1984", "cosby_1984_univariate"
]


class TextureHydraulics(Part):
    """A pedotransfer function of texture."""

    method: Literal["texture"]
    function: Pedotransfer = Field(
        default="weynants_2009",
        description="function; zacharias_wessolek_2007 and toth_2015 take K_s of cosby_1984",
    )
    sand: float = of("sand")
    clay: float = of("clay")
    bulk_density: float | None = of(
        "bulk_density", "dry bulk density; left out: that of the layer", None
    )
    organic_carbon: float = Field(default=1.0, ge=0, le=60, description="organic carbon [%]")
    topsoil: bool = Field(default=False, description="topsoil or subsoil, for toth_2015")

    @model_validator(mode="after")
    def _shares(self) -> "TextureHydraulics":
        if self.sand + self.clay > 100.0:
            raise ValueError(
                f"sand is {self.sand:g} %, with {self.clay:g} % of clay more than 100 %"
            )
        return self


class RetentionColumns(Part):
    """Columns of a table of measured retention."""

    head: ColumnSpec | None = Field(
        default=None, description="pressure head, negative when unsaturated, e.g. in cm"
    )
    suction: ColumnSpec | None = Field(
        default=None, description="suction, positive, as a length or a pressure (cm, kPa, hPa)"
    )
    theta: ColumnSpec = Field(description="volumetric water content")

    @model_validator(mode="after")
    def _one(self) -> "RetentionColumns":
        if (self.head is None) == (self.suction is None):
            raise ValueError("give either head or suction")
        single_column({n: c for n, c in vars(self).items() if isinstance(c, ColumnSpec)})
        return self


class RetentionTable(FileTable):
    """A table of measured retention points."""

    columns: RetentionColumns = Field(description="columns of the points")


class RetentionHydraulics(Part):
    """Van Genuchten's curve fitted to measured retention."""

    method: Literal["retention"]
    table: RetentionTable = Field(description="measured points")
    K_s: Conductivity = Field(description="saturated hydraulic conductivity [cm d-1]")
    theta_r: float | None = of("theta_r", "held at this value; left out: fitted", None)
    theta_s: float | None = of("theta_s", "held at this value; left out: fitted", None)


Hydraulics = Annotated[
    ClassHydraulics
    | VanGenuchtenHydraulics
    | BrooksCoreyHydraulics
    | TextureHydraulics
    | RetentionHydraulics,
    Field(discriminator="method"),
]


class Layer(Part):
    """A layer of the soil."""

    bottom: float = Field(gt=0, le=1000, description="lower end of the layer [cm]")
    hydraulics: Hydraulics = Field(description="hydraulic parameters")
    bulk_density: float | None = of(
        "bulk_density", "dry bulk density; left out: 2.65 (1 - theta_s)", None
    )
    lattice_water: float | None = of("lattice_water", "lattice water; left out: 0, told", None)
    soil_organic_carbon: float = of("soil_organic_carbon", default=0.0)


# --- the soils --------------------------------------------------------------------------


class AirEntry(Part):
    """What all soils share: the head of air entry of van Genuchten's model."""

    air_entry: float = Field(
        default=0.0,
        ge=-100,
        le=0,
        description="head of air entry of van Genuchten soils [cm]; -2 for fine soils (Vogel 2000)",
    )
    air_entry_for: Literal["all", "fine"] = Field(
        default="all", description="all soils, or those with n below 1.3 only"
    )
    organic_convention: Convention = Field(default="carbon_doubled", description=_CONVENTION)

    def convention(self) -> ne.OrganicConvention:
        """Return the organic water convention as an object."""
        return convention_of(self.organic_convention)


class LayeredSoil(AirEntry):
    """One site: layers from the surface to the bottom of the profile."""

    method: Literal["layers"]
    layers: Annotated[
        list[Layer], BeforeValidator(one_or_more, json_schema_input_type=list[Layer] | Layer)
    ] = Field(min_length=1, max_length=50, description="layers, from the top")

    @model_validator(mode="after")
    def _order(self) -> "LayeredSoil":
        above = 0.0
        for n, layer in enumerate(self.layers):
            if layer.bottom <= above:
                raise ValueError(
                    f"layers.{n}.bottom is {layer.bottom:g} cm, wanted below the layer above "
                    f"({above:g} cm)"
                )
            above = layer.bottom
        models = {
            layer.hydraulics.method == "brooks_corey" or _is_cosby(layer) for layer in self.layers
        }
        if len(models) > 1:
            raise ValueError(
                "layers mix Brooks-Corey (also cosby_1984) and van Genuchten soils: give all "
                "layers one model"
            )
        return self


def _is_cosby(layer: Layer) -> bool:
    h = layer.hydraulics
    return isinstance(h, TextureHydraulics) and h.function.startswith("cosby")


class SoilColumns(Part):
    """Columns of a table of soils; one row per soil, or one per layer of a soil."""

    name: Text | None = Field(
        default=None, description="name of the soil; rows of one name are its layers"
    )
    bottom: ColumnSpec | None = Field(
        default=None, description="lower end of the layer; left out: one layer"
    )
    theta_r: ColumnSpec = Field(description="residual water content")
    theta_s: ColumnSpec = Field(description="saturated water content")
    alpha: ColumnSpec = Field(description="alpha of van Genuchten")
    n: ColumnSpec = Field(description="n of van Genuchten")
    K_s: ColumnSpec = Field(description="saturated hydraulic conductivity")
    l: ColumnSpec | None = Field(default=None, description="pore connectivity; left out: 0.5")  # noqa: E741
    bulk_density: ColumnSpec | None = Field(
        default=None, description="dry bulk density; left out: 2.65 (1 - theta_s)"
    )
    lattice_water: ColumnSpec | None = Field(default=None, description="lattice water")
    soil_organic_carbon: ColumnSpec | None = Field(default=None, description="organic carbon")

    @model_validator(mode="after")
    def _complete(self) -> "SoilColumns":
        if self.bottom is not None and self.name is None:
            raise ValueError("bottom needs name: which rows are the layers of one soil")
        single_column(self.given())
        return self

    def given(self) -> dict[str, ColumnSpec]:
        """Return the columns with units by quantity."""
        return {n: c for n, c in vars(self).items() if isinstance(c, ColumnSpec)}


class SoilTable(FileTable):
    """A table of soils."""

    columns: SoilColumns = Field(description="columns of the soils")


class TableSoils(AirEntry):
    """An ensemble: the soils of a table, one member each."""

    method: Literal["table"]
    table: SoilTable = Field(description="the soils")


class Spread(Part):
    """A normal distribution, cut at two standard deviations; a bare number has none."""

    mean: float
    sd: float = Field(default=0.0, ge=0, description="standard deviation")


def _number_to_spread(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"mean": value} if is_number else value


SpreadValue = Annotated[
    Spread, BeforeValidator(_number_to_spread, json_schema_input_type=Spread | float)
]
"""A number, or ``{mean: ..., sd: ...}``."""


class DrawnSoils(AirEntry):
    """What drawn soils have in common: number of members, and what neutrons see."""

    members: int = Field(default=100, ge=1, le=1_000_000, description="number of members")
    bulk_density: SpreadValue | None = Field(
        default=None, description="dry bulk density [g cm-3]; left out: 2.65 (1 - theta_s)"
    )
    lattice_water: SpreadValue | None = Field(
        default=None, description="lattice water [g g-1]; left out: 0, told"
    )
    soil_organic_carbon: SpreadValue = Field(
        default=Spread(mean=0.0), description="soil organic carbon [g g-1]"
    )

    @model_validator(mode="after")
    def _plausible(self) -> "DrawnSoils":
        for name in ("bulk_density", "lattice_water", "soil_organic_carbon"):
            given: Spread | None = getattr(self, name)
            q = quantity(name)
            low, high = q.bounds
            if (
                given is not None
                and not low <= given.mean - 2 * given.sd <= given.mean + 2 * given.sd <= high
            ):
                raise ValueError(
                    f"{name} runs from {given.mean - 2 * given.sd:g} to "
                    f"{given.mean + 2 * given.sd:g} {q.unit}, wanted between {low:g} and {high:g} "
                    "(two standard deviations about the mean)"
                )
        return self


class ClassSoils(DrawnSoils):
    """An ensemble: soils drawn from texture classes with their spread (Carsel and Parrish 1988)."""

    method: Literal["classes"]
    classes: Annotated[
        list[ClassName],
        BeforeValidator(one_or_more, json_schema_input_type=list[ClassName] | ClassName),
    ] = Field(
        min_length=1, description="texture classes, in turn: member m has class m modulo them"
    )
    mean_first: bool = Field(
        default=False, description="the first members are the mean soils of the classes"
    )


class TriangleSoils(DrawnSoils):
    """An ensemble: textures drawn uniformly from the texture triangle."""

    method: Literal["triangle"]
    function: Literal["carsel_parrish_1988"] | Pedotransfer = Field(
        default="carsel_parrish_1988",
        description="class of the texture with its spread, or a pedotransfer function",
    )
    organic_carbon: SpreadValue = Field(
        default=Spread(mean=1.0),
        description="organic carbon of the pedotransfer function [%]",
    )

    @model_validator(mode="after")
    def _complete(self) -> "TriangleSoils":
        needs = self.function in ("weynants_2009", "zacharias_wessolek_2007", "toth_2015")
        if needs and self.bulk_density is None:
            raise ValueError(
                f"bulk_density is needed by {self.function}, e.g. {{mean: 1.4, sd: 0.1}}"
            )
        return self


Soil = Annotated[
    LayeredSoil | TableSoils | ClassSoils | TriangleSoils, Field(discriminator="method")
]
