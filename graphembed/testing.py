"""The laws every encoder keeps, as functions that anyone can run on an encoder of their own.

Each raises an AssertionError that says by how much the law was broken.
"""

import copy
import dataclasses as dc
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch_geometric.data import Data

from graphembed.embedding import Embedding
from graphembed.graph import Graph, as_graph, merge, of_edges
from graphembed.parallel import threads


def permuted(graph: Graph, seed: int = 0) -> Graph:
    """Return the same graph with its nodes in another order."""
    order = np.random.default_rng(seed).permutation(graph.num_nodes)
    place = torch.from_numpy(np.argsort(order))
    data = Data(num_nodes=graph.num_nodes)
    for key, value in graph.data.to_dict().items():
        if key == "edge_index":
            data[key] = place[value]
        elif key != "num_nodes":
            nodes = graph.data.is_node_attr(key) and not of_edges(graph.data, key)
            data[key] = value[torch.from_numpy(order)] if nodes else value
    return Graph(data, tuple(graph.names[row] for row in order), graph.directed)


def assert_permutation_equivariant(encoder: Any, graph: Any, atol: float = 1e-5) -> None:
    """Reordering the nodes reorders the vectors of a fitted encoder and changes nothing else.

    Example:
        >>> import graphembed as ge
        >>> karate = ge.load("karate")
        >>> assert_permutation_equivariant(ge.sage(epochs=2).fit(karate), karate)
    """
    __tracebackhide__ = True
    graph = as_graph(graph)
    before, after = encoder.transform(graph), encoder.transform(permuted(graph))
    error = float(np.abs(before.values - after[graph.names].values).max(initial=0))
    assert error <= atol, f"reordering the nodes moved a vector by {error:.2e} (tolerance {atol:.0e})"


def assert_batch_consistent(encoder: Any, graphs: dict[str, Any], atol: float = 1e-5) -> None:
    """Graphs put side by side get the vectors they get one by one (encoders that embed other graphs)."""
    __tracebackhide__ = True
    together = encoder.transform(merge(graphs))
    for key, source in graphs.items():
        alone = encoder.transform(source)
        error = float(np.abs(together[[f"{key}/{name}" for name in alone.names]].values - alone.values).max(initial=0))
        assert error <= atol, (
            f"beside other graphs, a vector of graph {key!r} moved by {error:.2e} (tolerance {atol:.0e})"
        )


def assert_deterministic(encoder: Any, graph: Any, thread_counts: tuple[int, ...] = (1, 2)) -> None:
    """The same seed gives the same bits, on any number of threads."""
    __tracebackhide__ = True
    first: Embedding | None = None
    for count in (*thread_counts, thread_counts[0]):
        with threads(count):
            found = clone(encoder).fit_transform(graph)
        first = first or found
        for what in ("values", "context"):
            one, other = getattr(first, what), getattr(found, what)
            if one is not None:
                error = float(np.abs(one - other).max(initial=0))
                assert np.array_equal(one, other), (
                    f"with the same seed, on {count} threads, {what} differ by {error:.2e}"
                )


def assert_encoder_contract(encoder: Any, graph: Any) -> None:
    """Fields are the configuration and stay; names and order are kept; vectors are finite; results can be saved.

    Example:
        >>> import graphembed as ge
        >>> assert_encoder_contract(ge.deepwalk(dim=8), ge.load("florentine"))
    """
    __tracebackhide__ = True
    graph = as_graph(graph)
    assert dc.is_dataclass(type(encoder)), f"{type(encoder).__name__} is not a dataclass"
    fields = [field.name for field in dc.fields(type(encoder))]
    assert len(fields) <= 8, f"{type(encoder).__name__} has {len(fields)} fields; eight is plenty"
    assert list(encoder.get_params(deep=False)) == sorted(fields), "get_params does not name the fields"
    before = copy.deepcopy({name: repr(getattr(encoder, name)) for name in fields})
    data = graph.data.to_dict()
    copies = copy.deepcopy(data)
    fitted = encoder.fit(graph)
    assert fitted is encoder, "fit must return the encoder"
    changed = [name for name in fields if repr(getattr(encoder, name)) != before[name]]
    assert not changed, f"fit changed the fields {changed}"
    extra = [name for name in vars(encoder) if name not in fields and not name.endswith("_")]
    assert not extra, f"learnt state must end in an underscore: {extra}"
    kept = all(torch.equal(value, copies[key]) for key, value in data.items() if isinstance(value, torch.Tensor))
    assert kept, "fit changed the graph it was given"
    embedding = encoder.transform(graph)
    assert embedding.names == graph.names, "names were not kept"
    assert np.isfinite(embedding.values).all(), "vectors are not finite"
    assert np.array_equal(embedding.values, encoder.transform(graph).values), "a second transform differs"
    assert np.array_equal(embedding.values, clone(encoder).fit_transform(graph).values), "a clone learns something else"
    assert embedding.source["encoder"] == type(encoder).__name__, "the embedding does not say what made it"
    with tempfile.TemporaryDirectory() as folder:
        embedding.save(Path(folder) / "z.npz")
        loaded = Embedding.load(Path(folder) / "z.npz")
    assert np.array_equal(loaded.values, embedding.values), "saved and loaded differ"
