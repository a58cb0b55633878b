"""Fortran namelists read with the line of every value, so that errors can name it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rootzone.core import DataError, nearest
from rootzone.data.file_text import plain_text

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>!.*)
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<key>[A-Za-z_]\w*(?:\([^)]*\))?(?:%[A-Za-z_]\w*(?:\([^)]*\))?)*)\s*=
    |(?P<comma>,)
    |(?P<end>/|&end\b)
    |(?P<word>[^\s,/!='"]+)
    |(?P<other>.)""",
    re.VERBOSE | re.IGNORECASE,
)
_KEY = re.compile(r"(?P<name>[a-z_]\w*)(?:\((?P<index>[^)]*)\))?(?:%(?P<part>.*))?$", re.IGNORECASE)
_TRUE, _FALSE = (".true.", ".t.", "t", "true"), (".false.", ".f.", "f", "false")


class Value(NamedTuple):
    """One value as it stands in the file, and its line; ``quoted`` where it is a text."""

    text: str
    line: int
    quoted: bool = False


@dataclass
class Group:
    """A group of a namelist; values by (name, component, index), all in small letters.

    ``lines`` has the last line of each name, ``spelled`` the name as it stands in the file.
    """

    name: str
    line: int
    path: Path
    values: dict[tuple[str, str, tuple[int, ...]], Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)

    def where(self, key: str) -> str:
        """Return file and line of a key, for the head of an error."""
        return f"{self.path}, line {self.lines.get(key.lower(), self.line)}"

    def find(self, key: str, index: tuple[int, ...] = (1,), part: str = "") -> Value | None:
        """Return a value or None."""
        return self.values.get((key.lower(), part.lower(), index))

    def _value(self, key: str, index: tuple[int, ...], part: str) -> Value:
        value = self.find(key, index, part)
        if value is not None:
            return value
        named = key if index == (1,) else f"{key}({','.join(map(str, index))})"
        named += f"%{part}" if part else ""
        raise DataError(f"{self.path}, line {self.line}: &{self.name}: {named} is not given")

    def text(self, key: str, index: tuple[int, ...] = (1,)) -> str:
        """Return a text.

        Raises
        ------
        DataError
            If it is not given or no text.
        """
        value = self._value(key, index, "")
        if not value.quoted:
            raise DataError(
                f"{self.path}, line {value.line}: {key} = {value.text}: a text in quotes is wanted"
            )
        return value.text

    def real(self, key: str, index: tuple[int, ...] = (1,), part: str = "") -> float:
        """Return a number.

        Raises
        ------
        DataError
            If it is not given or no number.
        """
        value = self._value(key, index, part)
        try:
            return float(re.sub("d", "e", value.text, flags=re.IGNORECASE))
        except ValueError:
            raise DataError(
                f"{self.path}, line {value.line}: {key} = {value.text}: a number is wanted"
            ) from None

    def integer(
        self,
        key: str,
        index: tuple[int, ...] = (1,),
        part: str = "",
        *,
        default: int | None = None,
    ) -> int:
        """Return a whole number.

        Raises
        ------
        DataError
            If it is not given and has no default, or is no whole number.
        """
        if default is not None and self.find(key, index, part) is None:
            return default
        value = self._value(key, index, part)
        try:
            return int(value.text)
        except ValueError:
            raise DataError(
                f"{self.path}, line {value.line}: {key} = {value.text}: a whole number is wanted"
            ) from None

    def logical(self, key: str, *, default: bool | None = None) -> bool:
        """Return a logical value.

        Raises
        ------
        DataError
            If it is not given and has no default, or is neither .TRUE. nor .FALSE.
        """
        value = self.find(key)
        if value is None and default is not None:
            return default
        value = self._value(key, (1,), "")
        if value.text.lower() in (*_TRUE, *_FALSE):
            return value.text.lower() in _TRUE
        raise DataError(
            f"{self.path}, line {value.line}: {key} = {value.text}: .TRUE. or .FALSE. is wanted"
        )

    def reals(self, key: str, count: int) -> tuple[float, ...]:
        """Return the first ``count`` numbers of an array."""
        return tuple(self.real(key, (i,)) for i in range(1, count + 1))

    def require_known(self, names: tuple[str, ...]) -> None:
        """Raise for the first key that mHM does not know in this group.

        Raises
        ------
        DataError
            Naming file, line, key, and the nearest known one.
        """
        known = {name.lower() for name in names}
        for key, line in self.lines.items():
            if key not in known:
                spelled = self.spelled[key]
                raise DataError(
                    f"{self.path}, line {line}: &{self.name} has no option '{spelled}'"
                    f"{nearest(spelled, names)}"
                )


