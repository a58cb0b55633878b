"""Reading a study file: YAML with line numbers, overrides, and errors in one sentence each."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from rootzone.config.base import StudyBase
from rootzone.config.catchment import CatchmentStudy
from rootzone.config.column import ColumnStudy
from rootzone.config.inverse import InverseStudy
from rootzone.config.station import StationStudy
from rootzone.core import StudyError, nearest

KINDS: dict[str, type[StudyBase]] = {
    "station": StationStudy,
    "column": ColumnStudy,
    "catchment": CatchmentStudy,
    "inverse": InverseStudy,
}
"""Study kinds by name."""

Path_ = tuple[str | int, ...]
_MAX_BYTES = 1_000_000
_MAX_VALUES = 100_000
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null")
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in _KINDS)


class _Document:
    """A YAML document as plain values, with the line on which each key stands."""

    def __init__(self, name: str):
        self.name = name
        self.lines: dict[Path_, int] = {}
        self.overrides: dict[Path_, str] = {}
        self.size = 0

    def where(self, path: Sequence[str | int]) -> str:
        """Return ``file, line N, a.b[0]`` for a path, with the line of the nearest parent.

        What the command line set has no line; it is named instead.
        """
        path = tuple(path)
        for start, override in self.overrides.items():
            if path[: len(start)] == start:
                return f"--set {override}, {dotted(path)}"
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
    """Safe YAML with plain words: 12:30, 010, no, and dates stay text."""


def _resolver(kind: str) -> str:
    return f"tag:yaml.org,2002:{kind}"


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, regexp)
        for tag, regexp in resolvers
        if tag not in [_resolver(k) for k in ("timestamp", "bool", "int", "float", "value")]
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, _pattern, _first in (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(_resolver(_kind), re.compile(f"^(?:{_pattern})$"), list(_first))


def _unknown_tag(node: yaml.Node, where: str) -> StudyError:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return StudyError(f"{where}: the YAML tag {tag} has no place in a study")


def _values(loader: _Loader, node: yaml.Node, document: _Document, path: Path_) -> Any:
    """Turn a YAML node into plain values, remembering lines and refusing duplicate keys."""
    document.lines.setdefault(path, node.start_mark.line + 1)
    document.size += 1
    if len(path) > 40:
        raise StudyError(f"{document.where(path[:3])}: nested more than 40 levels deep")
    if document.size > _MAX_VALUES:
        raise StudyError(f"{document.name}: more than {_MAX_VALUES} values, a study is wanted")
    if node.tag not in _TAGS:
        raise _unknown_tag(node, document.where(path))
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = f"{document.name}, line {key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise StudyError(f"{place}: a key must be a word")
            if key_node.tag not in _TAGS:
                raise _unknown_tag(key_node, place)
            key = str(key_node.value)
            document.lines[(*path, key)] = key_node.start_mark.line + 1
            if key in out:
                raise StudyError(f"{document.where((*path, key))}: the key stands twice")
            out[key] = _values(loader, value_node, document, (*path, key))
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_values(loader, n, document, (*path, i)) for i, n in enumerate(node.value)]
    try:
        return loader.construct_object(node, deep=True)
    except (ValueError, IndexError):
        raise StudyError(f"{document.where(path)}: '{node.value}' is no number") from None


def _read(path: Path) -> tuple[dict[str, Any], _Document]:
    document = _Document(str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise StudyError(f"{path}: larger than 1 MB, a study file is wanted")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"{path}: no such study file") from None
    except IsADirectoryError:
        raise StudyError(f"{path}: a folder, a study file is wanted") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read ({error})") from None
    try:
        values = _parsed(text, document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", "cannot be read")
        if "\\t" in problem:
            problem += "; indent with blanks, not with tabs"
        elif "cannot start any token" in problem:
            problem += "; text with signs such as % wants quotes"
        elif "block end" in problem or "are not allowed here" in problem:
            problem += "; is the line indented like its neighbors? text with a colon wants quotes"
        raise StudyError(f"{path}{line}: not valid YAML ({problem})") from None
    except RecursionError:
        raise StudyError(f"{path}: nested too deep") from None
    if not isinstance(values, dict):
        raise StudyError(f"{path}: empty or not a mapping, `rootzone new` writes a template")
    return values, document


def _parsed(text: str, document: _Document) -> Any:
    """Return YAML text as plain values."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return None if node is None else _values(loader, node, document, ())
    finally:
        loader.dispose()


def apply_override(values: dict[str, Any], override: str) -> Path_:
    """Set one ``key=value`` in a nested mapping; list entries by number; return its path.

    >>> study = {"time": {"step": "1h"}, "tables": [{"files": "a.csv"}]}
    >>> apply_override(study, "time.window_hours=12")
    ('time', 'window_hours')
    >>> apply_override(study, "tables[0].files=b.csv")
    ('tables', 0, 'files')
    >>> study
    {'time': {'step': '1h', 'window_hours': 12}, 'tables': [{'files': 'b.csv'}]}
    """
    key, equals, text = override.partition("=")
    parts = re.sub(r"\[(\d+)\]", r".\1", key.strip()).split(".")
    if not equals or not all(parts):
        raise StudyError(f"--set {override}: wanted key=value, e.g. --set time.window_hours=12")
    try:
        value = _parsed(text, _Document(f"--set {override}"))
    except (yaml.YAMLError, RecursionError):
        raise StudyError(f"--set {override}: the value is not valid YAML") from None
    here: Any = values
    path: list[str | int] = []
    for n, part in enumerate(parts):
        last = n == len(parts) - 1
        if isinstance(here, list):
            if not part.isdecimal() or int(part) >= len(here):
                entries = f"{len(here)} entries, counted from 0" if here else "no entry"
                raise StudyError(f"--set {override}: {dotted(path)} has {entries}, not '{part}'")
            index: Any = int(part)
        elif isinstance(here, dict):
            index = part
            if not last and here.get(part) is None:
                here[part] = {}
        else:
            raise StudyError(f"--set {override}: {dotted(path)} holds a value, no keys")
        path.append(index)
        if last:
            here[index] = value
        else:
            here = here[index]
    return tuple(path)


