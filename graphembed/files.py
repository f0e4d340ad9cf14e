"""Readers of graphs, readers and writers of embeddings and tables. The suffix decides the format.

Graphs: ``.graphml`` and ``.gml`` through networkx, ``.npz`` as scipy writes matrices, a folder as `Graph.save` writes
it, anything else is a list of edges (see `read_edges`); with ``.gz`` or gzipped under any name. Embeddings: ``.npz``
(everything), ``.tsv``, ``.parquet``, ``.w2v`` (word2vec text, as gensim reads it). Names come out as they went in.
Files are written whole or not at all.
"""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphembed.atomic import whole_file
from graphembed.embedding import Embedding
from graphembed.errors import DataError, first_few
from graphembed.graph import WEIGHTS, Graph, as_graph, frame_graph
from graphembed.kernels.csr import ends_of

# Words that only a header has in a column of names.
_HEADER = re.compile(
    r"(source|target|src|dst|from|to|head|tail|subject|object|regulator|author|paper|citing|cited|follower|[uv]|"
    r"(node|protein|gene|id|vertex|name|interactor|user|item|person|drug|species)"
    r"[ _.-]?([12abuv]|from|to)?)(_id|_name)?",
    re.IGNORECASE,
)
_LARGEST = float(np.finfo(np.float32).max)


