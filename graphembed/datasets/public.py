"""Public data sets by name, read from the folder named by ``GRAPHEMBED_DATA``; nothing is written there.

Layout: ``planetoid/Cora/raw/ind.cora.*`` and ``planetoid/CiteSeer/raw/ind.citeseer.*`` (the raw files of PyG's
Planetoid class), ``seal/USAir.mat`` and the like (the graphs of SEAL), ``blogcatalog/blogcatalog.mat``,
``graphdata_npz/dblp.npz`` and the like, ``cnr2000/cnr2000_csr.npz``, ``dti/mat_drug_protein.txt.gz`` with the names in
``dti/drug.txt`` and ``dti/protein.txt``, ``planetoid/PubMed_without_allx/pubmed_topology.npz`` (no features),
``community_gml/football.gml`` and the like, ``airports/`` and ``roles_riwalk/`` (lists of edges and of labels).
Planetoid's raw files and those of graphdata_npz are pickles: only files with the known sha256 are opened.

``data.y`` is (nodes,) where nodes have one class each, and (nodes, classes) True or False where they have several.
"""

import gzip
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import scipy.io
import scipy.sparse as sp
import torch
from torch_geometric.io import read_planetoid_data

from graphembed.errors import DataError
from graphembed.graph import Graph, as_graph

_PLANETOID = {"cora": "Cora", "citeseer": "CiteSeer"}
_MATRICES = {  # MATLAB files: a square matrix, and in some one of nodes x classes
    "usair": "seal/USAir.mat",
    "ns": "seal/NS.mat",
    "pb": "seal/PB.mat",
    "celegans": "seal/Celegans.mat",
    "power": "seal/Power.mat",
    "facebook": "seal/facebook.mat",
    "blogcatalog": "blogcatalog/blogcatalog.mat",
    "ppi": "seal/PPI_subgraph.mat",
    "wikipedia": "seal/Wikipedia.mat",
}
_ATTRIBUTED = {
    "blogcatalog-attributed": "blogcatalog",
    "dblp": "dblp",
    "cora_ml": "cora_ml",
    "amazon-photo": "amazon_photo",
}
_COMMUNITIES = {  # known groups: two pods, conferences, leanings, departments
    "dolphins": "community_gml/dolphins.gml",
    "football": "community_gml/football.gml",
    "polbooks": "community_gml/polbooks.gml",
    "polblogs": "community_gml/polblogs.gml.gz",
    "email-eu-core": "community_gml/eu-core.gml.gz",
}
_ROLES = {  # edges, and known roles where there are any: quarters of activity
    "brazil-airports": ("airports/brazil-airports.edgelist", "airports/labels-brazil-airports.txt"),
    "europe-airports": ("airports/europe-airports.edgelist", "airports/labels-europe-airports.txt"),
    "actor": ("roles_riwalk/actor.edgelist.gz", "roles_riwalk/actor.group"),
    "karate-mirrored": ("airports/karate-mirrored.edgelist", None),
    "barbell": ("airports/barbell.edgelist", None),
}
PUBLIC = (
    *_PLANETOID,
    "pubmed-topology",
    *_MATRICES,
    *_ATTRIBUTED,
    *_COMMUNITIES,
    *_ROLES,
    "drug-target",
    "cnr2000",
)


def load_public(name: str) -> Graph:
    """Load a public data set; see `graphembed.datasets.load`."""
    if name in _PLANETOID:
        return _planetoid(name)
    if name in _MATRICES:
        return _matrix(_checked(name, _MATRICES[name]))
    if name in _ATTRIBUTED:
        return _attributed(_checked(name, f"graphdata_npz/{_ATTRIBUTED[name]}.npz"))
    if name in _COMMUNITIES:
        return _grouped(_checked(name, _COMMUNITIES[name]))
    if name in _ROLES:
        edges, labels = _ROLES[name]
        return _with_roles(_checked(name, edges), _checked(name, labels) if labels else None)
    if name == "drug-target":
        return _drug_target(name)
    if name == "pubmed-topology":
        with np.load(_checked(name, "planetoid/PubMed_without_allx/pubmed_topology.npz")) as found:
            (source, target), y = found["edge_index"], torch.from_numpy(found["y"]).long()
            return Graph.from_edges(source, target, nodes=len(y), y=y)
    with np.load(_checked(name, "cnr2000/cnr2000_csr.npz")) as rows:  # a page links to others: read both ways
        source = np.repeat(np.arange(len(rows["indptr"]) - 1), np.diff(rows["indptr"]))
        return Graph.from_edges(source, rows["indices"], nodes=len(rows["indptr"]) - 1)


def _planetoid(name: str) -> Graph:
    folder = f"planetoid/{_PLANETOID[name]}/raw/"
    paths = [_checked(name, file) for file in _SHA256 if file.startswith(folder)]
    with warnings.catch_warnings():  # PyG says that some of CiteSeer's nodes are isolated
        warnings.simplefilter("ignore")
        data = read_planetoid_data(str(paths[0].parent), name)
    return as_graph(data)


