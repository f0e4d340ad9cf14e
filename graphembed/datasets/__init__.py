"""Graphs by name, offline: small ones come with the package, larger ones are read from ``GRAPHEMBED_DATA``.

- ``load("karate")`` is bundled, ``load("cora")`` is read from GRAPHEMBED_DATA/planetoid/Cora/raw;
- ``read("edges.tsv")`` takes a name or a path, as the command line does.
"""

import difflib
from os import PathLike, fspath
from pathlib import Path

from graphembed.datasets.bundled import BUNDLED, card, load_bundled
from graphembed.datasets.public import PUBLIC, load_public
from graphembed.errors import DataError, UnknownNameError
from graphembed.files import read_graph
from graphembed.graph import Graph

__all__ = ["BUNDLED", "PUBLIC", "card", "load", "read"]


def load(name: str) -> Graph:
    """Load a graph by name.

    ``data.y`` (nodes,) holds the ground truth where there is one: codes into ``card(name)["classes"]``.

    Raises:
        UnknownNameError: There is no data set of this name.
        FileNotFoundError: It is a public one and its files are not where ``GRAPHEMBED_DATA`` says.

    Example:
        >>> load("karate")
        Graph(34 nodes, 78 edges, undirected)
    """
    if name in BUNDLED:
        return load_bundled(name)
    if name in PUBLIC:
        return load_public(name)
    close = difflib.get_close_matches(name, [*BUNDLED, *PUBLIC], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UnknownNameError(f"there is no data set {name!r}{hint} (known: {', '.join([*BUNDLED, *PUBLIC])})")


def read(source: str | PathLike[str], *, directed: bool | None = None) -> Graph:
    """Load a data set by name, or read a file: what has the name of a data set and is not a file is a data set."""
    text = fspath(source)
    known = text in BUNDLED or text in PUBLIC
    if text == "-" or Path(text).is_file() or (Path(text).exists() and not known):
        return read_graph(source, directed=directed)
    if known:
        graph = load(text)
        if directed is not None and directed != graph.directed:
            raise DataError(
                f"{text} is {'directed' if graph.directed else 'undirected'}; only files can be read otherwise"
            )
        return graph
    if not _looks_like_path(text):
        try:
            return load(text)
        except UnknownNameError as error:
            raise UnknownNameError(f"{error}, and no file of that name") from error
    raise FileNotFoundError(f"there is no file {text}, and no data set of that name (see: graphembed datasets)")


def _looks_like_path(text: str) -> bool:
    return "/" in text or "\\" in text or "." in text