class Namelist:
    """The groups of a file by name, in small letters."""

    def __init__(self, path: Path, groups: dict[str, Group]):
        self.path = path
        self._groups = groups

    def __getitem__(self, name: str) -> Group:
        """Return a group.

        Raises
        ------
        DataError
            If the file has no such group.
        """
        group = self._groups.get(name.lower())
        if group is None:
            known = [group.name for group in self._groups.values()]
            raise DataError(f"{self.path}: no group &{name}{nearest(name, known)}")
        return group

    def __contains__(self, name: object) -> bool:
        """Return whether the file has a group."""
        return isinstance(name, str) and name.lower() in self._groups

    def items(self) -> Iterable[tuple[str, Group]]:
        """Return names and groups in the order of the file."""
        return self._groups.items()


def read_namelist(path: Path) -> Namelist:
    """Read a file of Fortran namelists.

    Texts, numbers, logical values, ``3*0.5``, ``name(2)``, ``name(1,:)``, ``name(1)%part`` and
    comments are understood; of a key that is given twice, the second holds.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Namelist
        Groups by name.

    Raises
    ------
    DataError
        If the file is missing or a line is no namelist.
    """
    text = plain_text(path)
    groups: dict[str, Group] = {}
    group: Group | None = None
    entry: _Entry | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if group is None:
            start = re.match(r"\s*[&$](\w+)", line)
            if start is None:
                continue
            group = Group(start[1], number, path)
            line = line[start.end() :]
        elif re.match(r"\s*[&$](?!end\b)\w", line, re.IGNORECASE):
            raise DataError(
                f"{path}, line {group.line}: &{group.name} is not closed by '/' before the next "
                f"group in line {number}"
            )
        for token in _TOKEN.finditer(line):
            kind, piece = token.lastgroup, token[0]
            if kind in ("space", "comment") or group is None:
                continue
            if kind == "end":
                groups[group.name.lower()] = group
                group = entry = None
            elif kind == "key":
                entry = _Entry(group, token["key"], number)
            elif kind == "other" and piece in "'\"":
                raise DataError(f"{path}, line {number}: the text after {piece} is not closed")
            elif entry is None or kind == "other":
                raise DataError(
                    f"{path}, line {number}: '{piece}' is not understood in &{group.name}"
                )
            else:
                entry.add(kind or "", piece, number)
    if group is not None:
        raise DataError(f"{path}, line {group.line}: &{group.name} is not closed by '/'")
    return Namelist(path, groups)


class _Entry:
    """Values that follow a key, filed one after the other."""

    def __init__(self, group: Group, key: str, line: int):
        key = re.sub(r"\s", "", key)
        parts = _KEY.match(key.lower())
        if parts is None:
            raise DataError(f"{group.path}, line {line}: '{key}' is no name of a value")
        self._group, self._name, self._part = group, parts["name"], parts["part"] or ""
        self._index, self._runs = self._start(parts["index"], key, line)
        self._after_comma = True
        group.lines[self._name] = line
        group.spelled[self._name] = key[: len(self._name)]

    def _start(self, index: str | None, key: str, line: int) -> tuple[list[int], int]:
        """Return the first index and which of its places runs."""
        if index is None:
            return [1], 0
        first, runs = [], 0
        for place, piece in enumerate(index.split(",")):
            low = piece.split(":")[0]
            if ":" in piece:
                runs = place
            if low and not low.lstrip("-").isdigit():
                raise DataError(f"{self._group.path}, line {line}: '{key}': no index {piece}")
            first.append(int(low) if low else 1)
        return first, runs

    def add(self, kind: str, piece: str, line: int) -> None:
        if kind == "comma":
            if self._after_comma:  # nothing between two commas leaves a value as it is
                self._index[self._runs] += 1
            self._after_comma = True
            return
        self._after_comma = False
        if kind == "text":
            quote = piece[0]
            self._file(Value(piece[1:-1].replace(quote * 2, quote).strip(), line, quoted=True))
            return
        repeat = re.match(r"(\d+)\*(.+)$", piece)
        for _ in range(int(repeat[1]) if repeat else 1):
            self._file(Value(repeat[2] if repeat else piece, line))

    def _file(self, value: Value) -> None:
        self._group.values[(self._name, self._part, tuple(self._index))] = value
        self._index[self._runs] += 1
