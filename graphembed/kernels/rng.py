"""A counter-based generator: the draw depends on (seed, item, step) and on nothing else.

``key(seed, item)`` starts an independent stream; ``bits(stream, step)`` is its draw number ``step``. There is no state,
so it does not matter which thread draws what, or when. Source: splitmix64, Steele, Lea and Flood 2014, "Fast splittable
pseudorandom number generators", section 4; its finaliser is Stafford's variant 13 of MurmurHash3's.
"""

from typing import Any

import numpy as np

from graphembed.kernels.compile import inlined

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, odd
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_1, _11, _27, _30, _31, _32 = (np.uint64(shift) for shift in (1, 11, 27, 30, 31, 32))
_UNIT = 1.0 / (1 << 53)


@inlined
def mix(z: np.uint64) -> np.uint64:
    """Turn a counter into 64 independent-looking bits."""
    z = (z ^ (z >> _30)) * _MIX1
    z = (z ^ (z >> _27)) * _MIX2
    return z ^ (z >> _31)


@inlined
def key(seed: Any, item: Any) -> np.uint64:
    """Start the stream of ``item`` under ``seed``."""
    return mix(mix(np.uint64(seed) + GOLDEN) + np.uint64(item) * GOLDEN)


@inlined
def bits(stream: np.uint64, step: Any) -> np.uint64:
    """Draw number ``step`` of a stream: 64 bits."""
    return mix(stream + (np.uint64(step) + _1) * GOLDEN)


@inlined
def unit(draw: np.uint64) -> float:
    """Map 64 bits to a float64 in [0, 1)."""
    return np.float64(draw >> _11) * _UNIT


@inlined
def below(draw: np.uint64, count: Any) -> np.int64:
    """Map 64 bits to an integer in [0, count), count < 2^32. The upper 32 bits decide: bias below count / 2^32."""
    return np.int64(((draw >> _32) * np.uint64(count)) >> _32)
