"""Torch modules with PyG's vocabulary: x, edge_index, in_channels."""
