"""Is the map lying? Two-dimensional maps by PCA, t-SNE and UMAP, and what is left of the space on them.

A map of many dimensions must lie somewhere. Trustworthiness falls where it shows neighbours that are none, continuity
where it tears neighbours apart, distance correlation where far and near are mixed up, and density preservation where
crowded and lonely places look alike. `graphembed.geometry.jacobian` says the same of single places.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from graphembed.embedding import Embedding
from graphembed.errors import DataError
from graphembed.geometry.points import Vectors, directions, kept, look, nearest_rows, sampled
from graphembed.parallel import one_thread

_MOST = 2000  # nodes looked at in a map; all distances between them are kept in memory


def flat_map(
    z: Vectors,
    method: Literal["pca", "tsne", "umap"] = "pca",
    *,
    metric: Literal["cosine", "euclidean"] = "cosine",
    neighbors: int = 30,
    seed: int = 0,
) -> Embedding:
    """Draw a map: an embedding of the same nodes in two dimensions.

    Args:
        z: (nodes, dim) vectors.
        method: ``"pca"`` (a shadow on the plane of most variance, at once), ``"tsne"`` (scikit-learn; minutes from 5000
            nodes on) or ``"umap"`` (needs umap-learn).
        metric: ``"cosine"``: of the vectors at length 1; ``"euclidean"``: of the vectors as they are.
        neighbors: t-SNE's perplexity, UMAP's number of neighbours; less for small graphs.
        seed: Of t-SNE and UMAP.

    Raises:
        DataError: Another method, or less than five nodes for t-SNE or UMAP.
        ImportError: umap-learn is not installed.

    Example:
        >>> space = Embedding(np.eye(4, 6), ("ann", "bob", "cy", "dan"))
        >>> flat_map(space)
        Embedding(4 items, dim 2, map)

    References:
        van der Maaten and Hinton 2008, "Visualizing data using t-SNE"; McInnes et al. 2018, "UMAP: uniform manifold
        approximation and projection for dimension reduction".
    """
    x = seen(z, metric)
    if method not in ("pca", "tsne", "umap"):
        raise DataError(f"method must be 'pca', 'tsne' or 'umap', got {method!r}")
    if method != "pca" and len(x) < 5:
        raise DataError(f"{method} needs five nodes, got {len(x)}: method='pca' takes any number")
    with threadpool_limits(1):  # sums in another order would give another map
        if method == "pca":
            flat = _pca(x).astype(np.float32)
        elif method == "tsne":
            perplexity = min(neighbors, (len(x) - 1) / 3)
            flat = TSNE(init=_start(x), perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(x)
        else:
            flat = _umap(x, min(neighbors, len(x) - 1), seed)
    names = z.names if isinstance(z, Embedding) else tuple(map(str, range(len(x))))
    return Embedding(flat, names, {"encoder": "map", "method": method, "metric": metric, "seed": seed})


def seen(z: Vectors, metric: Literal["cosine", "euclidean"]) -> NDArray[np.float64]:
    """Return the vectors whose straight distances are the ones meant: at length 1 if by cosine."""
    if metric not in ("cosine", "euclidean"):
        raise DataError(f"metric must be 'cosine' or 'euclidean', got {metric!r}")
    return directions(look(z)) if metric == "cosine" else look(z)


@one_thread()
def map_quality(
    z: Vectors,
    flat: Vectors,
    k: int = 10,
    *,
    metric: Literal["cosine", "euclidean"] = "cosine",
    most: int = _MOST,
    seed: int = 0,
) -> dict[str, float]:
    """Say how far a map can be believed.

    Args:
        z: (nodes, dim) vectors.
        flat: (nodes, 2) the map, rows as in ``z``.
        k: Neighbours; less than half of the nodes are taken.
        metric: What near means in ``z``.
        most: More nodes than these are sampled.
        seed: Of the sample.

    Returns:
        ``trustworthiness``: 1 if neighbours on the map are neighbours, about .5 by chance; ``continuity``: 1 if
        neighbours are neighbours on the map; ``neighbors``: share of the k nearest kept; ``distances``: rank
        correlation of all distances; ``density``: correlation of the logarithms of local radii, the root mean square
        distances to the k nearest. NaN where all distances are equal or there are less than three nodes.

    Example:
        >>> plane = np.random.default_rng(0).normal(size=(30, 2))
        >>> map_quality(plane, 3 * plane[:, ::-1], metric="euclidean")
        {'trustworthiness': 1.0, 'continuity': 1.0, 'neighbors': 1.0, 'distances': 1.0, 'density': 1.0}

    References:
        Venna and Kaski 2001, "Neighborhood preservation in nonlinear projection methods"; Narayan et al. 2021,
        "Assessing single-cell transcriptomic variability through density-preserving data visualization".
    Differs from the second: local radii of the k nearest alike, not weighted by UMAP's memberships.
    """
    x, y = seen(z, metric), look(flat)
    if len(x) != len(y):
        raise DataError(f"the map must have a row per vector, {len(x)}, it has {len(y)}")
    rows = sampled(len(x), most, seed)
    x, y = x[rows], y[rows]
    near = min(k, (len(x) - 1) // 2)
    far = np.round(pdist(x) / (np.abs(x).max() or 1.0), 9)
    if near < 1 or not np.ptp(far) > 0:
        return dict.fromkeys(("trustworthiness", "continuity", "neighbors", "distances", "density"), float("nan"))
    return {
        "trustworthiness": float(trustworthiness(x, y, n_neighbors=near)),
        "continuity": float(trustworthiness(y, x, n_neighbors=near)),
        "neighbors": float(kept(nearest_rows(x, near, "euclidean"), nearest_rows(y, near, "euclidean")).mean()),
        "distances": _correlation(far, pdist(y)),
        "density": _density(x, y, near),
    }


def _density(x: NDArray[np.float64], y: NDArray[np.float64], k: int) -> float:
    """Correlation of log local radii, over nodes whose neighbours are not all in one place with them."""
    radii = [np.sqrt((NearestNeighbors(n_neighbors=k).fit(p).kneighbors()[0] ** 2).mean(axis=1)) for p in (x, y)]
    there = (radii[0] > 0) & (radii[1] > 0)
    logs = [np.log(radius[there]) for radius in radii]
    if there.sum() < 2 or min(map(np.ptp, logs)) < 1e-9:
        return float("nan")
    return round(float(np.corrcoef(*logs)[0, 1]), 12)


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Rank correlation; 0 if the second are all equal."""
    b = np.round(b / (b.max() or 1.0), 9)
    return round(float(spearmanr(a, b).statistic), 12) if np.ptp(b) > 0 else 0.0


def _pca(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates along the two axes of most variance; the largest entry of an axis is positive: one map."""
    x = x - x.mean(axis=0)
    axes = np.linalg.eigh(x.T @ x)[1].T[::-1][:2]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    flat: NDArray[np.float64] = x @ axes.T
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def _start(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Begin t-SNE with PCA, as scikit-learn does, but where vectors are all equal."""
    flat = _pca(x)
    start: NDArray[np.float32] = (flat / (flat[:, 0].std() or 1.0) * 1e-4).astype(np.float32)
    return start


def _umap(x: NDArray[np.float64], neighbors: int, seed: int) -> NDArray[np.float32]:
    try:
        from umap import UMAP  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        remedy = 'pip install "graphembed[umap]"; "tsne" needs nothing'
        raise ImportError(f"maps by UMAP need umap-learn: {remedy}") from error
    flat: NDArray[np.float32] = UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1).fit_transform(x)
    return flat
