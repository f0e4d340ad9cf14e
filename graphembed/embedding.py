"""`Embedding`: one vector per named item, the other waist of the package.

Encoders make it, heads read it, and it is array-like, so scikit-learn takes it as it is. Encoders that learn a second
table (skip-gram) leave it in ``context``: the chance of a link u -> v is read from u's vector and v's context vector,
which beats the dot product of two vectors.
"""

import dataclasses as dc
import difflib
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, overload
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from graphembed.atomic import whole_file
from graphembed.errors import DataError, UnknownNameError, first_few
from graphembed.names import RowNames

_BLOCK = 8192  # rows looked at together


@dc.dataclass(frozen=True, eq=False, repr=False)
class Embedding:
    """Vectors with names.

    Args:
        values: (items, dim) finite numbers, kept as float32.
        names: One string per row, all different.
        source: Where the vectors come from: encoder, its settings, seed, version. JSON-able.
        context: (items, dim) second table of encoders that learn one.

    Raises:
        DataError: Shapes that do not fit, names that repeat, values that are not finite.

    Example:
        >>> z = Embedding(np.array([[1, 0], [1, 0.1], [0, 1]]), ("cat", "lion", "car"))
        >>> z["lion"]
        array([1. , 0.1], dtype=float32)
        >>> z.nearest("cat", k=1)
        [('lion', 0.995...)]
        >>> z[["car", "cat"]]
        Embedding(2 items, dim 2)
    """

    values: NDArray[np.float32]
    names: Sequence[str]
    source: Mapping[str, Any] = dc.field(default_factory=dict)
    context: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        values = _float32(self.values)
        plain = isinstance(self.names, RowNames)  # these are strings and differ
        names = self.names if plain else tuple(self.names)
        if values.ndim != 2 or len(values) != len(names):
            raise DataError(f"expected one row per name, got shape {values.shape} for {len(names)} names")
        if wrong_names := [name for name in names if not plain and not isinstance(name, str)]:
            raise DataError(f"names of an embedding must be strings, got {first_few(wrong_names)}")
        if not plain and len(set(names)) < len(names):
            repeats = [name for name, times in Counter(names).items() if times > 1]
            raise DataError(f"names of an embedding must differ, these repeat: {first_few(repeats)}")
        if not all(np.isfinite(values[at : at + _BLOCK]).all() for at in range(0, len(values), _BLOCK)):
            wrong = np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist()
            raise DataError(f"vectors must be finite; they are not for {first_few(names[row] for row in wrong)}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", names)
        if self.context is not None:
            context = _float32(self.context)
            if context.shape != values.shape:
                raise DataError(f"the context table must have the shape of the values, {values.shape}: {context.shape}")
            object.__setattr__(self, "context", context)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """(items, dim); scikit-learn reads it before it calls ``__array__``."""
        return (self.values.shape[0], self.values.shape[1])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    @cached_property
    def row(self) -> Mapping[str, int]:
        """The row of each name."""
        return self.names.row if isinstance(self.names, RowNames) else {name: n for n, name in enumerate(self.names)}

    @overload
    def __getitem__(self, names: str) -> NDArray[np.float32]: ...  # type: ignore[overload-overlap]  # a str is a sequence
    @overload
    def __getitem__(self, names: Sequence[str]) -> "Embedding": ...
    @overload
    def __getitem__(self, names: NDArray[Any] | tuple[NDArray[Any], ...]) -> NDArray[np.float32]: ...
    def __getitem__(self, names: Any) -> "NDArray[np.float32] | Embedding":
        """Return the vector of one name, or the embedding of several in the order asked for.

        Arrays of rows index as in numpy and give an array: scikit-learn's cross-validation does that.
        """
        if isinstance(names, np.ndarray) or (isinstance(names, tuple) and any(not isinstance(n, str) for n in names)):
            rows_asked: NDArray[np.float32] = self.values[names]
            return rows_asked
        if isinstance(names, str):
            vector: NDArray[np.float32] = self.values[self._rows([names])[0]]
            return vector
        rows = self._rows(names)
        context = None if self.context is None else self.context[rows]
        return Embedding(self.values[rows], tuple(names), self.source, context)

    def nearest(self, query: "str | NDArray[Any]", k: int = 10) -> list[tuple[str, float]]:
        """Return the ``k`` items of largest cosine similarity to a name or a (dim,) vector, best first.

        An item is not its own neighbour. The zero vector has similarity 0 to everything. Ties go to the earlier row.

        Raises:
            UnknownNameError: There is no such name.
            DataError: ``k`` is below 1, or the vector has another dimension.
        """
        if k < 1:
            raise DataError(f"k must be at least 1, got {k}")
        if isinstance(query, str):
            own = self._rows([query])[0]
            vector = self.values[own]
        else:
            own, vector = None, np.asarray(query, np.float32)
            if vector.shape != self.values.shape[1:]:
                raise DataError(f"expected a vector of shape {self.values.shape[1:]}, got {vector.shape}")
        cosine = unit(self.values.astype(np.float64)) @ unit(vector[None].astype(np.float64))[0]
        order = np.argsort(-cosine, kind="stable")
        return [(self.names[row], float(cosine[row])) for row in order.tolist() if row != own][:k]

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file, whole or not at all; nothing in it is pickled."""
        arrays: dict[str, NDArray[Any]] = {"values": self.values}
        if self.context is not None:
            arrays["context"] = self.context
        texts = {"names": json.dumps(list(self.names)), "source": json.dumps(dict(self.source))}
        for key, text in texts.items():  # bytes, because numpy's strings lose trailing zeros
            arrays[key] = np.frombuffer(text.encode(), np.uint8)
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: The file is not such a file.
        """
        try:
            with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
                texts = {key: json.loads(file[key].tobytes()) for key in ("names", "source")}
                return cls(file["values"], tuple(texts["names"]), texts["source"], file.get("context"))
        except (ValueError, KeyError, EOFError, TypeError, AttributeError, OSError, BadZipFile, zlib.error) as error:
            if isinstance(error, FileNotFoundError | DataError):
                raise
            raise DataError(f"{path} is not an embedding saved by graphembed") from error

    def __repr__(self) -> str:
        made = f", {self.source['encoder']}" if "encoder" in self.source else ""
        return f"Embedding({len(self)} items, dim {self.shape[1]}{made})"

    def _rows(self, names: Sequence[str]) -> list[int]:
        if missing := [name for name in names if name not in self.row]:
            close = _alike(missing[0], self.names)
            what = (
                f"{len(missing)} of {len(names)} names have no vector:" if len(names) > 1 else "there is no vector for"
            )
            raise UnknownNameError(
                f"{what} {first_few(missing)}"
                + (f"; did you mean {close}?" if close else f"; known are {first_few(self.names)}")
            )
        return [self.row[name] for name in names]


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Copy to float32, unless nobody can change it; what it cannot hold becomes infinite, and is refused by name."""
    constant = isinstance(values, np.ndarray) and values.dtype == np.float32 and values.flags.c_contiguous
    if constant and not values.flags.writeable:
        return values
    with np.errstate(over="ignore"):
        return np.array(values, np.float32, order="C")


def unit(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring rows to length one; the zero vector stays."""
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(z, lengths, out=np.zeros_like(z), where=lengths > 0)
    return scaled


def _alike(name: str, names: Sequence[str]) -> str:
    folded = {known.casefold(): known for known in names[:100_000]}
    close = difflib.get_close_matches(name.casefold(), folded, n=3)
    return first_few(folded[match] for match in close)