def _schemas_at(model: type[BaseModel], path: Sequence[str | int]) -> list[dict[str, Any]]:
    """Return the schemas that a model knows at a path, as far as it can be followed."""
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
            here = [
                r
                for p in here
                if step in p.get("properties", {})
                for r in resolve(p["properties"][step])
            ]
    return here


def _inside(values: Any, steps: Sequence[Any], *, tags: bool = False) -> list[str | int]:
    """Return the steps that lead into the values: pydantic names union members and models too.

    With ``tags``, the first step into a part that has a method is the name of the method, which
    may be that of a key as well (``soil`` by ``layers`` has ``layers``).
    """
    path: list[str | int] = []
    here: Any = values
    tagged: Any = None
    for step in steps:
        if tags and isinstance(here, dict) and here is not tagged and here.get("method") == step:
            tagged = here
            continue
        if isinstance(here, list) and isinstance(step, str) and step.isdecimal():
            step = int(step)
        known = range(len(here)) if isinstance(here, list) else here
        if isinstance(here, dict | list) and step in known:
            path.append(step)
            here = here[step]  # pyright: ignore[reportCallIssue, reportArgumentType]
    return path


def _where(error: Mapping[str, Any], values: Any) -> tuple[Path_, str]:
    """Return the path of an error in the file, and its message.

    The message of a model's own check starts with the key that it is about, which is then the
    path: ``N0 is -5 h-1`` of the model ``calibration`` is about ``calibration.N0``.
    """
    path = _inside(values, error["loc"], tags=True)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    elif error["type"] == "value_error":
        word, _, rest = message.partition(" ")
        about = _inside(values, [*path, *word.split(".")])
        if len(about) > len(path):
            steps = [int(w) if w.isdecimal() else w for w in word.split(".")]
            return (*path, *steps), rest
    return tuple(path), f": {message}"


_WANTED = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "below {lt:g}",
    "less_than_equal": "{le:g} or less",
    "finite_number": "a finite number",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list of two numbers",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


def _sentence(
    error: Mapping[str, Any],
    path: Path_,
    message: str,
    model: type[BaseModel],
    document: _Document,
) -> str:
    """Turn one pydantic error into a sentence with file, line, key and what was wanted."""
    where = document.where(path)
    kind, context, given = error["type"], error.get("ctx", {}), error.get("input")
    got = "nothing" if given is None else repr(given) if len(repr(given)) < 80 else "other"
    if kind == "extra_forbidden":
        schemas = _schemas_at(model, path[:-1])
        known = sorted({k for schema in schemas for k in schema.get("properties", {})})
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
        options = [p["properties"]["method"]["const"] for p in _schemas_at(model, path)]
        return f"{where}: missing key 'method', wanted one of: {', '.join(options)}"
    if kind in _WANTED:
        return f"{where}: wanted {_WANTED[kind].format(**context)}, got {got}"
    if kind.startswith(("int_", "float_")):
        whole = "a whole number" if kind.startswith("int_") else "a number"
        return f"{where}: wanted {whole}, got {got}"
    if kind.startswith(("datetime_", "date_")):
        return f"{where}: wanted a time such as 2023-07-31T06:00:00Z, got {got}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        number = context.get("class_name") == "Uncertain"
        wanted = "a number or {value: ..., sigma: ...}" if number else "keys with values below it"
        return f"{where}: wanted {wanted}, got {got}"
    if kind in ("too_short", "too_long", "string_too_short"):
        wanted = f"{context.get('min_length', context.get('max_length'))} entries"
        return f"{where}: wanted {'text' if given == '' else wanted}, got {got}"
    return f"{where}{message}" if message.startswith(":") else f"{where} {message}"


def _sentences(errors: ValidationError, model: type[BaseModel], values: Any, document: _Document):
    """Return a sentence for each fault; a misspelled key is one fault, not a missing one too."""
    faults = [(error, *_where(error, values)) for error in errors.errors()]
    missing_keys = [path for error, path, _ in faults if error["type"] == "missing"]
    misspelled = set()
    for error, path, _ in faults:
        if error["type"] == "extra_forbidden":
            missing = [p[-1] for p in missing_keys if p[:-1] == path[:-1]]
            match = difflib.get_close_matches(str(path[-1]), map(str, missing), n=1, cutoff=0.6)
            misspelled |= {(*path[:-1], name) for name in match}
    # Of the members of a union, each complains: only one sentence for a key with a value.
    told: dict[Path_, str] = {}
    for error, path, message in faults:
        if error["type"] == "missing" and path in misspelled:
            continue
        if path in told and error["type"].startswith("float_"):
            told[path] = told[path].replace("wanted ", "wanted a number, ", 1)
        told.setdefault(path, _sentence(error, path, message, model, document))
    return list(dict.fromkeys(told.values()))


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
            values, document = json.loads(json.dumps(source, default=str)), _Document("study")
        except (TypeError, ValueError) as error:
            raise StudyError(f"study: not made of plain values ({error})") from None
    else:
        values, document = _read(Path(source))
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
        sentences = _sentences(errors, model, values, document)
    raise StudyError("\n".join(sentences))


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
