"""The two errors a user can cause everywhere; the command line turns them into exit code 3.

A message says what was given, what was expected, who the first offenders are and how to mend it.
"""

from collections.abc import Iterable


class DataError(ValueError):
    """The data given cannot be used as they are."""


class UnknownNameError(DataError, KeyError):
    """A name was asked for that is not among those known."""

    __str__ = ValueError.__str__  # KeyError would print the sentence in quotes


def first_few(items: Iterable[object], shown: int = 5) -> str:
    """Quote the first few offenders and count the rest.

    Example:
        >>> first_few(["a", "b", "c"], shown=2)
        "'a', 'b' and 1 more"
    """
    quoted = [repr(item) for item in items]
    rest = len(quoted) - shown
    return ", ".join(quoted[:shown]) + (f" and {rest} more" if rest > 0 else "")
