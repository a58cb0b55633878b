"""The processes that have a choice, and their numbers in mHM."""

from dataclasses import dataclass
from typing import Self, TypeVar

from rootzone.core.errors import StudyError
from rootzone.water.regionalization.fields import (
    CosmicFields,
    DesiletsFields,
    NeutronTransfer,
)
from rootzone.water.regionalization.pet import (
    AspectCorrection,
    HargreavesSamani,
    LeafAreaCorrection,
    PenmanMonteith,
    PetTransfer,
    PriestleyTaylor,
)
from rootzone.water.regionalization.roots import Roots, RootsByCover, RootsByFieldCapacity

_T = TypeVar("_T")


@dataclass(frozen=True)
class Processes:
    """The processes that have a choice.

    Attributes
    ----------
    roots : Roots
        By land cover or by field capacity.
    jarvis : bool
        Reduction of uptake after Jarvis, which has a threshold, instead of Feddes.
    pet : PetTransfer
        Way of getting potential evapotranspiration.
    neutrons : NeutronTransfer, optional
        Operator of the count rate.
    """

    roots: Roots
    jarvis: bool
    pet: PetTransfer
    neutrons: NeutronTransfer | None = None

    @classmethod
    def of_mhm(cls, soil_moisture: int = 1, pet: int = 0, neutrons: int = 0) -> Self:
        """Return the processes by the numbers that mHM gives them.

        Parameters
        ----------
        soil_moisture : int
            1 Feddes, 2 Jarvis, both with roots by land cover; 3 Jarvis, 4 Feddes, both with roots
            by field capacity.
        pet : int
            -1 given, with leaf area; 0 given, with aspect; 1 Hargreaves and Samani; 2 Priestley
            and Taylor; 3 Penman and Monteith.
        neutrons : int
            0 none, 1 Desilets, 2 COSMIC.

        Raises
        ------
        StudyError
            If there is no such case.
        """
        return cls(
            roots=_case(_ROOTS, soil_moisture, "soil-moisture"),
            jarvis=soil_moisture in (2, 3),
            pet=_case(_PET, pet, "PET"),
            neutrons=_case(_NEUTRONS, neutrons, "neutron"),
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the namelists of the parameters."""
        soil = self.roots.groups[self.jarvis]
        chosen = ("interception1", "snow1", soil, "directRunoff1", self.pet.group)
        neutrons = () if self.neutrons is None else (self.neutrons.group,)
        return (*chosen, "interflow1", "percolation1", *neutrons)


_ROOTS: dict[int, Roots] = {
    1: RootsByCover(),
    2: RootsByCover(),
    3: RootsByFieldCapacity(),
    4: RootsByFieldCapacity(),
}
_PET: dict[int, PetTransfer] = {
    -1: LeafAreaCorrection(),
    0: AspectCorrection(),
    1: HargreavesSamani(),
    2: PriestleyTaylor(),
    3: PenmanMonteith(),
}
_NEUTRONS: dict[int, NeutronTransfer | None] = {0: None, 1: DesiletsFields(), 2: CosmicFields()}


def _case(known: dict[int, _T], number: int, what: str) -> _T:
    if number not in known:
        cases = ", ".join(map(str, known))
        raise StudyError(f"there is no {what} case {number}: {cases} are known")
    return known[number]
