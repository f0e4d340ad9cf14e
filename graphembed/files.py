"""Readers of graphs, readers and writers of embeddings and tables. The suffix decides the format.

Graphs: ``.graphml`` and ``.gml`` through networkx, anything else is a list of edges (see `read_edges`); with ``.gz``
or gzipped under any name. Embeddings: ``.npz`` (everything), ``.tsv``, ``.parquet``, ``.w2v`` (word2vec text, as
gensim reads it). Names come out as they went in. Files are written whole or not at all.
"""

import gzip
import io
import json
import re
import sys
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from graphembed.atomic import whole_file
from graphembed.embedding import Embedding
from graphembed.errors import DataError, first_few
from graphembed.graph import Graph, as_graph, frame_graph

# Words that only a header has in a column of names.
_HEADER = re.compile(
    r"(source|target|src|dst|from|to|head|tail|subject|object|[uv]|"
    r"(node|protein|gene|id|vertex|name|interactor|user|item)[ _.-]?([12abuv]|from|to)?)(_id|_name)?",
    re.IGNORECASE,
)
_WEIGHT = ("weight", "score", "combined_score", "value", "count")


def read_graph(path: str | PathLike[str], *, directed: bool | None = None) -> Graph:
    """Read a graph from a file; ``-`` is standard input, a list of edges.

    Args:
        path: ``.graphml``, ``.gml`` (both say themselves whether they are directed) or a list of edges; ``.gz`` welcome.
        directed: For lists of edges; None means undirected.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It cannot be read as a graph; the message says where it went wrong.
    """
    suffixes = [suffix for suffix in Path(path).suffixes if suffix != ".gz"]
    if suffixes[-1:] not in ([".graphml"], [".gml"]):
        return read_edges(path, directed=bool(directed))
    content = io.BytesIO(_content(path))
    try:
        graph = nx.read_graphml(content) if suffixes[-1] == ".graphml" else _read_gml(content)
    except Exception as error:  # networkx lets all kinds of errors through
        raise DataError(f"{path} cannot be read as {suffixes[-1][1:].upper()}: {error}") from error
    if directed is not None and directed != graph.is_directed():
        graph = graph.to_directed() if directed else graph.to_undirected()
    return as_graph(graph)


def read_edges(path: str | PathLike[str], *, directed: bool = False) -> Graph:
    """Read a list of edges: one per line, separated by tabs, commas, semicolons or blanks (found out in this order).

    - Lines that start with ``#`` or ``%`` are comments; empty lines are skipped.
    - A first line of words like "source", "target", "protein1" or "gene_a" is a header; so is one whose third column is
      not a number while all others' are, or whose names are words while all others are whole numbers.
    - Weights stand in a column called "weight" (or score, combined_score, value, count), else in the third column if it
      holds numbers. Other columns are ignored.
    - A name alone on its line is an isolated node.
    - Names are kept as written: ``007``, ``NA`` and ``nan`` are names.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: The file is empty, not text, has one column, or bad weights; the message names the line.
    """
    lines, numbers = _data_lines(_text(path), path)
    separator = next((mark for mark in "\t,;" if mark in lines[0]), " ")
    rows = _split(lines, numbers, separator, path)
    header = _header(rows)
    names = None
    if header:
        names, rows, numbers = rows.iloc[0].tolist(), rows.iloc[1:], numbers[1:]
        if rows.empty:
            raise DataError(f"{path} has a header but no edges")
    if rows.shape[1] < 2:
        raise DataError(
            f"{path} has one column, an edge needs two: source and target, separated by tab, comma or blank; "
            f"line {numbers[0]} is {lines[int(header)][:60]!r}"
        )
    if nameless := np.flatnonzero(rows[0] == "").tolist():
        raise DataError(f"{path}, line {numbers[nameless[0]]}: the first name is empty; {len(nameless)} lines are like that")
    edge = (rows[1] != "").to_numpy()
    weight = _weights(rows[edge], names, [number for number, kept in zip(numbers, edge, strict=True) if kept], path)
    frame = pd.DataFrame({"source": rows.loc[edge, 0], "target": rows.loc[edge, 1]})
    if weight is not None:
        frame["weight"] = weight
    try:
        return frame_graph(frame, directed=directed, nodes=_in_order(rows))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


@as_graph.register(str)
@as_graph.register(PathLike)
def _(source: Any, /) -> Graph:
    return read_graph(source)


