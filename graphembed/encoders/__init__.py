"""Encoders: a graph in, an `Embedding` out; see `graphembed.encoders.protocol` for the contract."""
