"""The study kind `station`: a station's counts become soil moisture."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone import neutrons as ne
from rootzone.config.base import (
    Duration,
    Part,
    StudyBase,
    Text,
    UncertainValue,
    UtcTime,
    deviation_of,
    in_order,
    of,
    one_or_more,
    possible_deviation,
)
from rootzone.config.station_calibration import (
    Calibration,
    CampaignCalibration,
)
from rootzone.config.station_corrections import Corrections, Law
from rootzone.config.station_root_zone import ExponentialFilter, RootZone
from rootzone.config.tables import SeriesTable
from rootzone.core import quantity


class Site(Part):
    """The place, its soil and its plants."""

    name: Text = Field(description="name of the station")
    latitude: float = of("latitude")
    longitude: float = of("longitude")
    elevation: float = of("elevation")
    cutoff_rigidity: float | None = of(
        "cutoff_rigidity", "geomagnetic cutoff rigidity, needed by some corrections", None, gt=0
    )
    bulk_density: UncertainValue | None = Field(
        default=None, description="dry bulk density [g cm-3]; left out: from the samples"
    )
    lattice_water: UncertainValue | None = Field(
        default=None,
        description="lattice water [g g-1]; left out: from the samples, otherwise 0, told",
    )
    clay: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="clay fraction [g g-1], for lattice water by Avery 2016",
    )
    soil_organic_carbon: UncertainValue | None = Field(
        default=None, description="soil organic carbon [g g-1], by the convention below"
    )
    organic_convention: Literal["carbon_as_matter", "carbon_doubled", "van_bemmelen", "water"] = (
        Field(
            default="carbon_doubled",
            description="water of SOC: 0.556, 1.112 or 0.959 times it, or already water",
        )
    )
    vegetation_height: float = Field(
        default=0.0, ge=0, le=80, description="height of the vegetation [m], for the footprint"
    )
    biomass_water: UncertainValue | None = Field(
        default=None, description="biomass water equivalent [mm], when no column gives it"
    )
    dry_biomass: UncertainValue | None = Field(
        default=None, description="dry above-ground biomass [kg m-2], when no column gives it"
    )
    source: str = Field(default="", description="who measured it and where it is published")
    license: str = Field(default="", description="license of the data")

    @model_validator(mode="after")
    def _plausible(self) -> "Site":
        checks = {
            "bulk_density": self.bulk_density,
            "lattice_water": self.lattice_water,
            "soil_organic_carbon": self.soil_organic_carbon,
            "biomass_water": self.biomass_water,
            "dry_biomass": self.dry_biomass,
        }
        for name, given in checks.items():
            if given is not None:
                q = quantity(name)
                low, high = q.bounds
                if not low <= given.value <= high:
                    raise ValueError(
                        f"{name} is {given.value:g} {q.unit}, wanted between {low:g} and {high:g}"
                    )
                possible_deviation(name, given, high, "the largest value")
        return self

    def convention(self) -> ne.OrganicConvention:
        """Return the organic water convention as an object."""
        return ne.OrganicConvention[self.organic_convention.upper()]


# --- time, quality, uncertainty, root zone ----------------------------------------------


class TimeAxis(Part):
    """Time axis of the results."""

    step: Duration | None = Field(
        default=None,
        description="step of the results, e.g. 1h, not below the interval of the counts; left out: "
        "that interval",
    )
    start: UtcTime | None = Field(default=None, description="first time (UTC); left out: all")
    end: UtcTime | None = Field(default=None, description="last time (UTC); left out: all")
    window_hours: float = Field(
        default=24.0,
        gt=0,
        le=240,
        description="moving mean of the corrected counts before the retrieval; at least one step",
    )
    min_coverage: float = Field(
        default=0.5, gt=0, le=1, description="share of the window that must hold counts"
    )

    @model_validator(mode="after")
    def _order(self) -> "TimeAxis":
        in_order(self.start, self.end)
        return self


class Quality(Part):
    """Quality flags; nothing is deleted, counts that cannot be neutrons stay out of the means."""

    count_range: tuple[float, float] | None = Field(
        default=None,
        description="plausible raw rates [h-1]; left out: a fifth to five times the median",
    )
    spike_sigma: float = Field(
        default=5.0, gt=0, description="spike: so many counting deviations from the running median"
    )
    spike_relative: float = Field(
        default=0.2, gt=0, description="and at least this share of the median"
    )
    spike_window_hours: float = Field(
        default=24.0, gt=0, le=8760, description="window of the running median"
    )
    constant_hours: float = Field(
        default=6.0,
        gt=0,
        le=8760,
        description="a count that does not change for so long comes from a dead logger",
    )
    constant_weather_hours: float = Field(
        default=24.0,
        gt=0,
        le=8760,
        description="weather that does not change for so long counts as missing",
    )
    pressure_deviation: float = Field(
        default=40.0,
        gt=0,
        description="pressure so far from the record's median counts as missing [hPa]",
    )
    interpolate_hours: float = Field(
        default=6.0,
        ge=0,
        le=240,
        description="weather gaps up to this are interpolated, and flagged",
    )
    humidity_gaps: Literal["seasonal", "missing"] = Field(
        default="seasonal",
        description="longer humidity gaps: the seasonal mean of the record with its spread as "
        "uncertainty (flagged), or no result",
    )
    snow_water_equivalent: float = Field(default=1.0, ge=0, description="snow cover from [mm]")
    snow_depth: float = Field(default=1.0, ge=0, description="snow cover from [cm]")
    frozen_below: float = Field(
        default=2.0,
        description="frozen or under snow below this soil temperature [degC]; snow lies on soil "
        "of 0.5 to 2 degC for weeks",
    )

    @model_validator(mode="after")
    def _order(self) -> "Quality":
        low, high = self.count_range or (0.0, 1.0)
        if not 0 <= low < high:
            raise ValueError(
                f"count_range is {low:g} to {high:g} h-1, wanted two rates, the lower one first"
            )
        return self


class Uncertainty(Part):
    """Standard deviations where neither the site nor the samples give one."""

    method: Literal["first_order", "second_order", "monte_carlo"] = Field(
        default="first_order",
        description="method; second_order is Jakobi et al. 2020 for counting (desilets_2010)",
    )
    members: int = Field(
        default=200, ge=20, le=5000, description="members of the Monte Carlo ensemble"
    )
    N0_relative: float = Field(
        default=0.02, ge=0, le=0.5, description="of N0 when it is given without deviation [1]"
    )
    bulk_density: float = deviation_of("bulk_density", "of the bulk density", 0.05)
    lattice_water: float = deviation_of("lattice_water", "of lattice water", 0.005)
    organic_water: float = deviation_of("organic_water", "of organic water", 0.005)
    biomass_water: float = deviation_of("biomass_water", "of biomass water", 0.5)
    dry_biomass: float = deviation_of("dry_biomass", "of dry biomass", 0.5)
    humidity: float = deviation_of("absolute_humidity", "of the absolute humidity", 0.3)
    incoming_relative: float = Field(
        default=0.005,
        ge=0,
        le=0.5,
        description="of the incoming factor when a monitor corrects it [1]",
    )
    incoming_relative_uncorrected: float = Field(
        default=0.03,
        ge=0,
        le=0.5,
        description="of the incoming factor when nothing corrects it [1]",
    )


class StationStudy(StudyBase):
    """A cosmic-ray neutron station: from raw counts to soil moisture with its uncertainty."""

    kind: Literal["station"] = Field(default="station", description="kind of study")  # pyright: ignore[reportIncompatibleVariableOverride]
    station: Site = Field(description="the place, its soil and its plants")
    tables: Annotated[
        list[SeriesTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[SeriesTable] | SeriesTable),
    ] = Field(
        min_length=1, description="time series: counts, weather, rain, sensors, neutron monitor"
    )
    corrections: Corrections = Field(default_factory=Corrections)
    law: Law = Field(default_factory=Law)
    calibration: Calibration = Field(description="where N0 comes from")
    time: TimeAxis = Field(default_factory=TimeAxis)
    quality: Quality = Field(default_factory=Quality)
    uncertainty: Uncertainty = Field(default_factory=Uncertainty)
    root_zone: RootZone = Field(default_factory=ExponentialFilter)

    @model_validator(mode="after")
    def _consistent(self) -> "StationStudy":
        needs_humidity = self.law.build().needs_humidity
        if needs_humidity and self.corrections.humidity.method != "none":
            raise ValueError(
                f"law {self.law.method} holds humidity itself: set corrections.humidity.method "
                "to none"
            )
        second_order = self.uncertainty.method == "second_order"
        if second_order and self.law.method != "desilets_2010":
            raise ValueError("uncertainty.method second_order is known for law desilets_2010 only")
        rigid = self.corrections.pressure.method in (
            "desilets_zreda_2003",
            "desilets_2021",
            "tirado_bueno_2021",
        )
        rigid |= self.corrections.incoming.method in ("hawdon_2014", "mcjannet_desilets_2023")
        if rigid and self.station.cutoff_rigidity is None:
            raise ValueError(
                "station.cutoff_rigidity [GV] is needed by the pressure or incoming correction"
            )
        density = self.station.bulk_density
        if isinstance(self.calibration, CampaignCalibration) and density is not None:
            for n, campaign in enumerate(self.calibration.campaigns):
                water = campaign.gravimetric_water.value
                if water * density.value > 1.0:
                    raise ValueError(
                        f"calibration.campaigns.{n}.gravimetric_water {water:g} g g-1 at a bulk "
                        f"density of {density.value:g} g cm-3 is more water than there is room "
                        "(15 percent are 0.15)"
                    )
        return self
