"""YAML documents of plain values that know their lines, and overrides of single values."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rootzone.core import StudyError

Path_ = tuple[str | int, ...]
"""Keys and numbers of entries that lead to a value."""

_MAX_BYTES = 1_000_000
_MAX_VALUES = 100_000
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null")
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in _KINDS)


class Document:
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


def _values(loader: _Loader, node: yaml.Node, document: Document, path: Path_) -> Any:
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


def read_document(path: Path) -> tuple[dict[str, Any], Document]:
    """Return the values of a study file, and where they stand.

    Raises
    ------
    StudyError
        If the file cannot be read, or is no YAML mapping.
    """
    document = Document(str(path))
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


def _parsed(text: str, document: Document) -> Any:
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
        value = _parsed(text, Document(f"--set {override}"))
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
