"""Files are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    r"""Yield a temporary path in the same folder; on success it takes the name ``path``, on error it is removed.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> with whole_file(folder / "links.tsv") as temporary:
        ...     _ = temporary.write_text("a\tb\n")
        >>> [file.name for file in folder.iterdir()]
        ['links.tsv']
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _umask() -> int:
    """Read the umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
