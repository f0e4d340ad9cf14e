"""Losses: pure functions of tensors, each a mean over its rows, so that the size of a batch does not scale the step.

    rows    of single rows, pairs and views
    sets    of points that fall into groups: push and pull

Scores are added up in float32 at least, whatever precision the vectors have: half precision overflows at 65 504 and
cannot hold the small numbers that keep a division finite. Vectors that coincide or are zero give finite losses and
slopes.
"""

from graphembed.losses.rows import (
    arcface,
    bootstrap,
    collapse,
    cosface,
    cosine,
    decorrelation,
    gaussian_kl,
    graph_infomax,
    info_nce,
    infomax,
    link_loss,
    margin_ranking,
    scaled_cosine_error,
    soft_modularity,
    triplet,
    unit,
    view_loss,
)
from graphembed.losses.sets import associative, push_pull

__all__ = [
    "arcface",
    "associative",
    "bootstrap",
    "collapse",
    "cosface",
    "cosine",
    "decorrelation",
    "gaussian_kl",
    "graph_infomax",
    "info_nce",
    "infomax",
    "link_loss",
    "margin_ranking",
    "push_pull",
    "scaled_cosine_error",
    "soft_modularity",
    "triplet",
    "unit",
    "view_loss",
]
