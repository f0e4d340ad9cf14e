"""Numbers that describe a pair of nodes: from their vectors, or from the graph around them."""

import numpy as np
from numpy.typing import NDArray

from graphembed.embedding import Embedding

PAIR_FUNCTIONS = ("context", "dot", "cosine", "hadamard", "l1", "l2", "mean", "concatenation")


def pair_features(embedding: Embedding, pairs: NDArray[np.int64], function: str) -> NDArray[np.float32]:
    """Turn the two vectors of each pair into one vector.

    Args:
        embedding: Vectors z and, for ``"context"``, context vectors c.
        pairs: (pairs, 2) rows u, v.
        function: ``"context"`` z_u . c_v; ``"dot"`` z_u . z_v; ``"cosine"``; ``"hadamard"`` z_u * z_v; ``"l1"``
            |z_u - z_v|; ``"l2"`` (z_u - z_v)^2; ``"mean"`` (z_u + z_v) / 2; ``"concatenation"`` [z_u, z_v].

    Returns:
        (pairs, 1), (pairs, dim) or (pairs, 2 dim).

    Raises:
        ValueError: The function is not known, or needs a context table that is not there.

    Example:
        >>> z = Embedding(np.array([[1, 2], [3, 5]]), ("a", "b"))
        >>> pair_features(z, np.array([[0, 1]]), "hadamard")
        array([[ 3., 10.]], dtype=float32)

    References:
        Grover and Leskovec 2016, "node2vec", table 1 (mean, Hadamard, L1, L2).
    """
    if function not in PAIR_FUNCTIONS:
        raise ValueError(f"there is no pair function {function!r}; known are {', '.join(PAIR_FUNCTIONS)}")
    z = embedding.values
    if function == "cosine":
        z = unit_rows(z)
    u, v = z[pairs[:, 0]], z[pairs[:, 1]]
    if function == "context":
        if embedding.context is None:
            raise ValueError(
                f"the pair function 'context' needs an embedding with a context table; {embedding} has none"
            )
        v = embedding.context[pairs[:, 1]]
    if function in ("context", "dot", "cosine"):
        inner: NDArray[np.float32] = np.einsum("pd,pd->p", u, v)[:, None]
        return inner
    if function == "hadamard":
        return np.asarray(u * v)
    if function == "l1":
        return np.asarray(np.abs(u - v))
    if function == "l2":
        return np.asarray((u - v) ** 2)
    if function == "mean":
        return np.asarray((u + v) / 2)
    return np.concatenate([u, v], axis=1)


def unit_rows(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide every row by its length; the zero vector stays."""
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = z / np.maximum(lengths, 1e-30)
    return scaled
