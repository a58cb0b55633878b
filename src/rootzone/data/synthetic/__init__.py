"""Seeded synthetic catchments."""
