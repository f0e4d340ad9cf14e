"""Heads: an `Embedding` in, answers in names and scores out."""
