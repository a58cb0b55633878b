"""Trainings that survive a kill: the state of a training in one file, and trained weights."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote
from zipfile import BadZipFile

import jax
import numpy as np

from rootzone.core import RunError
from rootzone.data import RunFolder
from rootzone.learn import Model, Recalibration, TrainState, model_to_arrays

_LONGEST = 150  # characters of a part of a file's name


def file_word(text: str) -> str:
    """Return a text as part of a file's name: another text, another word; short enough.

    Examples
    --------
    >>> file_word("3G-LSTM, paper/place")
    '3G-LSTM, paper%2Fplace'
    >>> len(file_word(1000 * "x"))
    150
    """
    word = quote(text, safe=" ,()+")
    if len(word) <= _LONGEST:
        return word
    return f"{word[: _LONGEST - 9]}_{zlib.crc32(text.encode()):08x}"


class Checkpoint:
    """The state of a training in one file of the run folder, replaced whole at every writing.

    Parameters
    ----------
    folder : Path or None
        The run folder; without one nothing is stored.
    name : str
        Name of the training, part of the file's name.
    mark : str
        What the training belongs to: a file with another mark is refused.
    """

    def __init__(self, folder: Path | None, name: str, mark: str):
        file = f"training_{file_word(name)}.npz"
        self._path = None if folder is None else folder / file
        self._mark = mark

    def read(self, like: TrainState) -> tuple[TrainState | None, list[list[float]], list]:
        """Return the state that was stored last, with its losses.

        Raises
        ------
        RunError
            If the file is damaged or belongs to another version or study.
        """
        path = self._path
        if path is None or not path.is_file():
            return None, [], []
        try:
            with path.open("rb") as stream, np.load(stream) as file:
                if str(file["mark"]) != self._mark:
                    raise RunError(
                        f"{path}: weights of another version or study: run into another folder"
                    )
                leaves = [file[f"leaf{k}"] for k in range(len(jax.tree.leaves(like)))]
                losses = file["train_loss"].tolist(), file["valid_loss"].tolist()
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise RunError(f"{path}: cannot be read ({error}): remove it") from None
        return jax.tree.unflatten(jax.tree.structure(like), leaves), *losses

    def write(self, state: TrainState, train_loss: list, valid_loss: list) -> None:
        """Store a state."""
        if self._path is None:
            return
        arrays = {f"leaf{k}": x for k, x in enumerate(jax.tree.leaves(state))}
        arrays |= {"train_loss": np.array(train_loss), "valid_loss": np.array(valid_loss)}
        write_arrays(self._path, arrays | {"mark": np.array(self._mark)})


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays into an npz file, whole or not at all.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(f"{path}: not written, {error.strerror or error}") from None


def save_model(
    model: Model, folder: Path | None, name: str, calibration: Recalibration | None = None
) -> None:
    """Write the weights of a model as npz and its description as JSON."""
    if folder is None:
        return
    arrays, words = model_to_arrays(model)
    if calibration is not None:
        words["calibration"] = calibration.describe()
    write_arrays(folder / f"model_{name}.npz", arrays)
    RunFolder(folder).write_json(f"model_{name}.json", words)
