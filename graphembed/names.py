"""Names that are just numbers: "0", "1", ... without a string per node.

A graph that is given no names calls its nodes by their rows. `RowNames` behaves like the tuple of these names and takes
no memory; `RowOf` behaves like the dict from name to row.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload


class RowNames(Sequence[str]):
    """The names "0", "1", ..., as many as asked for; equal to the tuple of them.

    Example:
        >>> names = RowNames(3)
        >>> names, names[-1], "2" in names, "02" in names, names == ("0", "1", "2")
        (('0', '1', '2'), '2', True, False, True)
    """

    def __init__(self, count: int) -> None:
        self._rows = range(count)

    @property
    def row(self) -> "RowOf":
        """The row of each name."""
        return RowOf(self)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: Any) -> Any:
        return tuple(map(str, self._rows[at])) if isinstance(at, slice) else str(self._rows[at])

    def __iter__(self) -> Iterator[str]:
        return map(str, self._rows)

    def __contains__(self, name: object) -> bool:
        digits = isinstance(name, str) and name.isascii() and name.isdigit() and (name[0] != "0" or name == "0")
        return digits and len(str(name)) <= len(str(len(self))) and int(str(name)) < len(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RowNames):
            return len(self) == len(other)
        if isinstance(other, tuple):
            return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self)) if len(self) <= 20 else f"('0', '1', ..., {self[-1]!r})"


class RowOf(Mapping[str, int]):
    """The row of each of the names "0", "1", ...; equal to the dict.

    Example:
        >>> RowNames(12).row["11"], RowNames(12).row.get("12")
        (11, None)
    """

    def __init__(self, names: RowNames) -> None:
        self._names = names

    def __getitem__(self, name: str) -> int:
        if name not in self._names:
            raise KeyError(name)
        return int(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