def _matrix(path: Path) -> Graph:
    """Read a square matrix and, where there is one, (nodes, classes) of labels."""
    found = scipy.io.loadmat(path)
    matrix = found["net"] if "net" in found else found["network"]
    if "group" not in found:
        return _undirected(matrix)
    return _undirected(matrix, y=torch.from_numpy(found["group"].toarray() > 0))


def _attributed(path: Path) -> Graph:
    """Read a matrix, features and one class per node."""
    with np.load(path, allow_pickle=True) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pickled by a scipy whose modules had other names
        edges, x, y = file["adj_matrix"].item(), file["node_attr"].item(), file["node_label"]
    codes = np.unique(y, return_inverse=True)[1]  # some count from one
    return _undirected(edges, x=torch.from_numpy(x.toarray()).float(), y=torch.from_numpy(codes).long())


def _grouped(path: Path) -> Graph:
    """Read named nodes with one group each, ``gt``; weights are left out. Blogs link one way, the others both ways.

    The files are known, so that a pattern will do; networkx's reader takes seconds.
    """
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        text = file.read()
    nodes = re.findall(r'node\s*\[\s*id (\d+)\s*label "([^"]*)"\s*gt "?(\w+)"?', text)
    row = {number: place for place, (number, _, _) in enumerate(nodes)}
    ends = re.findall(r"source (\d+)\s*target (\d+)", text)
    source, target = ([row[edge[side]] for edge in ends] for side in (0, 1))
    groups = torch.from_numpy(np.unique([group for _, _, group in nodes], return_inverse=True)[1]).long()
    return Graph.from_edges(
        source, target, names=[name for _, name, _ in nodes], directed="directed 1" in text, y=groups
    )


def _with_roles(edges: Path, labels: Path | None) -> Graph:
    """Read a list of edges between numbers and, where there is one, a list of their roles (with or without a head)."""
    ends = np.loadtxt(edges, np.int64, ndmin=2)
    if labels is None:
        numbers, ends = np.unique(ends, return_inverse=True)
        return Graph.from_edges(*ends.reshape(-1, 2).T, names=map(str, numbers.tolist()))
    known = np.loadtxt(labels, np.int64, skiprows=int(not labels.read_text()[0].isdigit()))
    node, role = known[np.argsort(known[:, 0])].T
    y = torch.from_numpy(role.copy())
    return Graph.from_edges(*np.searchsorted(node, ends).T, names=map(str, node.tolist()), y=y)


def _drug_target(name: str) -> Graph:
    """Read which of 708 drugs (DrugBank) binds which of 1512 proteins (UniProt); ``data.part`` is 0 and 1.

    Some proteins have several rows, with the same targets; those after the first are named "P01024 (2)" and so on.
    """
    drugs = _checked(name, "dti/drug.txt").read_text().split()
    proteins = _checked(name, "dti/protein.txt").read_text().split()
    drug, protein = np.nonzero(np.loadtxt(_checked(name, "dti/mat_drug_protein.txt.gz"), np.int8))
    proteins = [
        each if (before := proteins[:row].count(each)) == 0 else f"{each} ({before + 1})"
        for row, each in enumerate(proteins)
    ]
    names, part = [*drugs, *proteins], torch.tensor([0] * len(drugs) + [1] * len(proteins))
    return Graph.from_edges(drug, protein + len(drugs), names=names, part=part)


def _undirected(matrix: Any, **node_data: torch.Tensor) -> Graph:
    """Read every entry that is not zero as an edge without weight or direction."""
    ends = sp.coo_array(matrix)
    return Graph.from_edges(ends.row, ends.col, None, nodes=matrix.shape[0], directed=False, **node_data)


def _checked(name: str, file: str) -> Path:
    return checked(name, file, _SHA256[file])


def checked(name: str, file: str, sha256: str) -> Path:
    """Find a file in the folder of public data, and make sure that it is the known one.

    Args:
        name: Of the data set, for errors.
        file: Path within ``GRAPHEMBED_DATA``.
        sha256: What it must hash to.

    Raises:
        FileNotFoundError: The folder is not set, or the file is not in it.
        DataError: It is another file.
    """
    root = os.environ.get("GRAPHEMBED_DATA")
    if not root:
        raise FileNotFoundError(
            f"{name} does not come with the package: set GRAPHEMBED_DATA to a folder that holds {file} "
            "(see: graphembed datasets)"
        )
    path = Path(root) / file
    if not path.exists():
        raise FileNotFoundError(f"{name} needs {path}: put the file there, or point GRAPHEMBED_DATA elsewhere")
    if pooch.file_hash(path) != sha256:
        raise DataError(f"{path} is not the known file (its sha256 differs), so it is not opened: fetch it again")
    return path


