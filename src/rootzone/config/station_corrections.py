"""The corrections and the count law of a study `station`."""

from typing import Literal

from pydantic import Field, model_validator

from rootzone import neutrons as ne
from rootzone.config.base import Part, of
from rootzone.core import nearest


class PressureCorrection(Part):
    """Barometric correction."""

    method: Literal[
        "given", "desilets_zreda_2003", "desilets_2021", "tirado_bueno_2021", "none"
    ] = Field(
        default="desilets_2021",
        description="where the barometric coefficient comes from; none: the counts are corrected",
    )
    beta: float | None = Field(
        default=None,
        gt=0.004,
        lt=0.012,
        description="barometric coefficient [hPa-1], for method given",
    )
    reference: Literal["standard_atmosphere", "mean"] | float = Field(
        default="standard_atmosphere",
        description="reference pressure [hPa]: of the standard atmosphere at the site, the mean "
        "of the record, or a number",
    )

    @model_validator(mode="after")
    def _complete(self) -> "PressureCorrection":
        if (self.method == "given") != (self.beta is not None):
            raise ValueError("method given needs beta, and only that method takes it")
        if isinstance(self.reference, float) and not 300 <= self.reference <= 1100:
            raise ValueError(f"reference is {self.reference:g} hPa, wanted between 300 and 1100")
        return self


class HumidityCorrection(Part):
    """Air humidity correction; laws that hold humidity themselves take method none."""

    method: Literal["rosolem_2013", "none"] = Field(default="rosolem_2013", description="method")
    reference: Literal["mean"] | float = Field(
        default=0.0,
        description="reference absolute humidity [g m-3]: a number or the mean of the record",
    )

    @model_validator(mode="after")
    def _possible(self) -> "HumidityCorrection":
        if self.reference != "mean" and not 0 <= self.reference <= 60:
            raise ValueError(f"reference is {self.reference:g} g m-3, wanted between 0 and 60")
        return self


class IncomingCorrection(Part):
    """Correction for the incoming cosmic-ray intensity."""

    method: Literal["zreda_2012", "hawdon_2014", "mcjannet_desilets_2023", "none"] = Field(
        default="none", description="how strongly the site follows the monitor"
    )
    monitor: str | None = Field(
        default=None, description="NMDB code of the monitor, for its rigidity and depth, e.g. JUNG"
    )
    monitor_cutoff_rigidity: float | None = of(
        "cutoff_rigidity", "cutoff rigidity of the monitor; left out: from its code", None
    )
    reference_intensity: Literal["mean"] | float = Field(
        default="mean",
        description="reference of the monitor: a number in its unit, or the record's mean",
    )
    form: Literal["linear", "reciprocal"] = Field(
        default="linear", description="which published form"
    )
    gaps: Literal["exclude", "one"] = Field(
        default="exclude",
        description="times without intensity: no result, or the factor 1 (told loudly)",
    )

    @model_validator(mode="after")
    def _known_monitor(self) -> "IncomingCorrection":
        if self.reference_intensity != "mean" and self.reference_intensity <= 0:
            raise ValueError(f"reference_intensity is {self.reference_intensity:g}, wanted above 0")
        given = self.monitor_cutoff_rigidity is not None
        if self.monitor is not None and self.monitor not in ne.MONITORS and not given:
            raise ValueError(
                f"monitor '{self.monitor}' is not known (known: {', '.join(ne.MONITORS)}): "
                f"give monitor_cutoff_rigidity{nearest(self.monitor, ne.MONITORS)}"
            )
        if self.method == "hawdon_2014" and self.monitor is None and not given:
            raise ValueError("method hawdon_2014 needs the monitor's code or cutoff rigidity")
        if self.method == "mcjannet_desilets_2023" and self.monitor not in ne.MONITORS:
            raise ValueError(
                f"method mcjannet_desilets_2023 needs a known monitor ({', '.join(ne.MONITORS)})"
            )
        return self

    def rigidity(self) -> float:
        """Return the cutoff rigidity of the monitor [GV]."""
        if self.monitor_cutoff_rigidity is not None:
            return self.monitor_cutoff_rigidity
        assert self.monitor is not None
        return ne.MONITORS[self.monitor].cutoff_rigidity


class BiomassCorrection(Part):
    """Above-ground biomass correction."""

    method: Literal["baatz_2015", "morris_2024", "franz_2015", "none"] = Field(
        default="none", description="method; baatz needs dry_biomass, the others biomass_water"
    )
    relative_slope: float | None = Field(
        default=None,
        ge=0,
        lt=0.05,
        description="change of N0 per mm of biomass water, for franz_2015",
    )

    @model_validator(mode="after")
    def _complete(self) -> "BiomassCorrection":
        if (self.method == "franz_2015") != (self.relative_slope is not None):
            raise ValueError("method franz_2015 needs relative_slope, and only that takes it")
        return self


class RoadCorrection(Part):
    """Effect of the road under a mobile detector."""

    method: Literal["schroen_2018", "none"] = Field(default="none", description="method")
    road_moisture: float = Field(
        default=0.12,
        ge=0,
        le=0.3,
        description="water equivalent of the road [m3 m-3] (asphalt 0.12)",
    )
    road_width: float = Field(default=5.0, gt=0, le=50, description="width of the road [m]")
    distance: float = Field(default=0.0, ge=0, le=100, description="distance from its center [m]")


class Corrections(Part):
    """Correction factors, multiplied on the raw count rate."""

    pressure: PressureCorrection = Field(default_factory=PressureCorrection)
    humidity: HumidityCorrection = Field(default_factory=HumidityCorrection)
    incoming: IncomingCorrection = Field(default_factory=IncomingCorrection)
    biomass: BiomassCorrection = Field(default_factory=BiomassCorrection)
    road: RoadCorrection = Field(default_factory=RoadCorrection)


class Law(Part):
    """Law between count rate and total gravimetric water."""

    method: Literal["desilets_2010", "koehli_2021", "koehli_2025"] = Field(
        default="desilets_2010", description="law"
    )
    parameter_set: str | None = Field(
        default=None, description="parameter set of the Koehli laws; left out: the paper's choice"
    )

    @model_validator(mode="after")
    def _known_set(self) -> "Law":
        self.build()
        return self

    def build(self) -> ne.CountRateLaw:
        """Return the law as an object."""
        if self.method == "desilets_2010":
            if self.parameter_set is not None:
                raise ValueError("desilets_2010 has no parameter_set")
            return ne.Desilets2010()
        cls = ne.Koehli2021 if self.method == "koehli_2021" else ne.Koehli2025
        return cls(self.parameter_set) if self.parameter_set else cls()
