"""Arrays in a folder, memory-mapped when they are read: only what is looked at is loaded, and may be dropped again.

Each array is a ``.npy`` file, which anything that knows numpy can read. A small ``graph.json`` tells what they are. It
is removed first and written last, so a folder that was written only in part is known by its absence.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphembed.atomic import whole_file
from graphembed.errors import DataError

_FORMAT = 1
_CARD = "graph.json"


def write_folder(folder: str | Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Write arrays, and facts that JSON can hold, to a folder; whoever has the old files mapped keeps them.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> write_folder(folder, {"rows": np.arange(3)}, {"directed": True})
        >>> read_folder(folder)
        ({'rows': array([0, 1, 2])}, {'directed': True})
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _CARD).unlink(missing_ok=True)
    for name, array in arrays.items():
        with whole_file(folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    with whole_file(folder / _CARD) as temporary:
        temporary.write_text(json.dumps({"format": _FORMAT, **facts, "arrays": shapes}, indent=1))


def read_folder(folder: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Map the arrays that `write_folder` wrote, and read the facts.

    What is written to a mapped array stays in memory and never reaches the file: to kernels it is an ordinary array.

    Raises:
        FileNotFoundError: There is no such folder.
        DataError: The folder is not one of ours, or is damaged.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not (folder / _CARD).is_file():
        raise DataError(
            f"{folder} is a folder; give the path of a file, or of a folder that Graph.save wrote to its end "
            f"(this one lacks {_CARD}: if a graph was saved there, save it again)"
        )
    try:
        facts = json.loads((folder / _CARD).read_text())
        version, shapes = facts.pop("format"), facts.pop("arrays")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"{folder / _CARD} is damaged: save the graph again with Graph.save") from error
    if version != _FORMAT:
        raise DataError(
            f"{folder} was written in format {version}, this version of graphembed reads {_FORMAT}: save it again"
        )
    return {name: _mapped(folder, name, *shape) for name, shape in shapes.items()}, facts


def _mapped(folder: Path, name: str, dtype: str, shape: list[int]) -> NDArray[Any]:
    try:
        array = np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{folder} is damaged, {name}.npy is missing or cut off: save the graph again with Graph.save"
        ) from error
    if array.dtype.str != dtype or list(array.shape) != shape:
        raise DataError(
            f"{folder} is damaged, {name}.npy holds {array.dtype.str} {list(array.shape)} instead of {dtype} {shape}: "
            "save the graph again with Graph.save"
        )
    return array
