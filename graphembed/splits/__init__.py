"""Splitting edges so that nothing of the test can be seen in training.

The unit of a split is the unordered pair of nodes: all edges between two nodes (both directions of a directed graph,
too) go to one part. Negatives are unlinked pairs of the *whole* graph, different in every part, as many as positives.
Self-loops stay in training and are never asked for.

    split = split_edges(graph, test=0.1, valid=0.05, seed=0)
    split.observed          # the graph an encoder may see
    split.train, .valid, .test   # pairs with labels
    split.audit()           # recounts everything from scratch and lists the leaks: none

pairs     `LabelledPairs`; a graph without some of its edges
edges     `EdgeSplit`, and `split_pairs`: you say which pairs are tested
random    `split_edges`, `split_folds`
shifted   by time, by node (cold start), by group, by degree
foreign   splits that PyG made
audit     leaks, and what makes a test easier than it looks
"""

from graphembed.splits.audit import audit as audit
from graphembed.splits.audit import easy as easy
from graphembed.splits.edges import EdgeSplit as EdgeSplit
from graphembed.splits.edges import split_pairs as split_pairs
from graphembed.splits.foreign import from_pyg as from_pyg
from graphembed.splits.pairs import LabelledPairs as LabelledPairs
from graphembed.splits.pairs import all_pairs as all_pairs
from graphembed.splits.pairs import linked_pairs as linked_pairs
from graphembed.splits.pairs import without as without
from graphembed.splits.random import split_edges as split_edges
from graphembed.splits.random import split_folds as split_folds
from graphembed.splits.shifted import cold_start as cold_start
from graphembed.splits.shifted import split_by_degree as split_by_degree
from graphembed.splits.shifted import split_by_group as split_by_group
from graphembed.splits.shifted import split_by_node as split_by_node
from graphembed.splits.shifted import split_by_time as split_by_time
