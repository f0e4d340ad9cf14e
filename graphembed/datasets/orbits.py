"""Graphs without names, features or chance, in which it is known which nodes play the same part.

Two nodes play the same part if an automorphism, a way to renumber the nodes that leaves the edges as they are, takes
one to the other: they are in one orbit, and whoever looks at the edges alone cannot tell them apart. In every graph of
this file nodes with the same ``data.y`` are in one orbit, by construction; in all but `mirrored` nodes with different
``data.y`` are in different orbits, too.
"""

from collections.abc import Sequence
from itertools import combinations

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray

from graphembed.errors import DataError, first_few
from graphembed.graph import Graph, as_graph

# What hangs from a ring: edges of each shape, which hangs by its node 0, and the orbit of each node then.
_SHAPES: dict[str, tuple[list[tuple[int, int]], list[int]]] = {
    "house": ([(0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 4)], [0, 1, 1, 2, 2]),  # by its roof
    "star": ([(0, leaf) for leaf in range(1, 6)], [0, 1, 1, 1, 1, 1]),  # by its centre
    "fan": ([(0, leaf) for leaf in range(1, 5)] + [(1, 2), (2, 3), (3, 4)], [0, 1, 2, 2, 1]),  # by its hub
    "clique": (list(combinations(range(5), 2)), [0, 1, 1, 1, 1]),
}


