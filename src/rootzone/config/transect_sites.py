"""Observations of stations that are sites of their own."""

from typing import Literal

from pydantic import Field

from rootzone.config.base import Part


class SitesObservations(Part):
    """Counts and soil water of the stations of ``source: {method: sites}``."""

    method: Literal["sites"]
    sections: Literal["land_cover", "site"] = Field(
        default="land_cover", description="what is judged as one: a land cover, or a single site"
    )
    hold_out: list[str] = Field(
        default_factory=list,
        description="sites that are not calibrated on: the sets are taken to them",
    )
    error: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="standard deviation of daily counts over them beyond that of counting [1]",
    )
    water_depth: float = Field(
        default=30.0, gt=0, le=300, description="observed soil water is the mean down to it [cm]"
    )
