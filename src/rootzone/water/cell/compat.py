"""The known peculiarities of mHM 5.13.4, each with a name, kept or mended."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Compat:
    """Which peculiarities of mHM 5.13.4 are kept.

    ``MHM_5_13`` keeps all of them, so that numbers can be compared with the real model to the
    last digits; ``STANDARD`` keeps none. The peculiarities of the neutron operators belong to
    operators of their own (`rootzone.neutrons.cell_counts_mhm`).

    Attributes
    ----------
    last_scene_threshold : bool
        The threshold of fast interflow of the last land-cover scene is used in all years.
    clay_and_sand_as_fractions : bool
        Where clay and sand exceed 100 %, they become fractions of one instead of being scaled
        to 100 %.
    cumulative_tillage_conductivity : bool
        With one soil map per horizon, the conductivity of tillage soils is multiplied
        cumulatively over the land-cover classes.
    last_karstic_unit : bool
        Of several karstic units only the last one of the table counts as karst.
    roots_end_with_last_soil : bool
        The share of the roots in the last horizon is computed with the depth of the soil in the
        last fine cell of the map, for all soils.
    no_cosmic_L3_per_horizon : bool
        With one soil map per horizon, L3 of COSMIC stays at its missing value -9999.
    next_scene_in_last_output : bool
        Outputs of the last step of a year are weighted with the sealed fraction (and saturation)
        of the next year's scene.
    """

    last_scene_threshold: bool
    clay_and_sand_as_fractions: bool
    cumulative_tillage_conductivity: bool
    last_karstic_unit: bool
    roots_end_with_last_soil: bool
    no_cosmic_L3_per_horizon: bool
    next_scene_in_last_output: bool

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the peculiarities."""
        return tuple(f.name for f in fields(cls))


MHM_5_13 = Compat(True, True, True, True, True, True, True)
"""mHM 5.13.4 as it behaves."""
STANDARD = Compat(False, False, False, False, False, False, False)
"""As its documentation says."""
