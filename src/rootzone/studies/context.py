"""What a study is handed besides its file: where paths start, where to tell, how far it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rootzone.data import Log


def examples_folder() -> Path | None:
    """Return the folder of the shipped examples: in the package, or in the source tree."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "examples", package.parents[1] / "examples"):
        if candidate.is_dir():
            return candidate
    return None


@dataclass
class Context:
    """Surroundings of a run."""

    base: Path = field(default_factory=Path.cwd)
    log: Log = field(default_factory=Log)
    progress: Callable[[str, float], None] = lambda stage, share: None
    examples: Path | None = field(default_factory=examples_folder)
    folder: Path | None = None
    """The run folder, for studies that write while they compute."""
    scheduler: str | None = None
    """Where ensembles are computed: ``local``, the address of a dask scheduler, or here."""
    workers: int | None = None
    """Number of local workers."""