def barbell(clique: int = 10, path: int = 10) -> Graph:
    """Join two cliques by a path.

    Args:
        clique: Nodes of each clique, at least 3.
        path: Nodes between them, at least 0.

    Returns:
        The graph; ``data.y`` is 0 in the cliques, 1 where the path begins, 2, 3 ... along the path to its middle.

    Raises:
        DataError: A number is too small.

    Example:
        >>> barbell().data.y[:20].tolist()
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2]

    References:
        Ribeiro, Saverese and Figueiredo 2017, "struc2vec", section 4.1: B(10, 10).
    """
    if clique < 3 or path < 0:
        raise DataError(
            f"a barbell needs cliques of at least 3 nodes and a path of at least 0, got {clique} and {path}"
        )
    half = [0] * (clique - 1) + list(range(1, 2 + (path + 1) // 2))
    graph = nx.empty_graph(2 * clique + path)  # networkx lists the nodes of some barbells in another order
    graph.add_edges_from(nx.barbell_graph(clique, path).edges)
    return _as_known(graph, half + half[: clique + path // 2][::-1])


def mirrored(graph: Graph, joined: Sequence[str] = ()) -> Graph:
    """Put a graph beside its mirror image and join some nodes to their images.

    Args:
        graph: Any graph, such as the karate club.
        joined: Names of the nodes that are joined to their image by an edge (of weight 1); by default the first node.

    Returns:
        Twice as many nodes: the image of "ann", row k, is "ann'", row nodes + k. ``data.y`` is k for both. Nodes with
        different ``data.y`` may be in one orbit, where the graph itself has automorphisms.

    Raises:
        DataError: The graph has no nodes, or no node of a name asked for.

    Example:
        >>> from graphembed.datasets import load
        >>> mirrored(load("karate"))
        Graph(68 nodes, 157 edges, undirected)

    References:
        Ribeiro, Saverese and Figueiredo 2017, "struc2vec", section 4.2: the karate club and its image, one edge.
    """
    graph, nodes = as_graph(graph), as_graph(graph).num_nodes
    if unknown := [name for name in joined if name not in graph.row] or ([] if nodes else ["the first node"]):
        raise DataError(f"cannot join to its image what is not in the graph ({graph}): {first_few(unknown)}")
    ends = graph.pairs
    bridge = np.array([[graph.row[name], graph.row[name] + nodes] for name in joined or graph.names[:1]])
    joins = [bridge, bridge[:, ::-1]] if graph.directed else [bridge]
    weight = None
    if graph.weighted:
        both = graph.data.edge_index.numpy()
        own = graph.data.edge_weight.numpy()[slice(None) if graph.directed else both[0] <= both[1]]
        weight = np.concatenate([own, own, np.ones(sum(map(len, joins)), own.dtype)])
    source, target = np.concatenate([ends, ends + nodes, *joins]).T
    return Graph.from_edges(
        source,
        target,
        weight,
        names=[*graph.names, *(f"{name}'" for name in graph.names)],
        directed=bool(graph.directed),
        y=torch.arange(nodes).repeat(2),
    )


def hierarchy(departments: int = 4, managers: int = 3, employees: int = 5) -> Graph:
    """Draw the chart of an organisation in which everything is even.

    A chief over department heads, who meet each other; under each head managers, who meet each other; under each
    manager employees. The bundled "company" is such a chart in which nothing is even.

    Args:
        departments: How many, at least 2.
        managers: In each department, at least 2.
        employees: Under each manager, at least 2.

    Returns:
        The graph; ``data.y`` is 0 for the chief, 1 for heads, 2 for managers and 3 for employees.

    Raises:
        DataError: A number is too small.

    Example:
        >>> chart = hierarchy(2, 2, 2)
        >>> chart.names[:5]
        ('chief', 'head 1', 'head 2', 'manager 1.1', 'manager 1.2')
        >>> chart.data.y.bincount().tolist()
        [1, 2, 4, 8]
    """
    if min(departments, managers, employees) < 2:
        raise DataError(f"at least 2 of each are needed, got {(departments, managers, employees)}")
    heads = [f"{head}" for head in range(1, departments + 1)]
    middle = [f"{head}.{manager}" for head in heads for manager in range(1, managers + 1)]
    people = [f"{manager}.{employee}" for manager in middle for employee in range(1, employees + 1)]
    chart = nx.Graph()
    chart.add_nodes_from(["chief", *heads, *middle, *people])
    chart.add_edges_from((head, "chief") for head in heads)
    chart.add_edges_from((who, who.rpartition(".")[0]) for who in middle + people)
    chart.add_edges_from(combinations(heads, 2))
    chart.add_edges_from(
        pair for pair in combinations(middle, 2) if pair[0].partition(".")[0] == pair[1].partition(".")[0]
    )
    titles = ["chief", "head", "manager", "employee"]
    level = [0] + [1 + who.count(".") for who in heads + middle + people]
    named = {who: f"{titles[depth]} {who}" for who, depth in zip(chart, level, strict=True) if depth}
    return _as_known(nx.relabel_nodes(chart, named), level)


def planted_roles(shapes: Sequence[str] = ("house", "star", "fan", "clique"), copies: int = 5, gap: int = 2) -> Graph:
    """Hang small shapes from a ring, in the same order again and again.

    Each shape hangs by an edge from a node of the ring: houses by their roof, stars by their centre, fans by their hub,
    cliques by any node. `graphembed.datasets.perturbed` adds noise.

    Args:
        shapes: Any of "house", "star", "fan" and "clique", also several times.
        copies: How often the shapes are repeated, at least 2.
        gap: How many nodes of the ring between two that carry a shape.

    Returns:
        The graph; ``data.y`` is lowest on the ring.

    Raises:
        DataError: There is no such shape, or fewer than 7 nodes would be on the ring.

    Example:
        >>> graph = planted_roles(("house", "star"), copies=5)
        >>> graph, int(graph.data.y.max()) + 1  # 2 in gaps, 2 carriers, 3 in houses, 2 in stars
        (Graph(85 nodes, 95 edges, undirected), 9)

    References:
        Donnat, Zitnik, Hallac and Leskovec 2018, "Learning structural node embeddings via diffusion wavelets", section
        5.1; Ribeiro, Saverese and Figueiredo 2017, "struc2vec". There houses hang by a corner.
    """
    if unknown := [shape for shape in shapes if shape not in _SHAPES]:
        raise DataError(f"unknown shapes {first_few(unknown)}; known are {', '.join(_SHAPES)}")
    ring = len(shapes) * copies * (gap + 1)
    if copies < 2 or gap < 0 or ring < 7:
        raise DataError(
            f"a ring needs at least 2 copies and 7 nodes, got {copies} copies of {len(shapes)} shapes, gaps of {gap}"
        )
    kinds, bead = list(_SHAPES), np.full(ring, -1)
    bead[:: gap + 1] = [kinds.index(shape) for shape in shapes] * copies
    same = _necklace_orbits(bead)
    graph = nx.cycle_graph(ring)
    part = [(int(orbit), -1) for orbit in same]
    for carrier in range(0, ring, gap + 1):
        first, (edges, inside) = len(graph), _SHAPES[kinds[bead[carrier]]]
        graph.add_edges_from((first + a, first + b) for a, b in edges)
        graph.add_edge(carrier, first)
        part += [(int(same[carrier]), place) for place in inside]
    code = {each: number for number, each in enumerate(sorted(set(part), key=lambda each: (each[1] >= 0, each)))}
    return _as_known(graph, [code[each] for each in part])


def cubic(rungs: Sequence[int] = (3, 4, 5, 8)) -> Graph:
    """Put graphs side by side in which every node has three neighbours, so that degree says nothing.

    For each number of rungs, from 3 on, a circular ladder (3 is the prism, 4 the cube) and a Moebius ladder (3 is the
    utility graph), whose nodes are all in one orbit; Petersen's graph, likewise; and Frucht's graph, in which all
    twelve nodes differ. Colour refinement, and so any sum over neighbours, takes all nodes of all of them for one.

    Returns:
        The graph; ``data.y`` (nodes,) as everywhere in this file.

    Raises:
        DataError: Fewer than 3 rungs, or a number of rungs twice.

    Example:
        >>> graph = cubic()
        >>> graph, int(graph.data.y.max()) + 1
        (Graph(102 nodes, 153 edges, undirected), 21)

    References:
        Frucht 1949, "Graphs of degree three with a given abstract group", Canadian Journal of Mathematics 1.
    """
    if min(rungs, default=3) < 3 or len(set(rungs)) < len(rungs):
        raise DataError(f"rungs must be different numbers from 3 on, got {list(rungs)}")
    pieces = [piece for number in rungs for piece in (nx.circular_ladder_graph(number), _moebius_ladder(number))]
    pieces += [nx.petersen_graph(), nx.frucht_graph()]
    orbit = [place for place, piece in enumerate(pieces[:-1]) for _ in piece]
    return _as_known(nx.disjoint_union_all(pieces), orbit + [len(pieces) - 1 + node for node in range(12)])


def _moebius_ladder(rungs: int) -> nx.Graph:
    """Twist a ladder: a ring of 2 rungs nodes, each joined to the one opposite."""
    ladder = nx.cycle_graph(2 * rungs)
    ladder.add_edges_from((node, node + rungs) for node in range(rungs))
    return ladder


def _necklace_orbits(bead: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tell which places of a ring of beads can be turned, or turned over, into each other: (places,) orbit."""
    places = np.arange(len(bead))
    first = places.copy()  # of each orbit
    for step in places:
        for moved in ((places + step) % len(bead), (step - places) % len(bead)):
            if (bead[moved] == bead).all():
                np.minimum(first, moved, out=first)
    orbit: NDArray[np.int64] = np.unique(first, return_inverse=True)[1]
    return orbit


def _as_known(graph: nx.Graph, orbit: Sequence[int]) -> Graph:
    """Read a networkx graph whose nodes are listed in the order of ``orbit``."""
    order = {node: row for row, node in enumerate(graph)}
    source, target = np.array([(order[a], order[b]) for a, b in graph.edges]).T
    return Graph.from_edges(source, target, names=map(str, graph), y=torch.tensor(orbit))
