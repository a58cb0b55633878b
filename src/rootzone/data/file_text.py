"""The files that a study names, and their text, packed or not, in whatever encoding."""

import gzip
import re
import zlib
from pathlib import Path

from rootzone.core import DataError, nearest


def _first_glob(path: Path) -> int:
    return next(n for n, part in enumerate(path.parts) if any(c in part for c in "*?["))


def find_files(patterns: list[str], *, base: Path, examples: Path | None) -> list[Path]:
    """Return the files that paths and globs name, each once.

    Parameters
    ----------
    patterns : list of str
        Paths relative to ``base``, globs, or ``example:NAME/FILE`` below ``examples``.
    base : Path
        Folder of the study file.
    examples : Path or None
        Folder of the shipped examples.

    Raises
    ------
    DataError
        If a pattern names no file.
    """
    found: list[Path] = []
    for pattern in patterns:
        try:
            found += _matches(pattern, base, examples)
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"{pattern[:200]}: cannot be read ({error})") from None
    return list(dict.fromkeys(found))


def _matches(pattern: str, base: Path, examples: Path | None) -> list[Path]:
    if pattern.startswith("example:"):
        if examples is None:
            raise DataError(f"{pattern}: the shipped examples are not installed")
        path = examples / pattern.removeprefix("example:")
    else:
        path = base / Path(pattern).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        raise DataError(f"{path}: is a folder, a file is wanted")
    if any(c in pattern for c in "*?["):
        fixed = Path(*path.parts[: _first_glob(path)])
        hits = sorted(p for p in fixed.glob(str(path.relative_to(fixed))) if p.is_file())
        if not hits:
            raise DataError(f"{path}: no file has a name like this")
        return hits
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(path.name, siblings)
    if not path.parent.is_dir():
        hint = f"; there is no folder {path.parent}"
    raise DataError(f"{path}: no such file{hint}")


def text_of(path: Path, notes: list[str]) -> str:
    """Return the text of a file, packed or not."""
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(f"{path}: an Excel or zip file; save the table as CSV text")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    zeros = content.count(b"\0")
    if zeros:
        content = content.replace(b"\0", b"")
    if len(re.findall(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]", content)) > 0.01 * len(content):
        raise DataError(f"{path}: no text file; save the table as CSV text")
    if zeros:
        notes.append(f"{path.name}: {zeros} zero bytes left out, as a power failure leaves them")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append(f"{path.name}: no UTF-8 text, read as Windows-1252 (Latin 1)")
        return content.decode("cp1252", errors="replace")


def plain_text(path: Path) -> str:
    """Return the text of a file that is not packed; signs that are no UTF-8 are replaced.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
