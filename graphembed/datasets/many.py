"""Sets of graphs with a class each, and the literature's ten folds, read from ``GRAPHEMBED_DATA``.

Layout: ``tu_dgcnn/MUTAG/MUTAG.txt`` (or ``.txt.gz``) and ``tu_dgcnn/MUTAG/10fold_idx/test_idx-1.txt`` to ``-10.txt``; the
same for PROTEINS and IMDBBINARY. Format: the number of graphs; for each of them a line "nodes class", then a line per
node, "tag degree neighbours ...", the neighbours counted from 0. What stands behind the neighbours is not read.
"""

import dataclasses as dc
import difflib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphembed.datasets.public import checked
from graphembed.errors import DataError, UnknownNameError
from graphembed.graph import Graph

_FILES = {
    "mutag": "tu_dgcnn/MUTAG/MUTAG.txt",
    "proteins": "tu_dgcnn/PROTEINS/PROTEINS.txt.gz",
    "imdb-binary": "tu_dgcnn/IMDBBINARY/IMDBBINARY.txt.gz",
}
MANY = tuple(_FILES)


@dc.dataclass(frozen=True, eq=False)
class ManyGraphs:
    """Many graphs with a class each.

    Args:
        graph: All of them side by side, as `graphembed.merge` puts them: node ``n`` of graph ``k`` is ``k/n``, and
            ``data.batch`` (nodes,) says which graph a node is of. ``data.x`` are the tags of the nodes, one column a
            tag, where nodes have different ones.
        names: Of the graphs.
        y: (graphs,) the class of each, from 0.
        tests: For each fold, which graphs are tested on; the others are to learn from.
    """

    graph: Graph
    names: tuple[str, ...]
    y: NDArray[np.int64]
    tests: tuple[NDArray[np.int64], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def folds(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the graphs to learn from and those to test on."""
        for test in self.tests:
            yield np.setdiff1d(np.arange(len(self)), test), test


def load_many(name: str) -> ManyGraphs:
    """Load a public set of graphs with the folds that papers use.

    Args:
        name: ``"mutag"`` (188 molecules), ``"proteins"`` (1113 proteins) or ``"imdb-binary"`` (1000 circles of actors,
            who have no tags).

    Raises:
        UnknownNameError: There is no set of this name.
        FileNotFoundError: Its files are not where ``GRAPHEMBED_DATA`` says.
        DataError: They are not the known ones.

    References:
        Debnath et al. 1991 (MUTAG); Borgwardt et al. 2005 (PROTEINS); Yanardag and Vishwanathan 2015 (IMDB).
        Zhang et al. 2018, "An end-to-end deep learning architecture for graph classification", whose folds these are;
        Xu et al. 2019, "How powerful are graph neural networks?", section 7.
    """
    if name not in _FILES:
        close = difflib.get_close_matches(name, MANY, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownNameError(f"there is no set of graphs {name!r}{hint} (known: {', '.join(MANY)})")
    file = _FILES[name]
    folds = [f"{Path(file).parent.as_posix()}/10fold_idx/test_idx-{fold}.txt" for fold in range(1, 11)]
    path = checked(name, file, _SHA256[file])
    tests = [np.loadtxt(checked(name, fold, _SHA256[fold]), np.int64, ndmin=1) for fold in folds]
    found = read_many(path)
    return dc.replace(found, tests=tuple(np.sort(test) for test in tests))


def read_many(path: str | Path) -> ManyGraphs:
    r"""Read a file of the format described at the head of this module; gzip by its suffix.

    Raises:
        DataError: The file ends early, or a line does not hold what it should.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "two.txt"
        >>> _ = path.write_text("2\\n2 1\\n0 1 1\\n5 1 0\\n1 0\\n5 0\\n")
        >>> two = read_many(path)
        >>> two.graph, two.y, two.graph.names
        (Graph(3 nodes, 1 edge, undirected, 2 features), array([1, 0]), ('0/0', '0/1', '1/0'))
    """
    path = Path(path)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        lines = file.read().splitlines()
    sizes, classes, tags = [], [], []
    ends: list[tuple[int, int]] = []
    at, first = 1, 0  # line and node
    try:
        for _ in range(int(lines[0])):
            nodes, label = map(int, lines[at].split()[:2])
            for node in range(nodes):
                tag, degree, *others = map(float, lines[at + 1 + node].split())
                theirs = [int(other) for other in others[: int(degree)]]
                if len(theirs) < degree or not all(0 <= other < nodes for other in theirs):
                    raise ValueError("neighbours are missing or do not exist")
                tags.append(int(tag))
                ends.extend((first + node, first + other) for other in theirs)
            sizes.append(nodes)
            classes.append(label)
            at, first = at + 1 + nodes, first + nodes
    except (ValueError, IndexError) as error:
        raise DataError(
            f"{path} breaks off or has a bad line in graph {len(sizes)}, which begins in line {at + 1}: expected "
            '"nodes class" and for each node "tag degree neighbours ...", neighbours counted from 0'
        ) from error
    return _put_together(np.array(sizes), np.array(classes), np.array(tags), np.array(ends).reshape(-1, 2))


def _put_together(
    sizes: NDArray[np.int64], classes: NDArray[np.int64], tags: NDArray[np.int64], ends: NDArray[np.int64]
) -> ManyGraphs:
    names = tuple(map(str, range(len(sizes))))
    batch = np.repeat(np.arange(len(sizes)), sizes)
    node_names = [f"{graph}/{node}" for graph, size in enumerate(sizes.tolist()) for node in range(size)]
    known, tag = np.unique(tags, return_inverse=True)
    once = np.unique(np.sort(ends, axis=1), axis=0)  # each edge stands at both of its ends
    x: dict[str, Any] = {"x": torch.eye(len(known))[torch.from_numpy(tag)]} if len(known) > 1 else {}
    graph = Graph.from_edges(once[:, 0], once[:, 1], names=node_names, batch=torch.from_numpy(batch), **x)
    return ManyGraphs(graph, names, np.unique(classes, return_inverse=True)[1].astype(np.int64))


_SHA256 = {
    "tu_dgcnn/IMDBBINARY/IMDBBINARY.txt.gz": "0f8df0a79d8629395e227c537b39cf76c928b8e660fe3c44cfa75f94c32ef837",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-1.txt": "0c608b497f93881a54ef04786a5239af86c1989130a7bb9201693c8760414c86",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-2.txt": "a1d71bce61e390604a46fef70a4b3b19ef3ca80ccda3061d2708c55be71ccc93",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-3.txt": "e26189e39e2642552c61a4857308f5cacb895f13b2e68eb7fe9e20b9fd789729",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-4.txt": "43b0282e3c3ab606702cd817d86b8623965b016b2bca587f934e62df92318015",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-5.txt": "a4902e21539ff4ac6e66aa8cfd8907147dd765336ee2083ef8131cabee3ac1dc",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-6.txt": "6abaa9eca41b26f5fab3382242b26d3e6a8f8e720083456d00633fe62a57cd4d",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-7.txt": "cfe61c0d986b86ed01ca6dad850bb999e5d0098aec978fc36b19f8396e65e694",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-8.txt": "048f900449aa3e3732feb493a8d6130d4f879fb4440c378d08fe19d7e1af3394",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-9.txt": "73a67d1f3da3143c0f687cc143b584cf46b2708059d1ab87996f4a4fb37fe202",
    "tu_dgcnn/IMDBBINARY/10fold_idx/test_idx-10.txt": "ee64162e19c034d54e013698f7ae63d31567b1afd8207f54a89621d994f1d6b0",
    "tu_dgcnn/MUTAG/MUTAG.txt": "5897dae243f6c773aab54ec99e86551c3b1e8601acef254714073042c632d30e",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-1.txt": "52a082efad97dbff2220023632ef36009025489cad04ee40d027758cdc2525c4",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-2.txt": "356bc8b8d00c2da11596ac0589981fcefec6cc2a888c015d9e35f17001e16b20",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-3.txt": "f485c4e7341e78d08a8450e61861c53406ef7beb86ae2dac16062cf8214eb448",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-4.txt": "7b8db256fafc179a2bd3c4a7114f0ae3905dd13fb318f34f3281a5a5066161c0",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-5.txt": "992858c1122d9f9e99c4fe975742632bbcc4dc9cc651c6513c4accf526fbb4b7",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-6.txt": "eaf2e57b545766e558dd393ee428ac1561bcc07a42908eb8644835ccb4bc3062",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-7.txt": "eda25cebd772a6935d4b780a4f58d8aa947df43c14463a6ed0aeb2e555462f5c",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-8.txt": "9da7a48b329f17c16bc15939bafb14bababde6d948aff83583e32cdb1dc2c4d6",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-9.txt": "274119935ba895fa3d8829a463243800c1982704f9f179bb4ef290af1019c092",
    "tu_dgcnn/MUTAG/10fold_idx/test_idx-10.txt": "adaf574e4804a4c6849a8213121b1a18bd45101a1ca2e83e90b2c0917abee5df",
    "tu_dgcnn/PROTEINS/PROTEINS.txt.gz": "6863cec82a7f458854737016bed9e7f37febf4ca0f1473584079391a4d99eee5",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-1.txt": "41c02c84ef8cba8a781b32f51c6622c2a5ea6c6911a3c3232a4707b8c1bf0ec9",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-2.txt": "d2886161063807351509512948351a5ecaa549fb7074ce89c42b72ad7d5db035",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-3.txt": "3c85ff214e3d208396e706281304e5eee5ddb7f95ac3a10e37785c68a564c979",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-4.txt": "f0e6908b9b56aa830da2588c5617a427e66c60e6477fef56c17b41b52f9f4e8c",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-5.txt": "80661f7ae120fddfaed17bdd9a73195f3fadbd6849b8534662aeb2b7b86efe32",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-6.txt": "3a2be0743b8148b37dcfe627f364e97da595b4efc50424ec295ee572be3d85cd",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-7.txt": "b1006f84c83fa23249d3d7dfe97ca82d341fb8051c322934665164364403312f",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-8.txt": "098735673ba5d542e6b96e026015455f27b9e2deeed765b1b4a977fd8f95bcef",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-9.txt": "376c4d7ca5df6d72d5bfe7afe37b7004dd94ff828842ebedfd1080012e36cce7",
    "tu_dgcnn/PROTEINS/10fold_idx/test_idx-10.txt": "b274252b1e25f07be0b20171b15e7c813c06cb8060bd1a0b1898d86fb748a8c2",
}