_SHA256 = {
    "planetoid/Cora/raw/ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "planetoid/Cora/raw/ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "planetoid/Cora/raw/ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "planetoid/Cora/raw/ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "planetoid/Cora/raw/ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "planetoid/Cora/raw/ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "planetoid/Cora/raw/ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "planetoid/Cora/raw/ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
    "planetoid/CiteSeer/raw/ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "planetoid/CiteSeer/raw/ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "planetoid/CiteSeer/raw/ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "planetoid/CiteSeer/raw/ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    "planetoid/CiteSeer/raw/ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "planetoid/CiteSeer/raw/ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "planetoid/CiteSeer/raw/ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "planetoid/CiteSeer/raw/ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "seal/USAir.mat": "6b48a37e2bb398234e5383787c30dca087de704366a2b7b05d64cc2f53210e0b",
    "seal/NS.mat": "c69258a674e13115e34ec11343c92f352bcec635baf3fe40f0adf6e8a5037019",
    "seal/PB.mat": "c0eca0a3b5bac0ecd46491c2a1e080ec22e445d28f9975bc776dc07b3d672d88",
    "seal/Celegans.mat": "450bb6f3ca833a65f53ee59103945ef87da70de2c6d262b1a760b9eefce287d6",
    "seal/Power.mat": "87d7b9d5449b6a18fad4fdd662efd33be84c805ea66692f9e2e0791569c5a478",
    "seal/facebook.mat": "0775e6d3739445de0112b74d7dd843c67dac34d53a216b204981a415507abf9f",
    "planetoid/PubMed_without_allx/pubmed_topology.npz": "97b81f5483c277365d5be96b18f3074ebd7614d147f674e1c319e10c53f75c2a",
    "dti/drug.txt": "8c7e6fbd4039cf06015c23f72aa0e93d35c4e6836ce9ef4b3b5f86e0465a766c",
    "dti/protein.txt": "0d705fe5375ab305aa34623cb8853fa63d12727a83edcb249eb421ec38535dc4",
    "dti/mat_drug_protein.txt.gz": "e86ae22a9e7b3c4017b421794057fda26bba786040b0836983abddf975ff8c1e",
    "blogcatalog/blogcatalog.mat": "d4f4fb89ce1ccd4b7e2a183386c000773cc9362cc61f1be5b246a6d9c259da8f",
    "seal/PPI_subgraph.mat": "d33a9255e30a1eaa39e9e7cf6f03722c0a028cc1d8ca51356e496d4d84bd5d81",
    "seal/Wikipedia.mat": "c017a375285bb775a458ebb2a7c60c1c868c36efd7f5d48c2d0dfcb2ce3f6169",
    "graphdata_npz/blogcatalog.npz": "115be8c3396ae7db96c60df578c8c24ee46d2547ca62fa538ec9852c338df6c6",
    "graphdata_npz/cora_ml.npz": "590d93689ec70aa0da17b3f1c6915dfd3c1b6306ad4f3286a2075599f7a85630",
    "graphdata_npz/amazon_photo.npz": "bdb98b54cd3125bfa69b23ba0aae84fabcb770c6727175b8f6eb1d64f3be4b2b",
    "graphdata_npz/dblp.npz": "e1c460c864735b88158e230e715715b08a8f7bb7c94f7f6c3b5efc412558877d",
    "community_gml/dolphins.gml": "efa96aea5b34537993c3b1ae3841e1273da4d006732b5df5ada3e06f861f4435",
    "community_gml/football.gml": "45753bf6b86fd8ec9752fec5712cb10342ceb07070f117e49b3a6d24c5e0c37a",
    "community_gml/polbooks.gml": "62c2fb36e6cf609e41981bd992f17e3dfb9a6d0522babcc85488ad9539356191",
    "community_gml/eu-core.gml.gz": "7f038b0585749c338d01b3315075685f5951dae538632bed5120a98badef55c1",
    "community_gml/polblogs.gml.gz": "06faa4067cd86a9ddb3dddcd29e2e95ae46d15f843294694a7c0c8125c754148",
    "airports/barbell.edgelist": "38d573075ab379224b53067d42e359cdbf5b77c614a51021a9aee5052a0c9fb1",
    "airports/brazil-airports.edgelist": "896b7bd460ad2da9160888d99bc9099ffe8ed7de3e410833889ea393831bcaa7",
    "airports/europe-airports.edgelist": "bd202178d0d1253c15bd3c9a22cc2a25f630244bbef9060bc30adbf0a5e130f6",
    "airports/karate-mirrored.edgelist": "b947a38e6a6e43f8ef9fbb634120fd9342d30c24113a0da5cb69c8dc12456fa1",
    "airports/labels-brazil-airports.txt": "8f9d19f10192fbaeb91dfb46dd7eae0fef28bfe1272d41ab96a4494a0d06785f",
    "airports/labels-europe-airports.txt": "92bace031cc02937ac9629d6c69387458e5d5016a7dab98490fbf33e392cec4e",
    "roles_riwalk/actor.edgelist.gz": "12c15005bf589e84c25fa03830b4b945c1eee294690222dc8dbad22b369a0ad8",
    "roles_riwalk/actor.group": "3cb0f57cffe2af4f32ff3a66f16d08cce3dc21792478d7d510b59a47800cf36b",
    "cnr2000/cnr2000_csr.npz": "da07f187693c54a987fb6e4626fdd63db096f986bce52fc2d108e1c45f2ab072",
}
