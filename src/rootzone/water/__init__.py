"""Soil water: so far the exponential filter from the footprint to the root zone."""

from rootzone.water.exponential_filter import FilteredSeries, exponential_filter

__all__ = ["FilteredSeries", "exponential_filter"]