def read_graph(path: str | PathLike[str], *, directed: bool | None = None) -> Graph:
    """Read a graph from a file; ``-`` is standard input, a list of edges.

    Args:
        path: ``.graphml``, ``.gml`` (these say whether they are directed), ``.npz`` (a sparse matrix, saved by scipy or
            as ``indptr``, ``indices`` and, optionally, ``weight`` or ``data``; undirected if it is symmetric), a list
            of edges (all may be gzipped), or a folder that `Graph.save` wrote.
        directed: How to read it; by default lists of edges are undirected, the other formats as they say.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It cannot be read as a graph; the message says where it went wrong.
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes if suffix.lower() != ".gz"]
    if fspath(path) != "-" and Path(path).is_dir():
        read = Graph.open(path)
    elif suffixes[-1:] and suffixes[-1] in _GRAPHS:
        content = io.BytesIO(_content(path))
        try:
            found = _GRAPHS[suffixes[-1]](content)
        except Exception as error:  # networkx lets all kinds of errors through
            raise DataError(f"{path} cannot be read as {suffixes[-1][1:].upper()}: {error}") from error
        try:
            read = as_graph(found)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
    else:
        return read_edges(path, directed=bool(directed))
    if directed is None or directed == read.directed:
        return read
    ends = ends_of(read.csr)
    weight = read.csr.weight if read.weighted else None
    return Graph.from_edges(ends[0], ends[1], weight, names=read.names, nodes=read.num_nodes, directed=directed)


def read_edges(path: str | PathLike[str], *, directed: bool = False) -> Graph:
    """Read a list of edges, one per line: separated by tabs, commas or semicolons if most lines have one, else blanks.

    - Lines that start with ``#`` or ``%`` are comments; empty lines are skipped.
    - A first line is a header if it starts with a word like "source", "target", "protein1" or "gene_a" that is no name
      further down, or if its third column is not a number while all others' are, or if its names are words while all
      others are whole numbers.
    - The names stand in the columns called "source" and "target", else in the first two. Weights stand in a column
      called "weight" (or score, combined_score, confidence, strength, value, count); without a header, in the third if
      it holds numbers, with decimal commas where semicolons separate. Other columns are ignored.
    - A name alone on its line is an isolated node.
    - If no name stands in both columns, and there are at least as many edges as names, the graph is in two parts
      (``data.part``), and links are only looked for between them.
    - Names are kept as written: ``007``, ``NA`` and ``nan`` are names. Commas and semicolons may be quoted: ``"a, b"``.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: The file is empty, not text, has one column, or bad weights; the message names the line.
    """
    text = _text(path)
    path = "standard input" if fspath(path) == "-" else path  # for messages
    lines, numbers = _data_lines(text, path)
    marked = {mark: sum(mark in line for line in lines) for mark in "\t;,"}
    most = max(marked, key=marked.__getitem__)
    separator = most if 2 * marked[most] >= len(lines) else None
    rows = [_split(line, separator, f"{path}, line {number}") for line, number in zip(lines, numbers, strict=True)]
    header: list[str] = []
    if _is_header(rows):
        header = [word.strip().lower() for word in rows[0]]
        rows, numbers = rows[1:], numbers[1:]
        if not rows:
            raise DataError(f"{path} has a header but no edges")
    width = max(map(len, rows))
    if width < 2:
        raise DataError(
            f"{path} has one column, an edge needs two: source and target, separated by tab, comma or blank; "
            f"line {numbers[0]} is {rows[0][0][:60]!r}"
        )
    rows = [row + [""] * (width - len(row)) for row in rows]
    u, v = (header.index(word) for word in ("source", "target")) if {"source", "target"} <= set(header) else (0, 1)
    if nameless := [number for row, number in zip(rows, numbers, strict=True) if row[u] == ""]:
        raise DataError(f"{path}, line {nameless[0]}: the first name is empty; {len(nameless)} lines are like that")
    edges = [(row, number) for row, number in zip(rows, numbers, strict=True) if row[v] != ""]
    frame = pd.DataFrame({"source": [row[u] for row, _ in edges], "target": [row[v] for row, _ in edges]}, dtype=object)
    if separator == ";":  # where lists are separated by semicolons, numbers have a decimal comma
        edges = [([re.sub(r"^(-?\d+),(\d+)$", r"\1.\2", word) for word in row], number) for row, number in edges]
    weight = _weights(edges, header, path)
    if weight is not None:
        frame["weight"] = weight
    seen = dict.fromkeys(name for row in rows for name in (row[u], row[v]) if name != "")
    return frame_graph(frame, directed=directed, nodes=seen)


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
    _check_file(path)
    embedding: Embedding = _format(path, _READERS)(Path(path))
    return embedding


def write_table(table: pd.DataFrame, path: str | PathLike[str]) -> None:
    """Write a table as ``.tsv``, ``.csv`` or ``.parquet``, whole or not at all."""
    write = _format(path, _TABLE_WRITERS)
    with whole_file(fspath(path)) as temporary:
        write(table, temporary)


def check_writable(path: str | PathLike[str], formats: Sequence[str]) -> None:
    """Refuse, before any work is done, a path that cannot be written: unknown suffix or missing folder."""
    _format(path, dict.fromkeys(formats, None))
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise DataError(f"cannot write {fspath(path)}: there is no folder {folder}")


# ── reading lists of edges ──────────────────────────────────────────────────────────────────────────


def _content(path: str | PathLike[str]) -> bytes:
    if fspath(path) == "-":
        content = sys.stdin.buffer.read()
    else:
        _check_file(path)
        content = Path(path).read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}") from error


def _check_file(path: str | PathLike[str]) -> None:
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {fspath(path)}")
    if Path(path).is_dir():
        raise DataError(f"{path} is a folder; give the path of a file")


def _text(path: str | PathLike[str]) -> str:
    content = _content(path)
    if b"\0" in content:
        raise DataError(f"{path} is not a text file; a list of edges is plain text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8") from error


def _data_lines(text: str, path: str | PathLike[str]) -> tuple[list[str], list[int]]:
    """Drop comments and empty lines; keep the numbers of the others."""
    numbered = enumerate(re.split(r"\r\n?|\n", text), 1)
    kept = [(line, number) for number, line in numbered if line.strip() and line[0] not in "#%"]
    if not kept:
        raise DataError(f"{path} is empty: it holds no edges")
    lines, numbers = zip(*kept, strict=True)
    return list(lines), list(numbers)


def _split(line: str, separator: str | None, where: str) -> list[str]:
    """Split a line into its columns."""
    if separator in (None, "\t"):
        return line.split(separator)
    if '"' not in line:
        return [word.strip() for word in line.split(separator)]
    try:
        return next(csv.reader([line], delimiter=separator or ",", skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise DataError(f"{where}: a quoted name does not end on its line ({error}): {line[:60]!r}") from error


def _is_header(rows: list[list[str]]) -> bool:
    first, body = rows[0], [row for row in rows[1:] if len(row) > 1 and row[1] != ""]
    if len(first) < 2:
        return False
    words = {word.strip().lower() for word in first}
    names = {word for row in rows[1:] for word in row[:2]}
    known = [word for word in first[:2] if _HEADER.fullmatch(word.strip())]
    telling = len(known) == 2 or any(len(word) > 2 for word in known)
    if {"source", "target"} <= words or (telling and names.isdisjoint(first[:2])):
        return True
    if not body:
        return False
    if len(first) > 2 and not _is_number(first[2]) and all(len(row) > 2 and _is_number(row[2]) for row in body):
        return True
    whole = re.compile(r"-?\d+").fullmatch
    return not any(map(whole, first[:2])) and all(whole(word) for row in body for word in row[:2])


def _weights(edges: list[tuple[list[str], int]], header: list[str], path: str | PathLike[str]) -> list[float] | None:
    """Return the weight of each edge, or None where there are none."""
    if named := [header.index(word) for word in WEIGHTS if word in header]:
        column = named[0]
    elif not header and edges and len(edges[0][0]) > 2 and any(_is_number(row[2]) for row, _ in edges):
        column = 2
    else:
        return None
    wrong = [(row[column], number) for row, number in edges if not _is_number(row[column])]
    if wrong:
        shown = first_few(word for word, _ in wrong)
        raise DataError(f"{path}, line {wrong[0][1]}: weights must be numbers, got {shown}")
    weight = [float(row[column]) for row, _ in edges]
    bad = [place for place, value in enumerate(weight) if not 0 < value < _LARGEST]
    if bad:
        raise DataError(
            f"{path}, line {edges[bad[0]][1]}: edge weights must be positive and finite, got {weight[bad[0]]:g} "
            f"({len(bad)} such lines); drop or correct these edges"
        )
    return weight


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


def _read_npz(content: io.BytesIO) -> Any:
    with np.load(content, allow_pickle=False) as file:
        if "format" in file:
            content.seek(0)
            return sp.load_npz(content)
        if not {"indptr", "indices"} <= set(file):
            raise DataError(f"it needs indptr and indices, the rows of a sparse matrix; it has {first_few(file)}")
        indptr, indices = file["indptr"], file["indices"]
        values = next((file[key] for key in ("weight", "data") if key in file), np.ones(indices.size, np.int8))
        return sp.csr_array((values, indices, indptr), shape=(indptr.size - 1,) * 2)


_GRAPHS: dict[str, Callable[[io.BytesIO], Any]] = {".graphml": nx.read_graphml, ".gml": _read_gml, ".npz": _read_npz}


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
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline().split()
    if not (len(first) == 2 and all(word.isdigit() for word in first)):
        raise DataError(f"{path} is not word2vec text: its first line must say how many vectors and dimensions follow")
    items, dim = map(int, first)
    table = _table(path, sep=" ", header=None, skiprows=1, usecols=range(dim + 1), dtype={0: str})
    if len(table) != items:
        raise DataError(f"{path} is cut off: it says {items} vectors and holds {len(table)}")
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
    if values.shape[1] == 0:
        raise DataError(f"{path} is not a table of vectors: it has one column")
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
_TABLE_WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".tsv": lambda table, file: table.to_csv(file, sep="\t", index=False),
    ".csv": lambda table, file: table.to_csv(file, index=False),
    ".parquet": lambda table, file: _needs_pyarrow(table.to_parquet, file, index=False),
}

# The suffixes that can be written.
EMBEDDINGS = tuple(_WRITERS)
TABLES = tuple(_TABLE_WRITERS)
