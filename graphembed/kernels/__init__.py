"""Numba kernels: arrays and scalars in, arrays out. Imports numpy and numba only."""
