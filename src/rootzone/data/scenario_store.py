"""Simulated scenarios on disk: a Zarr group in blocks of members, with the recipe beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from rootzone.data.block_group import LAST, BlockGroup, Field

__all__ = ["LAST", "Field", "ScenarioStore"]


class ScenarioStore(BlockGroup):
    """A Zarr group of scenarios.

    Parameters
    ----------
    path : Path
        The folder, made by :meth:`create`.

    Raises
    ------
    DataError
        If it is no store of scenarios.
    """

    content: ClassVar[str] = "scenarios"
    other: ClassVar[str] = "holds scenarios of another recipe"
    remedy: ClassVar[str] = "make the scenarios again"

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        recipe: Mapping[str, Any],
        made_with: str,
        members: int,
        block: int,
        fields: Mapping[str, Field],
        whole: Mapping[str, np.ndarray],
    ) -> Self:
        """Make a store, or take up one of the same recipe.

        Parameters
        ----------
        path : Path
            The folder.
        recipe : mapping
            Everything that decides the content, as plain values.
        made_with : str
            Versions; a store of others is not gone on with.
        members, block : int
            Members, and members in a block.
        fields : mapping of Field
            Arrays by name; ``status`` must be one of them.
        whole : mapping of array
            Content of the arrays that are not of members.

        Raises
        ------
        DataError, RunError
            If the folder holds something else, another recipe, or cannot be written.
        """
        attrs = {
            "Conventions": "CF-1.11",
            "recipe": recipe,
            "made_with": made_with,
            "members": members,
            "block": block,
        }
        return cls._made_or_taken_up(path, attrs, fields, whole)
