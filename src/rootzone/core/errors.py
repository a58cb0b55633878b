"""Errors that speak to the user: one sentence each, exit code 2 on the command line."""

import difflib
from collections.abc import Iterable


class RootzoneError(Exception):
    """Base class of everything that a user can mend; the message is one sentence."""


class StudyError(RootzoneError):
    """A study file cannot be used: unknown key, impossible value, missing part."""


class DataError(RootzoneError):
    """A data file cannot be used: missing, empty, unreadable, implausible."""


class UnitError(RootzoneError):
    """A column has other units than the study says, or units that do not convert."""


class RunError(RootzoneError):
    """A run folder cannot be used: exists already, incomplete, or not writable."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, or nothing.

    >>> nearest("presure", ["pressure", "humidity"])
    "; did you mean 'pressure'?"
    >>> nearest("zzz", ["pressure"])
    ''
    """
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{match[0]}'?" if match else ""