def write_embedding(embedding: Embedding, path: str | PathLike[str]) -> None:
    """Write an embedding in the format its suffix names: ``.npz``, ``.tsv``, ``.parquet`` or ``.w2v``.

    Raises:
        DataError: Another suffix, or names that the format cannot hold.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "z.tsv"
        >>> write_embedding(Embedding(np.array([[1, 0], [0, 2]]), ("a b", "c")), path)
        >>> print(path.read_text().expandtabs(6))
        name  0     1
        a b   1     0
        c     0     2
        <BLANKLINE>
        >>> read_embedding(path).nearest("c")
        [('a b', 0.0)]
    """
    _format(path, _WRITERS)(embedding, Path(path))


def read_embedding(path: str | PathLike[str]) -> Embedding:
    """Read what `write_embedding` wrote, or any word2vec text file (``.w2v``, ``.txt``, ``.vec``).

    Raises:
        FileNotFoundError: There is no such file.
        DataError: The file does not hold vectors.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {fspath(path)}")
    return _format(path, _READERS)(Path(path))


def write_table(table: pd.DataFrame, path: str | PathLike[str]) -> None:
    """Write a table as ``.tsv``, ``.csv`` or ``.parquet``, whole or not at all."""
    writers: dict[str, Callable[[Path], Any]] = {
        ".tsv": lambda file: table.to_csv(file, sep="\t", index=False),
        ".csv": lambda file: table.to_csv(file, index=False),
        ".parquet": lambda file: _needs_pyarrow(table.to_parquet, file, index=False),
    }
    write = _format(path, writers)
    with whole_file(fspath(path)) as temporary:
        write(temporary)


def check_writable(path: str | PathLike[str], formats: Sequence[str]) -> None:
    """Refuse, before any work is done, a path that cannot be written: unknown suffix or missing folder."""
    _format(path, dict.fromkeys(formats, None))
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise DataError(f"cannot write {fspath(path)}: there is no folder {folder}")


TABLES = (".tsv", ".csv", ".parquet")
EMBEDDINGS = (".npz", ".tsv", ".parquet", ".w2v")


# ── reading lists of edges ──────────────────────────────────────────────────────────────────────────


def _content(path: str | PathLike[str]) -> bytes:
    if fspath(path) == "-":
        content = sys.stdin.buffer.read()
    elif not Path(path).exists():
        raise FileNotFoundError(f"there is no file {fspath(path)}")
    elif Path(path).is_dir():
        raise DataError(f"{path} is a folder; give the path of a file")
    else:
        content = Path(path).read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}") from error


def _text(path: str | PathLike[str]) -> str:
    content = _content(path)
    if b"\0" in content[:4096]:
        raise DataError(f"{path} is not a text file; a list of edges is plain text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8") from error


def _data_lines(text: str, path: str | PathLike[str]) -> tuple[list[str], list[int]]:
    """Drop comments and empty lines; keep the numbers of the others."""
    kept = [(line, number) for number, line in enumerate(text.split("\n"), 1) if line.strip() and line[0] not in "#%"]
    if not kept:
        raise DataError(f"{path} is empty: it holds no edges")
    lines, numbers = zip(*kept, strict=True)
    return [line.rstrip("\r") for line in lines], list(numbers)


def _split(lines: list[str], numbers: list[int], separator: str, path: str | PathLike[str]) -> pd.DataFrame:
    """Split lines into columns of strings; what a line lacks is empty."""
    columns = max(len(line.split(None if separator == " " else separator)) for line in lines)
    try:
        rows = pd.read_csv(
            io.StringIO("\n".join(lines)),
            sep=r"\s+" if separator == " " else separator,
            header=None,
            names=range(columns),
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            quoting=0 if separator in ",;" else 3,
        )
    except pd.errors.ParserError as error:
        found = re.search(r"line (\d+)", str(error))
        where = f", line {numbers[int(found[1]) - 1]}" if found else ""
        raise DataError(f"{path}{where}: cannot be split at {separator!r}: {error}") from error
    return rows.fillna("")


def _header(rows: pd.DataFrame) -> bool:
    first, body = rows.iloc[0], rows.iloc[1:]
    if all(_HEADER.fullmatch(word.strip()) for word in first[:2]):
        return True
    if body.empty:
        return False
    if rows.shape[1] > 2 and not _is_number(first[2]) and body[2].map(_is_number).all():
        return True
    whole = r"-?\d+"
    return (
        rows.shape[1] > 1
        and not any(re.fullmatch(whole, word) for word in first[:2])
        and bool(body[0].str.fullmatch(whole).all() and body[1].str.fullmatch(whole).all())
    )


def _weights(
    rows: pd.DataFrame, names: list[str] | None, numbers: list[int], path: str | PathLike[str]
) -> "np.ndarray[Any, np.dtype[np.float64]] | None":
    called = [name.strip().lower() for name in names or []]
    column = next((called.index(word) for word in _WEIGHT if word in called[2:]), None)
    if column is None:
        if rows.shape[1] < 3 or not rows[2].map(_is_number).any():
            return None
        column = 2
    wrong = [place for place, word in enumerate(rows[column]) if not _is_number(word)]
    if wrong:
        shown = first_few(rows[column].iloc[wrong].tolist())
        raise DataError(f"{path}, line {numbers[wrong[0]]}: weights must be numbers, got {shown}")
    weight = rows[column].astype(float).to_numpy()
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight > 0)))
    if bad.size:
        raise DataError(
            f"{path}, line {numbers[bad[0]]}: edge weights must be positive and finite, got {weight[bad[0]]:g} "
            f"({bad.size} such lines); drop these edges or shift the weights"
        )
    return weight


def _in_order(rows: pd.DataFrame) -> list[str]:
    """Names in the order of their first appearance, isolated nodes too."""
    both = rows[[0, 1]].to_numpy(object).ravel()
    return [name for name in pd.unique(both) if name != ""]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read_gml(content: io.BytesIO) -> Any:
    try:
        return nx.read_gml(content)
    except nx.NetworkXError as error:
        if "label" not in str(error):
            raise
        content.seek(0)  # nodes without labels, or labels that repeat: go by id
        return nx.read_gml(content, label="id")


# ── embeddings ──────────────────────────────────────────────────────────────────────────────────────


def _format(path: str | PathLike[str], known: dict[str, Any]) -> Any:
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise DataError(f"cannot tell a format from {Path(path).name!r}: the suffix must be one of {', '.join(known)}")
    return known[suffix]


def _write_tsv(embedding: Embedding, path: Path) -> None:
    _refuse(embedding.names, r"[\t\n\r]", "a tab or a line break", ".tsv")
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        print("name", *range(embedding.shape[1]), sep="\t", file=file)
        for name, vector in zip(embedding.names, embedding.values.tolist(), strict=True):
            print(name, *(f"{value:.9g}" for value in vector), sep="\t", file=file)


def _read_tsv(path: Path) -> Embedding:
    table = _table(path, sep="\t", header=0, dtype={0: str})
    return _vectors(table.iloc[:, 0], table.iloc[:, 1:], path)


def _write_word2vec(embedding: Embedding, path: Path) -> None:
    _refuse(embedding.names, r"\s|^$", "blanks", ".w2v")
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        print(*embedding.shape, file=file)
        for name, vector in zip(embedding.names, embedding.values.tolist(), strict=True):
            print(name, *(f"{value:.9g}" for value in vector), file=file)


def _read_word2vec(path: Path) -> Embedding:
    table = _table(path, sep=" ", header=None, skiprows=1, dtype={0: str})
    return _vectors(table.iloc[:, 0], table.iloc[:, 1:], path)


def _write_parquet(embedding: Embedding, path: Path) -> None:
    table = pd.DataFrame(embedding.values, columns=[str(d) for d in range(embedding.shape[1])])
    table.insert(0, "name", list(embedding.names))
    table.attrs["source"] = json.dumps(dict(embedding.source))
    with whole_file(path) as temporary:
        _needs_pyarrow(table.to_parquet, temporary, index=False)


def _read_parquet(path: Path) -> Embedding:
    try:
        table = _needs_pyarrow(pd.read_parquet, path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a Parquet file of vectors: {error}") from error
    source = json.loads(table.attrs.get("source", "{}"))
    return _vectors(table.iloc[:, 0], table.iloc[:, 1:], path, source)


def _table(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, keep_default_na=False, quoting=3, encoding="utf-8", **options)
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} is not a table of vectors: {error}") from error


def _vectors(names: Any, values: pd.DataFrame, path: Path, source: dict[str, Any] | None = None) -> Embedding:
    try:
        return Embedding(values.to_numpy(np.float32), tuple(map(str, names)), source or {})
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is not a table of vectors: {error}") from error


def _refuse(names: Sequence[str], pattern: str, what: str, suffix: str) -> None:
    if wrong := [name for name in names if re.search(pattern, name)]:
        raise DataError(f"{suffix} cannot hold names with {what}: {first_few(wrong)}; write .npz or .parquet instead")


def _needs_pyarrow(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    try:
        return call(*args, engine="pyarrow", **options)
    except ImportError as error:
        raise ImportError('Parquet needs pyarrow: pip install "graphembed[arrow]"') from error


_WRITERS = {
    ".npz": lambda embedding, path: embedding.save(path),
    ".tsv": _write_tsv,
    ".parquet": _write_parquet,
    ".w2v": _write_word2vec,
}
_READERS = {
    ".npz": Embedding.load,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
    ".w2v": _read_word2vec,
    ".txt": _read_word2vec,
    ".vec": _read_word2vec,
}
