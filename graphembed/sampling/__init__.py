"""Drawing from graphs: unlinked pairs, negatives, and neighbourhoods for mini-batches.

pairs       pairs of nodes that are not linked, each equally likely
matched     unlinked pairs of the same degrees as links
hard        unlinked pairs near by, and those that heuristics like best (HeaRT): `Ranking`
negatives   other ends for the links of an objective: uniform, by degree, in-batch, two hops away
neighbors   `NeighborSampler`: a few neighbours hop by hop, for PyG's loaders
subgraphs   `ImportanceSampler` and `ClusterLoader`: batches that are not made hop by hop
relations   how samplers see PyG's data
"""
