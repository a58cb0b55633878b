"""Reading a study file or mapping; schemas and templates of all kinds."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rootzone.config.base import StudyBase
from rootzone.config.catchment import CatchmentStudy
from rootzone.config.column import ColumnStudy
from rootzone.config.documents import Document, apply_override, read_document
from rootzone.config.faults import sentences
from rootzone.config.inverse import InverseStudy
from rootzone.config.replicates import ReplicatesStudy
from rootzone.config.station import StationStudy
from rootzone.config.transect import TransectStudy
from rootzone.core import StudyError, nearest

KINDS: dict[str, type[StudyBase]] = {
    "station": StationStudy,
    "column": ColumnStudy,
    "catchment": CatchmentStudy,
    "inverse": InverseStudy,
    "transect": TransectStudy,
    "replicates": ReplicatesStudy,
}
"""Study kinds by name."""


def load_study(
    source: str | Path | Mapping[str, Any] | StudyBase, *, overrides: Sequence[str] = ()
) -> StudyBase:
    """Read and check a study.

    Parameters
    ----------
    source : path, mapping or study
        A YAML file, the same as a mapping, or a study object (returned as it is).
    overrides : sequence of str
        ``key=value`` entries that replace values of the file.

    Returns
    -------
    StudyBase
        The study of its kind.

    Raises
    ------
    StudyError
        With one line per fault: file, line, key, what was wanted, the nearest known word.
    """
    if isinstance(source, StudyBase):
        if not overrides:
            return source
        source = source.model_dump(mode="json")
    if isinstance(source, Mapping):
        try:
            values, document = json.loads(json.dumps(source, default=str)), Document("study")
        except (TypeError, ValueError) as error:
            raise StudyError(f"study: not made of plain values ({error})") from None
    else:
        values, document = read_document(Path(source))
    for override in overrides:
        document.overrides[apply_override(values, override)] = override
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        hint = nearest(str(kind), KINDS)
        known = ", ".join(KINDS)
        what = "missing key 'kind'" if kind is None else f"unknown kind '{kind}'"
        place = document.where(("kind",) if kind is not None else ())
        raise StudyError(f"{place}: {what}, wanted one of: {known}{hint}")
    model = KINDS[kind]
    try:
        return model.model_validate(values)
    except ValidationError as errors:
        told = sentences(errors, model, values, document)
    raise StudyError("\n".join(told))


def json_schema(kind: str) -> dict[str, Any]:
    """Return the JSON schema of a study kind, for editors."""
    schema = KINDS[kind].model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"rootzone study: {kind}"
    return schema


def template(kind: str) -> str:
    """Return the commented template of a study kind.

    Raises
    ------
    StudyError
        If the kind is not known.
    """
    if kind not in KINDS:
        raise StudyError(
            f"unknown kind '{kind}', wanted one of: {', '.join(KINDS)}{nearest(kind, KINDS)}"
        )
    return (files("rootzone.config") / "templates" / f"{kind}.yaml").read_text(encoding="utf-8")
