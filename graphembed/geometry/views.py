"""Do two views of a graph see it alike? The distance between what each says of how similar its own nodes are.

Rotations and exchanged nodes leave it 0: it compares the shapes of two spaces, not their points. As a loss
(`view_loss`, a term of `graphembed.objectives.Decorrelation`) it asks an encoder for a shape that does not depend on
what was left out, without saying where a node should lie.
"""

from scipy.stats import wasserstein_distance

from graphembed.geometry.points import MOST, Vectors, cosines_of, look, pairs_of
from graphembed.losses import view_loss as view_loss
from graphembed.parallel import one_thread


@one_thread()
def view_distance(a: Vectors, b: Vectors, *, most: int = MOST, seed: int = 0) -> float:
    """Wasserstein distance between the cosines within one view and those within another: 0 (one shape) to 2.

    W = integral |F(t) - G(t)| dt, F and G the distribution functions of the cosines of pairs of nodes.

    Args:
        a: (nodes, dim) vectors of one view, two at least.
        b: Of another; the number of nodes and dimensions may differ.
        most: More nodes than these are sampled.
        seed: Of the sample of nodes and pairs.

    Example:
        >>> import numpy as np
        >>> square = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
        >>> round(view_distance(square, square[::-1]), 9), round(view_distance(square, np.ones((2, 2))), 9)
        (0.0, 1.333333333)

    References:
        Villani 2009, "Optimal transport", remark 6.5: the distance W_1 in one dimension.
    """
    first, second = (cosines_of(x, pairs_of(len(x), seed)) for x in (look(a, most, seed), look(b, most, seed)))
    return float(wasserstein_distance(first, second))
