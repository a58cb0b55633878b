"""Reading a study file: YAML with line numbers, overrides, and errors in one sentence each."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from rootzone.config.base import StudyBase
from rootzone.config.station import StationStudy
from rootzone.core import StudyError, nearest

KINDS: dict[str, type[StudyBase]] = {"station": StationStudy}
"""Study kinds by name."""

Path_ = tuple[str | int, ...]
_MAX_BYTES = 5_000_000


class _Document:
    """A YAML document as plain values, with the line on which each key stands."""

    def __init__(self, name: str):
        self.name = name
        self.lines: dict[Path_, int] = {}

    def where(self, path: Sequence[str | int]) -> str:
        """Return ``file, line N, a.b[0]`` for a path, with the line of the nearest parent."""
        path = tuple(path)
        line = next(
            (self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None
        )
        parts = [self.name]
        if line is not None:
            parts.append(f"line {line}")
        if path:
            parts.append(dotted(path))
        return ", ".join(parts)


def dotted(path: Sequence[str | int]) -> str:
    """Write a path as ``tables[0].columns.pressure``.

    >>> dotted(("tables", 0, "columns"))
    'tables[0].columns'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


class _Loader(yaml.SafeLoader):
    """Safe YAML in which only true and false are booleans and dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, regexp)
        for tag, regexp in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile("^(?:true|True|TRUE|false|False|FALSE)$"),
    list("tTfF"),
)


def _values(loader: _Loader, node: yaml.Node, document: _Document, path: Path_, depth: int) -> Any:
    """Turn a YAML node into plain values, remembering lines and refusing duplicate keys."""
    document.lines.setdefault(path, node.start_mark.line + 1)
    if depth > 40:
        raise StudyError(f"{document.where(path)}: nested more than 40 levels deep")
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node, deep=True))
            document.lines[(*path, key)] = key_node.start_mark.line + 1
            if key in out:
                raise StudyError(f"{document.where((*path, key))}: the key stands twice")
            out[key] = _values(loader, value_node, document, (*path, key), depth + 1)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [
            _values(loader, n, document, (*path, i), depth + 1) for i, n in enumerate(node.value)
        ]
    return loader.construct_object(node, deep=True)


def _read(path: Path) -> tuple[dict[str, Any], _Document]:
    document = _Document(str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise StudyError(f"{path}: larger than 5 MB, a study file is wanted")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"{path}: no such study file") from None
    except IsADirectoryError:
        raise StudyError(f"{path}: a folder, a study file is wanted") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        values = None if node is None else _values(loader, node, document, (), 0)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise StudyError(f"{path}{line}: not valid YAML ({problem})") from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise StudyError(f"{path}: empty or not a mapping, `rootzone new` writes a template")
    return values, document


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set one ``key=value`` in a nested mapping; list entries by number.

    >>> study = {"time": {"step": "1h"}, "tables": [{"files": "a.csv"}]}
    >>> apply_override(study, "time.window_hours=12")
    >>> apply_override(study, "tables.0.files=b.csv")
    >>> study
    {'time': {'step': '1h', 'window_hours': 12}, 'tables': [{'files': 'b.csv'}]}
    """
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise StudyError(f"--set {override}: wanted key=value, e.g. --set time.window_hours=12")
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 (a subclass of SafeLoader)
    except yaml.YAMLError:
        raise StudyError(f"--set {override}: the value is not valid YAML") from None
    here: Any = values
    parts = key.strip().replace("[", ".").replace("]", "").split(".")
    for n, part in enumerate(parts):
        last = n == len(parts) - 1
        if isinstance(here, list):
            if not part.isdigit() or int(part) >= len(here):
                raise StudyError(f"--set {override}: '{part}' is no entry of a list of {len(here)}")
            index: Any = int(part)
        elif isinstance(here, dict):
            index = part
            if not last:
                here.setdefault(part, {})
        else:
            raise StudyError(f"--set {override}: '{parts[n - 1]}' holds no keys")
        if last:
            here[index] = value
        else:
            here = here[index]


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that a model knows at a path, as far as it can be followed."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolve(part: dict) -> list[dict]:
        if "$ref" in part:
            return resolve(definitions[part["$ref"].rsplit("/", 1)[-1]])
        options = part.get("anyOf", []) + part.get("oneOf", [])
        return [r for o in options for r in resolve(o)] if options else [part]

    here = [schema]
    for step in path:
        if isinstance(step, int):
            here = [r for p in here if "items" in p for r in resolve(p["items"])]
        else:
            found = [
                r
                for p in here
                if step in p.get("properties", {})
                for r in resolve(p["properties"][step])
            ]
            here = found or here  # names of union members are no keys of the file
    return sorted({k for p in here for k in p.get("properties", {})})


def _sentence(
    error: Mapping[str, Any], model: type[BaseModel], values: Any, document: _Document
) -> str:
    """Turn one pydantic error into a sentence with file, line, key and what was wanted."""
    # Drop the names of union members and models, which are no keys of the file.
    path: list[str | int] = []
    here = values
    for step in error["loc"]:
        inside = (isinstance(here, dict) and step in here) or (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        )
        if inside:
            path.append(step)
            here = here[step]
        elif error["type"] == "missing" and step == error["loc"][-1]:
            path.append(step)
    where = document.where(path)
    kind, context = error["type"], error.get("ctx", {})
    given = error.get("input")
    if kind == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        hint = nearest(str(path[-1]), known) or f"; known here: {', '.join(known)}"
        return f"{where}: unknown key{hint}"
    if kind == "missing":
        return f"{where}: missing, give this key"
    if kind in ("literal_error", "union_tag_invalid"):
        wanted = context.get("expected") or context.get("expected_tags", "")
        words = [w.strip(" '") for w in wanted.replace(" or ", ", ").split(",")]
        bad = given if kind == "literal_error" else context.get("tag")
        return f"{where}: '{bad}' is not known, wanted {wanted}{nearest(str(bad), words)}"
    if kind == "union_tag_not_found":
        return f"{where}: missing key 'method'"
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if isinstance(given, str | int | float) and "give" not in message and f"{given}" not in message:
        return f"{where}: {message}, got {given!r}"
    return f"{where}: {message}"


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
        values, document = json.loads(json.dumps(source, default=str)), _Document("study")
    else:
        values, document = _read(Path(source))
    for override in overrides:
        apply_override(values, override)
    kind = values.get("kind")
    if kind not in KINDS:
        hint = nearest(str(kind), KINDS)
        known = ", ".join(KINDS)
        what = "missing key 'kind'" if kind is None else f"unknown kind '{kind}'"
        place = document.where(("kind",) if kind is not None else ())
        raise StudyError(f"{place}: {what}, wanted one of: {known}{hint}")
    model = KINDS[kind]
    try:
        return model.model_validate(values)
    except ValidationError as errors:
        sentences = [_sentence(e, model, values, document) for e in errors.errors()]
    raise StudyError("\n".join(dict.fromkeys(sentences)))


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
