"""Benchmarks: task x method x seed -> row."""
