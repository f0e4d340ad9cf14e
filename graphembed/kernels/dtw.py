"""How unlike the rings of degrees about two nodes are, by dynamic time warping, and walks between nodes that are alike.

The kernels of struc2vec. A ring is a sorted sequence of degrees, stored as pairs (degree, how many): so long sequences
of equal degrees cost no more than one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphembed.kernels.compile import kernel, parallel_kernel, prange
from graphembed.kernels.csr import CSR
from graphembed.kernels.egonets import LOTS
from graphembed.kernels.rng import bits, key, unit
from graphembed.kernels.walks import find


class Sequences(NamedTuple):
    """The rings about some nodes: those at distance k about node u stand at ``offset[u, k] : offset[u, k + 1]``."""

    offset: NDArray[np.int64]  # (nodes, rings + 1)
    degree: NDArray[np.float64]  # (total,) in ascending order within a ring
    often: NDArray[np.float64]  # (total,) how many nodes have it


@kernel
def _rings_of(
    csr: CSR, node: int, hops: int, seen: NDArray[np.int64], queue: NDArray[np.int32], ends: NDArray[np.int64]
) -> None:
    """Write the nodes about one to ``queue``, nearest first; those at distance k are ``ends[k] : ends[k + 1]``."""
    queue[0], seen[node] = node, node
    ends[0], ends[1] = 0, 1
    for hop in range(1, hops + 1):
        last = ends[hop]
        for at in range(ends[hop - 1], ends[hop]):
            for edge in range(csr.indptr[queue[at]], csr.indptr[queue[at] + 1]):
                other = csr.indices[edge]
                if seen[other] != node:
                    seen[other] = node
                    queue[last] = other
                    last += 1
        ends[hop + 1] = last


@parallel_kernel
def _lengths(csr: CSR, degree: NDArray[np.float64], hops: int) -> NDArray[np.int64]:
    """Return (nodes, hops + 1): how many degrees differ in each ring."""
    nodes = csr.indptr.size - 1
    lengths = np.zeros((nodes, hops + 1), np.int64)
    for lot in prange(LOTS):
        seen, queue = np.full(nodes, -1, np.int64), np.empty(nodes, np.int32)
        ends = np.zeros(hops + 2, np.int64)
        for node in range(lot, nodes, LOTS):
            _rings_of(csr, node, hops, seen, queue, ends)
            for hop in range(hops + 1):
                ring = np.sort(degree[queue[ends[hop] : ends[hop + 1]]])
                for at in range(ring.size):
                    lengths[node, hop] += at == 0 or ring[at] != ring[at - 1]
    return lengths


@parallel_kernel
def _filled(
    csr: CSR, degree: NDArray[np.float64], hops: int, offset: NDArray[np.int64], total: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes = csr.indptr.size - 1
    value, count = np.empty(total), np.zeros(total)
    for lot in prange(LOTS):
        seen, queue = np.full(nodes, -1, np.int64), np.empty(nodes, np.int32)
        ends = np.zeros(hops + 2, np.int64)
        for node in range(lot, nodes, LOTS):
            _rings_of(csr, node, hops, seen, queue, ends)
            for hop in range(hops + 1):
                ring = np.sort(degree[queue[ends[hop] : ends[hop + 1]]])
                here = offset[node, hop] - 1
                for at in range(ring.size):
                    if at == 0 or ring[at] != ring[at - 1]:
                        here += 1
                        value[here] = ring[at]
                    count[here] += 1
    return value, count


def sequences(csr: CSR, degree: NDArray[np.float64], hops: int) -> Sequences:
    """Return the sorted degrees at each distance up to ``hops`` from every node.

    Example:
        >>> path = CSR(np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1], np.int32), np.empty(0, np.float32))
        >>> found = sequences(path, np.array([1.0, 2.0, 1.0]), 1)
        >>> found.degree[found.offset[1, 1] : found.offset[1, 2]], found.often[found.offset[1, 1] : found.offset[1, 2]]
        (array([1.]), array([2.]))
    """
    lengths = _lengths(csr, degree, hops)
    ends = np.cumsum(lengths.ravel())
    offset = np.empty((len(lengths), hops + 2), np.int64)
    offset[:, 1:] = ends.reshape(lengths.shape)
    offset[:, 0] = np.append(0, ends)[np.arange(len(lengths)) * (hops + 1)]
    return Sequences(offset, *_filled(csr, degree, hops, offset, int(lengths.sum())))


@kernel
def warped(
    degree: NDArray[np.float64], count: NDArray[np.float64], others: NDArray[np.float64], other: NDArray[np.float64]
) -> float:
    """Return the cost of the cheapest alignment of two rings.

    The cost of a pair is ((max + 1/2) / (min + 1/2) - 1) times the longer run: halves because a node in a directed
    graph may have degree 0.

    Example:
        >>> one = np.array([1.0])
        >>> warped(one, one * 3, one * 2, one)
        2.0
    """
    if degree.size == 0 or others.size == 0:
        return np.inf
    before, now = np.full(others.size + 1, np.inf), np.full(others.size + 1, np.inf)
    before[0] = 0.0
    for i in range(degree.size):
        now[0] = np.inf
        for j in range(others.size):
            low, high = min(degree[i], others[j]), max(degree[i], others[j])
            cost = ((high + 0.5) / (low + 0.5) - 1) * max(count[i], other[j])
            now[j + 1] = cost + min(before[j], before[j + 1], now[j])
        before, now = now, before
    return float(before[others.size])


@parallel_kernel
def unlikeness(rows: Sequences, first: NDArray[np.int32], second: NDArray[np.int32], hop: int) -> NDArray[np.float64]:
    """Return (pairs,) how unlike the rings at one distance are: inf where only one of two nodes has such a ring."""
    found = np.empty(first.size)
    for pair in prange(first.size):
        a, b = rows.offset[first[pair], hop], rows.offset[first[pair], hop + 1]
        c, d = rows.offset[second[pair], hop], rows.offset[second[pair], hop + 1]
        if a == b and c == d:
            found[pair] = 0.0
        else:
            found[pair] = warped(rows.degree[a:b], rows.often[a:b], rows.degree[c:d], rows.often[c:d])
    return found


class Layers(NamedTuple):
    """Nodes that are alike, layer by layer: the row of node u in layer k is number ``k * nodes + u``."""

    indptr: NDArray[np.int64]  # (layers * nodes + 1,)
    indices: NDArray[np.int32]  # who is alike
    sums: NDArray[np.float64]  # sums of the weights within a row up to each entry
    up: NDArray[np.float64]  # (layers * nodes,) chance to go up rather than down


@parallel_kernel
def layered_walks(
    layers: Layers, nodes: int, start: NDArray[np.int32], length: int, stay: float, seed: int
) -> NDArray[np.int32]:
    """Walk between nodes that are alike, (walks, length): by the chance ``stay`` to one, else to another layer.

    A change of layers is no step of the walk. Rows of layer 0 must not be empty.

    References:
        Ribeiro, Saverese and Figueiredo 2017, "struc2vec", section 3.3.
    """
    walks = np.empty((start.size, length), np.int32)
    for walk in prange(start.size):
        stream = key(seed, walk)
        node, layer, at, draw = np.int64(start[walk]), 0, 0, 0
        while at < length:
            row = layer * nodes + node
            if at == 0:
                walks[walk, 0] = node
                at = 1
            elif unit(bits(stream, draw)) < stay:
                begin, end = layers.indptr[row], layers.indptr[row + 1]
                level = unit(bits(stream, draw + 1)) * layers.sums[end - 1]
                place = begin + np.searchsorted(layers.sums[begin:end], level, "right")
                node = np.int64(layers.indices[min(place, end - 1)])
                walks[walk, at] = node
                at += 1
            elif unit(bits(stream, draw + 1)) < layers.up[row]:
                layer += 1
            elif layer > 0:
                layer -= 1
            draw += 2
    return walks


@parallel_kernel
def role_walks(
    walks: NDArray[np.int32], csr: CSR, bin_of: NDArray[np.int32], bins: int, nodes: int, most: int
) -> NDArray[np.int32]:
    """Say of each step of a walk what it is to the first: the number of a role; the first keeps its own number.

    A role is (bin of the first, bin of this one, steps between them), with as many steps as the walk needed, or one
    where an edge leads there.

    Args:
        walks: (walks, length) nodes; -1 after the end.
        csr: The edges walked on.
        bin_of: (nodes,) in which bin of degrees a node is.
        bins: How many bins.
        nodes: The number of the first role.
        most: More steps count as so many.

    Returns:
        (walks, length) numbers below ``nodes + bins * bins * (most + 1)``.
    """
    found = np.full(walks.shape, -1, np.int32)
    for walk in prange(walks.shape[0]):
        first = walks[walk, 0]
        far = np.zeros(walks.shape[1], np.int32)
        for at in range(walks.shape[1]):
            node = walks[walk, at]
            if node < 0:
                break
            if node == first:
                found[walk, at] = first
                continue
            steps = far[at - 1] + 1
            for before in range(at):
                if walks[walk, before] == node:
                    steps = min(steps, far[before])
            if steps > 1 and find(csr, first, node) >= 0:
                steps = 1
            far[at] = steps
            role = (bin_of[first] * bins + bin_of[node]) * (most + 1) + min(steps, most)
            found[walk, at] = nodes + role
    return found
