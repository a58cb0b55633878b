"""The shipped examples."""

from pathlib import Path

import yaml

from rootzone.core import StudyError, nearest
from rootzone.studies.context import examples_folder


def demo_studies() -> dict[str, str]:
    """Return the titles of the shipped examples by name."""
    folder = examples_folder()
    if folder is None:
        return {}
    found = {}
    for path in sorted(folder.glob("*/study.yaml")):
        title = yaml.safe_load(path.read_text(encoding="utf-8")).get("title", "")
        found[path.parent.name.replace("_", "-")] = title
    return found


def find_demo(name: str) -> Path:
    """Return the study file of an example.

    Raises
    ------
    StudyError
        If there is no example of that name.
    """
    folder, known = examples_folder(), demo_studies()
    short = {
        "station": "station-c4",
        "column": "column-loam",
        "inverse": "inverse-small",
        "transect": "transect-small",
        "replicates": "replicates-small",
    }
    name = short.get(name, name)
    if folder is None or name not in known:
        raise StudyError(
            f"no example '{name}', known are: {', '.join(known) or 'none'}{nearest(name, known)}"
        )
    return folder / name.replace("-", "_") / "study.yaml"
