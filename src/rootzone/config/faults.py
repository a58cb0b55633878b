"""Faults that pydantic finds in a study, a sentence each: file, line, key, what was wanted."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from rootzone.config.documents import Document, Path_
from rootzone.core import nearest


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
    document: Document,
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
        methods = (p["properties"]["method"] for p in _schemas_at(model, path))
        options = [word for m in methods for word in m.get("enum") or [m["const"]]]
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


def sentences(
    errors: ValidationError, model: type[BaseModel], values: Any, document: Document
) -> list[str]:
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
